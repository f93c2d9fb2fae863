//! Constant-velocity Kalman filter in the plane with position and radial speed as measurements.

use nalgebra::{Matrix2, Matrix2x4, Matrix3, Matrix3x4, Matrix4, Vector2, Vector3, Vector4};
use serde::{Deserialize, Serialize};

/// Position (m) and velocity (m/s) in the run's frame, with their covariance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Motion {
    pub(crate) state: Vector4<f64>,
    pub(crate) covariance: Matrix4<f64>,
}

impl Motion {
    /// At a position, velocity unknown within `velocity_cov`.
    pub(crate) fn at(
        position: Vector2<f64>,
        cov: Matrix2<f64>,
        velocity_cov: Matrix2<f64>,
    ) -> Self {
        let mut covariance = Matrix4::zeros();
        covariance.fixed_view_mut::<2, 2>(0, 0).copy_from(&cov);
        covariance
            .fixed_view_mut::<2, 2>(2, 2)
            .copy_from(&velocity_cov);
        Self {
            state: Vector4::new(position[0], position[1], 0.0, 0.0),
            covariance,
        }
    }

    /// Carries the state on by `dt` seconds under white acceleration of that covariance, (m/s^2)^2.
    pub(crate) fn predict(&mut self, dt: f64, acceleration: &Matrix2<f64>) {
        let mut transition = Matrix4::identity();
        transition[(0, 2)] = dt;
        transition[(1, 3)] = dt;
        self.state = transition * self.state;
        let mut noise = Matrix4::zeros();
        let (near, mid, far) = (0.25 * dt * dt * dt * dt, 0.5 * dt * dt * dt, dt * dt);
        // The acceleration lasts about half a second, not one step: scale to that bandwidth.
        let steps = (0.5 / dt.max(1e-3)).max(1.0);
        for i in 0..2 {
            for j in 0..2 {
                let a = acceleration[(i, j)] * steps;
                noise[(i, j)] = near * a;
                noise[(i, j + 2)] = mid * a;
                noise[(i + 2, j)] = mid * a;
                noise[(i + 2, j + 2)] = far * a;
            }
        }
        self.covariance = transition * self.covariance * transition.transpose() + noise;
    }

    /// Squared Mahalanobis distance of a position and a radial speed along `sight`.
    pub(crate) fn distance(
        &self,
        position: &Vector2<f64>,
        position_cov: &Matrix2<f64>,
        sight: &Vector2<f64>,
        radial: f64,
        radial_var: f64,
    ) -> f64 {
        let model = Matrix3x4::new(
            1.0, 0.0, 0.0, 0.0, //
            0.0, 1.0, 0.0, 0.0, //
            0.0, 0.0, sight[0], sight[1],
        );
        let mut spread: Matrix3<f64> = model * self.covariance * model.transpose();
        spread[(0, 0)] += position_cov[(0, 0)];
        spread[(0, 1)] += position_cov[(0, 1)];
        spread[(1, 0)] += position_cov[(1, 0)];
        spread[(1, 1)] += position_cov[(1, 1)];
        spread[(2, 2)] += radial_var;
        let measured = Vector3::new(position[0], position[1], radial);
        let innovation = measured - model * self.state;
        spread.try_inverse().map_or(f64::INFINITY, |inverse| {
            (innovation.transpose() * inverse * innovation)[0]
        })
    }

    /// Takes a position.
    pub(crate) fn take_position(&mut self, position: &Vector2<f64>, cov: &Matrix2<f64>) {
        let model = Matrix2x4::new(1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0);
        self.take(&model, position, cov);
    }

    /// Takes a whole velocity.
    pub(crate) fn take_velocity(&mut self, velocity: &Vector2<f64>, cov: &Matrix2<f64>) {
        let model = Matrix2x4::new(0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0);
        self.take(&model, velocity, cov);
    }

    fn take(&mut self, model: &Matrix2x4<f64>, measured: &Vector2<f64>, cov: &Matrix2<f64>) {
        let spread = model * self.covariance * model.transpose() + cov;
        let Some(inverse) = spread.try_inverse() else {
            return;
        };
        let gain = self.covariance * model.transpose() * inverse;
        self.state += gain * (measured - model * self.state);
        self.covariance -= gain * model * self.covariance;
        self.symmetrise();
    }

    /// Takes the velocity's projection on `sight`.
    pub(crate) fn take_radial(&mut self, sight: &Vector2<f64>, radial: f64, variance: f64) {
        let model = Vector4::new(0.0, 0.0, sight[0], sight[1]);
        let shared = self.covariance * model;
        let spread = model.dot(&shared) + variance;
        if spread <= 0.0 {
            return;
        }
        let gain = shared / spread;
        self.state += gain * (radial - model.dot(&self.state));
        self.covariance -= gain * shared.transpose();
        self.symmetrise();
    }

    fn symmetrise(&mut self) {
        self.covariance = (self.covariance + self.covariance.transpose()) * 0.5;
        for i in 0..4 {
            if self.covariance[(i, i)] < 1e-6 {
                self.covariance[(i, i)] = 1e-6;
            }
        }
    }

    /// Standard deviation of the position along its worst axis, m.
    pub(crate) fn position_std(&self) -> f64 {
        let c = &self.covariance;
        let (mean, half) = (0.5 * (c[(0, 0)] + c[(1, 1)]), 0.5 * (c[(0, 0)] - c[(1, 1)]));
        (mean + libm::hypot(half, c[(0, 1)])).max(0.0).sqrt()
    }

    /// Velocity, m/s.
    pub(crate) fn velocity(&self) -> Vector2<f64> {
        Vector2::new(self.state[2], self.state[3])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn radial_speed_and_positions_recover_the_velocity() {
        let wide = Matrix2::identity() * 100.0;
        let cov = Matrix2::identity() * 0.04;
        let mut motion = Motion::at(Vector2::new(20.0, 5.0), cov, wide);
        let velocity = Vector2::new(-8.0, 3.0);
        for k in 1..=40 {
            let t = 0.05 * f64::from(k);
            motion.predict(0.05, &(Matrix2::identity() * 1.0));
            let position = Vector2::new(20.0, 5.0) + velocity * t;
            let sight = position.normalize();
            motion.take_position(&position, &cov);
            motion.take_radial(&sight, velocity.dot(&sight), 0.01);
        }
        assert!((motion.velocity() - velocity).norm() < 0.1, "{motion:?}");
        assert!(motion.position_std() < 0.2);
    }

    #[test]
    fn joint_distance_equals_the_sum_where_axes_are_independent() {
        let motion = Motion::at(
            Vector2::new(1.0, 2.0),
            Matrix2::identity(),
            Matrix2::identity() * 4.0,
        );
        let sight = Vector2::new(1.0, 0.0);
        let found = motion.distance(
            &Vector2::new(3.0, 2.0),
            &Matrix2::identity(),
            &sight,
            3.0,
            5.0,
        );
        assert!((found - (4.0 / 2.0 + 9.0 / 9.0)).abs() < 1e-12, "{found}");
    }
}
