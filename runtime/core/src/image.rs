//! Decoded camera pictures and the camera model that projects onto them.

use crate::raw::SensorId;
use nalgebra::{Point2, Point3};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A decoded picture, 8-bit RGB, rows top to bottom without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// The camera.
    pub sensor: SensorId,
    /// Count of the camera's messages in this run.
    pub sequence: u32,
    /// Time of exposure, ns on the vehicle clock.
    pub captured_ns: u64,
    /// Time of receipt, ns on the vehicle clock.
    pub received_ns: u64,
    /// Pixels a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// `height * width * 3` bytes.
    pub rgb: Vec<u8>,
}

/// Pinhole camera with Brown-Conrady distortion (OpenCV's `k1 k2 p1 p2 k3`).
///
/// Camera frame: x right, y down, z along the optical axis.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CameraModel {
    /// Picture width, px.
    pub width_px: u32,
    /// Picture height, px.
    pub height_px: u32,
    /// Focal length along x, px.
    pub fx_px: f64,
    /// Focal length along y, px.
    pub fy_px: f64,
    /// Principal point x, px.
    pub cx_px: f64,
    /// Principal point y, px.
    pub cy_px: f64,
    /// `k1 k2 p1 p2 k3`.
    #[serde(default)]
    pub distortion: [f64; 5],
}

impl CameraModel {
    /// Pixel of a point in the camera frame, or `None` where it lies behind the camera.
    #[must_use]
    pub fn project(&self, point_m: &Point3<f64>) -> Option<Point2<f64>> {
        if point_m.z <= 0.05 {
            return None;
        }
        let (x, y) = (point_m.x / point_m.z, point_m.y / point_m.z);
        let [k1, k2, p1, p2, k3] = self.distortion;
        let r2 = x * x + y * y;
        let radial = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3));
        let xd = x * radial + 2.0 * p1 * x * y + p2 * (r2 + 2.0 * x * x);
        let yd = y * radial + p1 * (r2 + 2.0 * y * y) + 2.0 * p2 * x * y;
        Some(Point2::new(
            self.fx_px * xd + self.cx_px,
            self.fy_px * yd + self.cy_px,
        ))
    }
}
