//! Ground truth in the log.

use super::drafthorse;
use drafthorse_core::GroundTruth;

/// The log's form of the ground truth at one instant.
#[must_use]
pub fn ground_truth(truth: &GroundTruth) -> drafthorse::GroundTruth {
    drafthorse::GroundTruth {
        captured_ns: truth.captured_ns,
        ego_speed_mps: truth.ego.speed_mps,
        ego_yaw_rate_radps: truth.ego.yaw_rate_radps,
        objects: truth
            .objects
            .iter()
            .map(|o| drafthorse::TruthObject {
                id: o.id,
                class: drafthorse::ObjectClass::from(o.class).into(),
                x_m: o.x_m,
                y_m: o.y_m,
                z_m: o.z_m,
                vx_mps: o.vx_mps,
                vy_mps: o.vy_mps,
                yaw_rad: o.yaw_rad,
                length_m: o.length_m,
                width_m: o.width_m,
                height_m: o.height_m,
                returns: o.returns,
                moving: o.moving,
            })
            .collect(),
    }
}
