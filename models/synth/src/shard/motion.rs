//! How the vehicle's motion shows in a radar: where older points are now, and what range rate a
//! thing that stands has.

use drafthorse_core::{EgoMotion, Pose, RadarPoint};
use nalgebra::{Isometry3, Point3, Vector3};

/// `world_from_radar` at one instant; `vehicle` is x, y (m) and yaw (rad).
pub(crate) fn world_from_radar(vehicle: [f64; 3], mount: &Pose) -> Isometry3<f64> {
    let world_from_vehicle = Pose {
        x_m: vehicle[0],
        y_m: vehicle[1],
        yaw_rad: vehicle[2],
        ..Pose::default()
    };
    world_from_vehicle.parent_from_self() * mount.parent_from_self()
}

/// A point's place.
pub(crate) fn place(point: &RadarPoint) -> Point3<f64> {
    Point3::new(
        f64::from(point.x_m),
        f64::from(point.y_m),
        f64::from(point.z_m),
    )
}

/// Velocity of the radar over ground in its own axes, m/s: lever arm and yaw rate included.
pub(crate) fn radar_velocity(ego: &EgoMotion, mount: &Pose) -> Vector3<f64> {
    let forward = ego.speed_mps - ego.yaw_rate_radps * mount.y_m;
    let left = ego.yaw_rate_radps * mount.x_m;
    let radar_from_vehicle = mount.parent_from_self().rotation.inverse();
    radar_from_vehicle * Vector3::new(forward, left, 0.0)
}

/// A measured range rate less the share of the radar's own motion, m/s, within the unambiguous
/// interval of half width `half`: 0 for what stands.
pub(crate) fn compensated(point: &RadarPoint, radar: &Vector3<f64>, half: f64) -> f64 {
    let sight = place(point).coords;
    let own = radar.dot(&sight) / sight.norm().max(0.1);
    crate::measure::fold(f64::from(point.range_rate_mps) + own, half)
}
