//! A small deterministic scene: fixed points on both sides of a road, vehicles at constant speed
//! that show their rear faces, and one radar that looks forward.
#![allow(dead_code)] // Each test file uses its part.

use drafthorse_core::{Pose, RadarPoint, RadarScan, SensorId};

/// Linear congruential noise, roughly normal by the sum of twelve uniforms.
#[derive(Clone)]
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: u64) -> Self {
        Self(
            seed.wrapping_mul(2_862_933_555_777_941_757)
                .wrapping_add(3_037_000_493),
        )
    }

    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// A vehicle in the ego's road frame at time 0.
#[derive(Clone, Copy)]
pub(crate) struct Car {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) vx: f64,
}

pub(crate) struct Scene {
    pub(crate) speed: f64,
    pub(crate) yaw_rate: f64,
    pub(crate) cars: Vec<Car>,
    pub(crate) fixed: usize,
    pub(crate) returns_a_car: usize,
    /// Half of the unambiguous interval; 0 for none.
    pub(crate) half: f64,
    pub(crate) doppler_std: f64,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            speed: 15.0,
            yaw_rate: 0.0,
            cars: vec![
                Car {
                    x: 30.0,
                    y: 0.0,
                    vx: 18.0,
                },
                Car {
                    x: 45.0,
                    y: 3.5,
                    vx: 22.0,
                },
                Car {
                    x: 120.0,
                    y: -4.0,
                    vx: -12.0,
                },
            ],
            fixed: 150,
            returns_a_car: 8,
            half: 0.0,
            doppler_std: 0.05,
        }
    }
}

/// Where the radar of the scenes sits.
pub(crate) fn mount() -> Pose {
    Pose {
        x_m: 3.7,
        z_m: 0.6,
        ..Pose::default()
    }
}

pub(crate) const HZ: f64 = 20.0;
pub(crate) const BEGIN_NS: u64 = 5_000_000_000;

impl Scene {
    /// Scan number `k`. The ego drives straight or turns; the cars are placed relative to a
    /// straight drive, so that scenes with cars should have a yaw rate of 0.
    pub(crate) fn scan(&self, k: u32, seed: u64) -> RadarScan {
        let mut noise = Noise::new(seed * 1_000_003 + u64::from(k));
        let time = f64::from(k) / HZ;
        let mut points = Vec::new();
        for _ in 0..self.fixed {
            let (x, side) = (noise.between(4.0, 140.0), noise.uniform() < 0.5);
            let y = noise.between(5.0, 25.0) * if side { 1.0 } else { -1.0 };
            let z = noise.between(0.1, 2.0);
            points.extend(self.measure([x, y, z], [0.0, 0.0], &mut noise));
        }
        for car in &self.cars {
            let x = car.x + (car.vx - self.speed) * time;
            for _ in 0..self.returns_a_car {
                // The face towards the radar and a little of the side.
                let along = noise.uniform() * noise.uniform() * 3.0;
                let near = if x > 0.0 {
                    x - 2.25 + along
                } else {
                    x + 2.25 - along
                };
                let y = car.y + noise.between(-0.9, 0.9);
                points.extend(self.measure([near, y, 0.6], [car.vx, 0.0], &mut noise));
            }
        }
        RadarScan {
            sensor: SensorId(0),
            sequence: k,
            captured_ns: BEGIN_NS + (time * 1e9) as u64,
            received_ns: BEGIN_NS + (time * 1e9) as u64,
            points,
            unambiguous_mps: (-self.half as f32, self.half as f32),
        }
    }

    /// A return of a point of the vehicle frame that moves over ground, if in view.
    fn measure(&self, at: [f64; 3], velocity: [f64; 2], noise: &mut Noise) -> Option<RadarPoint> {
        let m = mount();
        let (x, y, z) = (at[0] - m.x_m, at[1] - m.y_m, at[2] - m.z_m);
        // The scans, too, are the same on every machine.
        let flat = libm::hypot(x, y);
        let range = libm::hypot(flat, z);
        let (azimuth, elevation) = (libm::atan2(y, x), libm::atan2(z, flat));
        if range < 1.0 || azimuth.abs() > 1.0 {
            return None;
        }
        let own = [self.speed, self.yaw_rate * m.x_m];
        let mut rate = ((velocity[0] - own[0]) * x + (velocity[1] - own[1]) * y) / range;
        rate += self.doppler_std * noise.normal();
        if self.half > 0.0 {
            rate = (rate + self.half).rem_euclid(2.0 * self.half) - self.half;
        }
        let mut point = RadarPoint::from_polar(
            (range + 0.1 * noise.normal()) as f32,
            (azimuth + 0.003 * noise.normal()) as f32,
            (elevation + 0.01 * noise.normal()) as f32,
            rate as f32,
            noise.between(-10.0, 15.0) as f32,
        );
        point.azimuth_std_rad = 0.003;
        point.range_rate_std_mps = self.doppler_std as f32;
        Some(point)
    }
}
