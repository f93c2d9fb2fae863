//! What radars measure: scans of points, and the objects or tracks some radars compute themselves.

use crate::raw::SensorId;
use serde::{Deserialize, Serialize};

/// One radar return in the sensor frame (x forward, y left, z up).
///
/// Polar and Cartesian values describe the same point. A quantity the sensor does not measure is
/// NaN (for example `rcs_dbsm` of a radar that reports only SNR).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RadarPoint {
    /// Forward, m.
    pub x_m: f32,
    /// Left, m.
    pub y_m: f32,
    /// Up, m.
    pub z_m: f32,
    /// Distance, m.
    pub range_m: f32,
    /// Angle from x towards y, rad.
    pub azimuth_rad: f32,
    /// Angle above the xy plane, rad.
    pub elevation_rad: f32,
    /// Rate of change of range, m/s: negative approaches.
    pub range_rate_mps: f32,
    /// Radar cross-section, dBsm.
    pub rcs_dbsm: f32,
    /// Signal-to-noise ratio, dB.
    pub snr_db: f32,
    /// Standard deviation of the azimuth, rad.
    pub azimuth_std_rad: f32,
    /// Standard deviation of the range rate, m/s.
    pub range_rate_std_mps: f32,
    /// False where the sensor itself marks range, azimuth, elevation or range rate invalid.
    pub valid: bool,
}

impl RadarPoint {
    /// A point from polar measurements; unknown qualities NaN.
    #[must_use]
    pub fn from_polar(
        range_m: f32,
        azimuth_rad: f32,
        elevation_rad: f32,
        range_rate_mps: f32,
        rcs_dbsm: f32,
    ) -> Self {
        let horizontal_m = range_m * libm::cosf(elevation_rad);
        Self {
            x_m: horizontal_m * libm::cosf(azimuth_rad),
            y_m: horizontal_m * libm::sinf(azimuth_rad),
            z_m: range_m * libm::sinf(elevation_rad),
            range_m,
            azimuth_rad,
            elevation_rad,
            range_rate_mps,
            rcs_dbsm,
            snr_db: f32::NAN,
            azimuth_std_rad: f32::NAN,
            range_rate_std_mps: f32::NAN,
            valid: true,
        }
    }

    /// A point from a Cartesian measurement; unknown qualities NaN.
    #[must_use]
    pub fn from_cartesian(x_m: f32, y_m: f32, z_m: f32, range_rate_mps: f32) -> Self {
        let horizontal_m = libm::hypotf(x_m, y_m);
        Self {
            x_m,
            y_m,
            z_m,
            range_m: libm::hypotf(horizontal_m, z_m),
            azimuth_rad: libm::atan2f(y_m, x_m),
            elevation_rad: libm::atan2f(z_m, horizontal_m),
            range_rate_mps,
            rcs_dbsm: f32::NAN,
            snr_db: f32::NAN,
            azimuth_std_rad: f32::NAN,
            range_rate_std_mps: f32::NAN,
            valid: true,
        }
    }
}

/// All returns of one radar cycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RadarScan {
    /// The radar.
    pub sensor: SensorId,
    /// Count of the radar's messages in this run.
    pub sequence: u32,
    /// Time of measurement, ns on the vehicle clock.
    pub captured_ns: u64,
    /// Time of receipt, ns on the vehicle clock.
    pub received_ns: u64,
    /// The returns.
    pub points: Vec<RadarPoint>,
    /// Interval of unambiguous range rate, m/s; empty (0, 0) if the radar does not say.
    pub unambiguous_mps: (f32, f32),
}

/// An object computed by the radar itself, in the vehicle frame: radars that compute objects are
/// told where they are mounted (the ARS548 in its configuration message, method 390).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RadarObject {
    /// The radar's own identifier.
    pub id: u32,
    /// Position forward as the radar sends it, m: that of a corner, an edge or the centre.
    pub x: f32,
    /// Position left, m.
    pub y: f32,
    /// Position up, m.
    pub z: f32,
    /// Centre of the box forward, m.
    pub centre_x: f32,
    /// Centre of the box left, m.
    pub centre_y: f32,
    /// Velocity forward, m/s, over ground as the radar reports it.
    pub vx: f32,
    /// Velocity left, m/s.
    pub vy: f32,
    /// Extent along the heading, m.
    pub length: f32,
    /// Extent across the heading, m.
    pub width: f32,
    /// Vertical extent, m; NaN where the radar does not measure it.
    pub height: f32,
    /// Heading from x towards y, rad.
    pub yaw_rad: f32,
    /// Probability of existence, 0 to 1.
    pub existence: f32,
}

/// The object list of one radar cycle.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RadarObjects {
    /// The radar.
    pub sensor: SensorId,
    /// Count of the radar's messages in this run.
    pub sequence: u32,
    /// Time of measurement, ns.
    pub captured_ns: u64,
    /// Time of receipt, ns.
    pub received_ns: u64,
    /// The objects.
    pub objects: Vec<RadarObject>,
}

/// One track slot of a CAN radar, relative to the vehicle's front axle origin as mapped.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RadarTrack {
    /// CAN identifier the track came in.
    pub address: u32,
    /// Time of the frame, ns.
    pub captured_ns: u64,
    /// Forward, m.
    pub forward_m: f64,
    /// Left, m.
    pub left_m: f64,
    /// Speed relative to the vehicle along forward, m/s.
    pub rel_speed_mps: f64,
    /// The radar began a new track in this slot.
    pub new_track: bool,
}

/// The valid track slots of one cycle of a CAN radar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RadarTracks {
    /// The radar.
    pub sensor: SensorId,
    /// Count of cycles in this run.
    pub sequence: u32,
    /// Time of the cycle's last frame, ns.
    pub captured_ns: u64,
    /// Time of receipt of the cycle's last frame, ns.
    pub received_ns: u64,
    /// The tracks.
    pub tracks: Vec<RadarTrack>,
}

/// A radar's report on itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RadarStatus {
    /// Time of measurement, ns.
    pub captured_ns: u64,
    /// The radar believes its clock is synchronised.
    pub clock_synchronised: bool,
    /// Field name and value, in the order of the sensor's datasheet.
    pub fields: Vec<(String, f64)>,
}
