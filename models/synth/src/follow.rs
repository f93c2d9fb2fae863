//! How drivers choose their acceleration: the intelligent driver model (Treiber, Hennecke and
//! Helbing 2000) behind a leader, and a comfortable speed through bends.

use crate::path::Path;

/// Largest lateral acceleration a driver takes in a bend, m/s².
const LATERAL_MPS2: f64 = 2.6;
/// Deceleration a driver plans with before a bend, m/s².
const PLANNED_MPS2: f64 = 1.8;
/// Hardest braking, m/s².
const BRAKING_MPS2: f64 = 5.0;
/// Strongest acceleration, m/s².
const PULL_MPS2: f64 = 1.9;

/// Acceleration, m/s², of a driver at speed `v` that would like `wish`; `leader` is the gap ahead
/// (bumper to bumper, m) and the leader's speed.
pub(crate) fn acceleration(v: f64, wish: f64, leader: Option<(f64, f64)>) -> f64 {
    let free = if v <= wish {
        PULL_MPS2 * (1.0 - (v / wish.max(0.5)).powi(4))
    } else {
        (-0.9 * (v - wish)).max(-3.0)
    };
    let held = leader.map_or(0.0, |(gap, speed)| {
        let dynamic = v * 1.1 + v * (v - speed) / (2.0 * (PULL_MPS2 * 2.2_f64).sqrt());
        let desired = 2.5 + dynamic.max(0.0);
        PULL_MPS2 * (desired / gap.max(0.5)).powi(2)
    });
    (free - held).clamp(-BRAKING_MPS2, PULL_MPS2)
}

/// Highest comfortable speed at `s` when driving in `direction`, looking ahead to the next bends.
pub(crate) fn bend_speed(path: &Path, s: f64, direction: f64) -> f64 {
    (0..7).fold(f64::INFINITY, |limit: f64, i| {
        let near = f64::from(i) * 9.0;
        let (a, b) = (s + direction * near, s + direction * (near + 9.0));
        let curvature = path.sharpest(a.min(b), a.max(b)).max(1e-6);
        limit.min((LATERAL_MPS2 / curvature + 2.0 * PLANNED_MPS2 * near).sqrt())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_follower_settles_behind_its_leader() {
        let (mut gap, mut v) = (30.0, 20.0);
        for _ in 0..6000 {
            let a = acceleration(v, 25.0, Some((gap, 15.0)));
            gap += (15.0 - v) * 0.01;
            v = (v + a * 0.01).max(0.0);
            assert!(gap > 1.0);
        }
        assert!((v - 15.0).abs() < 0.2, "{v}");
    }
}
