//! How people look, on foot and on bicycles.

use crate::actor::Placed;
use crate::canvas::Colour;
use crate::lens::Lens;
use crate::paint_users::{DARK, PAINTS, TYRE};
use crate::rng::Rng;
use crate::shapes::{ball, block, disc, tapered};
use std::f64::consts::TAU;

const CLOTHES: [Colour; 7] = [
    [44.0, 56.0, 92.0],
    [168.0, 48.0, 44.0],
    [222.0, 196.0, 92.0],
    [70.0, 110.0, 78.0],
    [226.0, 226.0, 222.0],
    [58.0, 58.0, 62.0],
    [96.0, 138.0, 182.0],
];
const SKIN: [Colour; 3] = [
    [226.0, 182.0, 150.0],
    [176.0, 124.0, 92.0],
    [112.0, 76.0, 56.0],
];

pub(crate) fn pedestrian(lens: &mut Lens, placed: &Placed, rng: &mut Rng, time_s: f64) {
    let pose = &placed.solid.pose;
    let top = placed.solid.top;
    let (shirt, trousers) = (
        CLOTHES[rng.index(7)],
        CLOTHES[rng.index(7)].map(|c| 0.7 * c),
    );
    let skin = SKIN[rng.index(3)];
    let speed = placed.velocity[0].hypot(placed.velocity[1]);
    let phase = placed.actor.phase + time_s * TAU * (0.55 + 0.3 * speed);
    let swing = if placed.actor.moving() {
        0.24 * phase.sin()
    } else {
        0.0
    };
    let (hip, neck) = (0.48 * top, 0.83 * top);
    for side in [-1.0, 1.0] {
        let (foot, y) = (side * swing, side * 0.1);
        for (from, to) in [(0.0, 0.5), (0.5, 1.0)] {
            let x = foot * (1.0 - 0.5 * (from + to));
            block(
                lens,
                pose,
                [x - 0.08, y - 0.075, hip * from],
                [x + 0.08, y + 0.075, hip * to],
                trousers,
            );
        }
        let arm = -0.8 * foot;
        block(
            lens,
            pose,
            [arm - 0.05, side * 0.26 - 0.05, 0.5 * top],
            [arm + 0.05, side * 0.26 + 0.05, 0.66 * top],
            skin,
        );
        block(
            lens,
            pose,
            [0.4 * arm - 0.05, side * 0.25 - 0.055, 0.66 * top],
            [0.4 * arm + 0.06, side * 0.25 + 0.055, 0.81 * top],
            shirt,
        );
    }
    tapered(
        lens,
        pose,
        [-0.12, -0.21, hip],
        [0.12, 0.21, neck],
        [0.02, 0.02, 0.03],
        shirt,
        [shirt; 4],
    );
    ball(lens, pose, [0.0, 0.0, top - 0.13], 0.1, 0.14, skin);
    ball(
        lens,
        pose,
        [-0.025, 0.0, top - 0.08],
        0.1,
        0.1,
        [52.0, 40.0, 32.0],
    );
}

pub(crate) fn cyclist(lens: &mut Lens, placed: &Placed, rng: &mut Rng, time_s: f64) {
    let pose = &placed.solid.pose;
    let (l, top) = (0.5 * placed.solid.length, placed.solid.top);
    let (shirt, frame) = (CLOTHES[rng.index(7)], PAINTS[rng.index(PAINTS.len())]);
    let speed = placed.velocity[0].hypot(placed.velocity[1]);
    let crank = placed.actor.phase + time_s * speed * 1.1;
    for x in [-l + 0.34, l - 0.34] {
        for left in [-1.0, 1.0] {
            disc(lens, pose, [x, left * 0.02, 0.34], 0.34, left, TYRE);
            disc(
                lens,
                pose,
                [x, left * 0.025, 0.34],
                0.27,
                left,
                [120.0, 122.0, 124.0],
            );
        }
        block(
            lens,
            pose,
            [x - 0.1, -0.025, 0.02],
            [x + 0.1, 0.025, 0.66],
            TYRE,
        );
    }
    block(lens, pose, [-0.35, -0.03, 0.5], [0.4, 0.03, 0.58], frame);
    block(lens, pose, [0.36, -0.27, 0.95], [0.44, 0.27, 1.02], DARK);
    for side in [-1.0, 1.0] {
        let lift = 0.14 * (crank.sin() * side);
        block(
            lens,
            pose,
            [-0.1, side * 0.1 - 0.06, 0.3 + lift],
            [0.08, side * 0.1 + 0.06, 0.92],
            DARK,
        );
        block(
            lens,
            pose,
            [0.1, side * 0.22 - 0.045, 1.0],
            [0.4, side * 0.22 + 0.045, 1.1],
            shirt,
        );
    }
    tapered(
        lens,
        pose,
        [-0.25, -0.19, 0.88],
        [0.1, 0.19, top - 0.28],
        [-0.12, 0.12, 0.02],
        shirt,
        [shirt; 4],
    );
    ball(
        lens,
        pose,
        [0.06, 0.0, top - 0.14],
        0.11,
        0.14,
        SKIN[rng.index(3)],
    );
    ball(
        lens,
        pose,
        [0.05, 0.0, top - 0.07],
        0.125,
        0.1,
        PAINTS[rng.index(PAINTS.len())],
    );
}
