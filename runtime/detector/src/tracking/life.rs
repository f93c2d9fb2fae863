//! One track's life: birth from a detection, updates, misses, and what it shows of itself.

use super::kalman::Motion;
use super::measurement::{Measurement, turned};
use crate::classify::{classify, typical_size};
use crate::cluster::{Candidate, complete};
use crate::config::TrackingConfig;
use crate::ego::{Odometry, wrapped};
use drafthorse_core::{Class, Track};
use nalgebra::{Matrix2, Vector2};
use serde::{Deserialize, Serialize};

/// Speed over ground below which a heading is not read from the velocity, m/s.
const HEADING_SPEED: f64 = 0.8;
/// Radial or total speed at which a track counts as moving, m/s.
const MOVING_SPEED: f64 = 0.5;

/// Share of the extents seen that is kept from detection to detection.
const FORGET: f64 = 0.995;

/// One tracked object.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Life {
    /// 0 until confirmed.
    pub(crate) id: u32,
    pub(crate) motion: Motion,
    /// Heading in the run's frame, rad, and whether a velocity or an L-shape ever gave it.
    heading_rad: f64,
    heading_known: bool,
    /// Longest extents seen, slowly forgotten, m.
    seen: [f64; 2],
    /// Greatest speed over ground, m/s, slowly forgotten.
    fastest_mps: f64,
    /// Mean number of returns.
    points: f64,
    class: Class,
    height_m: f64,
    /// Size given by the radar itself, if it does.
    given_size: Option<[f64; 2]>,
    existence: f64,
    pub(crate) moving: bool,
    ever_moved: bool,
    pub(crate) age: u32,
    pub(crate) hits: u32,
    pub(crate) missed: u32,
    /// One bit a scan, the latest lowest.
    pub(crate) history: u32,
    pub(crate) updated_ns: u64,
}

impl Life {
    /// A tentative track from a detection. Before a second detection nothing is known across the
    /// line of sight; traffic is taken to move along the road (the vehicle's x) within 15 m/s and
    /// across it within 3 m/s.
    pub(crate) fn begin(
        candidate: &Candidate,
        measurement: &Measurement,
        odometry: &Odometry,
        now_ns: u64,
    ) -> Self {
        let d = &candidate.detection;
        let spread = if d.moving {
            [225.0, 0.0, 9.0]
        } else {
            [0.25, 0.0, 0.25]
        };
        let velocity_cov = turned(spread, odometry.yaw_rad);
        let mut motion = Motion::at(measurement.position, measurement.cov, velocity_cov);
        motion.take_radial(
            &measurement.sight,
            measurement.radial,
            measurement.radial_var,
        );
        if let Some(velocity) = measurement.velocity {
            motion.take_velocity(&velocity, &(Matrix2::identity() * 0.25));
        }
        let mut life = Self {
            id: 0,
            motion,
            heading_rad: wrapped(d.yaw_rad + odometry.yaw_rad),
            heading_known: !d.moving,
            seen: [0.0; 2],
            fastest_mps: 0.0,
            points: f64::from(d.points),
            class: d.class,
            height_m: d.height_m,
            given_size: None,
            existence: 0.3 + 0.3 * d.score,
            moving: d.moving,
            ever_moved: d.moving,
            age: 0,
            hits: 1,
            missed: 0,
            history: 1,
            updated_ns: now_ns,
        };
        if candidate.points[0] == candidate.points[1] {
            life.given_size = Some([d.length_m, d.width_m]);
        }
        life
    }

    /// Carries the track on.
    pub(crate) fn predict(&mut self, dt: f64, config: &TrackingConfig) {
        if dt <= 0.0 {
            return;
        }
        // Vehicles accelerate along their heading far more than across it; people as they like.
        let along = config.acceleration_mps2;
        let noise = match self.class {
            Class::Pedestrian => Matrix2::identity(),
            _ if !self.ever_moved => Matrix2::identity() * 0.04,
            _ => {
                let (a, b) = (along * along, 0.16 * along * along);
                turned([a, 0.0, b], self.heading_rad)
            }
        };
        self.motion.predict(dt, &noise);
    }

    /// Takes a detection. `points` are the cluster's returns in the vehicle frame.
    pub(crate) fn update(
        &mut self,
        candidate: &Candidate,
        measurement: &Measurement,
        points: &[[f64; 2]],
        odometry: &Odometry,
        now_ns: u64,
    ) {
        let d = &candidate.detection;
        let mut position = measurement.position;
        let mut cov = measurement.cov;
        if !points.is_empty() {
            // The same returns, completed with what the track knows of heading and size.
            let heading = self.heading_rad - odometry.yaw_rad;
            let size = self.size();
            let box_ = complete(points, heading, [size[0], size[1]], candidate.sensor);
            position = Vector2::from(odometry.point(box_.centre[0], box_.centre[1]));
            let count = f64::from(d.points);
            let range = libm::hypot(
                box_.centre[0] - candidate.sensor[0],
                box_.centre[1] - candidate.sensor[1],
            );
            let shape = crate::cluster::centre_cov(&box_, heading, d.line_of_sight, range, count);
            cov = turned(shape, odometry.yaw_rad);
            // A cluster beyond these holds two road users side by side or in file.
            let length = (box_.length_m - box_.unseen[0]).min(18.0);
            let width = (box_.width_m - box_.unseen[1]).min(2.6);
            self.seen = [
                (self.seen[0] * FORGET).max(length),
                (self.seen[1] * FORGET).max(width),
            ];
        }
        self.motion.take_position(&position, &cov);
        self.motion.take_radial(
            &measurement.sight,
            measurement.radial,
            measurement.radial_var,
        );
        if let Some(velocity) = measurement.velocity {
            self.motion
                .take_velocity(&velocity, &(Matrix2::identity() * 0.25));
        }
        self.points += 0.1 * (f64::from(d.points) - self.points);
        self.settle(d.moving);
        if !d.moving && !self.ever_moved {
            self.heading_rad = axis_towards(self.heading_rad, d.yaw_rad + odometry.yaw_rad, 0.1);
        }
        self.hits += 1;
        self.missed = 0;
        self.history = (self.history << 1) | 1;
        self.age += 1;
        self.updated_ns = now_ns;
        // Bayes with a detection probability of 0.8 and clutter of 0.2.
        let p = self.existence;
        self.existence = (p * 0.8 / (p * 0.8 + (1.0 - p) * 0.2)).min(0.999);
    }

    /// Reads heading, class and movement from the state.
    fn settle(&mut self, seen_moving: bool) {
        let velocity = self.motion.velocity();
        let speed = velocity.norm();
        self.ever_moved |= seen_moving;
        self.moving = seen_moving || (self.ever_moved && speed > MOVING_SPEED);
        if self.hits >= 2 && self.ever_moved {
            self.fastest_mps = (self.fastest_mps * 0.998).max(speed);
        }
        if self.ever_moved && speed > HEADING_SPEED {
            let course = libm::atan2(velocity[1], velocity[0]);
            let certain = (speed / (speed + 2.0)) * 0.5;
            self.heading_rad = if self.heading_known {
                wrapped(self.heading_rad + certain * wrapped(course - self.heading_rad))
            } else {
                course
            };
            self.heading_known = true;
        }
        if self.given_size.is_none() {
            self.class = classify(
                self.seen[0].max(self.seen[1]),
                self.fastest_mps,
                self.points,
            );
            self.height_m = typical_size(self.class)[2];
        }
    }

    /// A scan that should have shown it did not.
    pub(crate) fn miss(&mut self) {
        self.missed += 1;
        self.history <<= 1;
        self.age += 1;
        let p = self.existence;
        self.existence = p * 0.35 / (p * 0.35 + (1.0 - p));
    }

    /// A scan that could not have shown it.
    pub(crate) fn pass(&mut self) {
        self.age += 1;
    }

    /// Length and width, m.
    pub(crate) fn size(&self) -> [f64; 2] {
        if let Some(size) = self.given_size {
            return size;
        }
        let typical = typical_size(self.class);
        [self.seen[0].max(typical[0]), self.seen[1].max(typical[1])]
    }

    /// Whether a point of the run's frame lies in the box, grown by `margin_m`.
    pub(crate) fn covers(&self, position: &Vector2<f64>, margin_m: f64) -> bool {
        let offset = position - Vector2::new(self.motion.state[0], self.motion.state[1]);
        let (sin, cos) = libm::sincos(self.heading_rad);
        let size = self.size();
        (cos * offset[0] + sin * offset[1]).abs() < 0.5 * size[0] + margin_m
            && (cos * offset[1] - sin * offset[0]).abs() < 0.5 * size[1] + margin_m
    }

    /// The track in the vehicle frame.
    pub(crate) fn show(&self, odometry: &Odometry) -> Track {
        let state = &self.motion.state;
        let [x_m, y_m] = odometry.point_in_vehicle(state[0], state[1]);
        let [vx, vy] = odometry.direction_in_vehicle(state[2], state[3]);
        let (vx_mps, vy_mps) = if self.moving { (vx, vy) } else { (0.0, 0.0) };
        let [length_m, width_m] = self.size();
        Track {
            id: self.id,
            class: self.class,
            x_m,
            y_m,
            z_m: 0.5 * self.height_m,
            vx_mps,
            vy_mps,
            yaw_rad: wrapped(self.heading_rad - odometry.yaw_rad),
            length_m,
            width_m,
            height_m: self.height_m,
            position_std_m: self.motion.position_std(),
            score: self.existence,
            moving: self.moving,
            age_scans: self.age,
            missed_scans: self.missed,
        }
    }
}

/// `from` turned a share of the way to the axis `to` (headings half a turn apart are the same).
fn axis_towards(from: f64, to: f64, share: f64) -> f64 {
    let mut difference = wrapped(to - from);
    if difference > std::f64::consts::FRAC_PI_2 {
        difference -= std::f64::consts::PI;
    } else if difference < -std::f64::consts::FRAC_PI_2 {
        difference += std::f64::consts::PI;
    }
    wrapped(from + share * difference)
}
