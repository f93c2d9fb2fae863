//! The truth that goes with one scan.

use crate::echo::Source;
use crate::path::Pose2;
use crate::view::View;
use crate::world::World;
use drafthorse_core::{EgoMotion, GroundTruth, Pose, TruthObject};

/// How far a radar sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reach {
    pub(crate) range_m: f64,
    /// On either side.
    pub(crate) azimuth_rad: f64,
}

/// Fills the truth of the world's current instant; `sources` are those of the scan's returns.
///
/// An object is listed while the middle of its box is in the radar's field of view and range, seen
/// or not, and whenever it has a return.
pub(crate) fn fill(
    world: &World,
    mount: &Pose,
    reach: &Reach,
    captured_ns: u64,
    sources: &[Source],
    truth: &mut GroundTruth,
) {
    let ego = world.ego();
    let view = View::new(&ego, mount);
    truth.captured_ns = captured_ns;
    truth.ego = EgoMotion {
        captured_ns,
        speed_mps: ego.speed,
        yaw_rate_radps: ego.yaw_rate,
        observed: true,
        ..EgoMotion::default()
    };
    truth.objects.clear();
    for placed in &world.placed {
        let solid = &placed.solid;
        let height = solid.top;
        let polar = view.polar([solid.pose.x, solid.pose.y, 0.5 * height]);
        let own = Source::Object(placed.actor.id);
        let returns = sources.iter().filter(|s| **s == own).count() as u32;
        let outside = polar.range > reach.range_m || polar.azimuth.abs() > reach.azimuth_rad;
        if returns == 0 && outside {
            continue;
        }
        let [x, y] = ego.pose.inward([solid.pose.x, solid.pose.y]);
        let axes = Pose2 {
            yaw: ego.pose.yaw,
            ..Pose2::default()
        };
        let [vx, vy] = axes.inward(placed.velocity);
        truth.objects.push(TruthObject {
            id: placed.actor.id,
            class: placed.actor.class,
            x_m: x,
            y_m: y,
            z_m: 0.5 * height,
            vx_mps: vx,
            vy_mps: vy,
            yaw_rad: wrap(solid.pose.yaw - ego.pose.yaw),
            length_m: solid.length,
            width_m: solid.width,
            height_m: height,
            returns,
            moving: placed.actor.moving(),
        });
    }
}

/// An angle within -pi..pi.
fn wrap(angle: f64) -> f64 {
    let (sin, cos) = angle.sin_cos();
    sin.atan2(cos)
}
