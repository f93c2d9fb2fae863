//! Who gives way to whom: the next in front, red lights, people at crossings.

use crate::actor::{Actor, Behaviour};
use crate::ego::{Ego, FRONT_M};
use crate::streets::Streets;
use drafthorse_core::Class;

/// Hardest braking with which a driver stops at a light that has just turned, m/s².
const LIGHT_BRAKING_MPS2: f64 = 4.0;

pub(crate) fn in_the_way(actor: &Actor) -> bool {
    match actor.behaviour {
        Behaviour::Drive | Behaviour::Steered => true,
        Behaviour::Cross { started, .. } => started,
        _ => false,
    }
}

pub(crate) fn nearer(a: Option<(f64, f64)>, b: Option<(f64, f64)>) -> Option<(f64, f64)> {
    a.into_iter().chain(b).min_by(|a, b| a.0.total_cmp(&b.0))
}

/// A stop line as a leader that stands, where one can still stop at it.
pub(crate) fn stoppable(gap: f64, speed: f64) -> Option<(f64, f64)> {
    (speed * speed < 2.0 * LIGHT_BRAKING_MPS2 * gap).then_some((gap + 1.5, 0.0))
}

pub(crate) fn red_light(streets: &Streets, actor: &Actor, t: f64) -> Option<(f64, f64)> {
    let front = actor.s + 0.5 * actor.direction * actor.length;
    let lights = &streets.junctions;
    let gap = lights.red_ahead(actor.road, front, actor.direction, 0.0, t)?;
    stoppable(gap, actor.v.abs())
}

/// Cyclists and people on foot stop at a light that does not leave them time to get across.
pub(crate) fn wait_at_light(streets: &Streets, actor: &mut Actor, t: f64) {
    if streets.junctions.all.is_empty() || actor.across != 0.0 {
        return;
    }
    let needed_s = if actor.class == Class::Cyclist {
        2.0
    } else {
        8.5
    };
    let lights = &streets.junctions;
    let gap = lights.red_ahead(actor.road, actor.s, actor.direction, needed_s, t);
    // Those who wait do so one behind the other.
    let row = f64::from(actor.id % 4) * (actor.length + 0.3);
    actor.v = match gap {
        Some(gap) if gap < 1.5 + row => 0.0,
        _ => actor.wish * actor.direction,
    };
}

/// The nearest of `(s, d, length, v)` ahead in the lane of `me = (s, d, length)`.
pub(crate) fn nearest(
    others: impl Iterator<Item = (f64, f64, f64, f64)>,
    me: (f64, f64, f64),
    direction: f64,
) -> Option<(f64, f64)> {
    others
        .filter(|o| (o.1 - me.1).abs() < 2.4)
        .map(|o| ((o.0 - me.0) * direction, o.2, o.3 * direction))
        .filter(|o| o.0 > 0.5)
        .map(|(ahead, length, v)| (ahead - 0.5 * (length + me.2), v.max(0.0)))
        .min_by(|a, b| a.0.total_cmp(&b.0))
}

/// Starts a waiting pedestrian when the vehicle is at a distance at which it can still brake with
/// ease, and stops one that has arrived.
pub(crate) fn cross(actor: &mut Actor, started: bool, target_d: f64, ego: &Ego) {
    let towards = (target_d - actor.d).signum();
    if started {
        if (target_d - actor.d).abs() < 0.1 {
            actor.behaviour = Behaviour::Along;
            (actor.across, actor.v) = (0.0, actor.wish * actor.direction);
        }
        return;
    }
    let gap = actor.s - ego.s - FRONT_M;
    let near = if towards > 0.0 { 78.0 } else { 125.0 };
    if (near - 22.0..near).contains(&gap) {
        actor.across = towards * actor.wish;
        actor.behaviour = Behaviour::Cross {
            started: true,
            target_d,
        };
    }
}
