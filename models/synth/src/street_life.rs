//! People and vehicles that only some towns have: company, waiting groups, people who stand with
//! their bicycle, rows of cars parked across.

use crate::actor::Actor;
use crate::crowd::Crowd;
use crate::layout::{Layout, Zone};
use crate::rng::Rng;
use crate::town::Plan;
use drafthorse_core::Class;
use std::f64::consts::{FRAC_PI_2, PI};

/// Width of a parking space across, m.
const SPACE_M: f64 = 2.6;

/// The random stream of all this, so that it does not disturb the rest of the traffic.
pub(crate) struct StreetLife {
    rng: Rng,
}

impl StreetLife {
    pub(crate) fn new(rng: Rng) -> Self {
        Self { rng }
    }

    /// Fills a slot of roadside from `from` to `to`.
    pub(crate) fn slot(
        &mut self,
        crowd: &mut Crowd,
        plan: &Plan,
        layout: &Layout,
        [from, to]: [f64; 2],
        side: usize,
    ) {
        let zone = layout.zone(from);
        let people = match zone {
            Zone::Town => 1.0,
            Zone::Suburb => 0.7,
            Zone::Walled | Zone::Rural => 0.3,
        };
        if self.rng.chance(plan.standing * people) {
            self.group(crowd, layout, from, side);
        }
        if self.rng.chance(plan.standing * people) {
            self.with_bicycle(crowd, layout, from, side);
        }
        if layout.lot(side, from, to) {
            self.lot(crowd, layout, [from, to], side);
        }
    }

    /// People who stand together, as at a bus stop.
    fn group(&mut self, crowd: &mut Crowd, layout: &Layout, s: f64, side: usize) {
        let middle = layout.pavement()[side] + self.rng.range(-0.6, 0.6);
        for _ in 0..2 + self.rng.index(3) {
            let (s, d) = (
                s + self.rng.range(0.0, 4.0),
                middle + self.rng.range(-0.7, 0.7),
            );
            let turn = self.rng.range(-PI, PI);
            let rng = &mut self.rng;
            crowd.add(rng, Class::Pedestrian, 0, s, d).turn = turn;
        }
    }

    /// Somebody on a bicycle who has stopped at the kerb.
    fn with_bicycle(&mut self, crowd: &mut Crowd, layout: &Layout, s: f64, side: usize) {
        let sign = [-1.0, 1.0][side];
        let d = layout.kerb()[side] + sign * self.rng.range(0.4, 1.2);
        let turn = [0.0, PI][side] + 0.5 * self.rng.normal();
        let rng = &mut self.rng;
        crowd.add(rng, Class::Cyclist, 0, s, d).turn = turn;
    }

    fn lot(&mut self, crowd: &mut Crowd, layout: &Layout, [from, to]: [f64; 2], side: usize) {
        let sign = [-1.0, 1.0][side];
        let mut s = from + 0.5 * SPACE_M;
        while s < to {
            if self.rng.chance(0.7) {
                let nose_in = if self.rng.chance(0.6) { 0.0 } else { PI };
                let turn = sign * FRAC_PI_2 + nose_in + self.rng.range(-0.05, 0.05);
                let (shift, back) = (self.rng.range(-0.2, 0.2), self.rng.range(0.2, 0.7));
                let rng = &mut self.rng;
                let actor = crowd.add(rng, Class::Car, 0, s + shift, 0.0);
                actor.d = layout.outer()[side] + sign * (back + 0.5 * actor.length);
                actor.turn = turn;
            }
            s += SPACE_M;
        }
    }

    /// Perhaps one or two who walk beside somebody.
    pub(crate) fn company(&mut self, crowd: &mut Crowd, plan: &Plan, first: &Actor) {
        if !self.rng.chance(plan.company) {
            return;
        }
        for i in 0..1 + self.rng.index(2) {
            let (s, d) = (
                first.s + self.rng.range(-0.5, 0.5) - 1.1 * i as f64,
                first.d + self.rng.range(0.55, 0.8),
            );
            let rng = &mut self.rng;
            let other = crowd.add(rng, Class::Pedestrian, first.road, s, d);
            other.goes(first.direction, first.wish);
        }
    }
}
