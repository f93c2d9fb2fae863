//! What to simulate.

use serde::{Deserialize, Serialize};

/// A drive to simulate. The same configuration gives the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriveConfig {
    /// Chooses the road, its surroundings, the traffic and every noise.
    pub seed: u64,
    /// Length of the drive, s; at most an hour ([`DriveConfig::MAX_SECONDS`]).
    pub seconds: f64,
    /// Radar scans a second; 0 for none.
    pub radar_hz: f64,
    /// Pictures a second; 0 for no camera.
    pub camera_fps: f64,
    /// Share of returns from moving objects to populate the road for, 0 to 1; `None` leaves the
    /// traffic as it comes.
    pub moving_share: Option<f64>,
    /// Half of the radar's unambiguous interval of range rate, m/s; rates beyond it fold.
    pub unambiguous_mps: f64,
    /// Quality of the pictures, 1 to 100.
    pub jpeg_quality: u8,
}

impl DriveConfig {
    /// Longest drive, s; a longer one ends there.
    pub const MAX_SECONDS: f64 = 3600.0;

    /// The drive's length within what can be simulated, s.
    pub(crate) fn length_s(&self) -> f64 {
        if self.seconds.is_nan() {
            return 0.0;
        }
        self.seconds.clamp(0.0, Self::MAX_SECONDS)
    }
}

impl Default for DriveConfig {
    fn default() -> Self {
        Self {
            seed: 7,
            seconds: 20.0,
            radar_hz: 20.0,
            camera_fps: 15.0,
            moving_share: None,
            unambiguous_mps: 60.0,
            jpeg_quality: 80,
        }
    }
}
