//! Everybody else on the road: who is there, when they appear, and how each moves in one step.

use crate::actor::{Actor, Behaviour};
use crate::ego::{Ego, FRONT_M};
use crate::follow::{acceleration, bend_speed};
use crate::layout::{LANE_M, Layout, Zone};
use crate::path::Path;
use crate::rng::Rng;
use drafthorse_core::Class;

/// Road ahead of the vehicle that is populated, m.
const AHEAD_M: f64 = 225.0;
/// Road behind the vehicle that is populated, m.
const BEHIND_M: f64 = 70.0;

struct Lane {
    d: f64,
    direction: f64,
    /// Distance to keep free before the next one appears.
    gap: f64,
    /// Whether faster traffic comes from behind.
    overtaking: bool,
}

/// All road users near the vehicle.
pub(crate) struct Traffic {
    pub(crate) actors: Vec<Actor>,
    lanes: Vec<Lane>,
    rng: Rng,
    next_id: u32,
    /// Multiplies the number of moving road users.
    density: f64,
    /// Road up to here has its parked cars and people.
    furnished: f64,
    next_crossing: f64,
    /// Where people cross, in order.
    crossings: Vec<f64>,
}

impl Traffic {
    pub(crate) fn new(rng: Rng, layout: &Layout, path: &Path, density: f64) -> Self {
        let lanes = (0..layout.same)
            .map(|i| (LANE_M * i as f64, 1.0, i > 0))
            .chain(
                (0..layout.oncoming)
                    .map(|i| (layout.middle() + LANE_M * (i as f64 + 0.5), -1.0, false)),
            )
            .map(|(d, direction, overtaking)| Lane {
                d,
                direction,
                gap: 20.0,
                overtaking,
            })
            .collect();
        let mut traffic = Self {
            actors: Vec::new(),
            lanes,
            rng,
            next_id: 1,
            density,
            furnished: -BEHIND_M,
            next_crossing: 70.0,
            crossings: Vec::new(),
        };
        traffic.fill_lanes(path);
        traffic.furnish(layout, AHEAD_M);
        traffic
    }

    fn gap(&mut self) -> f64 {
        (self.rng.range(14.0, 75.0) / self.density.max(0.05)).max(14.0)
    }

    fn fill_lanes(&mut self, path: &Path) {
        if self.density <= 0.0 {
            return;
        }
        for lane in 0..self.lanes.len() {
            let mut s = -BEHIND_M + self.rng.range(0.0, 20.0);
            while s < AHEAD_M {
                let clear_of_ego = lane > 0 || !(-25.0..28.0).contains(&s);
                if clear_of_ego {
                    self.appear(lane, s, path);
                }
                s += self.gap();
            }
            self.lanes[lane].gap = self.gap();
        }
    }

    fn appear(&mut self, lane: usize, s: f64, path: &Path) {
        let truck = self.rng.chance(0.16);
        let class = if truck { Class::Truck } else { Class::Car };
        let mut actor = Actor::new(&mut self.rng, self.next_id, class);
        self.next_id += 1;
        let lane = &self.lanes[lane];
        actor.behaviour = Behaviour::Drive;
        actor.s = s;
        actor.d = lane.d + self.rng.range(-0.25, 0.25);
        actor.direction = lane.direction;
        actor.wish = match (truck, lane.overtaking) {
            (true, _) => self.rng.range(12.0, 16.0),
            (false, true) => self.rng.range(16.0, 25.0),
            (false, false) => self.rng.range(14.0, 23.0),
        };
        let v = actor.wish.min(bend_speed(path, s, lane.direction));
        actor.v = v * lane.direction;
        self.actors.push(actor);
    }

    /// Parked cars and people on the road up to arc length `to`.
    fn furnish(&mut self, layout: &Layout, to: f64) {
        const SLOT_M: f64 = 6.4;
        while self.furnished < to {
            let s = self.furnished;
            self.furnished += SLOT_M;
            let zone = layout.zone(s);
            let (parked, walking, riding) = match zone {
                Zone::Town => (0.5, 0.28, 0.03),
                Zone::Suburb => (0.22, 0.1, 0.03),
                Zone::Walled => (0.1, 0.02, 0.03),
                Zone::Rural => (0.0, 0.0, 0.03),
            };
            for side in 0..2 {
                let crossing = (s - self.next_crossing).abs() < 12.0 && zone == Zone::Town;
                if self.rng.chance(parked) && !crossing && !(zone == Zone::Walled && side == 0) {
                    self.park(layout, s, side);
                }
                if self.rng.chance((walking * self.density).min(0.6)) {
                    self.walk(layout, s, side);
                }
                if self.rng.chance(riding * self.density) {
                    self.ride(layout, s, side);
                }
            }
            if s > self.next_crossing {
                self.next_crossing = s + self.rng.range(55.0, 110.0);
                if matches!(zone, Zone::Town | Zone::Suburb) && self.density > 0.0 {
                    self.wait_to_cross(layout, s);
                }
            }
        }
    }

    fn add(&mut self, class: Class, s: f64, d: f64) -> &mut Actor {
        let mut actor = Actor::new(&mut self.rng, self.next_id, class);
        self.next_id += 1;
        (actor.s, actor.d) = (s, d);
        self.actors.push(actor);
        let last = self.actors.len() - 1;
        &mut self.actors[last]
    }

    fn park(&mut self, layout: &Layout, s: f64, side: usize) {
        let (shift, turn) = (self.rng.range(-0.5, 0.5), self.rng.range(-0.04, 0.04));
        let d = layout.parking()[side] + self.rng.range(-0.12, 0.12);
        let class = if self.rng.chance(0.05) {
            Class::Truck
        } else {
            Class::Car
        };
        let actor = self.add(class, s + shift, d);
        actor.length = actor.length.min(6.0);
        actor.turn = turn + [0.0, std::f64::consts::PI][side];
    }

    fn walk(&mut self, layout: &Layout, s: f64, side: usize) {
        let d = layout.pavement()[side] + self.rng.range(-0.9, 0.9);
        let direction = if self.rng.chance(0.5) { 1.0 } else { -1.0 };
        let wish = self.rng.range(0.9, 1.8);
        let stands = self.rng.chance(0.2);
        let shift = self.rng.range(0.0, 6.0);
        let turn = self.rng.range(-3.0, 3.0);
        let actor = self.add(Class::Pedestrian, s + shift, d);
        if stands {
            actor.turn = turn;
        } else {
            actor.behaviour = Behaviour::Along;
            (actor.direction, actor.wish, actor.v) = (direction, wish, wish * direction);
        }
    }

    fn ride(&mut self, layout: &Layout, s: f64, side: usize) {
        let d = layout.cycle()[side] + self.rng.range(-0.2, 0.2);
        let direction = [1.0, -1.0][side];
        let wish = self.rng.range(3.5, 7.5);
        let actor = self.add(Class::Cyclist, s, d);
        actor.behaviour = Behaviour::Along;
        (actor.direction, actor.wish, actor.v) = (direction, wish, wish * direction);
    }

    fn wait_to_cross(&mut self, layout: &Layout, s: f64) {
        self.crossings.push(s);
        let side = self.rng.index(2);
        let kerb = layout.kerb();
        let wish = self.rng.range(1.3, 2.1);
        let sign = [-1.0, 1.0][side];
        let actor = self.add(Class::Pedestrian, s, kerb[side] + sign * 0.5);
        actor.turn = -sign * std::f64::consts::FRAC_PI_2;
        actor.wish = wish;
        actor.behaviour = Behaviour::Cross {
            started: false,
            target_d: kerb[1 - side] - sign * 1.2,
        };
    }

    /// Zebra crossings near the vehicle.
    pub(crate) fn crossings(&self) -> &[f64] {
        &self.crossings
    }

    /// Advances everybody by `dt`.
    pub(crate) fn step(&mut self, layout: &Layout, path: &Path, ego: &Ego, dt: f64) {
        for i in 0..self.actors.len() {
            let mut actor = self.actors[i];
            match actor.behaviour {
                Behaviour::Drive => {
                    let wish = actor.wish.min(bend_speed(path, actor.s, actor.direction));
                    let leader = self.leader(&actor, ego);
                    let speed = actor.v.abs();
                    let speed = (speed + acceleration(speed, wish, leader) * dt).max(0.0);
                    actor.v = speed * actor.direction;
                }
                Behaviour::Cross { started, target_d } => cross(&mut actor, started, target_d, ego),
                Behaviour::Along | Behaviour::Still => {}
            }
            let stretch = (1.0 - path.curvature(actor.s) * actor.d).max(0.3);
            actor.s += actor.v * dt / stretch;
            actor.d += actor.across * dt;
            self.actors[i] = actor;
        }
        self.actors
            .retain(|a| (ego.s - BEHIND_M - 25.0..ego.s + AHEAD_M + 25.0).contains(&a.s));
        self.crossings.retain(|s| *s > ego.s - 20.0);
        self.furnish(layout, (ego.s + AHEAD_M).min(path.end_m() - 30.0));
        if self.density > 0.0 {
            self.replenish(path, ego);
        }
    }

    /// New traffic at the ends of the populated road.
    fn replenish(&mut self, path: &Path, ego: &Ego) {
        for lane in 0..self.lanes.len() {
            let (d, gap) = (self.lanes[lane].d, self.lanes[lane].gap);
            for s in [ego.s + AHEAD_M, ego.s - BEHIND_M] {
                let wanted = s > ego.s || self.lanes[lane].overtaking;
                let free = self.actors.iter().all(|a| {
                    a.behaviour != Behaviour::Drive
                        || (a.d - d).abs() > 1.0
                        || (a.s - s).abs() > gap
                });
                if wanted && free {
                    self.appear(lane, s, path);
                    self.lanes[lane].gap = self.gap();
                }
            }
        }
    }

    /// Gap and speed of whoever is next in front of `actor` in its lane.
    fn leader(&self, actor: &Actor, ego: &Ego) -> Option<(f64, f64)> {
        let from_ego = (ego.s + 0.5 * (FRONT_M - 0.95), 0.0, 4.7, ego.v);
        let others = self
            .actors
            .iter()
            .filter(|a| a.id != actor.id && in_the_way(a))
            .map(|a| (a.s, a.d, a.length, a.v));
        nearest(
            others.chain(std::iter::once(from_ego)),
            (actor.s, actor.d, actor.length),
            actor.direction,
        )
    }

    /// Gap and speed of whoever is next in front of the vehicle.
    pub(crate) fn leader_of_ego(&self, ego: &Ego) -> Option<(f64, f64)> {
        let others = self
            .actors
            .iter()
            .filter(|a| in_the_way(a))
            .map(|a| (a.s, a.d, a.length, a.v));
        nearest(others, (ego.s + 0.5 * FRONT_M, 0.0, FRONT_M), 1.0)
    }
}

fn in_the_way(actor: &Actor) -> bool {
    match actor.behaviour {
        Behaviour::Drive => true,
        Behaviour::Cross { started, .. } => started,
        _ => false,
    }
}

/// The nearest of `(s, d, length, v)` ahead in the lane of `me = (s, d, length)`.
fn nearest(
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
fn cross(actor: &mut Actor, started: bool, target_d: f64, ego: &Ego) {
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
