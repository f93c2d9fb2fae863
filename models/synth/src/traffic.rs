//! Everybody else on the vehicle's road: who is there, when they appear, and how each moves in one
//! step.

use crate::actor::{Actor, Behaviour};
use crate::cross_traffic::CrossTraffic;
use crate::crowd::Crowd;
use crate::ego::{Ego, FRONT_M};
use crate::follow::{acceleration, bend_speed};
use crate::incident::{Incident, Script};
use crate::layout::{LANE_M, Layout, Zone};
use crate::path::Path;
use crate::rng::Rng;
use crate::street_life::StreetLife;
use crate::streets::Streets;
use crate::town::Plan;
use crate::yielding::{cross, in_the_way, nearer, nearest, red_light, stoppable, wait_at_light};
use drafthorse_core::Class;
use std::f64::consts::{FRAC_PI_2, PI};

/// Road ahead of the vehicle that is populated, m.
pub(crate) const AHEAD_M: f64 = 225.0;
/// Road behind the vehicle that is populated, m.
pub(crate) const BEHIND_M: f64 = 70.0;

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
    pub(crate) crowd: Crowd,
    plan: Plan,
    lanes: Vec<Lane>,
    rng: Rng,
    /// Multiplies the number of moving road users.
    density: f64,
    /// Road up to here has its parked cars and people.
    furnished: f64,
    next_crossing: f64,
    /// Where people cross, in order.
    crossings: Vec<f64>,
    life: Option<StreetLife>,
    cross: CrossTraffic,
    script: Option<Script>,
}

impl Traffic {
    /// Traffic for a town; `life` and `cross` are the streams of what only some towns have.
    pub(crate) fn new(
        [rng, life, cross]: [Rng; 3],
        streets: &Streets,
        plan: Plan,
        varied: bool,
        density: f64,
    ) -> Self {
        let layout = &streets.layout;
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
            crowd: Crowd::new(&plan, varied),
            life: varied.then(|| StreetLife::new(life)),
            cross: CrossTraffic::new(cross, density),
            plan,
            lanes,
            rng,
            density,
            furnished: -BEHIND_M,
            next_crossing: 70.0,
            crossings: Vec::new(),
            script: None,
        };
        traffic.fill_lanes(&streets.path);
        traffic.furnish(streets, AHEAD_M);
        traffic
            .cross
            .advance(&mut traffic.crowd, &traffic.plan, streets, 0.0);
        traffic
    }

    fn gap(&mut self) -> f64 {
        let [low, high] = self.plan.gap_m;
        (self.rng.range(low, high) / self.density.max(0.05)).max(low)
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
        let truck = self.rng.chance(self.plan.truck_share);
        let class = if truck { Class::Truck } else { Class::Car };
        let lane = &self.lanes[lane];
        let actor = self.crowd.add(&mut self.rng, class, 0, s, 0.0);
        actor.behaviour = Behaviour::Drive;
        actor.d = lane.d + self.rng.range(-0.25, 0.25);
        actor.direction = lane.direction;
        actor.turn = if lane.direction < 0.0 { PI } else { 0.0 };
        let wish = match (truck, lane.overtaking) {
            (true, _) => self.rng.range(12.0, 16.0),
            (false, true) => self.rng.range(16.0, 25.0),
            (false, false) => self.rng.range(14.0, 23.0),
        };
        actor.wish = wish * self.plan.speed;
        let v = actor.wish.min(bend_speed(path, s, lane.direction));
        actor.v = v * lane.direction;
    }

    /// Parked cars and people on the road up to arc length `to`.
    fn furnish(&mut self, streets: &Streets, to: f64) {
        const SLOT_M: f64 = 6.4;
        let layout = &streets.layout;
        while self.furnished < to {
            let s = self.furnished;
            self.furnished += SLOT_M;
            let zone = layout.zone(s);
            let junction = streets.junctions.at(s);
            let (parked, walking, riding) = match zone {
                Zone::Town => (0.5, 0.28, 0.03),
                Zone::Suburb => (0.22, 0.1, 0.03),
                Zone::Walled => (0.1, 0.02, 0.03),
                Zone::Rural => (0.0, 0.0, 0.03),
            };
            let parked = parked * self.plan.parked;
            let (walking, riding) = (walking * self.plan.walking, riding * self.plan.riding);
            for side in 0..2 {
                let crossing = (s - self.next_crossing).abs() < 12.0 && zone == Zone::Town;
                let walled = zone == Zone::Walled && side == 0;
                if self.rng.chance(parked) && !crossing && !walled && !junction {
                    self.park(layout, s, side);
                }
                if self.rng.chance((walking * self.density).min(0.6)) {
                    self.walk(layout, s, side);
                }
                if self.rng.chance(riding * self.density) {
                    self.ride(layout, s, side);
                }
                if let Some(life) = &mut self.life
                    && !junction
                {
                    life.slot(&mut self.crowd, &self.plan, layout, [s, s + SLOT_M], side);
                }
            }
            if s > self.next_crossing {
                self.next_crossing = s + self.rng.range(55.0, 110.0);
                if matches!(zone, Zone::Town | Zone::Suburb) && self.density > 0.0 && !junction {
                    self.wait_to_cross(layout, s);
                }
            }
        }
    }

    fn park(&mut self, layout: &Layout, s: f64, side: usize) {
        let (shift, turn) = (self.rng.range(-0.5, 0.5), self.rng.range(-0.04, 0.04));
        let d = layout.parking()[side] + self.rng.range(-0.12, 0.12);
        let class = if self.rng.chance(0.05) {
            Class::Truck
        } else {
            Class::Car
        };
        let actor = self.crowd.add(&mut self.rng, class, 0, s + shift, d);
        actor.length = actor.length.min(6.0);
        actor.turn = turn + [0.0, PI][side];
    }

    fn walk(&mut self, layout: &Layout, s: f64, side: usize) {
        let d = layout.pavement()[side] + self.rng.range(-0.9, 0.9);
        let direction = if self.rng.chance(0.5) { 1.0 } else { -1.0 };
        let wish = self.rng.range(0.9, 1.8);
        let stands = self.rng.chance(0.2);
        let shift = self.rng.range(0.0, 6.0);
        let turn = self.rng.range(-3.0, 3.0);
        let rng = &mut self.rng;
        let actor = self.crowd.add(rng, Class::Pedestrian, 0, s + shift, d);
        if stands {
            actor.turn = turn;
        } else {
            actor.goes(direction, wish);
            if let Some(life) = &mut self.life {
                let first = *actor;
                life.company(&mut self.crowd, &self.plan, &first);
            }
        }
    }

    fn ride(&mut self, layout: &Layout, s: f64, side: usize) {
        let d = layout.cycle()[side] + self.rng.range(-0.2, 0.2);
        let direction = [1.0, -1.0][side];
        let wish = self.rng.range(3.5, 7.5);
        let actor = self.crowd.add(&mut self.rng, Class::Cyclist, 0, s, d);
        actor.goes(direction, wish);
    }

    fn wait_to_cross(&mut self, layout: &Layout, s: f64) {
        self.crossings.push(s);
        let side = self.rng.index(2);
        let kerb = layout.kerb();
        let wish = self.rng.range(1.3, 2.1);
        let sign = [-1.0, 1.0][side];
        let rng = &mut self.rng;
        let actor = self
            .crowd
            .add(rng, Class::Pedestrian, 0, s, kerb[side] + sign * 0.5);
        actor.turn = -sign * FRAC_PI_2;
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

    /// Has incidents staged from now on.
    pub(crate) fn follow(&mut self, script: Script) {
        self.script = Some(script);
    }

    /// Incidents that have come to their head so far.
    pub(crate) fn incidents(&self) -> &[Incident] {
        self.script.as_ref().map_or(&[], |s| &s.happened)
    }

    /// Advances everybody by `dt` from time `t`.
    pub(crate) fn step(&mut self, streets: &Streets, ego: &Ego, t: f64, dt: f64) {
        if let Some(script) = &mut self.script {
            script.step(&mut self.crowd, streets, ego, t, dt);
        }
        for i in 0..self.crowd.actors.len() {
            let mut actor = self.crowd.actors[i];
            let line = streets.line(actor.road);
            match actor.behaviour {
                Behaviour::Drive => {
                    let wish = actor.wish.min(bend_speed(line, actor.s, actor.direction));
                    let light = red_light(streets, &actor, t);
                    let leader = nearer(self.leader(&actor, ego), light);
                    let speed = actor.v.abs();
                    let speed = (speed + acceleration(speed, wish, leader) * dt).max(0.0);
                    actor.v = speed * actor.direction;
                }
                Behaviour::Cross { started, target_d } => cross(&mut actor, started, target_d, ego),
                Behaviour::Along => wait_at_light(streets, &mut actor, t),
                Behaviour::Still | Behaviour::Steered => {}
            }
            let stretch = (1.0 - line.curvature(actor.s) * actor.d).max(0.3);
            actor.s += actor.v * dt / stretch;
            actor.d += actor.across * dt;
            self.crowd.actors[i] = actor;
        }
        let near = ego.s - BEHIND_M - 25.0..ego.s + AHEAD_M + 25.0;
        self.crowd.actors.retain(|a| {
            near.contains(&streets.along(a.road, a.s)) && streets.junctions.reach(a.road, a.s)
        });
        self.crossings.retain(|s| *s > ego.s - 20.0);
        self.furnish(streets, (ego.s + AHEAD_M).min(streets.path.end_m() - 30.0));
        if self.density > 0.0 {
            self.replenish(&streets.path, ego);
        }
        self.cross
            .advance(&mut self.crowd, &self.plan, streets, ego.s);
    }

    /// New traffic at the ends of the populated road.
    fn replenish(&mut self, path: &Path, ego: &Ego) {
        for lane in 0..self.lanes.len() {
            let (d, gap) = (self.lanes[lane].d, self.lanes[lane].gap);
            for s in [ego.s + AHEAD_M, ego.s - BEHIND_M] {
                let wanted = s > ego.s || self.lanes[lane].overtaking;
                let free = self.crowd.actors.iter().all(|a| {
                    a.road != 0
                        || a.behaviour != Behaviour::Drive
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

    /// Those of a road whom others must not run into: arc length, offset, length and speed.
    fn in_the_way(&self, road: usize, me: u32) -> impl Iterator<Item = (f64, f64, f64, f64)> {
        self.crowd
            .actors
            .iter()
            .filter(move |a| a.road == road && a.id != me && in_the_way(a))
            .map(|a| (a.s, a.d, a.length, a.v))
    }

    /// Gap and speed of whoever is next in front of `actor` in its lane.
    fn leader(&self, actor: &Actor, ego: &Ego) -> Option<(f64, f64)> {
        let from_ego = (ego.s + 0.5 * (FRONT_M - 0.95), 0.0, 4.7, ego.v);
        let ego = (actor.road == 0).then_some(from_ego);
        nearest(
            self.in_the_way(actor.road, actor.id).chain(ego),
            (actor.s, actor.d, actor.length),
            actor.direction,
        )
    }

    /// Gap and speed of whoever or whatever is next in front of the vehicle at time `t`.
    pub(crate) fn leader_of_ego(&self, streets: &Streets, ego: &Ego, t: f64) -> Option<(f64, f64)> {
        let front = ego.s + FRONT_M;
        let light = streets.junctions.red_ahead(0, front, 1.0, 0.0, t);
        nearer(
            nearest(
                self.in_the_way(0, 0),
                (ego.s + 0.5 * FRONT_M, 0.0, FRONT_M),
                1.0,
            ),
            light.and_then(|gap| stoppable(gap, ego.v)),
        )
    }
}
