//! Speed and yaw rate from one scan's radial velocities.
//!
//! Kellner, Barjenbruch, Klappstein, Dickmann, Dietmayer: "Instantaneous Ego-Motion Estimation
//! using Doppler Radar", ITSC 2013. A fixed point's range rate is the sensor's velocity projected
//! on the line of sight, negated; the sensor's velocity follows from the vehicle's speed and yaw
//! rate and the mounting position, because the middle of the rear axle does not slip sideways.
//! The model is linear in (speed, yaw rate, vertical velocity of the sensor); the third takes up
//! what an error of the mounting pitch fakes and has a narrow prior.

use crate::config::EgoConfig;
use crate::random::SplitMix64;
use crate::returns::{Return, fold};
use nalgebra::{Matrix3, Vector3};

/// What is known of the motion before the scan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prior {
    pub(crate) speed_mps: f64,
    pub(crate) speed_std_mps: f64,
    pub(crate) yaw_rate_radps: f64,
    pub(crate) yaw_rate_std_radps: f64,
}

impl Prior {
    fn admits(&self, speed_mps: f64, yaw_rate_radps: f64) -> bool {
        (speed_mps - self.speed_mps).abs() <= 4.0 * self.speed_std_mps + 0.3
            && (yaw_rate_radps - self.yaw_rate_radps).abs() <= 4.0 * self.yaw_rate_std_radps + 0.1
    }
}

/// One scan's motion.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instant {
    pub(crate) speed_mps: f64,
    pub(crate) yaw_rate_radps: f64,
    /// Vertical velocity of the sensor that the mounting's pitch error fakes, m/s.
    pub(crate) lift_mps: f64,
    /// Variance of speed, covariance, variance of yaw rate.
    pub(crate) covariance: [f64; 3],
    pub(crate) inliers: u32,
    /// Sector-weighted support, for comparing two hypotheses.
    pub(crate) support: f64,
}

/// The best motion near the prior, and the best of all.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Instants {
    pub(crate) near: Option<Instant>,
    pub(crate) any: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    cost: f64,
    speed: f64,
    yaw_rate: f64,
}

/// RANSAC and least squares over one scan.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct InstantEstimator;

impl InstantEstimator {
    /// Best motions of these returns. `span` is the width of the unambiguous interval (0: none),
    /// `seed` makes the sampling reproducible.
    pub(crate) fn estimate(
        config: &EgoConfig,
        returns: &[Return],
        span: f64,
        seed: u64,
        prior: Option<&Prior>,
    ) -> Instants {
        let least = needed(config, returns.len());
        if returns.len() < least as usize {
            return Instants::default();
        }
        let (near, any) = search(config, returns, span, seed, prior);
        let finish = |c: Candidate| {
            refine(config, returns, span, c).filter(|instant| instant.inliers >= least)
        };
        let near = near.and_then(finish);
        let near = near.filter(|n| prior.is_none_or(|p| p.admits(n.speed_mps, n.yaw_rate_radps)));
        Instants {
            near,
            any: any.and_then(finish),
        }
    }
}

/// Inliers needed among that many returns.
fn needed(config: &EgoConfig, considered: usize) -> u32 {
    let share = (config.min_inlier_share * considered as f64).ceil() as u32;
    share.max(config.min_inliers)
}

fn search(
    config: &EgoConfig,
    returns: &[Return],
    span: f64,
    seed: u64,
    prior: Option<&Prior>,
) -> (Option<Candidate>, Option<Candidate>) {
    let mut random = SplitMix64::new(seed);
    let (mut near, mut any): (Option<Candidate>, Option<Candidate>) = (None, None);
    let known_turn = prior.map_or(0.0, |p| p.yaw_rate_radps);
    for k in 0..=config.hypotheses {
        let drawn = match (k, prior) {
            (0, Some(p)) => Some((p.speed_mps, p.yaw_rate_radps)),
            (0, None) => None,
            _ => draw(returns, span, k, known_turn, &mut random),
        };
        let Some((speed, yaw_rate)) = drawn else {
            continue;
        };
        if !plausible(speed, yaw_rate) {
            continue;
        }
        let is_near = prior.is_some_and(|p| p.admits(speed, yaw_rate));
        // A hypothesis only matters while it can still beat the bests it competes with.
        let to_beat = |best: &Option<Candidate>| best.map_or(f64::INFINITY, |b| b.cost);
        let limit = if is_near {
            to_beat(&near).max(to_beat(&any))
        } else {
            to_beat(&any)
        };
        let cost = cost(config, returns, span, speed, yaw_rate, limit);
        let candidate = Candidate {
            cost,
            speed,
            yaw_rate,
        };
        if cost < to_beat(&any) {
            any = Some(candidate);
        }
        if is_near && cost < to_beat(&near) {
            near = Some(candidate);
        }
    }
    (near, any)
}

/// A hypothesis from two returns, or from one with the known turn rate where two do not
/// determine it. Every other pair is taken as having wrapped once.
fn draw(
    returns: &[Return],
    span: f64,
    k: u32,
    known_turn: f64,
    random: &mut SplitMix64,
) -> Option<(f64, f64)> {
    let a = &returns[random.below(returns.len())];
    let b = &returns[random.below(returns.len())];
    let wraps = random.next_u64();
    let unwrapped = |r: &Return, wrapped: bool| {
        if span > 0.0 && wrapped {
            r.range_rate_mps - span
        } else {
            r.range_rate_mps
        }
    };
    let (wrap_a, wrap_b) = match wraps & 7 {
        0..=3 => (false, false),
        4..=5 => (true, true),
        6 => (true, false),
        _ => (false, true),
    };
    let (rate_a, rate_b) = (unwrapped(a, wrap_a), unwrapped(b, wrap_b));
    let determinant = a.model[0] * b.model[1] - b.model[0] * a.model[1];
    if k.is_multiple_of(4) || determinant.abs() < 0.05 {
        if a.model[0].abs() < 0.2 {
            return None;
        }
        return Some(((rate_a - a.model[1] * known_turn) / a.model[0], known_turn));
    }
    let speed = (rate_a * b.model[1] - rate_b * a.model[1]) / determinant;
    let yaw_rate = (a.model[0] * rate_b - b.model[0] * rate_a) / determinant;
    Some((speed, yaw_rate))
}

/// What a road vehicle can do: at most 15 m/s backwards, 90 m/s forwards, and a lateral
/// acceleration of 12 m/s^2.
fn plausible(speed: f64, yaw_rate: f64) -> bool {
    (-15.0..=90.0).contains(&speed) && yaw_rate.abs() <= 1.5 && (speed * yaw_rate).abs() <= 12.0
}

fn cost(
    config: &EgoConfig,
    returns: &[Return],
    span: f64,
    speed: f64,
    yaw_rate: f64,
    limit: f64,
) -> f64 {
    let gate = config.gate_sigmas * config.gate_sigmas;
    let speed2 = speed * speed;
    let mut cost = 0.0;
    for chunk in returns.chunks(32) {
        for r in chunk {
            let residual = fold(
                r.range_rate_mps - r.model[0] * speed - r.model[1] * yaw_rate,
                span,
            );
            let variance = r.doppler_var + r.angle_var * speed2;
            let squared = residual * residual;
            cost += if squared < gate * variance {
                r.sector_weight * squared / variance
            } else {
                r.sector_weight * gate
            };
        }
        if cost >= limit {
            return f64::INFINITY;
        }
    }
    cost
}

fn refine(config: &EgoConfig, returns: &[Return], span: f64, start: Candidate) -> Option<Instant> {
    let gate = config.gate_sigmas * config.gate_sigmas;
    let mut x = Vector3::new(start.speed, start.yaw_rate, 0.0);
    let mut result = None;
    for _ in 0..4 {
        let speed = x[0].abs();
        // No wheel turns a car more tightly than a 4 m radius, and no tyre holds more than about
        // 8 m/s^2: this also fixes the turn rate of a radar mounted at the axle, which sees none.
        let turn_std = (0.25 * speed + 0.005).min(8.0 / speed.max(1.0));
        let lift_std = config.pitch_std_rad * speed + 0.01;
        let mut information = Matrix3::zeros();
        information[(1, 1)] = 1.0 / (turn_std * turn_std);
        information[(2, 2)] = 1.0 / (lift_std * lift_std);
        let mut right = Vector3::zeros();
        let (mut inliers, mut chi2, mut support) = (0_u32, 0.0, 0.0);
        for r in returns {
            let model = Vector3::from(r.model);
            let predicted = model.dot(&x);
            let residual = fold(r.range_rate_mps - predicted, span);
            let variance = r.doppler_var + r.angle_var * speed * speed;
            if residual * residual >= gate * variance {
                continue;
            }
            let weight = 1.0 / variance;
            information += weight * model * model.transpose();
            right += weight * (predicted + residual) * model;
            chi2 += residual * residual * weight;
            support += r.sector_weight;
            inliers += 1;
        }
        let covariance = information.try_inverse()?;
        x = covariance * right;
        if inliers < 3 || !x.iter().all(|v| v.is_finite()) {
            return None;
        }
        // Noise larger than stated widens the covariance; smaller does not narrow it.
        let scale = (chi2 / f64::from(inliers - 2)).max(1.0);
        result = Some(Instant {
            speed_mps: x[0],
            yaw_rate_radps: x[1],
            lift_mps: x[2],
            covariance: [
                covariance[(0, 0)] * scale,
                covariance[(0, 1)] * scale,
                covariance[(1, 1)] * scale,
            ],
            inliers,
            support,
        });
    }
    result.filter(|r| plausible(r.speed_mps, r.yaw_rate_radps))
}
