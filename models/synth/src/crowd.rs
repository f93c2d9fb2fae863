//! All road users near the vehicle, each with an identifier that is never used twice.

use crate::actor::Actor;
use crate::rng::Rng;
use crate::town::Plan;
use drafthorse_core::Class;

/// Road users and the next identifier.
pub(crate) struct Crowd {
    pub(crate) actors: Vec<Actor>,
    next_id: u32,
    /// Shares of vans among cars and of buses among trucks; `None` leaves everybody plain.
    variety: Option<[f64; 2]>,
}

impl Crowd {
    pub(crate) fn new(plan: &Plan, varied: bool) -> Self {
        Self {
            actors: Vec::new(),
            next_id: 1,
            variety: varied.then_some([plan.van_share, plan.bus_share]),
        }
    }

    /// Adds somebody of a class at a place of a road, standing.
    pub(crate) fn add(
        &mut self,
        rng: &mut Rng,
        class: Class,
        road: usize,
        s: f64,
        d: f64,
    ) -> &mut Actor {
        let mut actor = Actor::new(rng, self.next_id, class);
        if let Some([vans, buses]) = self.variety {
            actor.vary(vans, buses);
        }
        self.next_id += 1;
        (actor.road, actor.s, actor.d) = (road, s, d);
        self.actors.push(actor);
        let last = self.actors.len() - 1;
        &mut self.actors[last]
    }
}
