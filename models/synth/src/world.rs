//! The road, what stands beside it, who is on it, and the vehicle: one state that moves in fixed
//! steps, so that what a sensor sees never depends on which other sensors look.

use crate::actor::Placed;
use crate::config::DriveConfig;
use crate::disturbance::Disturbances;
use crate::ego::Ego;
use crate::incident::{Incident, Script};
use crate::path::{BEHIND_M, Pose2};
use crate::rng::Rng;
use crate::scenery::Scenery;
use crate::side_scenery::beside_junctions;
use crate::streets::Streets;
use crate::town::Town;
use crate::traffic::Traffic;

/// Simulation step, s.
const STEP_S: f64 = 0.02;

/// A whole drive's world at one instant.
pub(crate) struct World {
    pub(crate) streets: Streets,
    pub(crate) scenery: Scenery,
    traffic: Traffic,
    ego: Ego,
    rng: Rng,
    steps: u64,
    rest_s: f64,
    disturbances: Disturbances,
    /// Everybody near the vehicle at the current instant.
    pub(crate) placed: Vec<Placed>,
}

/// The vehicle at one instant.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EgoState {
    pub(crate) s: f64,
    pub(crate) pose: Pose2,
    pub(crate) speed: f64,
    pub(crate) yaw_rate: f64,
}

impl World {
    pub(crate) fn new(config: &DriveConfig) -> Self {
        let stream = |name| Rng::new(config.seed, name);
        let ahead_m = config.length_s() * 25.0 + 420.0;
        let plan = config.town.plan();
        let varied = config.town != Town::Sample;
        let streets = Streets::generate(stream, &plan, ahead_m);
        let mut scenery = Scenery::generate(
            &mut stream(3),
            &streets.path,
            &streets.layout,
            -BEHIND_M + 10.0,
        );
        if varied {
            beside_junctions(&mut stream(10), &mut scenery, &streets, plan.furniture);
        }
        // No two days are equally busy.
        let busy = if varied {
            stream(9).range(0.7, 1.5)
        } else {
            1.0
        };
        let density = config
            .moving_share
            .map_or(busy, |share| (share * 4.5).clamp(0.0, 3.0));
        let mut rng = stream(5);
        let mut ego = Ego::start(&mut rng, plan.speed);
        ego.alert = config.incidents > 0;
        let streams = [stream(4), stream(8), stream(11)];
        let mut traffic = Traffic::new(streams, &streets, plan, varied, density);
        if config.incidents > 0 {
            let most = config.incidents as usize;
            traffic.follow(Script::new(stream(14), most, &streets, ahead_m - 420.0));
        }
        let disturbances = if config.disturbed {
            Disturbances::new(&mut stream(15), config.length_s())
        } else {
            Disturbances::default()
        };
        let mut world = Self {
            streets,
            scenery,
            traffic,
            ego,
            rng,
            steps: 0,
            rest_s: 0.0,
            disturbances,
            placed: Vec::new(),
        };
        world.place();
        world
    }

    /// Moves on to time `t` of the drive, in seconds; time never goes back.
    pub(crate) fn advance_to(&mut self, t: f64) {
        while (self.steps + 1) as f64 * STEP_S <= t + 1e-9 {
            let now = self.steps as f64 * STEP_S;
            let leader = self.traffic.leader_of_ego(&self.streets, &self.ego, now);
            self.traffic.step(&self.streets, &self.ego, now, STEP_S);
            self.ego
                .step(&mut self.rng, &self.streets.path, leader, now, STEP_S);
            self.steps += 1;
        }
        self.rest_s = (t - self.steps as f64 * STEP_S).max(0.0);
        self.place();
    }

    /// Arc lengths of the zebra crossings near the vehicle.
    pub(crate) fn crossings(&self) -> &[f64] {
        self.traffic.crossings()
    }

    /// Incidents that have come to their head so far.
    pub(crate) fn incidents(&self) -> &[Incident] {
        self.traffic.incidents()
    }

    /// Whether the sensors are disturbed now.
    pub(crate) fn disturbed(&self) -> bool {
        self.disturbances.at(self.time_s())
    }

    fn place(&mut self) {
        let (streets, rest_s) = (&self.streets, self.rest_s);
        let actors = self.traffic.crowd.actors.iter();
        self.placed.clear();
        self.placed
            .extend(actors.map(|a| a.place(streets.line(a.road), rest_s)));
    }

    /// The vehicle at the current instant.
    pub(crate) fn ego(&self) -> EgoState {
        let (pose, speed, yaw_rate) = self.ego.motion(&self.streets.path, self.rest_s);
        EgoState {
            s: self.ego.after(self.rest_s).0,
            pose,
            speed,
            yaw_rate,
        }
    }

    /// Seconds since the drive began.
    pub(crate) fn time_s(&self) -> f64 {
        self.steps as f64 * STEP_S + self.rest_s
    }
}
