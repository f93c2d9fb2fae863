//! The reference line of the road: the curve that the vehicle's rear axle follows.
//!
//! Everything on the road is placed by arc length `s` along this line and offset `d` to its left.
//! Because the rear axle follows it exactly, the vehicle's yaw is the line's heading, its yaw rate
//! speed times curvature, and it has no side slip.

use crate::rng::Rng;

/// Position and heading in the world's plane.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pose2 {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) yaw: f64,
}

impl Pose2 {
    /// World coordinates of a point given in this frame.
    pub(crate) fn out(&self, x: f64, y: f64) -> [f64; 2] {
        let (sin, cos) = self.yaw.sin_cos();
        [self.x + cos * x - sin * y, self.y + sin * x + cos * y]
    }

    /// Coordinates in this frame of a point of the world.
    pub(crate) fn inward(&self, p: [f64; 2]) -> [f64; 2] {
        let (sin, cos) = self.yaw.sin_cos();
        let (dx, dy) = (p[0] - self.x, p[1] - self.y);
        [cos * dx + sin * dy, cos * dy - sin * dx]
    }
}

/// Distance between samples of the line, m.
const STEP_M: f64 = 0.5;
/// Length of line behind the start, m.
pub(crate) const BEHIND_M: f64 = 150.0;
/// Arc length over which curvature changes, m.
const RAMP_M: f64 = 14.0;

/// A planar curve with its heading and curvature, sampled densely.
pub(crate) struct Path {
    poses: Vec<Pose2>,
    curvature: Vec<f64>,
}

impl Path {
    /// A line of `ahead_m` metres in front of the start; straights and bends are `straight` times as
    /// long and wide as in a town.
    pub(crate) fn generate(rng: &mut Rng, ahead_m: f64, straight: f64) -> Self {
        let count = ((BEHIND_M + ahead_m) / STEP_M).ceil() as usize + 2;
        let curvature = smooth(&pieces(rng, count, straight));
        let start = (BEHIND_M / STEP_M) as usize;
        let mut poses = vec![Pose2::default(); count];
        for i in start..count - 1 {
            poses[i + 1] = advance(poses[i], curvature[i], STEP_M);
        }
        for i in (0..start).rev() {
            poses[i] = advance(poses[i + 1], curvature[i], -STEP_M);
        }
        Self { poses, curvature }
    }

    /// A straight line through `origin`, which is its arc length 0; `ahead_m` and [`BEHIND_M`] long.
    pub(crate) fn straight(origin: Pose2, ahead_m: f64) -> Self {
        let count = ((BEHIND_M + ahead_m) / STEP_M).ceil() as usize + 2;
        let poses = (0..count)
            .map(|i| advance(origin, 0.0, i as f64 * STEP_M - BEHIND_M))
            .collect();
        Self {
            poses,
            curvature: vec![0.0; count],
        }
    }

    /// Arc length of the last sample, m.
    pub(crate) fn end_m(&self) -> f64 {
        (self.poses.len() - 2) as f64 * STEP_M - BEHIND_M
    }

    fn locate(&self, s: f64) -> (usize, f64) {
        let from_first = s + BEHIND_M;
        let index = (from_first / STEP_M).floor().max(0.0) as usize;
        let index = index.min(self.poses.len() - 2);
        (index, from_first - index as f64 * STEP_M)
    }

    /// Pose of the line at arc length `s`.
    pub(crate) fn at(&self, s: f64) -> Pose2 {
        let (index, rest) = self.locate(s);
        advance(self.poses[index], self.curvature[index], rest)
    }

    /// Curvature at arc length `s`, 1/m, positive to the left.
    pub(crate) fn curvature(&self, s: f64) -> f64 {
        self.curvature[self.locate(s).0]
    }

    /// Largest absolute curvature in a stretch, 1/m.
    pub(crate) fn sharpest(&self, from: f64, to: f64) -> f64 {
        let (a, b) = (self.locate(from).0, self.locate(to).0);
        self.curvature[a..=b]
            .iter()
            .fold(0.0, |m: f64, k| m.max(k.abs()))
    }

    /// World position at arc length `s` and offset `d` to the left.
    pub(crate) fn offset(&self, s: f64, d: f64) -> [f64; 2] {
        self.at(s).out(0.0, d)
    }

    /// Whether a disc is clear of the road's band `right_d..left_d` everywhere near `s`.
    pub(crate) fn clear(
        &self,
        p: [f64; 2],
        radius: f64,
        s: f64,
        right_d: f64,
        left_d: f64,
    ) -> bool {
        let (a, b) = (self.locate(s - 150.0).0, self.locate(s + 150.0).0);
        self.poses[a..=b].iter().step_by(4).all(|pose| {
            let [x, y] = pose.inward(p);
            x.abs() > radius + 1.5 || y < right_d - radius || y > left_d + radius
        })
    }
}

/// Follows an arc of constant curvature for `ds`.
fn advance(pose: Pose2, curvature: f64, ds: f64) -> Pose2 {
    let half = 0.5 * curvature * ds;
    // Chord of the arc; the series keeps straight lines exact.
    let chord = ds * (1.0 - half * half / 6.0);
    let (sin, cos) = (pose.yaw + half).sin_cos();
    Pose2 {
        x: pose.x + chord * cos,
        y: pose.y + chord * sin,
        yaw: pose.yaw + curvature * ds,
    }
}

/// Piecewise constant curvature: straights, bends and tight turns that lead back towards x, so
/// that the road never meets itself.
fn pieces(rng: &mut Rng, count: usize, stretch: f64) -> Vec<f64> {
    let mut curvature = Vec::with_capacity(count);
    let straight = ((BEHIND_M + stretch * rng.range(35.0, 60.0)) / STEP_M) as usize;
    curvature.resize(straight, 0.0);
    let (mut heading, mut turn) = (0.0_f64, rng.index(3));
    while curvature.len() < count {
        let towards = if heading.abs() > 0.35 {
            -heading.signum()
        } else if rng.chance(0.5) {
            1.0
        } else {
            -1.0
        };
        // Bends of three kinds in turn, so that each drive has gentle and tight ones.
        let (radius, angle) = match turn % 3 {
            0 => (rng.range(110.0, 220.0), rng.range(0.25, 0.5)),
            1 => (rng.range(27.0, 34.0), rng.range(0.8, 1.15)),
            _ => (rng.range(55.0, 90.0), rng.range(0.35, 0.7)),
        };
        let (radius, angle) = (stretch * radius, angle / stretch);
        turn += 1;
        heading += towards * angle;
        let bend = curvature.len() + (radius * angle / STEP_M) as usize;
        curvature.resize(bend, towards / radius);
        let straight = curvature.len() + (stretch * rng.range(45.0, 110.0) / STEP_M) as usize;
        curvature.resize(straight, 0.0);
    }
    curvature.truncate(count);
    curvature
}

/// Moving average over [`RAMP_M`], which makes each change of curvature a clothoid.
fn smooth(curvature: &[f64]) -> Vec<f64> {
    let half = (RAMP_M / STEP_M / 2.0) as usize;
    (0..curvature.len())
        .map(|i| {
            let window = &curvature[i.saturating_sub(half)..(i + half + 1).min(curvature.len())];
            window.iter().sum::<f64>() / window.len() as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heading_is_the_tangent() {
        let path = Path::generate(&mut Rng::new(3, 1), 600.0, 1.0);
        let h = 0.01;
        for i in 0..500 {
            let s = -100.0 + 1.37 * f64::from(i);
            let (a, b, c) = (path.at(s - h), path.at(s), path.at(s + h));
            let tangent = (c.y - a.y).atan2(c.x - a.x);
            let error = (tangent - b.yaw + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
                - std::f64::consts::PI;
            assert!(error.abs() < 1e-3, "at {s}: {error}");
            assert!(((c.x - a.x).hypot(c.y - a.y) - 2.0 * h).abs() < 1e-5);
        }
    }

    #[test]
    fn in_and_out_are_inverse() {
        let pose = Pose2 {
            x: 3.0,
            y: -1.0,
            yaw: 0.7,
        };
        let [x, y] = pose.inward(pose.out(2.0, 5.0));
        assert!((x - 2.0).abs() < 1e-12 && (y - 5.0).abs() < 1e-12);
    }
}
