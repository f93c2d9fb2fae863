//! How side streets look: carriageway, pavements, stop lines, traffic lights.

use crate::canvas::{Colour, Ink};
use crate::junctions::{Junction, SIDE_LANE_M, SIDE_OUTER_M, SIDE_PARKED_M};
use crate::layout::RIGHT_EDGE;
use crate::lens::Lens;
use crate::path::Pose2;
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

/// Height of a traffic light, m.
pub(crate) const LIGHT_TOP_M: f64 = 3.4;

/// Where the traffic light of a junction stands, and the heading of those who stop at it.
pub(crate) fn post(streets: &Streets, junction: &Junction) -> Pose2 {
    let stop = junction.s - SIDE_OUTER_M - 1.0;
    let [x, y] = streets.path.offset(stop, RIGHT_EDGE - SIDE_LANE_M);
    let yaw = streets.path.at(stop).yaw;
    Pose2 { x, y, yaw }
}

/// Lights of the junctions near arc length `s`; `swapped` turns red into green and green into red.
pub(crate) fn traffic_lights(
    lens: &mut Lens,
    streets: &Streets,
    s: f64,
    time_s: f64,
    swapped: bool,
) {
    for junction in near(streets, s).filter(|j| j.is_crossing()) {
        let pose = post(streets, junction);
        block(lens, &pose, [-0.06, -0.06, 0.0], [0.06, 0.06, 2.6], POST);
        block(
            lens,
            &pose,
            [-0.12, -0.16, 2.5],
            [0.12, 0.16, LIGHT_TOP_M],
            POST,
        );
        let go = (junction.green(0, time_s) > 0.0) != swapped;
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
