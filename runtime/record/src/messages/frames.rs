//! Frame transforms: the static mounting of sensors and the dead-reckoned pose of the vehicle.

use super::field::{put_message, timestamp};
use foxglove::messages::{FrameTransform, Quaternion, Vector3};
use nalgebra::{Isometry3, Translation3, UnitQuaternion};

/// Appends `parent_from_child` as a `foxglove.FrameTransform`.
pub fn encode_transform(
    parent: &str,
    child: &str,
    parent_from_child: &Isometry3<f64>,
    captured_ns: u64,
    buf: &mut Vec<u8>,
) {
    let t = parent_from_child.translation.vector;
    let q = parent_from_child.rotation.coords;
    super::field::put_bytes(buf, 2, parent.as_bytes());
    super::field::put_bytes(buf, 3, child.as_bytes());
    put_message(
        buf,
        &FrameTransform {
            timestamp: Some(timestamp(captured_ns)),
            translation: Some(Vector3 {
                x: t.x,
                y: t.y,
                z: t.z,
            }),
            rotation: Some(Quaternion {
                x: q.x,
                y: q.y,
                z: q.z,
                w: q.w,
            }),
            ..Default::default()
        },
    );
}

/// The transform of a dead-reckoned planar pose `x y yaw` (m, m, rad).
#[must_use]
pub fn odom_from_vehicle([x_m, y_m, yaw_rad]: [f64; 3]) -> Isometry3<f64> {
    Isometry3::from_parts(
        Translation3::new(x_m, y_m, 0.0),
        UnitQuaternion::from_euler_angles(0.0, 0.0, yaw_rad),
    )
}
