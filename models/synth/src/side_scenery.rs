//! Scenery of towns with side streets: the streets are kept free, houses and trees stand along
//! them, and pavements get racks, bins and benches.

use crate::junctions::{Junction, SIDE_OUTER_M};
use crate::layout::{Layout, Zone};
use crate::path::Pose2;
use crate::rng::Rng;
use crate::scenery::{Kind, Piece, Scenery};
use crate::solid::Solid;
use crate::streets::Streets;

/// Clears side streets of what the road's scenery put there, then furnishes them and the road's
/// pavements. `furniture` is the chance of racks and bins a slot of pavement.
pub(crate) fn beside_junctions(
    rng: &mut Rng,
    scenery: &mut Scenery,
    streets: &Streets,
    furniture: f64,
) {
    let layout = &streets.layout;
    scenery.pieces.retain(|p| {
        let radius = 0.5 * p.solid.length.hypot(p.solid.width);
        let at = [p.solid.pose.x, p.solid.pose.y];
        let in_lot = p.kind == Kind::Tree
            && [0, 1]
                .iter()
                .any(|&side| layout.lot(side, p.s - 2.0, p.s + 2.0));
        !in_lot && !streets.junctions.covers(at, radius, p.s)
    });
    for junction in &streets.junctions.all {
        for arm in 0..2 {
            for side in [-1.0, 1.0] {
                houses(rng, scenery, streets, junction, arm, side);
            }
        }
    }
    furnish(rng, scenery, streets, furniture);
    scenery.sort();
}

/// One row of houses and trees along an arm.
fn houses(
    rng: &mut Rng,
    scenery: &mut Scenery,
    streets: &Streets,
    junction: &Junction,
    arm: usize,
    side: f64,
) {
    let sign = [-1.0, 1.0][arm];
    let mut t = streets.layout.outer()[arm].abs() + rng.range(3.0, 9.0);
    while t < junction.arms[arm] {
        let (length, depth) = (rng.range(8.0, 18.0), rng.range(7.0, 11.0));
        let (top, back) = (rng.range(4.5, 14.0), rng.range(0.8, 4.0));
        let middle = sign * (t + 0.5 * length);
        let d = side * (SIDE_OUTER_M + back + 0.5 * depth);
        if rng.chance(0.65) {
            let house = piece(
                rng,
                junction,
                Kind::Building,
                middle,
                d,
                [length, depth, top],
            );
            if is_free(scenery, streets, &house) {
                scenery.pieces.push(house);
            }
        } else {
            let crown = rng.range(2.0, 4.0);
            let d = side * (SIDE_OUTER_M + rng.range(0.3, 3.0));
            let size = [crown, crown, rng.range(4.5, 8.0)];
            let tree = piece(rng, junction, Kind::Tree, middle, d, size);
            scenery.pieces.push(tree);
        }
        t += length + rng.range(0.5, 7.0);
    }
}

fn piece(
    rng: &mut Rng,
    junction: &Junction,
    kind: Kind,
    s: f64,
    d: f64,
    [length, width, top]: [f64; 3],
) -> Piece {
    let [x, y] = junction.line.offset(s, d);
    let yaw = junction.line.at(0.0).yaw;
    Piece {
        kind,
        s: junction.s,
        solid: Solid {
            pose: Pose2 { x, y, yaw },
            length,
            width,
            bottom: 0.0,
            top,
        },
        seed: rng.bits(),
    }
}

/// Whether a house stands neither on a road nor in another house.
fn is_free(scenery: &Scenery, streets: &Streets, house: &Piece) -> bool {
    let at = [house.solid.pose.x, house.solid.pose.y];
    let half = |s: &Solid| 0.5 * s.length.max(s.width);
    let radius = half(&house.solid);
    let outer = streets.layout.outer();
    let apart = |p: &Piece| {
        let (dx, dy) = (p.solid.pose.x - at[0], p.solid.pose.y - at[1]);
        dx.hypot(dy) > radius + half(&p.solid)
    };
    let mut houses = scenery.pieces.iter().filter(|p| p.kind == Kind::Building);
    let others = streets.junctions.all.iter().filter(|j| j.s != house.s);
    houses.all(apart)
        && others.into_iter().all(|j| !j.covers(at, radius))
        && streets.path.clear(at, radius, house.s, outer[0], outer[1])
}

/// Racks, bins and benches on the pavements.
fn furnish(rng: &mut Rng, scenery: &mut Scenery, streets: &Streets, chance: f64) {
    const SLOT_M: f64 = 6.4;
    let Streets { path, layout, .. } = streets;
    let Some((first, last)) = scenery.pieces.first().zip(scenery.pieces.last()) else {
        return;
    };
    let (mut s, end) = (first.s, last.s);
    while s < end {
        let share = match layout.zone(s) {
            Zone::Town => 1.0,
            Zone::Suburb => 0.6,
            Zone::Rural | Zone::Walled => 0.2,
        };
        for side in 0..2 {
            if rng.chance(chance * share) && !streets.junctions.at(s) {
                let pose = at_kerb(rng, layout, path, s, side);
                scenery.pieces.push(Piece {
                    kind: Kind::Rack,
                    s,
                    solid: Solid {
                        pose,
                        length: rng.range(0.5, 2.4),
                        width: rng.range(0.4, 0.8),
                        bottom: 0.0,
                        top: rng.range(0.7, 1.6),
                    },
                    seed: rng.bits(),
                });
            }
        }
        s += SLOT_M;
    }
}

fn at_kerb(rng: &mut Rng, layout: &Layout, path: &crate::path::Path, s: f64, side: usize) -> Pose2 {
    let sign = [-1.0, 1.0][side];
    let d = layout.kerb()[side] + sign * rng.range(0.3, 2.3);
    let [x, y] = path.offset(s, d);
    Pose2 {
        x,
        y,
        yaw: path.at(s).yaw + 0.3 * rng.normal(),
    }
}
