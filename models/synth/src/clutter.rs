//! Echoes of nothing in particular: kerbs, verges, the bare road, rain, noise.

use crate::echo::{Echo, Source};
use crate::imaging::Scene;
use crate::layout::Zone;
use crate::resolve::Contribution;
use crate::rng::Rng;
use crate::scatter::Centre;
use crate::view::View;
use crate::world::World;

/// Places on the bare road that are tried a scan.
const ROAD_PLACES: usize = 100;
/// Distance between places along a kerb or verge that may return, m.
const KERB_SLOT_M: f64 = 0.6;
/// Chance that there is something behind such a place.
const BUSHES: f64 = 0.7;
/// Chance that there is something in the carriageway beside such a place.
const COVERS: f64 = 0.04;
/// Farthest of them, m.
const KERB_REACH_M: f64 = 70.0;

/// Adds what the ground and the weather send back around the vehicle at arc length `s`.
pub(crate) fn add(scene: &mut Scene, world: &World, view: &View, s: f64) {
    kerbs(scene, world, view, s);
    road(scene, view);
    drops(scene, view);
}

/// Kerbs and drains, and behind them posts, bushes, fences, steps: fixed to the world, so that they
/// return again and again.
fn kerbs(scene: &mut Scene, world: &World, view: &View, s: f64) {
    let first = (s / KERB_SLOT_M).floor() as i64;
    for slot in first..first + (KERB_REACH_M / KERB_SLOT_M) as i64 {
        for side in 0..2 {
            let mut rng = Rng::new((slot as u64) << 1 | side as u64, 15);
            let at = slot as f64 * KERB_SLOT_M + rng.range(0.0, KERB_SLOT_M);
            kerb(scene, world, view, &mut rng, at, side);
            if rng.chance(BUSHES) {
                bush(scene, world, view, &mut rng, at, side);
            }
            if rng.chance(COVERS) {
                cover(scene, world, view, &mut rng, at);
            }
        }
    }
}

/// One place along the edge of the carriageway.
fn kerb(scene: &mut Scene, world: &World, view: &View, rng: &mut Rng, s: f64, side: usize) {
    let layout = &world.streets.layout;
    let (kerb, outer) = (layout.kerb()[side], layout.outer()[side]);
    let d = match layout.zone(s) {
        Zone::Town | Zone::Suburb => kerb + rng.range(-0.1, 0.1),
        Zone::Rural | Zone::Walled => kerb + rng.unit() * (outer - kerb),
    };
    let [x, y] = world.streets.path.offset(s, d);
    let centre = Centre {
        p: [x, y, rng.range(0.0, 0.4)],
        velocity: [0.0; 2],
        rcs_db: -13.0 + 6.0 * rng.normal(),
    };
    let share = scene.visibility.share(centre.p, 0);
    scene.offer(view, &centre, share, Source::Scenery);
}

/// A manhole cover, joint or bump in the carriageway.
fn cover(scene: &mut Scene, world: &World, view: &View, rng: &mut Rng, s: f64) {
    let [right, left] = world.streets.layout.kerb();
    let [x, y] = world.streets.path.offset(s, rng.range(right, left));
    let strength = -8.0 + 5.0 * rng.normal();
    for _ in 0..1 + rng.index(3) {
        let centre = Centre {
            p: [x + rng.range(-0.4, 0.4), y + rng.range(-0.4, 0.4), 0.02],
            velocity: [0.0; 2],
            rcs_db: strength + 3.0 * rng.normal(),
        };
        let share = scene.visibility.share(centre.p, 0);
        scene.offer(view, &centre, share, Source::Scenery);
    }
}

/// Something behind the kerb, from a post with one centre to a bush with seven; about as large, as
/// high and as strong as people, and where people are.
fn bush(scene: &mut Scene, world: &World, view: &View, rng: &mut Rng, s: f64, side: usize) {
    let layout = &world.streets.layout;
    let (kerb, outer) = (layout.kerb()[side], layout.outer()[side]);
    let d = kerb + rng.unit() * 2.0 * (outer - kerb);
    let (count, strength, high) = (
        1 + rng.index(7),
        -8.0 + 5.0 * rng.normal(),
        rng.range(0.5, 2.2),
    );
    for _ in 0..count {
        let (ds, dd) = (rng.range(-0.5, 0.5), rng.range(-0.5, 0.5));
        let [x, y] = world.streets.path.offset(s + ds, d + dd);
        let centre = Centre {
            p: [x, y, rng.range(0.1, high)],
            velocity: [0.0; 2],
            rcs_db: strength + 3.0 * rng.normal(),
        };
        let share = scene.visibility.share(centre.p, 0);
        scene.offer(view, &centre, share, Source::Scenery);
    }
}

fn road(scene: &mut Scene, view: &View) {
    let half = scene.model.max_azimuth_rad;
    for _ in 0..ROAD_PLACES {
        let range = 2.0 + 18.0 * scene.rng.exponential();
        let azimuth = scene.rng.range(-half, half);
        let [x, y] = view.plane.out(range * azimuth.cos(), range * azimuth.sin());
        let centre = Centre {
            p: [x, y, scene.rng.range(-0.05, 0.1)],
            velocity: [0.0; 2],
            rcs_db: -24.0 + 5.0 * scene.rng.normal() - scene.weather.wet_road_db(),
        };
        let share = scene.visibility.share(centre.p, 0);
        scene.offer(view, &centre, share, Source::Scenery);
    }
}

/// Rain near the vehicle: drops fall and drift with the wind.
fn drops(scene: &mut Scene, view: &View) {
    let half = scene.model.max_azimuth_rad;
    for _ in 0..scene.weather.drops() {
        let range = 1.0 + 6.0 * scene.rng.exponential();
        let azimuth = scene.rng.range(-half, half);
        let [x, y] = view.plane.out(range * azimuth.cos(), range * azimuth.sin());
        let velocity = [0, 1].map(|_| 2.0 * scene.rng.normal());
        let centre = Centre {
            p: [x, y, scene.rng.range(0.0, 2.5)],
            velocity,
            rcs_db: -21.0 + 4.0 * scene.rng.normal(),
        };
        let share = scene.visibility.share(centre.p, 0);
        scene.offer(view, &centre, share, Source::FalseAlarm);
    }
}

/// Adds noise that crossed the threshold: anywhere, at any rate, with the cross-section that an echo
/// of its power would have there.
pub(crate) fn false_alarms(scene: &mut Scene, echoes: &mut Vec<Echo>) {
    let model = scene.model;
    let before = echoes.len();
    let mut waiting = scene.rng.exponential();
    while waiting < model.false_alarms && echoes.len() < model.capacity {
        waiting += scene.rng.exponential();
        let at = Contribution {
            range: scene.rng.range(model.min_range_m, model.max_range_m),
            azimuth: scene
                .rng
                .range(-model.max_azimuth_rad, model.max_azimuth_rad),
            elevation: scene.rng.range(-0.5, 0.5) * model.max_elevation_rad,
            rate: scene
                .rng
                .range(-model.unambiguous_mps, model.unambiguous_mps),
            power: 0.0,
            source: Source::FalseAlarm,
        };
        let above_db = 2.0 * scene.rng.exponential();
        let rcs_db = above_db
            - model
                .excess_db(&at, 0.0, scene.weather)
                .min(-model.floor_dbsm);
        echoes.push(Echo {
            range: at.range,
            azimuth: at.azimuth,
            elevation: at.elevation,
            range_rate: at.rate,
            rcs_db,
            snr_db: model.threshold_db + above_db,
            source: at.source,
            moving: false,
        });
    }
    if echoes.len() > before {
        echoes.sort_by(|a, b| a.range.total_cmp(&b.range));
    }
}
