//! What a long-range radar sees from afar: upper storeys, masts, pylons, gantries. Near the vehicle
//! they lie above the beam; from afar they stand out over all that hides the road.

use crate::echo::Source;
use crate::imaging::Scene;
use crate::rng::Rng;
use crate::scatter::Centre;
use crate::scenery::Kind;
use crate::view::View;
use crate::world::World;

/// Nearest of it, m.
const FROM_M: f64 = 75.0;
/// Distance between the places along the road that may have a mast or a tower, m.
const SLOT_M: f64 = 9.0;
/// Chance that one has.
const TALL: f64 = 0.8;

/// Adds the skyline ahead of the vehicle at arc length `s`, for radars that reach it.
pub(crate) fn add(scene: &mut Scene, world: &World, view: &View, s: f64) {
    let reach_m = scene.model.max_range_m;
    if reach_m <= FROM_M {
        return;
    }
    for piece in world.scenery.between(s + 0.5 * FROM_M, s + reach_m) {
        let (count, mean) = match piece.kind {
            Kind::Building => (5, 3.0),
            Kind::Tree => (2, -4.0),
            Kind::Pole => (1, 0.0),
            Kind::Wall | Kind::Rail | Kind::Sign | Kind::Hedge | Kind::Rack => continue,
        };
        let mut rng = Rng::new(piece.seed, 17);
        let (l, w) = (0.5 * piece.solid.length, 0.5 * piece.solid.width);
        for _ in 0..count {
            let [x, y] = (piece.solid.pose).out(rng.range(-l, l), rng.range(-w, w));
            let z = rng.range(0.5 * piece.solid.top, piece.solid.top);
            let rcs_db = mean + 6.0 * rng.normal();
            offer(scene, view, [x, y, z], rcs_db, piece.owner());
        }
    }
    let first = (s / SLOT_M).floor() as i64;
    for slot in first..first + (reach_m / SLOT_M) as i64 {
        let mut rng = Rng::new(slot as u64, 18);
        if rng.chance(TALL) {
            tower(scene, world, view, &mut rng, slot as f64 * SLOT_M);
        }
    }
}

/// A tower, mast or gantry beside the road or over it.
fn tower(scene: &mut Scene, world: &World, view: &View, rng: &mut Rng, s: f64) {
    let (d, high) = (35.0 * rng.normal(), rng.range(5.0, 35.0));
    let strength = 4.0 + 7.0 * rng.normal();
    let [x, y] = world.streets.path.offset(s, d);
    for _ in 0..1 + rng.index(5) {
        let p = [
            x + rng.range(-2.0, 2.0),
            y + rng.range(-2.0, 2.0),
            rng.range(4.5, high.max(5.0)),
        ];
        offer(scene, view, p, strength + 5.0 * rng.normal(), 0);
    }
}

fn offer(scene: &mut Scene, view: &View, p: [f64; 3], rcs_db: f64, owner: u32) {
    let centre = Centre {
        p,
        velocity: [0.0; 2],
        rcs_db,
    };
    if view.polar(p).range < FROM_M {
        return;
    }
    let share = scene.visibility.share(p, owner);
    scene.offer(view, &centre, share, Source::Scenery);
}
