//! Scattering centres: the few places on a thing that send radar power back.
//!
//! A thing's centres are fixed to it (its own random bits place them); what fluctuates from scan to
//! scan is their power. Strengths are drawn so that classes overlap: no class is known by its
//! radar cross-section alone.

use crate::actor::Placed;
use crate::rng::Rng;
use crate::scenery::{Kind, Piece};
use crate::solid::Solid;
use drafthorse_core::Class;

/// One scattering centre at one instant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Centre {
    /// World position.
    pub(crate) p: [f64; 3],
    /// Velocity over ground, world axes, wheels and limbs included.
    pub(crate) velocity: [f64; 2],
    /// Mean radar cross-section, dBsm.
    pub(crate) rcs_db: f64,
}

/// A face of a box: middle, outward normal and half extent along it, in the box's own axes.
const FACES: [([f64; 2], [f64; 2]); 4] = [
    ([1.0, 0.0], [0.0, 1.0]),
    ([-1.0, 0.0], [0.0, 1.0]),
    ([0.0, 1.0], [1.0, 0.0]),
    ([0.0, -1.0], [1.0, 0.0]),
];

/// Cosine between a face's outward normal and the direction to the sensor.
fn facing(solid: &Solid, normal: [f64; 2], sensor: [f64; 2]) -> f64 {
    let [x, y] = solid.pose.inward(sensor);
    let (fx, fy) = (
        x - normal[0] * 0.5 * solid.length,
        y - normal[1] * 0.5 * solid.width,
    );
    (fx * normal[0] + fy * normal[1]) / fx.hypot(fy).max(0.1)
}

/// Scattering centres of a road user that face the sensor at `sensor`.
pub(crate) fn of_actor(placed: &Placed, sensor: [f64; 2], time_s: f64, out: &mut Vec<Centre>) {
    let mut rng = Rng::new(placed.actor.seed, 11);
    match placed.actor.class {
        Class::Pedestrian => limbs(placed, &mut rng, time_s, out),
        Class::Cyclist => cycle(placed, &mut rng, time_s, out),
        _ => bodywork(placed, &mut rng, sensor, out),
    }
}

/// Adds a centre given in the body's own axes, moving along its heading at `speed` more than it.
fn add(placed: &Placed, x: f64, y: f64, z: f64, rcs_db: f64, speed: f64, out: &mut Vec<Centre>) {
    let [wx, wy] = placed.solid.pose.out(x, y);
    let (sin, cos) = placed.solid.pose.yaw.sin_cos();
    out.push(Centre {
        p: [wx, wy, z],
        velocity: [
            placed.velocity[0] + speed * cos,
            placed.velocity[1] + speed * sin,
        ],
        rcs_db: rcs_db + placed.actor.rcs_offset_db,
    });
}

fn bodywork(placed: &Placed, rng: &mut Rng, sensor: [f64; 2], out: &mut Vec<Centre>) {
    let solid = &placed.solid;
    let truck = placed.actor.class == Class::Truck;
    let (l, w) = (0.5 * solid.length, 0.5 * solid.width);
    let (spacing, bonus) = if truck { (0.6, 3.0) } else { (0.7, 0.0) };
    for (normal, along) in FACES {
        let cosine = facing(solid, normal, sensor);
        let across = along[0] == 0.0;
        let half = if across { w } else { l };
        let count = (2.0 * half / spacing).ceil() as usize + 1;
        for _ in 0..count {
            let t = rng.range(-half, half);
            let depth = rng.range(0.0, 0.12);
            let z = rng.range(0.35, (solid.top - 0.2).min(2.6));
            let rcs = rng.normal() * 4.0 - 4.0 + bonus;
            if cosine > 0.05 {
                let x = normal[0] * (l - depth) + along[0] * t;
                let y = normal[1] * (w - depth) + along[1] * t;
                // A plate reflects best straight back.
                add(placed, x, y, z, rcs + 7.0 * cosine.powi(6), 0.0, out);
            }
        }
        if cosine > 0.05 && across {
            // Number plate, bumper, axle: the strongest echo of a vehicle seen end on.
            let rcs = 5.0 + bonus + 6.0 * cosine.powi(4);
            add(placed, normal[0] * (l - 0.1), 0.1, 0.5, rcs, 0.0, out);
        }
    }
    for (x, y) in [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)] {
        let near =
            facing(solid, [0.0, y], sensor) > -0.15 && facing(solid, [x, 0.0], sensor) > -0.4;
        let (corner, wheel) = (rng.normal() * 3.0, rng.normal() * 3.5);
        let spin = rng.range(-1.0, 1.0);
        if near {
            add(
                placed,
                x * (l - 0.15),
                y * (w - 0.12),
                0.55,
                corner,
                0.0,
                out,
            );
            let speed = placed.velocity[0].hypot(placed.velocity[1]);
            // A point on the tyre runs between standing and twice the vehicle's speed.
            let spin = if rng.chance(0.3) {
                0.3 * spin * speed
            } else {
                0.0
            };
            add(
                placed,
                x * 0.62 * l,
                y * (w - 0.1),
                0.35,
                wheel - 1.0,
                spin,
                out,
            );
        }
    }
    if truck {
        for _ in 0..5 {
            // Axles and frame, seen beneath the load.
            let (x, y) = (rng.range(-l, l), rng.range(-0.6 * w, 0.6 * w));
            let rcs = rng.normal() * 4.0 - 3.0;
            add(placed, x, y, 0.5, rcs, 0.0, out);
        }
    }
}

fn limbs(placed: &Placed, rng: &mut Rng, time_s: f64, out: &mut Vec<Centre>) {
    let speed = placed.velocity[0].hypot(placed.velocity[1]);
    // About one stride (two steps) a second at walking pace.
    let phase = placed.actor.phase + time_s * std::f64::consts::TAU * (0.55 + 0.3 * speed);
    let swing = if placed.actor.moving() { speed } else { 0.0 };
    let (l, w) = (0.4 * placed.solid.length, 0.35 * placed.solid.width);
    for _ in 0..3 {
        let z = rng.range(0.8, placed.solid.top - 0.1);
        let rcs = rng.normal() * 3.5 - 6.0;
        add(
            placed,
            rng.range(-l, l),
            rng.range(-w, w),
            z,
            rcs,
            0.1 * swing * phase.sin(),
            out,
        );
    }
    for side in [-1.0, 1.0] {
        let leg = side * phase.sin();
        let rcs = rng.normal() * 3.5 - 9.0;
        add(
            placed,
            l * leg,
            side * w,
            0.35,
            rcs,
            0.8 * swing * side * phase.cos(),
            out,
        );
    }
}

fn cycle(placed: &Placed, rng: &mut Rng, time_s: f64, out: &mut Vec<Centre>) {
    let speed = placed.velocity[0].hypot(placed.velocity[1]);
    let l = 0.5 * placed.solid.length;
    let crank = placed.actor.phase + time_s * speed * 1.1;
    for _ in 0..4 {
        let (x, y) = (rng.range(-0.7 * l, 0.5 * l), rng.range(-0.2, 0.2));
        let rcs = rng.normal() * 3.5 - 5.0;
        add(
            placed,
            x,
            y,
            rng.range(0.5, placed.solid.top - 0.1),
            rcs,
            0.0,
            out,
        );
    }
    for end in [-0.75, 0.75] {
        let (rcs, spin) = (rng.normal() * 3.0 - 7.0, rng.range(-0.5, 0.5));
        add(placed, end * l, 0.0, 0.35, rcs, spin * speed, out);
    }
    add(
        placed,
        0.0,
        0.1 * crank.cos(),
        0.35,
        -9.0,
        0.25 * speed * crank.sin(),
        out,
    );
}

/// Scattering centres of a piece of scenery that face the sensor.
pub(crate) fn of_scenery(piece: &Piece, sensor: [f64; 2], out: &mut Vec<Centre>) {
    let mut rng = Rng::new(piece.seed, 12);
    let solid = &piece.solid;
    let (l, w) = (0.5 * solid.length, 0.5 * solid.width);
    let mut push = |x: f64, y: f64, z: f64, rcs_db: f64| {
        let [wx, wy] = solid.pose.out(x, y);
        out.push(Centre {
            p: [wx, wy, z],
            velocity: [0.0; 2],
            rcs_db,
        });
    };
    match piece.kind {
        Kind::Building | Kind::Wall | Kind::Rail => {
            let (spacing, mean, high): (f64, f64, f64) = match piece.kind {
                Kind::Building => (0.7, 0.0, 6.0),
                Kind::Wall => (0.8, -1.0, 2.8),
                _ => (0.9, -3.0, 0.75),
            };
            for (normal, along) in FACES {
                let cosine = facing(solid, normal, sensor);
                let half = if along[0] == 0.0 { w } else { l };
                for _ in 0..(2.0 * half / spacing).floor() as usize {
                    let (t, depth) = (rng.range(-half, half), rng.range(-0.1, 0.4).max(0.0));
                    let z = rng.range(0.2, high.min(solid.top));
                    let rcs = mean + 5.5 * rng.normal() + 6.0 * cosine.max(0.0).powi(8);
                    if cosine > 0.03 {
                        let x = normal[0] * (l - depth.min(l)) + along[0] * t;
                        let y = normal[1] * (w - depth.min(w)) + along[1] * t;
                        push(x, y, z, rcs);
                    }
                }
            }
        }
        Kind::Pole | Kind::Sign => {
            let mean = if piece.kind == Kind::Sign { 6.0 } else { 2.0 };
            let strength = mean + 3.0 * rng.normal();
            push(0.0, 0.0, 0.4, strength);
            let z = rng.range(1.2, solid.top.min(4.5));
            push(0.0, 0.0, z, strength - 1.0);
        }
        Kind::Rack => {
            for _ in 0..2 + (2.0 * solid.length) as usize {
                let (x, y) = (rng.range(-l, l), rng.range(-w, w));
                push(x, y, rng.range(0.2, solid.top), 4.5 * rng.normal() - 5.0);
            }
        }
        Kind::Tree | Kind::Hedge => {
            let count = if piece.kind == Kind::Tree { 7 } else { 8 };
            for i in 0..count {
                let trunk = i < 2 && piece.kind == Kind::Tree;
                let spread = if trunk { 0.1 } else { 0.8 };
                let (x, y) = (rng.range(-l, l) * spread, rng.range(-w, w) * spread);
                let low = if trunk || piece.kind == Kind::Hedge {
                    0.3
                } else {
                    2.0
                };
                let z = rng.range(low, if trunk { 1.8 } else { solid.top });
                push(x, y, z, 4.0 * rng.normal() - if trunk { 3.0 } else { 8.0 });
            }
        }
    }
}
