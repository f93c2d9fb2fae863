//! How an incident is staged: who is placed where, and when they begin.

use crate::actor::{Actor, Behaviour};
use crate::crowd::Crowd;
use crate::ego::{Ego, FRONT_M};
use crate::layout::LANE_M;
use crate::rng::Rng;
use crate::streets::Streets;
use crate::yielding::nearest;
use drafthorse_core::Class;
use std::f64::consts::FRAC_PI_2;

/// Speed of an oncoming car over the middle of the road, m/s.
const SWERVE_MPS: f64 = 5.0;
/// Deceleration that the staged ones ask of the vehicle, m/s².
const ASKED_MPS2: f64 = 4.4;
/// Speed of a parked car to the side, m/s.
pub(crate) const PULL_OUT_MPS: f64 = 2.0;
/// How far into the vehicle's lane an oncoming car comes: offset of its middle, m.
const SWERVE_TO_M: f64 = 1.0;
/// Offset of its middle at which it is out of that lane, m.
const SWERVE_CLEAR_M: f64 = 2.7;
/// How long before they meet it is out of the lane again, s.
const SWERVE_SPARE_S: f64 = 0.1;

/// Where an incident is staged.
pub(crate) struct Scene<'a> {
    pub(crate) streets: &'a Streets,
    pub(crate) ego: &'a Ego,
    /// Arc length of the place.
    pub(crate) s: f64,
    /// -1 from the right, +1 from the left.
    pub(crate) side: f64,
    /// Simulation step, s.
    pub(crate) dt: f64,
}

impl Scene<'_> {
    fn index(&self) -> usize {
        usize::from(self.side > 0.0)
    }

    /// Distance from the vehicle's front to `s`, m.
    fn gap(&self, s: f64) -> f64 {
        s - self.ego.s - FRONT_M
    }

    /// Whether somebody in the vehicle's way asks it to brake in an emergency.
    pub(crate) fn emergency(&self, actor: &Actor) -> bool {
        let me = (self.ego.s + 0.5 * FRONT_M, 0.0, FRONT_M);
        let other = (actor.s, actor.d, actor.length, actor.v);
        nearest(std::iter::once(other), me, 1.0)
            .is_some_and(|leader| self.ego.emergency(leader).is_some())
    }

    /// Distance from which somebody who is in the vehicle's lane in `entering_s` seconds, and then
    /// moves along it at `then_mps`, asks for braking in an emergency, m.
    fn reach(&self, entering_s: f64, then_mps: f64) -> f64 {
        let closing = self.ego.v - then_mps;
        closing * closing / (2.0 * ASKED_MPS2) + 1.0 + entering_s * (self.ego.v - 0.5 * then_mps)
    }
}

/// Somebody on foot stands at the kerb; gives who.
pub(crate) fn stand(scene: &Scene, crowd: &mut Crowd, rng: &mut Rng) -> u32 {
    let d = scene.streets.layout.kerb()[scene.index()] + scene.side * 0.4;
    let wish = rng.range(2.6, 3.4);
    let actor = crowd.add(rng, Class::Pedestrian, 0, scene.s, d);
    waits(actor, -scene.side * FRAC_PI_2, wish)
}

/// A cyclist stands on the pavement.
pub(crate) fn mount(scene: &Scene, crowd: &mut Crowd, rng: &mut Rng) -> u32 {
    let d = scene.streets.layout.pavement()[scene.index()] + scene.side * 1.5;
    let wish = rng.range(4.5, 6.0);
    let actor = crowd.add(rng, Class::Cyclist, 0, scene.s, d);
    waits(actor, -scene.side * FRAC_PI_2, wish)
}

/// A car stands in the parking strip on the right, in a gap of its own.
pub(crate) fn park(scene: &Scene, crowd: &mut Crowd, rng: &mut Rng) -> u32 {
    let d = scene.streets.layout.parking()[0];
    crowd.actors.retain(|a| {
        a.road != 0
            || a.behaviour != Behaviour::Still
            || (a.s - scene.s).abs() > 14.0
            || (a.d - d).abs() > 1.5
    });
    let wish = rng.range(8.0, 11.0);
    let actor = crowd.add(rng, Class::Car, 0, scene.s, d);
    waits(actor, 0.0, wish)
}

fn waits(actor: &mut Actor, turn: f64, wish: f64) -> u32 {
    actor.behaviour = Behaviour::Steered;
    (actor.turn, actor.wish) = (turn, wish);
    actor.id
}

/// Whether the vehicle is as near to somebody who waits as they wait for.
pub(crate) fn within_reach(scene: &Scene, crowd: &Crowd, object: u32) -> bool {
    let Some(actor) = crowd.actors.iter().find(|a| a.id == object) else {
        return false;
    };
    let (across, then_mps) = match actor.class {
        Class::Car => (PULL_OUT_MPS, 2.7),
        _ => (actor.wish, 0.0),
    };
    let entering_s = (actor.d.abs() - 2.4).max(0.0) / across;
    let gap = scene.gap(actor.s - 0.5 * actor.length);
    let reach = scene.reach(entering_s, then_mps);
    scene.ego.v - then_mps > 5.0 && (0.85 * reach..reach).contains(&gap)
}

/// A car from behind in the lane to the left, where both lanes leave it room.
pub(crate) fn overtake(scene: &Scene, crowd: &mut Crowd, rng: &mut Rng) -> Option<u32> {
    let ego = scene.ego;
    let room = crowd.actors.iter().all(|a| {
        let ahead = a.s - ego.s;
        let beside = (a.d - LANE_M).abs() < 2.0 && (-45.0..60.0).contains(&ahead);
        let before = a.d.abs() < 2.0 && (0.0..32.0).contains(&ahead);
        a.road != 0 || !(beside || before)
    });
    if !room || ego.v < 6.0 {
        return None;
    }
    let actor = crowd.add(rng, Class::Car, 0, ego.s - 14.0, LANE_M);
    actor.behaviour = Behaviour::Steered;
    actor.v = ego.v + 6.0;
    actor.wish = ego.v + rng.range(1.0, 4.0);
    Some(actor.id)
}

/// Whoever drives ahead within braking distance.
pub(crate) fn leader(scene: &Scene, crowd: &mut Crowd) -> Option<u32> {
    let near = |a: &Actor| {
        a.road == 0
            && a.behaviour == Behaviour::Drive
            && a.direction > 0.0
            && a.d.abs() < 1.2
            && a.v > 7.0
            && (6.0..4.0 + 1.4 * scene.ego.v).contains(&scene.gap(a.s - 0.5 * a.length))
    };
    if scene.ego.v < 7.0 {
        return None;
    }
    let actor = crowd.actors.iter_mut().find(|a| near(a))?;
    actor.behaviour = Behaviour::Steered;
    Some(actor.id)
}

/// An oncoming car at the distance at which it meets the vehicle in the vehicle's lane.
pub(crate) fn oncoming(scene: &Scene, crowd: &mut Crowd) -> Option<u32> {
    if scene.ego.v < 9.0 {
        return None;
    }
    let nearest_d = scene.streets.layout.middle() + 0.5 * LANE_M;
    let actor = crowd.actors.iter_mut().find(|a| {
        let aside_s = (a.d - SWERVE_TO_M) / SWERVE_MPS;
        let out_s = (SWERVE_CLEAR_M - SWERVE_TO_M) / SWERVE_MPS + SWERVE_SPARE_S;
        let meeting = (scene.ego.v - a.v) * (aside_s + 0.1 + out_s);
        let gap = scene.gap(a.s - 0.5 * a.length);
        a.road == 0
            && a.behaviour == Behaviour::Drive
            && a.v < -5.0
            && (a.d - nearest_d).abs() < 1.0
            && (meeting..meeting + 12.0).contains(&gap)
    })?;
    actor.behaviour = Behaviour::Steered;
    Some(actor.id)
}

/// Into the vehicle's lane, and back when it comes near; false when it is back.
pub(crate) fn swerve(scene: &Scene, actor: &mut Actor) -> bool {
    let home = scene.streets.layout.middle() + 0.5 * LANE_M;
    let back_s = (SWERVE_CLEAR_M - actor.d).max(0.0) / SWERVE_MPS + SWERVE_SPARE_S;
    let meets_s = scene.gap(actor.s - 0.5 * actor.length) / (scene.ego.v - actor.v).max(1.0);
    if actor.across > 0.0 || meets_s < back_s {
        actor.across = SWERVE_MPS;
        if actor.d < home {
            return true;
        }
        actor.across = 0.0;
        actor.behaviour = Behaviour::Drive;
        return false;
    }
    actor.across = if actor.d > SWERVE_TO_M {
        -SWERVE_MPS
    } else {
        0.0
    };
    true
}
