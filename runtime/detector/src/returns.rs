//! A scan's usable returns in the vehicle frame, prepared once for all stages.

use crate::config::{DetectorConfig, FieldOfView};
use drafthorse_core::{Pose, RadarPoint, RadarScan, SensorId};
use nalgebra::{Matrix3, Vector3};

/// A sensor's place on the vehicle and its reach.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mount {
    pub(crate) sensor: SensorId,
    pub(crate) rotation: Matrix3<f64>,
    pub(crate) position_m: Vector3<f64>,
    pub(crate) view: FieldOfView,
}

impl Mount {
    /// The mount of that pose (`vehicle_from_sensor`).
    pub(crate) fn new(sensor: SensorId, pose: &Pose, view: FieldOfView) -> Self {
        let transform = pose.parent_from_self();
        Self {
            sensor,
            rotation: transform.rotation.to_rotation_matrix().into_inner(),
            position_m: transform.translation.vector,
            view,
        }
    }

    /// Whether a point of the vehicle's xy plane lies in the sensor's reach, `margin` (rad and
    /// share of range) inside its edges.
    pub(crate) fn sees(&self, x_m: f64, y_m: f64, margin: f64) -> bool {
        let (dx, dy) = (x_m - self.position_m.x, y_m - self.position_m.y);
        let range_m = libm::hypot(dx, dy);
        let forward = self.rotation.m11 * dx + self.rotation.m21 * dy;
        let left = self.rotation.m12 * dx + self.rotation.m22 * dy;
        range_m < self.view.max_range_m * (1.0 - margin)
            && libm::atan2(left, forward).abs() < self.view.half_azimuth_rad - margin
    }
}

/// One usable return.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Return {
    /// Index in the scan.
    pub(crate) index: u32,
    /// Position in the vehicle frame, m.
    pub(crate) x_m: f64,
    pub(crate) y_m: f64,
    pub(crate) z_m: f64,
    pub(crate) range_m: f64,
    /// Line of sight in the vehicle frame, unit vector in three dimensions.
    pub(crate) sight: [f64; 3],
    /// Range rate of a fixed point per unit of forward speed, yaw rate and vertical speed.
    pub(crate) model: [f64; 3],
    pub(crate) range_rate_mps: f64,
    /// Variance of the range rate itself, (m/s)^2.
    pub(crate) doppler_var: f64,
    /// Variance of the range rate by the angles' noise, per squared speed.
    pub(crate) angle_var: f64,
    pub(crate) rcs_dbsm: f32,
    /// Weight in hypothesis scoring: 1 / sqrt(returns in the same azimuth sector), so that a
    /// truck's many returns count less than a landscape's.
    pub(crate) sector_weight: f64,
}

const SECTORS: usize = 128;

/// Fills `out` with the scan's usable returns.
pub(crate) fn prepare(
    scan: &RadarScan,
    mount: &Mount,
    config: &DetectorConfig,
    out: &mut Vec<Return>,
) {
    out.clear();
    let mut sectors = [0_u32; SECTORS];
    for (index, point) in scan.points.iter().enumerate() {
        if let Some(r) = one(index as u32, point, mount, config) {
            sectors[sector(&r)] += 1;
            out.push(r);
        }
    }
    for r in out.iter_mut() {
        r.sector_weight = 1.0 / f64::from(sectors[sector(r)].max(1)).sqrt();
    }
}

fn sector(r: &Return) -> usize {
    let turn = libm::atan2(r.sight[1], r.sight[0]) / std::f64::consts::TAU + 0.5;
    ((turn * SECTORS as f64) as usize).min(SECTORS - 1)
}

fn one(index: u32, point: &RadarPoint, mount: &Mount, config: &DetectorConfig) -> Option<Return> {
    let local = Vector3::new(
        f64::from(point.x_m),
        f64::from(point.y_m),
        f64::from(point.z_m),
    );
    let range_m = local.norm();
    let range_rate_mps = f64::from(point.range_rate_mps);
    let usable = point.valid
        && range_m.is_finite()
        && range_rate_mps.is_finite()
        && range_m >= config.clustering.min_range_m
        && range_m <= mount.view.max_range_m;
    if !usable {
        return None;
    }
    let local_sight = local / range_m;
    let sight = mount.rotation * local_sight;
    let position = mount.rotation * local + mount.position_m;
    let lever = mount.position_m;
    let stated = |value: f32, otherwise: f64| {
        let value = f64::from(value);
        if value.is_finite() && value > 0.0 {
            value
        } else {
            otherwise
        }
    };
    let doppler_std = stated(point.range_rate_std_mps, config.ego.range_rate_std_mps);
    let azimuth_std = stated(point.azimuth_std_rad, config.ego.azimuth_std_rad);
    let elevation_std = config.ego.elevation_std_rad;
    // d(range rate)/d(angle) per unit of speed, for a sensor that looks along the motion: the
    // y component for azimuth, x * tan(elevation) for elevation.
    let across = sight.y * azimuth_std;
    let level = (1.0 - local_sight.z * local_sight.z).max(1e-6).sqrt();
    let upward = sight.x * local_sight.z / level * elevation_std;
    Some(Return {
        index,
        x_m: position.x,
        y_m: position.y,
        z_m: position.z,
        range_m,
        sight: [sight.x, sight.y, sight.z],
        model: [-sight.x, -(lever.x * sight.y - lever.y * sight.x), -sight.z],
        range_rate_mps,
        doppler_var: doppler_std * doppler_std,
        angle_var: across * across + upward * upward,
        rcs_dbsm: point.rcs_dbsm,
        sector_weight: 1.0,
    })
}

/// `value` moved by whole multiples of `span` into `[-span / 2, span / 2]`; unchanged where the
/// radar states no ambiguity (`span` 0).
pub(crate) fn fold(value: f64, span: f64) -> f64 {
    if span > 0.0 {
        value - span * (value / span).round()
    } else {
        value
    }
}

/// Width of the unambiguous interval of range rate, m/s; 0 where the radar states none.
pub(crate) fn ambiguity_span(scan: &RadarScan) -> f64 {
    let (low, high) = scan.unambiguous_mps;
    let span = f64::from(high) - f64::from(low);
    if span.is_finite() && span > 1.0 {
        span
    } else {
        0.0
    }
}
