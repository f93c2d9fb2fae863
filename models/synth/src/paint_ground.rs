//! How the ground looks: carriageway, pavements, verges and markings, as strips along the road.

use crate::canvas::{Colour, Ink};
use crate::layout::{LANE_M, Layout, RIGHT_EDGE, Zone};
use crate::lens::Lens;
use crate::path::Path;
use crate::rng::Rng;

const ASPHALT: Colour = [98.0, 100.0, 104.0];
const KERB: Colour = [176.0, 174.0, 168.0];
const PAVING: Colour = [158.0, 154.0, 147.0];
const GRAVEL: Colour = [140.0, 132.0, 116.0];
const PAINT: Colour = [232.0, 232.0, 226.0];
const CYCLE: Colour = [118.0, 98.0, 96.0];
/// Road that is drawn ahead of the camera, m.
const AHEAD_M: f64 = 240.0;

struct Strips<'a, 'b> {
    lens: &'a mut Lens<'b>,
    path: &'a Path,
}

impl Strips<'_, '_> {
    /// A quadrilateral between two arc lengths and two offsets.
    fn patch(&mut self, s: [f64; 2], d: [f64; 2], colour: Colour) {
        let corners = [
            self.path.offset(s[0], d[0]),
            self.path.offset(s[1], d[0]),
            self.path.offset(s[1], d[1]),
            self.path.offset(s[0], d[1]),
        ];
        self.lens.ground(&corners, colour, Ink::Ground);
    }
}

/// The ground around arc length `at`, with zebra crossings at `crossings`.
pub(crate) fn ground(lens: &mut Lens, path: &Path, layout: &Layout, at: f64, crossings: &[f64]) {
    let mut strips = Strips { lens, path };
    let (kerb, outer) = (layout.kerb(), layout.outer());
    // A grid fixed to the road, so that nothing crawls as the vehicle moves. Far strips are long.
    let mut s = ((at - 6.0) / 2.0).floor() * 2.0;
    while s < at + AHEAD_M {
        let step = if s > at + 90.0 { 4.0 } else { 2.0 };
        let along = [s, s + step];
        let mut rng = Rng::new((s / 2.0).floor() as i64 as u64, 31);
        let tone = 1.0 + 0.018 * rng.normal() as f32;
        match layout.zone(s) {
            Zone::Town | Zone::Suburb => {
                let paving = PAVING.map(|c| c * (1.0 + 0.02 * rng.normal() as f32));
                strips.patch(along, outer, paving);
                strips.patch(along, [kerb[0] - 0.2, kerb[1] + 0.2], KERB);
            }
            Zone::Rural | Zone::Walled => {
                let gravel = GRAVEL.map(|c| c * (1.0 + 0.03 * rng.normal() as f32));
                strips.patch(along, [kerb[0] - 0.8, kerb[1] + 0.8], gravel);
            }
        }
        carriageway(&mut strips, along, kerb, ASPHALT.map(|c| c * tone));
        wear(&mut strips, layout, along, tone);
        lines(&mut strips, layout, along);
        s += step;
    }
    dashes(&mut strips, layout, at);
    for &crossing in crossings {
        zebra(&mut strips, layout, crossing);
    }
}

/// The carriageway: one patch, or narrow ones where headlamps light only some of it.
fn carriageway(strips: &mut Strips, along: [f64; 2], [right, left]: [f64; 2], colour: Colour) {
    let count = if strips.lens.air.headlamps > 0.0 {
        12
    } else {
        1
    };
    let step = (left - right) / f64::from(count);
    for i in 0..count {
        let d = right + f64::from(i) * step;
        strips.patch(along, [d, d + step], colour);
    }
}

/// Darker wheel tracks, and the cycle lanes' colour.
fn wear(strips: &mut Strips, layout: &Layout, along: [f64; 2], tone: f32) {
    let worn = ASPHALT.map(|c| c * tone * 0.94);
    for lane in 0..layout.same + layout.oncoming {
        let middle = LANE_M * lane as f64;
        for track in [-0.8, 0.8] {
            strips.patch(along, [middle + track - 0.3, middle + track + 0.3], worn);
        }
    }
    if layout.zone(along[0]) == Zone::Town {
        for d in layout.cycle() {
            strips.patch(along, [d - 0.6, d + 0.6], CYCLE.map(|c| c * tone));
        }
    }
}

/// Unbroken lines: edges, and two between the directions.
fn lines(strips: &mut Strips, layout: &Layout, along: [f64; 2]) {
    let middle = layout.middle();
    for d in [RIGHT_EDGE, layout.left_edge(), middle - 0.14, middle + 0.14] {
        strips.patch(along, [d - 0.065, d + 0.065], PAINT);
    }
}

/// Broken lines between lanes of one direction: three metres in nine.
fn dashes(strips: &mut Strips, layout: &Layout, at: f64) {
    for lane in 1..layout.same + layout.oncoming {
        if lane == layout.same {
            continue;
        }
        let d = RIGHT_EDGE + LANE_M * lane as f64;
        let mut s = ((at - 6.0) / 9.0).floor() * 9.0;
        while s < at + 0.6 * AHEAD_M {
            strips.patch([s, s + 1.5], [d - 0.075, d + 0.075], PAINT);
            strips.patch([s + 1.5, s + 3.0], [d - 0.075, d + 0.075], PAINT);
            s += 9.0;
        }
    }
}

fn zebra(strips: &mut Strips, layout: &Layout, s: f64) {
    let [right, left] = layout.kerb();
    let mut d = right + 0.4;
    while d + 0.5 < left {
        strips.patch([s - 1.6, s + 1.6], [d, d + 0.5], PAINT);
        d += 1.0;
    }
}
