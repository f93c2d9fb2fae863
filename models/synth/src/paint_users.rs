//! How road users look: cars, trucks, cyclists and pedestrians.

use crate::actor::Placed;
use crate::canvas::{Colour, Ink};
use crate::lens::{Lens, SUN};
use crate::rng::Rng;
use crate::shapes::{ball, block, disc, plate_x, plate_y, tapered};
use crate::solid::Solid;
use drafthorse_core::Class;
use std::f64::consts::TAU;

const TYRE: Colour = [28.0, 28.0, 31.0];
const RIM: Colour = [150.0, 153.0, 158.0];
const GLASS: Colour = [52.0, 66.0, 80.0];
const DARK: Colour = [38.0, 40.0, 44.0];
const TAIL: Colour = [196.0, 26.0, 24.0];
const HEAD: Colour = [255.0, 250.0, 226.0];
const PLATE: Colour = [236.0, 236.0, 228.0];
const PAINTS: [Colour; 9] = [
    [212.0, 215.0, 219.0],
    [238.0, 239.0, 240.0],
    [60.0, 63.0, 69.0],
    [132.0, 137.0, 143.0],
    [164.0, 34.0, 32.0],
    [38.0, 76.0, 140.0],
    [44.0, 98.0, 94.0],
    [196.0, 150.0, 62.0],
    [92.0, 32.0, 42.0],
];
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

/// The shadow of a box, drawn on the ground before anything that stands.
pub(crate) fn shadow(lens: &mut Lens, solid: &Solid) {
    let reach = [0, 1].map(|i| -SUN[i] / SUN[2] * solid.top * 0.85);
    let near = solid.footprint();
    let far = near.map(|p| [p[0] + reach[0], p[1] + reach[1]]);
    lens.ground(&near, [0.0; 3], Ink::Shadow);
    lens.ground(&far, [0.0; 3], Ink::Shadow);
    for i in 0..4 {
        let j = (i + 1) % 4;
        lens.ground(&[near[i], near[j], far[j], far[i]], [0.0; 3], Ink::Shadow);
    }
}

/// One road user, `time_s` into the drive.
pub(crate) fn road_user(lens: &mut Lens, placed: &Placed, time_s: f64) {
    let mut rng = Rng::new(placed.actor.seed, 21);
    match placed.actor.class {
        Class::Truck => truck(lens, placed, &mut rng),
        Class::Cyclist => cyclist(lens, placed, &mut rng, time_s),
        Class::Pedestrian => pedestrian(lens, placed, &mut rng, time_s),
        _ => car(lens, placed, &mut rng),
    }
}

fn wheels(lens: &mut Lens, solid: &Solid, xs: &[f64], radius: f64) {
    let w = 0.5 * solid.width;
    for &x in xs {
        for left in [-1.0, 1.0] {
            let (outer, inner) = (left * (w - 0.01), left * (w - 0.24));
            let (y0, y1) = (outer.min(inner), outer.max(inner));
            let half = 0.85 * radius;
            block(
                lens,
                &solid.pose,
                [x - half, y0, 0.02],
                [x + half, y1, radius],
                TYRE,
            );
            disc(
                lens,
                &solid.pose,
                [x, left * (w + 0.01), radius],
                radius,
                left,
                TYRE,
            );
            disc(
                lens,
                &solid.pose,
                [x, left * (w + 0.02), radius],
                0.55 * radius,
                left,
                RIM,
            );
        }
    }
}

fn lights(lens: &mut Lens, solid: &Solid, z: [f64; 2]) {
    let (l, w) = (0.5 * solid.length + 0.015, 0.5 * solid.width);
    for side in [-1.0_f64, 1.0] {
        let (a, b) = (side * (w - 0.06), side * (w - 0.42));
        let y = [a.min(b), a.max(b)];
        plate_x(lens, &solid.pose, -l, -1.0, y, z, TAIL);
        plate_x(lens, &solid.pose, l, 1.0, y, z, HEAD);
    }
}

fn car(lens: &mut Lens, placed: &Placed, rng: &mut Rng) {
    let solid = &placed.solid;
    let (pose, paint) = (&solid.pose, PAINTS[rng.index(PAINTS.len())]);
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    let (floor, belt) = (0.24, 0.62 * top);
    // Estate cars and vans carry their roof to the rear.
    let (hood, boot) = (rng.range(0.24, 0.3), [0.02, 0.14, 0.16][rng.index(3)]);
    let dark = paint.map(|c| 0.55 * c);
    block(lens, pose, [-l, -w, floor], [l, w, 0.42], dark);
    tapered(
        lens,
        pose,
        [-l, -w, 0.42],
        [l, w, belt],
        [0.1, 0.05, 0.05],
        paint,
        [paint; 4],
    );
    let (rear, front) = (-l + 0.05 + 2.0 * l * boot, l - 2.0 * l * hood);
    let cabin = w - 0.06;
    tapered(
        lens,
        pose,
        [rear, -cabin, belt],
        [front, cabin, top],
        [0.75, 0.42, 0.2],
        paint,
        [GLASS; 4],
    );
    // Pillar between the doors, door line, mirrors.
    for left in [-1.0, 1.0] {
        let middle = 0.5 * (rear + front) - 0.1;
        plate_y(
            lens,
            pose,
            left * (w + 0.004),
            left,
            [middle - 0.02, middle + 0.02],
            [0.44, belt - 0.06],
            dark,
        );
        let (a, b) = (left * (w - 0.02), left * (w + 0.14));
        block(
            lens,
            pose,
            [front - 0.5, a.min(b), belt - 0.02],
            [front - 0.34, a.max(b), belt + 0.12],
            dark,
        );
    }
    plate_x(
        lens,
        pose,
        -l - 0.012,
        -1.0,
        [-0.26, 0.26],
        [0.5, 0.61],
        PLATE,
    );
    plate_x(
        lens,
        pose,
        l + 0.012,
        1.0,
        [-0.26, 0.26],
        [0.36, 0.47],
        PLATE,
    );
    plate_x(lens, pose, l + 0.01, 1.0, [-0.55, 0.55], [0.5, 0.62], DARK);
    lights(lens, solid, [0.6, 0.76]);
    wheels(lens, solid, &[-0.58 * l, 0.62 * l], 0.33);
}

fn truck(lens: &mut Lens, placed: &Placed, rng: &mut Rng) {
    let solid = &placed.solid;
    let (pose, paint) = (&solid.pose, PAINTS[rng.index(PAINTS.len())]);
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    let load = if rng.chance(0.5) {
        [228.0, 230.0, 232.0]
    } else {
        PAINTS[rng.index(PAINTS.len())]
    };
    let cab = l - 2.0;
    block(
        lens,
        pose,
        [-l + 0.1, -0.45 * w, 0.5],
        [l - 0.2, 0.45 * w, 0.95],
        DARK,
    );
    block(lens, pose, [-l, -w, 0.95], [cab - 0.25, w, top], load);
    let cab_top = top.min(2.9);
    tapered(
        lens,
        pose,
        [cab, -w + 0.05, 0.5],
        [l, w - 0.05, cab_top],
        [0.3, 0.0, 0.06],
        paint,
        [paint; 4],
    );
    plate_x(
        lens,
        pose,
        l + 0.02,
        1.0,
        [-w + 0.2, w - 0.2],
        [1.55, 2.35],
        GLASS,
    );
    for left in [-1.0, 1.0] {
        plate_y(
            lens,
            pose,
            left * (w - 0.02),
            left,
            [cab + 0.5, l - 0.35],
            [1.6, 2.3],
            GLASS,
        );
        // A stripe along the load and the doors' seam at its rear.
        plate_y(
            lens,
            pose,
            left * (w + 0.01),
            left,
            [-l + 0.3, cab - 0.6],
            [1.3, 1.65],
            paint,
        );
    }
    plate_x(
        lens,
        pose,
        -l - 0.01,
        -1.0,
        [-0.02, 0.02],
        [1.0, top - 0.1],
        DARK,
    );
    plate_x(
        lens,
        pose,
        -l - 0.012,
        -1.0,
        [-w + 0.1, w - 0.1],
        [0.97, 1.1],
        [176.0, 40.0, 36.0],
    );
    lights(lens, solid, [0.62, 0.86]);
    wheels(lens, solid, &[l - 1.2, -l + 1.0, -l + 2.0], 0.48);
}

fn pedestrian(lens: &mut Lens, placed: &Placed, rng: &mut Rng, time_s: f64) {
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

fn cyclist(lens: &mut Lens, placed: &Placed, rng: &mut Rng, time_s: f64) {
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
