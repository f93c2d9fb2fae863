//! Detections in the run's frame.

use crate::cluster::Candidate;
use crate::ego::Odometry;
use nalgebra::{Matrix2, Vector2};

/// A detection as the filter takes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measurement {
    pub(crate) position: Vector2<f64>,
    pub(crate) cov: Matrix2<f64>,
    pub(crate) sight: Vector2<f64>,
    pub(crate) radial: f64,
    pub(crate) radial_var: f64,
    pub(crate) velocity: Option<Vector2<f64>>,
}

impl Measurement {
    /// The candidate in the run's frame; `radial_std` is the floor of its radial speed's noise.
    pub(crate) fn new(candidate: &Candidate, odometry: &Odometry, radial_std: f64) -> Self {
        let d = &candidate.detection;
        let [sx, sy] = odometry.direction(d.line_of_sight[0], d.line_of_sight[1]);
        let std = candidate.radial_std.max(radial_std);
        Self {
            position: Vector2::from(odometry.point(d.x_m, d.y_m)),
            cov: turned(candidate.centre_cov, odometry.yaw_rad),
            sight: Vector2::new(sx, sy),
            radial: d.radial_speed_mps,
            radial_var: std * std,
            velocity: candidate
                .velocity
                .map(|[x, y]| Vector2::from(odometry.direction(x, y))),
        }
    }
}

/// A covariance (xx, xy, yy) turned by an angle.
pub(crate) fn turned([xx, xy, yy]: [f64; 3], yaw_rad: f64) -> Matrix2<f64> {
    let (sin, cos) = libm::sincos(yaw_rad);
    let turn = Matrix2::new(cos, -sin, sin, cos);
    turn * Matrix2::new(xx, xy, xy, yy) * turn.transpose()
}
