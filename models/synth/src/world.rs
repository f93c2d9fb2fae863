//! The road, what stands beside it, who is on it, and the vehicle: one state that moves in fixed
//! steps, so that what a sensor sees never depends on which other sensors look.

use crate::actor::Placed;
use crate::config::DriveConfig;
use crate::ego::Ego;
use crate::layout::Layout;
use crate::path::{BEHIND_M, Path, Pose2};
use crate::rng::Rng;
use crate::scenery::Scenery;
use crate::traffic::Traffic;

/// Simulation step, s.
const STEP_S: f64 = 0.02;

/// A whole drive's world at one instant.
pub(crate) struct World {
    pub(crate) path: Path,
    pub(crate) layout: Layout,
    pub(crate) scenery: Scenery,
    traffic: Traffic,
    ego: Ego,
    rng: Rng,
    steps: u64,
    rest_s: f64,
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
        let path = Path::generate(&mut stream(1), ahead_m);
        let layout = Layout::generate(&mut stream(2), -BEHIND_M, path.end_m());
        let scenery = Scenery::generate(&mut stream(3), &path, &layout, -BEHIND_M + 10.0);
        let density = config
            .moving_share
            .map_or(1.0, |share| (share * 4.5).clamp(0.0, 3.0));
        let traffic = Traffic::new(stream(4), &layout, &path, density);
        let mut rng = stream(5);
        let ego = Ego::start(&mut rng);
        let mut world = Self {
            path,
            layout,
            scenery,
            traffic,
            ego,
            rng,
            steps: 0,
            rest_s: 0.0,
            placed: Vec::new(),
        };
        world.place();
        world
    }

    /// Moves on to time `t` of the drive, in seconds; time never goes back.
    pub(crate) fn advance_to(&mut self, t: f64) {
        while (self.steps + 1) as f64 * STEP_S <= t + 1e-9 {
            let now = self.steps as f64 * STEP_S;
            let leader = self.traffic.leader_of_ego(&self.ego);
            self.traffic
                .step(&self.layout, &self.path, &self.ego, STEP_S);
            self.ego
                .step(&mut self.rng, &self.path, leader, now, STEP_S);
            self.steps += 1;
        }
        self.rest_s = (t - self.steps as f64 * STEP_S).max(0.0);
        self.place();
    }

    /// Arc lengths of the zebra crossings near the vehicle.
    pub(crate) fn crossings(&self) -> &[f64] {
        self.traffic.crossings()
    }

    fn place(&mut self) {
        let (path, rest_s) = (&self.path, self.rest_s);
        self.placed.clear();
        self.placed
            .extend(self.traffic.actors.iter().map(|a| a.place(path, rest_s)));
    }

    /// The vehicle at the current instant.
    pub(crate) fn ego(&self) -> EgoState {
        let (pose, speed, yaw_rate) = self.ego.motion(&self.path, self.rest_s);
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
