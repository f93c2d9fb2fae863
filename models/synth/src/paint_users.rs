//! What all road users have in common in a picture: shadows, wheels, lamps, colours.

use crate::actor::{Behaviour, Body, Placed};
use crate::canvas::{Colour, Ink};
use crate::lens::Lens;
use crate::paint_people::{cyclist, pedestrian};
use crate::paint_vehicles::{bus, car, truck, van};
use crate::rng::Rng;
use crate::shapes::{block, disc, plate_x};
use crate::solid::Solid;

pub(crate) const TYRE: Colour = [28.0, 28.0, 31.0];
const RIM: Colour = [150.0, 153.0, 158.0];
pub(crate) const GLASS: Colour = [52.0, 66.0, 80.0];
pub(crate) const DARK: Colour = [38.0, 40.0, 44.0];
const TAIL: Colour = [196.0, 26.0, 24.0];
const HEAD: Colour = [255.0, 250.0, 226.0];
pub(crate) const PAINTS: [Colour; 9] = [
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

/// The shadow of a box, drawn on the ground before anything that stands.
pub(crate) fn shadow(lens: &mut Lens, solid: &Solid) {
    let sun = lens.air.sun;
    let reach = [0, 1].map(|i| -sun[i] / sun[2] * solid.top * 0.85);
    let near = solid.footprint();
    let far = near.map(|p| [p[0] + reach[0], p[1] + reach[1]]);
    lens.ground(&near, [0.0; 3], Ink::Shadow);
    lens.ground(&far, [0.0; 3], Ink::Shadow);
    for i in 0..4 {
        let j = (i + 1) % 4;
        lens.ground(&[near[i], near[j], far[j], far[i]], [0.0; 3], Ink::Shadow);
    }
}

/// Index into [`PAINTS`] of a car or van, by the seed of its actor.
pub(crate) fn paint_of(seed: u64) -> usize {
    Rng::new(seed, 21).index(PAINTS.len())
}

/// One road user, `time_s` into the drive; a car or van in its own paint or in `paint`.
pub(crate) fn road_user(lens: &mut Lens, placed: &Placed, time_s: f64, paint: Option<usize>) {
    let mut rng = Rng::new(placed.actor.seed, 21);
    let mut painted = || {
        let own = rng.index(PAINTS.len());
        PAINTS[paint.unwrap_or(own)]
    };
    match placed.actor.body {
        Body::Truck => truck(lens, placed, &mut rng),
        Body::Bus => bus(lens, placed, &mut rng),
        Body::Van => van(lens, placed, painted()),
        Body::Cyclist => cyclist(lens, placed, &mut rng, time_s),
        Body::Pedestrian => pedestrian(lens, placed, &mut rng, time_s),
        Body::Car => {
            let paint = painted();
            car(lens, placed, paint, &mut rng);
        }
    }
    if placed.actor.behaviour != Behaviour::Still {
        lamps(lens, placed);
    }
}

/// Lamps of somebody who drives or rides, where it is dark enough for them.
fn lamps(lens: &mut Lens, placed: &Placed) {
    let (solid, pose) = (&placed.solid, &placed.solid.pose);
    let (l, w) = (0.5 * solid.length + 0.03, 0.5 * solid.width - 0.24);
    let (white, red) = (HEAD.map(|c| 0.8 * c), TAIL);
    let sides: &[f64] = match placed.actor.body {
        Body::Pedestrian => return,
        Body::Cyclist => &[0.0],
        _ => &[-1.0, 1.0],
    };
    let strength = if sides.len() == 1 { 0.6 } else { 1.5 };
    for side in sides {
        lens.lamp(pose, [l, side * w, 0.68], 1.0, white, strength);
        lens.lamp(pose, [-l, side * w, 0.72], -1.0, red, 0.5 * strength);
    }
}

pub(crate) fn wheels(lens: &mut Lens, solid: &Solid, xs: &[f64], radius: f64) {
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

pub(crate) fn lights(lens: &mut Lens, solid: &Solid, z: [f64; 2]) {
    let (l, w) = (0.5 * solid.length + 0.015, 0.5 * solid.width);
    for side in [-1.0_f64, 1.0] {
        let (a, b) = (side * (w - 0.06), side * (w - 0.42));
        let y = [a.min(b), a.max(b)];
        plate_x(lens, &solid.pose, -l, -1.0, y, z, TAIL);
        plate_x(lens, &solid.pose, l, 1.0, y, z, HEAD);
    }
}
