//! The geometry of one look: where the radar is, how it moves, and what polar coordinates and
//! range rate a point of the world has for it.

use crate::path::Pose2;
use crate::world::EgoState;
use drafthorse_core::Pose;
use nalgebra::{Isometry3, Point3, Vector3};

/// A sensor at one instant.
pub(crate) struct View {
    ego: Pose2,
    sensor_from_vehicle: Isometry3<f64>,
    /// The sensor in the world's plane; its height is `height`.
    pub(crate) plane: Pose2,
    pub(crate) height: f64,
    /// Velocity of the sensor over ground, world axes: the lever arm turns with the vehicle.
    velocity: [f64; 2],
}

/// Range, azimuth and elevation in the sensor frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polar {
    pub(crate) range: f64,
    pub(crate) azimuth: f64,
    pub(crate) elevation: f64,
}

impl View {
    pub(crate) fn new(ego: &EgoState, mount: &Pose) -> Self {
        let [x, y] = ego.pose.out(mount.x_m, mount.y_m);
        let (sin, cos) = ego.pose.yaw.sin_cos();
        // Velocity of the mount in vehicle axes: v + omega x lever.
        let forward = ego.speed - ego.yaw_rate * mount.y_m;
        let left = ego.yaw_rate * mount.x_m;
        Self {
            ego: ego.pose,
            sensor_from_vehicle: mount.parent_from_self().inverse(),
            plane: Pose2 {
                x,
                y,
                yaw: ego.pose.yaw + mount.yaw_rad,
            },
            height: mount.z_m,
            velocity: [cos * forward - sin * left, sin * forward + cos * left],
        }
    }

    /// Polar coordinates of a point of the world.
    pub(crate) fn polar(&self, p: [f64; 3]) -> Polar {
        let [x, y] = self.ego.inward([p[0], p[1]]);
        let q = self.sensor_from_vehicle * Point3::new(x, y, p[2]);
        let horizontal = q.x.hypot(q.y);
        Polar {
            range: horizontal.hypot(q.z),
            azimuth: q.y.atan2(q.x),
            elevation: q.z.atan2(horizontal),
        }
    }

    /// Rate of change of the range to a point that moves with `velocity` over ground, m/s.
    pub(crate) fn range_rate(&self, p: [f64; 3], velocity: [f64; 2]) -> f64 {
        let sight = Vector3::new(p[0] - self.plane.x, p[1] - self.plane.y, p[2] - self.height);
        let relative = Vector3::new(
            velocity[0] - self.velocity[0],
            velocity[1] - self.velocity[1],
            0.0,
        );
        relative.dot(&sight) / sight.norm().max(0.1)
    }
}
