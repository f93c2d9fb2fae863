//! How side streets look: carriageway, pavements, stop lines, traffic lights.

use crate::canvas::{Colour, Ink};
use crate::junctions::{Junction, SIDE_LANE_M, SIDE_OUTER_M, SIDE_PARKED_M};
use crate::layout::RIGHT_EDGE;
use crate::lens::Lens;
use crate::shapes::block;
use crate::streets::Streets;

const ASPHALT: Colour = [96.0, 98.0, 102.0];
const PAVING: Colour = [156.0, 152.0, 145.0];
const PAINT: Colour = [228.0, 228.0, 222.0];
const POST: Colour = [60.0, 64.0, 66.0];
const RED: Colour = [255.0, 50.0, 40.0];
const GREEN: Colour = [60.0, 255.0, 150.0];
/// Junctions that are drawn ahead of the camera, m.
const AHEAD_M: f64 = 200.0;

fn near(streets: &Streets, s: f64) -> impl Iterator<Item = &Junction> {
    let all = streets.junctions.all.iter();
    all.filter(move |j| (s - 40.0..s + AHEAD_M).contains(&j.s))
}

/// The ground of the side streets near arc length `s`; the road is drawn over it.
pub(crate) fn side_streets(lens: &mut Lens, streets: &Streets, s: f64) {
    for junction in near(streets, s) {
        let [right, left] = [-junction.arms[0], junction.arms[1]];
        let mut from = right;
        while from < left {
            let along = [from, (from + 5.0).min(left)];
            strip(lens, junction, along, [-SIDE_OUTER_M, SIDE_OUTER_M], PAVING);
            strip(
                lens,
                junction,
                along,
                [-SIDE_PARKED_M, SIDE_PARKED_M],
                ASPHALT,
            );
            let dash = [from, (from + 2.0).min(left)];
            strip(lens, junction, dash, [-0.06, 0.06], PAINT);
            from += 5.0;
        }
    }
}

fn strip(lens: &mut Lens, junction: &Junction, s: [f64; 2], d: [f64; 2], colour: Colour) {
    let line = &junction.line;
    let corners = [
        line.offset(s[0], d[0]),
        line.offset(s[1], d[0]),
        line.offset(s[1], d[1]),
        line.offset(s[0], d[1]),
    ];
    lens.ground(&corners, colour, Ink::Ground);
}

/// Stop lines and lights of the junctions near arc length `s`.
pub(crate) fn traffic_lights(lens: &mut Lens, streets: &Streets, s: f64, time_s: f64) {
    for junction in near(streets, s).filter(|j| j.is_crossing()) {
        let stop = junction.s - SIDE_OUTER_M - 1.0;
        let path = &streets.path;
        let mut pose = path.at(stop);
        [pose.x, pose.y] = path.offset(stop, RIGHT_EDGE - SIDE_LANE_M);
        block(lens, &pose, [-0.06, -0.06, 0.0], [0.06, 0.06, 2.6], POST);
        block(lens, &pose, [-0.12, -0.16, 2.5], [0.12, 0.16, 3.4], POST);
        let go = junction.green(0, time_s) > 0.0;
        let (colour, z) = if go { (GREEN, 2.7) } else { (RED, 3.2) };
        lens.glowing(|lens| {
            block(
                lens,
                &pose,
                [-0.15, -0.1, z - 0.1],
                [-0.1, 0.1, z + 0.1],
                colour,
            );
        });
        lens.lamp(&pose, [-0.15, 0.0, z], -1.0, colour.map(|c| 0.6 * c), 0.7);
    }
}
