//! Who is on the side streets: traffic that crosses, parked cars, cyclists, people on foot.

use crate::actor::Behaviour;
use crate::crowd::Crowd;
use crate::junctions::{Junction, SIDE_EDGE_M, SIDE_LANE_M, SIDE_OUTER_M, SIDE_PARKED_M};
use crate::rng::Rng;
use crate::streets::Streets;
use crate::town::Plan;
use crate::traffic::AHEAD_M;
use drafthorse_core::Class;
use std::f64::consts::PI;

/// Part of a side street near the vehicle's road that is kept free of parked cars, m.
const CORNER_M: f64 = 8.0;

/// Traffic of the side streets.
pub(crate) struct CrossTraffic {
    rng: Rng,
    density: f64,
    /// Junctions that have been populated.
    open: usize,
    /// For each open junction and direction, the distance to keep free before the next vehicle.
    gaps: Vec<[f64; 2]>,
}

impl CrossTraffic {
    pub(crate) fn new(rng: Rng, density: f64) -> Self {
        Self {
            rng,
            density,
            open: 0,
            gaps: Vec::new(),
        }
    }

    /// Populates side streets that come near, and sends more vehicles into those that are.
    pub(crate) fn advance(
        &mut self,
        crowd: &mut Crowd,
        plan: &Plan,
        streets: &Streets,
        ego_s: f64,
    ) {
        let junctions = &streets.junctions.all;
        while let Some(junction) = junctions.get(self.open)
            && junction.s < ego_s + AHEAD_M
        {
            self.open += 1;
            self.gaps.push([0.0; 2]);
            self.populate(crowd, plan, streets, junction, self.open);
        }
        for road in 1..=self.open {
            let junction = &junctions[road - 1];
            if junction.is_crossing() && junction.s > ego_s - 30.0 && self.density > 0.0 {
                self.replenish(crowd, plan, junction, road);
            }
        }
    }

    fn gap(&mut self, plan: &Plan) -> f64 {
        let [low, high] = plan.gap_m;
        (self.rng.range(low, 1.2 * high) / self.density.max(0.05)).max(low)
    }

    fn vehicle(&mut self, crowd: &mut Crowd, plan: &Plan, road: usize, s: f64, direction: f64) {
        let truck = self.rng.chance(0.7 * plan.truck_share);
        let class = if truck { Class::Truck } else { Class::Car };
        let d = -direction * SIDE_LANE_M + self.rng.range(-0.2, 0.2);
        let wish = self.rng.range(8.0, 13.0);
        let actor = crowd.add(&mut self.rng, class, road, s, d);
        actor.behaviour = Behaviour::Drive;
        (actor.direction, actor.wish, actor.v) = (direction, wish, wish * direction);
        actor.turn = if direction < 0.0 { PI } else { 0.0 };
    }

    fn populate(
        &mut self,
        crowd: &mut Crowd,
        plan: &Plan,
        streets: &Streets,
        junction: &Junction,
        road: usize,
    ) {
        if junction.is_crossing() && self.density > 0.0 {
            for direction in [1.0, -1.0] {
                let end = junction.arms[usize::from(direction < 0.0)];
                let inner = streets.layout.outer()[usize::from(direction < 0.0)].abs();
                let mut s = self.gap(plan);
                while s < end - inner - 12.0 {
                    self.vehicle(crowd, plan, road, direction * (s - end), direction);
                    s += self.gap(plan);
                }
            }
        }
        for arm in 0..2 {
            let sign = [-1.0, 1.0][arm];
            let mut t = streets.layout.outer()[arm].abs() + CORNER_M;
            while t < junction.arms[arm] {
                for side in [-1.0, 1.0] {
                    self.slot(crowd, plan, road, sign * t, side);
                }
                t += 6.4;
            }
        }
    }

    /// One slot of a side street's roadside.
    fn slot(&mut self, crowd: &mut Crowd, plan: &Plan, road: usize, s: f64, side: f64) {
        let along = if side < 0.0 { 0.0 } else { PI };
        if self.rng.chance(0.4 * plan.parked) {
            let d = side * (0.5 * (SIDE_EDGE_M + SIDE_PARKED_M) + self.rng.range(-0.15, 0.15));
            let turn = along + self.rng.range(-0.05, 0.05);
            let actor = crowd.add(&mut self.rng, Class::Car, road, s, d);
            actor.turn = turn;
        }
        if self
            .rng
            .chance((0.16 * plan.walking * self.density).min(0.5))
        {
            let d = side * (SIDE_PARKED_M + self.rng.range(0.5, SIDE_OUTER_M - SIDE_PARKED_M));
            let direction = if self.rng.chance(0.5) { 1.0 } else { -1.0 };
            let (wish, stands) = (self.rng.range(0.9, 1.8), self.rng.chance(0.3));
            let turn = self.rng.range(-PI, PI);
            let actor = crowd.add(&mut self.rng, Class::Pedestrian, road, s, d);
            if stands {
                actor.turn = turn;
            } else {
                actor.goes(direction, wish);
            }
        }
        if self.rng.chance(0.03 * plan.riding * self.density) {
            let d = side * (SIDE_EDGE_M - 0.6);
            let wish = self.rng.range(3.0, 7.0);
            let actor = crowd.add(&mut self.rng, Class::Cyclist, road, s, d);
            actor.goes(-side, wish);
        }
    }

    /// New vehicles at the ends of a side street.
    fn replenish(&mut self, crowd: &mut Crowd, plan: &Plan, junction: &Junction, road: usize) {
        for (i, direction) in [1.0, -1.0].into_iter().enumerate() {
            let entry = -direction * junction.arms[i];
            let gap = self.gaps[road - 1][i];
            let free = crowd.actors.iter().all(|a| {
                a.road != road
                    || a.behaviour != Behaviour::Drive
                    || a.direction != direction
                    || (a.s - entry).abs() > gap
            });
            if free {
                self.vehicle(crowd, plan, road, entry, direction);
                self.gaps[road - 1][i] = self.gap(plan);
            }
        }
    }
}
