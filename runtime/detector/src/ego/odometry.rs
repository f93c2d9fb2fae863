//! Dead reckoning: the vehicle's pose in the run's own frame.

use drafthorse_core::EgoMotion;
use serde::{Deserialize, Serialize};

/// `odom_from_vehicle` in the plane, and the motion it was last advanced with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Odometry {
    pub(crate) x_m: f64,
    pub(crate) y_m: f64,
    pub(crate) yaw_rad: f64,
    speed_mps: f64,
    yaw_rate_radps: f64,
}

impl Odometry {
    /// Advances by `dt` seconds with the mean of the last and this motion, along the chord of the
    /// arc.
    pub(crate) fn advance(&mut self, dt: f64, motion: &EgoMotion) {
        let speed = 0.5 * (self.speed_mps + motion.speed_mps);
        let turn = 0.5 * (self.yaw_rate_radps + motion.yaw_rate_radps);
        self.speed_mps = motion.speed_mps;
        self.yaw_rate_radps = motion.yaw_rate_radps;
        if dt <= 0.0 {
            return;
        }
        let middle = self.yaw_rad + 0.5 * turn * dt;
        self.x_m += speed * dt * libm::cos(middle);
        self.y_m += speed * dt * libm::sin(middle);
        self.yaw_rad = wrapped(self.yaw_rad + turn * dt);
    }

    /// A point of the vehicle frame in the run's frame.
    pub(crate) fn point(&self, x_m: f64, y_m: f64) -> [f64; 2] {
        let [dx, dy] = self.direction(x_m, y_m);
        [self.x_m + dx, self.y_m + dy]
    }

    /// A direction of the vehicle frame in the run's frame.
    pub(crate) fn direction(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = libm::sincos(self.yaw_rad);
        [cos * x - sin * y, sin * x + cos * y]
    }

    /// A point of the run's frame in the vehicle frame.
    pub(crate) fn point_in_vehicle(&self, x_m: f64, y_m: f64) -> [f64; 2] {
        self.direction_in_vehicle(x_m - self.x_m, y_m - self.y_m)
    }

    /// A direction of the run's frame in the vehicle frame.
    pub(crate) fn direction_in_vehicle(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = libm::sincos(self.yaw_rad);
        [cos * x + sin * y, -sin * x + cos * y]
    }
}

/// The angle in (-pi, pi].
pub(crate) fn wrapped(angle_rad: f64) -> f64 {
    use std::f64::consts::{PI, TAU};
    let turned = angle_rad - TAU * ((angle_rad + PI) / TAU).floor();
    if turned <= -PI { turned + TAU } else { turned }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_circle_ends_beside_its_centre() {
        let motion = EgoMotion {
            speed_mps: 10.0,
            yaw_rate_radps: 0.5,
            ..EgoMotion::default()
        };
        let mut odometry = Odometry::default();
        odometry.advance(0.0, &motion);
        let steps = 1000;
        let dt = std::f64::consts::FRAC_PI_2 / 0.5 / f64::from(steps);
        for _ in 0..steps {
            odometry.advance(dt, &motion);
        }
        assert!((odometry.x_m - 20.0).abs() < 1e-3, "{odometry:?}");
        assert!((odometry.y_m - 20.0).abs() < 1e-3, "{odometry:?}");
        assert!((odometry.yaw_rad - std::f64::consts::FRAC_PI_2).abs() < 1e-9);
    }

    #[test]
    fn points_return_from_the_run_frame() {
        let odometry = Odometry {
            x_m: 3.0,
            y_m: -2.0,
            yaw_rad: 0.7,
            ..Odometry::default()
        };
        let [x, y] = odometry.point(5.0, 1.0);
        let [x, y] = odometry.point_in_vehicle(x, y);
        assert!((x - 5.0).abs() < 1e-12 && (y - 1.0).abs() < 1e-12);
    }

    #[test]
    fn angles_wrap_into_one_turn() {
        for k in -3..=3 {
            let angle = 1.0 + f64::from(k) * std::f64::consts::TAU;
            assert!((wrapped(angle) - 1.0).abs() < 1e-9);
        }
    }
}
