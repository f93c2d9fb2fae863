//! Mounting poses as people write them, and the transforms they mean.

use nalgebra::{Isometry3, Translation3, UnitQuaternion};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pose of a frame in its parent: translation in metres, then yaw, pitch and roll in radians
/// (intrinsic z-y'-x'', ISO 8855).
///
/// A sensor's mounting pose is `vehicle_from_sensor`; the vehicle's origin is the middle of the
/// rear axle projected to the ground. For a camera the pose is that of its body frame (x along the
/// optical axis, y left, z up), see [`Pose::vehicle_from_optical`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Pose {
    /// Forward, m.
    pub x_m: f64,
    /// Left, m.
    pub y_m: f64,
    /// Up, m.
    pub z_m: f64,
    /// About x, rad.
    pub roll_rad: f64,
    /// About y, rad; positive looks down.
    pub pitch_rad: f64,
    /// About z, rad; positive turns left.
    pub yaw_rad: f64,
}

impl Pose {
    /// The transform that maps points of this frame into its parent.
    #[must_use]
    pub fn parent_from_self(&self) -> Isometry3<f64> {
        Isometry3::from_parts(
            Translation3::new(self.x_m, self.y_m, self.z_m),
            UnitQuaternion::from_euler_angles(self.roll_rad, self.pitch_rad, self.yaw_rad),
        )
    }

    /// For a camera: maps the optical frame (x right, y down, z forward) into the vehicle.
    #[must_use]
    pub fn vehicle_from_optical(&self) -> Isometry3<f64> {
        // Columns are the optical axes in the body frame: right = -y, down = -z, forward = +x.
        let body_from_optical = UnitQuaternion::from_matrix(&nalgebra::Matrix3::new(
            0.0, 0.0, 1.0, -1.0, 0.0, 0.0, 0.0, -1.0, 0.0,
        ));
        self.parent_from_self() * body_from_optical
    }
}
