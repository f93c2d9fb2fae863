//! Where a vehicle's sensors sit and how they see: mounting poses, camera models and time offsets,
//! read from one TOML file a vehicle. Nothing here estimates a calibration.

use drafthorse_core::{CameraModel, Pose};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why a calibration file was refused.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// Not TOML, an unknown key, a missing key or a wrong type.
    #[error("the calibration file is not valid: {0}; correct that key")]
    Syntax(#[from] toml::de::Error),
    /// A value that no vehicle or sensor can have.
    #[error("calibration of {owner}: {what}; correct the value")]
    Value {
        /// `vehicle`, or the sensor's name.
        owner: String,
        /// What is wrong with which value.
        what: String,
    },
}

/// Outer dimensions of the vehicle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VehicleDimensions {
    /// Bumper to bumper, m.
    pub length_m: f64,
    /// Across, without mirrors, m.
    pub width_m: f64,
    /// Ground to roof, m.
    pub height_m: f64,
    /// Rear axle to front axle, m.
    pub wheelbase_m: f64,
    /// Rear axle to the rear bumper, m.
    pub rear_overhang_m: f64,
}

/// Calibration of one sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SensorCalibration {
    /// `vehicle_from_sensor`; for a camera that of its body frame, see
    /// [`Pose::vehicle_from_optical`].
    #[serde(default)]
    pub mount: Pose,
    /// Projection of a camera; absent for other sensors.
    #[serde(default)]
    pub camera: Option<CameraModel>,
    /// Added to the sensor's capture stamps to give vehicle time, ms.
    #[serde(default)]
    pub time_offset_ms: f64,
}

/// Calibration of a vehicle and each of its sensors by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VehicleCalibration {
    /// The vehicle's name.
    pub name: String,
    /// Its outer dimensions.
    pub vehicle: VehicleDimensions,
    /// Its sensors by name.
    #[serde(default)]
    pub sensors: BTreeMap<String, SensorCalibration>,
}

impl VehicleCalibration {
    /// Reads a calibration from TOML text.
    ///
    /// # Errors
    /// [`CalibrationError::Syntax`] for text that is not such a file (unknown keys included),
    /// [`CalibrationError::Value`] for impossible values.
    pub fn parse(text: &str) -> Result<Self, CalibrationError> {
        let calibration: Self = toml::from_str(text)?;
        calibration.check()?;
        Ok(calibration)
    }

    fn check(&self) -> Result<(), CalibrationError> {
        let refuse = |owner: &str, what: String| {
            Err(CalibrationError::Value {
                owner: owner.to_owned(),
                what,
            })
        };
        let v = &self.vehicle;
        for (key, value) in [
            ("length_m", v.length_m),
            ("width_m", v.width_m),
            ("height_m", v.height_m),
            ("wheelbase_m", v.wheelbase_m),
        ] {
            if !(value > 0.0 && value < 100.0) {
                return refuse("vehicle", format!("{key} = {value} is not a length"));
            }
        }
        if !(0.0..v.length_m).contains(&v.rear_overhang_m) {
            return refuse(
                "vehicle",
                format!(
                    "rear_overhang_m = {} is outside the vehicle",
                    v.rear_overhang_m
                ),
            );
        }
        for (name, sensor) in &self.sensors {
            let m = &sensor.mount;
            let pose = [m.x_m, m.y_m, m.z_m, m.roll_rad, m.pitch_rad, m.yaw_rad];
            if !pose.iter().all(|v| v.is_finite()) {
                return refuse(name, "mount has a value that is not finite".to_owned());
            }
            if !sensor.time_offset_ms.is_finite() {
                return refuse(name, "time_offset_ms is not finite".to_owned());
            }
            if let Some(camera) = &sensor.camera
                && let Some(what) = camera_fault(camera)
            {
                return refuse(name, what);
            }
        }
        Ok(())
    }
}

fn camera_fault(camera: &CameraModel) -> Option<String> {
    if camera.width_px == 0 || camera.height_px == 0 {
        return Some("the camera's picture has no pixels".to_owned());
    }
    let focal = [camera.fx_px, camera.fy_px];
    if !focal.iter().all(|f| f.is_finite() && *f > 0.0) {
        return Some("fx_px and fy_px must be positive".to_owned());
    }
    let rest = [camera.cx_px, camera.cy_px];
    if !rest.iter().chain(&camera.distortion).all(|v| v.is_finite()) {
        return Some("the camera has a value that is not finite".to_owned());
    }
    None
}

/// Calibration of the vehicle in the sample drive: `radar_front` and `camera_front`.
#[must_use]
pub fn sample_vehicle() -> VehicleCalibration {
    #[allow(clippy::expect_used)] // The text is compiled in; a test parses it.
    VehicleCalibration::parse(SAMPLE_VEHICLE).expect("the shipped calibration is valid")
}

/// Text of the sample vehicle's calibration file.
pub const SAMPLE_VEHICLE: &str = include_str!("../sample-vehicle.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_is_the_sample_vehicle() {
        let sample = sample_vehicle();
        let radar = &sample.sensors["radar_front"];
        assert_eq!((radar.mount.x_m, radar.mount.z_m), (3.7, 0.6));
        assert!(radar.camera.is_none());
        let camera = sample.sensors["camera_front"].camera.unwrap();
        let half_width_px = f64::from(camera.width_px) / 2.0;
        let field_deg = 2.0 * (half_width_px / camera.fx_px).atan().to_degrees();
        assert!((field_deg - 60.0).abs() < 0.01, "{field_deg}");
    }

    #[test]
    fn it_survives_a_round_trip() {
        let sample = sample_vehicle();
        let text = toml::to_string(&sample).unwrap();
        assert_eq!(VehicleCalibration::parse(&text).unwrap(), sample);
    }

    #[test]
    fn unknown_keys_are_refused_by_name() {
        for (from, to, key) in [
            ("[vehicle]", "[vehicle]\ncolour = 3", "colour"),
            ("{ x_m = 3.7,", "{ ahead = 3.7,", "ahead"),
            ("width_px = 640", "pixels = 640", "pixels"),
            ("name =", "wheels = 4\nname =", "wheels"),
        ] {
            let text = SAMPLE_VEHICLE.replacen(from, to, 1);
            assert_ne!(text, SAMPLE_VEHICLE);
            let error = VehicleCalibration::parse(&text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")), "{error}");
        }
    }

    #[test]
    fn impossible_values_are_refused() {
        for (from, to, word) in [
            ("length_m = 4.70", "length_m = -4.7", "length_m"),
            (
                "rear_overhang_m = 0.95",
                "rear_overhang_m = 9.0",
                "rear_overhang_m",
            ),
            ("width_px = 640", "width_px = 0", "pixels"),
            ("fx_px = 554.256", "fx_px = 0.0", "fx_px"),
            ("x_m = 3.7", "x_m = nan", "radar_front"),
        ] {
            let text = SAMPLE_VEHICLE.replacen(from, to, 1);
            let error = VehicleCalibration::parse(&text).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }
}
