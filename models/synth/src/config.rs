//! What to simulate.

use crate::atmosphere::Light;
use crate::radar_model::RadarKind;
use crate::town::Town;
use crate::weather::Weather;
use drafthorse_core::Pose;
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
    /// traffic as it comes. Only the sample radar thins its returns to it.
    pub moving_share: Option<f64>,
    /// Half of the sample radar's unambiguous interval of range rate, m/s; rates beyond it fold.
    /// The other radars have their own.
    pub unambiguous_mps: f64,
    /// Quality of the pictures, 1 to 100.
    pub jpeg_quality: u8,
    /// Family of layouts and traffic.
    pub town: Town,
    /// Weather of the whole drive.
    pub weather: Weather,
    /// Light of the whole drive; only the camera minds.
    pub light: Light,
    /// Most incidents that are staged: what a recorder of keyframes should keep. None by default.
    pub incidents: u32,
    /// Whether there are long stretches of sensor noise: a shaken, flickering camera and a radar under
    /// interference (the sample radar only).
    pub disturbed: bool,
    /// Which radar the vehicle carries.
    pub radar: RadarKind,
    /// Where the radar is mounted (`vehicle_from_radar`); `None` for the sample vehicle's place.
    pub radar_mount: Option<Pose>,
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
            town: Town::default(),
            weather: Weather::default(),
            light: Light::default(),
            incidents: 0,
            disturbed: false,
            radar: RadarKind::default(),
            radar_mount: None,
        }
    }
}
