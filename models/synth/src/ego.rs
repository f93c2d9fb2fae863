//! The vehicle that carries the sensors: its speed along the reference line.

use crate::follow::{acceleration, bend_speed};
use crate::path::{Path, Pose2};
use crate::rng::Rng;

/// Length of the vehicle ahead of its rear axle, m.
pub(crate) const FRONT_M: f64 = 3.75;
/// Largest change of acceleration, m/s³.
const JERK_MPS3: f64 = 7.0;
/// The same in an emergency, m/s³.
const EMERGENCY_JERK_MPS3: f64 = 30.0;
/// Deceleration that the traffic must ask for before a driver brakes in an emergency, m/s².
const EMERGENCY_FROM_MPS2: f64 = 3.2;
/// Hardest braking in an emergency, m/s².
const EMERGENCY_MPS2: f64 = 8.5;

/// The vehicle's state; pose and yaw rate follow from it and the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ego {
    /// Arc length of the rear axle.
    pub(crate) s: f64,
    /// Forward speed, m/s.
    pub(crate) v: f64,
    acceleration: f64,
    wish: f64,
    until_s: f64,
    /// Multiplies the speeds that it likes.
    pace: f64,
    /// Whether it brakes with all it has where it must; else it never has to.
    pub(crate) alert: bool,
}

impl Ego {
    pub(crate) fn start(rng: &mut Rng, pace: f64) -> Self {
        let v = rng.range(11.0, 15.0) * pace;
        Self {
            s: 0.0,
            v,
            acceleration: 0.0,
            wish: v + 2.0,
            until_s: 1.5,
            pace,
            alert: false,
        }
    }

    /// Advances by `dt` from time `t`; `leader` as in [`acceleration`].
    pub(crate) fn step(
        &mut self,
        rng: &mut Rng,
        path: &Path,
        leader: Option<(f64, f64)>,
        t: f64,
        dt: f64,
    ) {
        (self.s, self.v) = self.after(dt);
        if t >= self.until_s {
            self.wish = rng.range(12.0, 25.0) * self.pace;
            self.until_s = t + rng.range(3.0, 7.0);
        }
        let wish = self.wish.min(bend_speed(path, self.s, 1.0));
        let mut next = acceleration(self.v, wish, leader);
        let mut step = JERK_MPS3 * dt;
        if let Some(hard) = leader
            .filter(|_| self.alert)
            .and_then(|l| self.emergency(l))
        {
            next = next.min(-hard);
            step = EMERGENCY_JERK_MPS3 * dt;
        }
        self.acceleration += (next - self.acceleration).clamp(-step, step);
    }

    /// Deceleration of emergency braking, where the gap ahead and the speed there ask for it, m/s².
    pub(crate) fn emergency(&self, (gap, speed): (f64, f64)) -> Option<f64> {
        let closing = (self.v - speed).max(0.0);
        let needed = closing * closing / (2.0 * (gap - 1.0).max(0.5));
        (needed > EMERGENCY_FROM_MPS2).then_some((1.3 * needed).min(EMERGENCY_MPS2))
    }

    /// Arc length and speed `dt` seconds later.
    pub(crate) fn after(&self, dt: f64) -> (f64, f64) {
        let v = (self.v + self.acceleration * dt).max(0.0);
        (self.s + 0.5 * (self.v + v) * dt, v)
    }

    /// Pose, speed and yaw rate `dt` seconds later.
    pub(crate) fn motion(&self, path: &Path, dt: f64) -> (Pose2, f64, f64) {
        let (s, v) = self.after(dt);
        (path.at(s), v, v * path.curvature(s))
    }
}
