//! How cars, trucks, buses and vans look.

use crate::actor::Placed;
use crate::canvas::Colour;
use crate::lens::Lens;
use crate::paint_users::{DARK, GLASS, PAINTS, lights, wheels};
use crate::rng::Rng;
use crate::shapes::{block, plate_x, plate_y, tapered};

const PLATE: Colour = [236.0, 236.0, 228.0];

pub(crate) fn car(lens: &mut Lens, placed: &Placed, paint: Colour, rng: &mut Rng) {
    let (solid, pose) = (&placed.solid, &placed.solid.pose);
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

pub(crate) fn truck(lens: &mut Lens, placed: &Placed, rng: &mut Rng) {
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

/// A bus: one long body with a band of windows.
pub(crate) fn bus(lens: &mut Lens, placed: &Placed, rng: &mut Rng) {
    let (solid, pose) = (&placed.solid, &placed.solid.pose);
    let paint = PAINTS[rng.index(PAINTS.len())];
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    block(lens, pose, [-l, -w, 0.32], [l, w, top], paint);
    let (sill, head) = (0.42 * top, 0.84 * top);
    for side in [-1.0, 1.0] {
        let band = [-l + 0.25, l - 0.5];
        plate_y(
            lens,
            pose,
            side * (w + 0.01),
            side,
            band,
            [sill, head],
            GLASS,
        );
        let mut x = -l + 1.6;
        while x < l - 0.8 {
            let post = [x - 0.05, x + 0.05];
            plate_y(
                lens,
                pose,
                side * (w + 0.02),
                side,
                post,
                [sill, head],
                DARK,
            );
            x += 1.5;
        }
    }
    let pane = [-w + 0.12, w - 0.12];
    plate_x(
        lens,
        pose,
        l + 0.01,
        1.0,
        pane,
        [0.34 * top, 0.86 * top],
        GLASS,
    );
    plate_x(
        lens,
        pose,
        -l - 0.01,
        -1.0,
        pane,
        [0.55 * top, 0.84 * top],
        GLASS,
    );
    lights(lens, solid, [0.6, 0.82]);
    wheels(lens, solid, &[l - 2.3, -l + 2.6], 0.48);
}

/// A van: a tall body with a short nose.
pub(crate) fn van(lens: &mut Lens, placed: &Placed, paint: Colour) {
    let (solid, pose) = (&placed.solid, &placed.solid.pose);
    let (l, w, top) = (0.5 * solid.length, 0.5 * solid.width, solid.top);
    let nose = l - 1.0;
    block(lens, pose, [-l, -w, 0.3], [nose, w, 0.45 * top], paint);
    block(lens, pose, [nose, -w, 0.3], [l, w, 0.48 * top], paint);
    tapered(
        lens,
        pose,
        [-l, -w, 0.45 * top],
        [nose + 0.5, w, top],
        [0.75, 0.04, 0.08],
        paint,
        [GLASS, paint, paint, paint],
    );
    for side in [-1.0, 1.0] {
        let door = [nose - 1.1, nose - 0.15];
        let z = [0.55 * top, 0.82 * top];
        plate_y(lens, pose, side * (w + 0.005), side, door, z, GLASS);
    }
    let panes = [-w + 0.15, w - 0.15];
    plate_x(
        lens,
        pose,
        -l - 0.01,
        -1.0,
        panes,
        [0.55 * top, 0.85 * top],
        GLASS,
    );
    lights(lens, solid, [0.62, 0.84]);
    wheels(lens, solid, &[-0.6 * l, 0.64 * l], 0.34);
}
