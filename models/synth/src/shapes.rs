//! Simple bodies made of faces: blocks, tapered blocks, discs and balls, each in the frame of the
//! thing that it belongs to.

use crate::canvas::Colour;
use crate::lens::Lens;
use crate::path::Pose2;
use std::f64::consts::TAU;

/// A box from `low` to `high`.
pub(crate) fn block(lens: &mut Lens, pose: &Pose2, low: [f64; 3], high: [f64; 3], colour: Colour) {
    tapered(lens, pose, low, high, [0.0; 3], colour, [colour; 4]);
}

/// A box whose top is drawn in by `taper`: front, rear, sides. `sides` colours the front, left,
/// rear and right faces.
pub(crate) fn tapered(
    lens: &mut Lens,
    pose: &Pose2,
    low: [f64; 3],
    high: [f64; 3],
    taper: [f64; 3],
    top: Colour,
    sides: [Colour; 4],
) {
    let ([x0, y0, z0], [x1, y1, z1]) = (low, high);
    let (tx0, tx1) = (x0 + taper[1], x1 - taper[0]);
    let (ty0, ty1) = (y0 + taper[2], y1 - taper[2]);
    let below = [[x1, y0, z0], [x1, y1, z0], [x0, y1, z0], [x0, y0, z0]];
    let above = [
        [tx1, ty0, z1],
        [tx1, ty1, z1],
        [tx0, ty1, z1],
        [tx0, ty0, z1],
    ];
    for (i, colour) in sides.into_iter().enumerate() {
        let j = (i + 1) % 4;
        lens.face(pose, &[below[i], below[j], above[j], above[i]], colour);
    }
    lens.face(pose, &above, top);
}

/// A rectangle on a face that looks along x (`ahead` +1 or -1).
pub(crate) fn plate_x(
    lens: &mut Lens,
    pose: &Pose2,
    x: f64,
    ahead: f64,
    y: [f64; 2],
    z: [f64; 2],
    colour: Colour,
) {
    let (a, b) = if ahead > 0.0 {
        (y[0], y[1])
    } else {
        (y[1], y[0])
    };
    let corners = [[x, a, z[0]], [x, b, z[0]], [x, b, z[1]], [x, a, z[1]]];
    lens.face(pose, &corners, colour);
}

/// A rectangle on a face that looks along y (`left` +1 or -1).
pub(crate) fn plate_y(
    lens: &mut Lens,
    pose: &Pose2,
    y: f64,
    left: f64,
    x: [f64; 2],
    z: [f64; 2],
    colour: Colour,
) {
    let (a, b) = if left > 0.0 {
        (x[1], x[0])
    } else {
        (x[0], x[1])
    };
    let corners = [[a, y, z[0]], [b, y, z[0]], [b, y, z[1]], [a, y, z[1]]];
    lens.face(pose, &corners, colour);
}

/// A wheel's outer disc, which looks along y (`left` +1 or -1).
pub(crate) fn disc(
    lens: &mut Lens,
    pose: &Pose2,
    centre: [f64; 3],
    radius: f64,
    left: f64,
    colour: Colour,
) {
    let corners: [[f64; 3]; 8] = std::array::from_fn(|i| {
        let angle = -left * TAU * (i as f64 + 0.5) / 8.0;
        let (sin, cos) = angle.sin_cos();
        [
            centre[0] + radius * cos,
            centre[1],
            centre[2] + radius * sin,
        ]
    });
    lens.face(pose, &corners, colour);
}

/// A ball of three rings, `radius` across the ground and `tall` half its height.
pub(crate) fn ball(
    lens: &mut Lens,
    pose: &Pose2,
    centre: [f64; 3],
    radius: f64,
    tall: f64,
    colour: Colour,
) {
    const SIDES: usize = 8;
    const RINGS: usize = 5;
    let at = |ring: usize, side: usize| {
        let up = std::f64::consts::PI * (ring as f64 / RINGS as f64 - 0.5);
        let around = TAU * side as f64 / SIDES as f64;
        let wide = radius * up.cos();
        [
            centre[0] + wide * around.cos(),
            centre[1] + wide * around.sin(),
            centre[2] + tall * up.sin(),
        ]
    };
    for ring in 0..RINGS {
        for side in 0..SIDES {
            let next = side + 1;
            let (a, b) = (at(ring, side), at(ring, next));
            let (c, d) = (at(ring + 1, next), at(ring + 1, side));
            // At the poles one edge has no length; leave it out so that the normal exists.
            if ring == 0 {
                lens.face(pose, &[a, c, d], colour);
            } else {
                lens.face(pose, &[a, b, c, d], colour);
            }
        }
    }
}
