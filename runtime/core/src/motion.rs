//! The vehicle's own motion.

use serde::{Deserialize, Serialize};

/// Motion of the vehicle at its rear-axle origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EgoMotion {
    /// Time it holds for, ns on the vehicle clock.
    pub captured_ns: u64,
    /// Forward speed, m/s.
    pub speed_mps: f64,
    /// Turn rate, positive left, rad/s.
    pub yaw_rate_radps: f64,
    /// Standard deviation of the speed, m/s.
    pub speed_std_mps: f64,
    /// Standard deviation of the yaw rate, rad/s.
    pub yaw_rate_std_radps: f64,
    /// Stationary returns that support it.
    pub inliers: u32,
    /// Returns considered.
    pub considered: u32,
    /// False where too few returns agreed and the value was carried on by prediction alone.
    pub observed: bool,
}
