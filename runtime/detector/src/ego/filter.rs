//! The motion over time: a Kalman filter on speed, acceleration and yaw rate that decides whether
//! to believe a scan.

use super::instantaneous::{Instant, Instants, Prior};
use crate::config::EgoConfig;
use drafthorse_core::EgoMotion;
use nalgebra::{Matrix2, Matrix2x3, Matrix3, Vector2, Vector3};
use serde::{Deserialize, Serialize};

/// Gate of two degrees of freedom, beyond which an observation is doubted (one in 20,000).
const GATE: f64 = 20.0;
/// Doubted observations in a row after which the filter starts anew from them.
const DOUBTS: u32 = 5;
/// Scans in a row a far motion must have twice the support of the near one to replace it.
const CHALLENGES: u32 = 10;

/// What the filter made of a scan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Observation {
    pub(crate) observed: bool,
    pub(crate) inliers: u32,
    /// Vertical velocity of the sensor to be used with the motion, m/s.
    pub(crate) lift_mps: f64,
}

/// Speed, acceleration and yaw rate with their covariance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EgoFilter {
    started: bool,
    standing: bool,
    captured_ns: u64,
    observed_ns: u64,
    state: Vector3<f64>,
    covariance: Matrix3<f64>,
    doubts: u32,
    challenges: u32,
}

impl Default for EgoFilter {
    fn default() -> Self {
        Self {
            started: false,
            standing: false,
            captured_ns: 0,
            observed_ns: 0,
            state: Vector3::zeros(),
            covariance: Matrix3::from_diagonal(&Vector3::new(400.0, 9.0, 0.25)),
            doubts: 0,
            challenges: 0,
        }
    }
}

impl EgoFilter {
    /// Carries the motion on to that time and gives the seconds that passed (0 where the stamp
    /// does not advance).
    pub(crate) fn predict(&mut self, config: &EgoConfig, captured_ns: u64) -> f64 {
        let dt = seconds(captured_ns, self.captured_ns);
        if !self.started || dt <= 0.0 {
            // A stamp far in the past is a clock that was set: follow it. A slightly late radar
            // is not.
            if !self.started || dt < -config.carry_s {
                self.captured_ns = captured_ns;
                self.observed_ns = self.observed_ns.min(captured_ns);
            }
            return 0.0;
        }
        self.captured_ns = captured_ns;
        let step = dt.min(10.0);
        // Acceleration fades over about two seconds.
        let fade = libm::exp(-step / 2.0);
        let transition = Matrix3::new(1.0, step, 0.0, 0.0, fade, 0.0, 0.0, 0.0, 1.0);
        if self.standing {
            self.state = Vector3::zeros();
        }
        self.state = transition * self.state;
        let jerk = config.acceleration_noise * config.acceleration_noise;
        let turn = config.yaw_rate_noise * config.yaw_rate_noise;
        let mut noise = Matrix3::zeros();
        noise[(0, 0)] = jerk * step * step * step / 3.0;
        noise[(0, 1)] = jerk * step * step / 2.0;
        noise[(1, 0)] = noise[(0, 1)];
        noise[(1, 1)] = jerk * step;
        noise[(2, 2)] = turn * step;
        self.covariance = transition * self.covariance * transition.transpose() + noise;
        dt
    }

    /// The motion near which a scan is searched: the external speed where there is one, else the
    /// prediction while it is fresh.
    pub(crate) fn prior(&self, config: &EgoConfig, external_mps: Option<f64>) -> Option<Prior> {
        let fresh = self.started && seconds(self.captured_ns, self.observed_ns) <= config.carry_s;
        if let Some(speed) = external_mps {
            let turn_std = if fresh {
                self.covariance[(2, 2)].sqrt() + 0.05
            } else {
                0.3
            };
            return Some(Prior {
                speed_mps: speed,
                speed_std_mps: external_std(config, speed),
                yaw_rate_radps: if fresh { self.state[2] } else { 0.0 },
                yaw_rate_std_radps: turn_std,
            });
        }
        fresh.then(|| Prior {
            speed_mps: self.state[0],
            speed_std_mps: self.covariance[(0, 0)].sqrt(),
            yaw_rate_radps: self.state[2],
            yaw_rate_std_radps: self.covariance[(2, 2)].sqrt(),
        })
    }

    /// Takes a scan's motions.
    pub(crate) fn observe(
        &mut self,
        config: &EgoConfig,
        instants: &Instants,
        prior: Option<&Prior>,
        external_mps: Option<f64>,
    ) -> Observation {
        let free = external_mps.is_none();
        if let (Some(near), Some(any)) = (instants.near, instants.any) {
            let far = any.support > 2.0 * near.support;
            self.challenges = if free && far { self.challenges + 1 } else { 0 };
        }
        let chosen = match (prior, instants.near, instants.any) {
            (None, _, Some(any)) => Some((any, true)),
            (Some(_), Some(_), Some(any)) if self.challenges >= CHALLENGES => Some((any, true)),
            (Some(_), Some(near), _) => Some((near, !self.started)),
            (Some(_), None, Some(any)) if free => {
                self.doubts += 1;
                (self.doubts >= DOUBTS).then_some((any, true))
            }
            _ => None,
        };
        let Some((instant, anew)) = chosen else {
            self.take_external(config, external_mps);
            return Observation::default();
        };
        if !self.take(config, &instant, anew) {
            self.take_external(config, external_mps);
            return Observation::default();
        }
        self.observed_ns = self.captured_ns;
        self.challenges = if anew { 0 } else { self.challenges };
        Observation {
            observed: true,
            inliers: instant.inliers,
            lift_mps: instant.lift_mps,
        }
    }

    /// Takes an external speed alone.
    pub(crate) fn take_external(&mut self, config: &EgoConfig, external_mps: Option<f64>) {
        let Some(speed) = external_mps else { return };
        let variance = external_std(config, speed) * external_std(config, speed);
        if self.started {
            self.standing = false;
            let gain = self.covariance.column(0) / (self.covariance[(0, 0)] + variance);
            let innovation = speed - self.state[0];
            self.state += gain * innovation;
            let row = self.covariance.row(0).into_owned();
            self.covariance -= gain * row;
            self.symmetrise();
        } else {
            self.started = true;
            self.state = Vector3::new(speed, 0.0, 0.0);
            self.covariance = Matrix3::from_diagonal(&Vector3::new(variance, 9.0, 0.04));
        }
    }

    fn take(&mut self, config: &EgoConfig, instant: &Instant, anew: bool) -> bool {
        let limit = config.standing_speed_mps * if self.standing { 2.0 } else { 1.0 };
        if instant.speed_mps.abs() < limit {
            self.stand(config);
            return true;
        }
        if self.standing {
            // It starts to move: the speed is small, the acceleration is not known.
            self.covariance = Matrix3::from_diagonal(&Vector3::new(0.04, 9.0, 0.01));
            self.standing = false;
        }
        let [vv, vw, ww] = instant.covariance;
        // What the model leaves out (suspension, mounting) floors the measurement's noise.
        let noise = Matrix2::new(vv + 1e-4, vw, vw, ww + 1e-6);
        let measured = Vector2::new(instant.speed_mps, instant.yaw_rate_radps);
        if anew || !self.started {
            self.start(measured, &noise);
            return true;
        }
        let pick = Matrix2x3::new(1.0, 0.0, 0.0, 0.0, 0.0, 1.0);
        let innovation = measured - pick * self.state;
        let spread = pick * self.covariance * pick.transpose() + noise;
        let Some(inverse) = spread.try_inverse() else {
            return false;
        };
        let distance = (innovation.transpose() * inverse * innovation)[0];
        if distance > GATE {
            self.doubts += 1;
            if self.doubts < DOUBTS {
                return false;
            }
            self.start(measured, &noise);
            return true;
        }
        self.doubts = 0;
        let gain = self.covariance * pick.transpose() * inverse;
        self.state += gain * innovation;
        self.covariance -= gain * pick * self.covariance;
        self.symmetrise();
        true
    }

    fn start(&mut self, measured: Vector2<f64>, noise: &Matrix2<f64>) {
        self.started = true;
        self.standing = false;
        self.doubts = 0;
        self.state = Vector3::new(measured[0], 0.0, measured[1]);
        self.covariance = Matrix3::from_diagonal(&Vector3::new(noise[(0, 0)], 9.0, noise[(1, 1)]));
        self.covariance[(0, 2)] = noise[(0, 1)];
        self.covariance[(2, 0)] = noise[(0, 1)];
    }

    /// A vehicle whose wheels stand neither drifts nor turns.
    fn stand(&mut self, config: &EgoConfig) {
        self.started = true;
        self.standing = true;
        self.doubts = 0;
        self.state = Vector3::zeros();
        let speed = config.standing_speed_mps / 2.0;
        let spread = Vector3::new(speed * speed, 0.01, 1e-5);
        self.covariance = Matrix3::from_diagonal(&spread);
    }

    fn symmetrise(&mut self) {
        self.covariance = (self.covariance + self.covariance.transpose()) * 0.5;
        for i in 0..3 {
            if self.covariance[(i, i)] < 1e-10 {
                self.covariance[(i, i)] = 1e-10;
            }
        }
    }

    /// The motion now.
    pub(crate) fn motion(&self, considered: u32, observation: &Observation) -> EgoMotion {
        EgoMotion {
            captured_ns: self.captured_ns,
            // Adding zero turns -0 into 0, whose bytes differ.
            speed_mps: self.state[0] + 0.0,
            yaw_rate_radps: self.state[2] + 0.0,
            speed_std_mps: self.covariance[(0, 0)].sqrt(),
            yaw_rate_std_radps: self.covariance[(2, 2)].sqrt(),
            inliers: observation.inliers,
            considered,
            observed: observation.observed,
        }
    }
}

fn external_std(config: &EgoConfig, speed_mps: f64) -> f64 {
    config.external_speed_std_mps + 0.02 * speed_mps.abs()
}

/// Seconds from `earlier_ns` to `later_ns`, negative where they are the other way round.
pub(crate) fn seconds(later_ns: u64, earlier_ns: u64) -> f64 {
    if later_ns >= earlier_ns {
        (later_ns - earlier_ns) as f64 * 1e-9
    } else {
        -((earlier_ns - later_ns) as f64 * 1e-9)
    }
}
