//! Which returns move over ground.

use crate::config::ClusterConfig;
use crate::frame::PointLabel;
use crate::returns::{Return, fold};
use drafthorse_core::EgoMotion;

/// What the split adds to a return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Labelled {
    pub(crate) label: PointLabel,
    /// Radial velocity over ground, m/s: positive recedes.
    pub(crate) residual_mps: f64,
}

/// What tells a fixed point's range rate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) motion: &'a EgoMotion,
    /// Vertical velocity of the sensor to be used with the motion, m/s.
    pub(crate) lift_mps: f64,
    /// Width of the unambiguous interval of range rate, m/s; 0 for none.
    pub(crate) span: f64,
    pub(crate) elevation_std_rad: f64,
}

/// Labels each return by its residual against the vehicle's own motion. `spread` is scratch.
///
/// The threshold is `moving_sigmas` standard deviations: the return's stated noise or, where the
/// scan itself is quieter, the noise its own residuals show (1.4826 times the median of their
/// absolute values among those that could be stationary).
pub(crate) fn split(
    config: &ClusterConfig,
    returns: &[Return],
    ground: &Ground<'_>,
    spread: &mut Vec<f64>,
    out: &mut Vec<Labelled>,
) {
    out.clear();
    spread.clear();
    let (motion, span) = (ground.motion, ground.span);
    let (v, w) = (motion.speed_mps, motion.yaw_rate_radps);
    for r in returns {
        let fixed = r.model[0] * v + r.model[1] * w + r.model[2] * ground.lift_mps;
        let residual_mps = fold(r.range_rate_mps - fixed, span);
        let sigma = variance(r, v).sqrt();
        if residual_mps.abs() < 5.0 * sigma {
            spread.push(residual_mps.abs() / sigma);
        }
        out.push(Labelled {
            label: PointLabel::Stationary,
            residual_mps,
        });
    }
    let quiet = if spread.len() >= 16 {
        let middle = spread.len() / 2;
        let (_, median, _) = spread.select_nth_unstable_by(middle, f64::total_cmp);
        (1.4826 * *median).clamp(0.1, 1.0)
    } else {
        1.0
    };
    for (r, labelled) in returns.iter().zip(out.iter_mut()) {
        let (vv, ww) = (motion.speed_std_mps, motion.yaw_rate_std_radps);
        let (a, b) = (r.model[0] * vv, r.model[1] * ww);
        let sigma = (variance(r, v) * quiet * quiet + a * a + b * b).sqrt();
        let limit = (config.moving_sigmas * sigma).max(config.moving_floor_mps);
        let height_noise = 2.0 * r.range_m * ground.elevation_std_rad;
        if r.z_m < config.lowest_m - height_noise || r.z_m > config.highest_m + height_noise {
            labelled.label = PointLabel::Ghost;
        } else if labelled.residual_mps.abs() > limit {
            labelled.label = PointLabel::Moving;
        }
    }
}

fn variance(r: &Return, speed_mps: f64) -> f64 {
    r.doppler_var + r.angle_var * speed_mps * speed_mps
}
