//! What hides what: for each direction of a look the nearest few things in it, with their heights.

use crate::path::Pose2;
use crate::solid::Solid;

/// Width of a direction, rad (a quarter of a degree).
const BIN_RAD: f64 = 0.25 * std::f64::consts::PI / 180.0;
/// Directions on each side of straight ahead.
const HALF: usize = 300;
/// Things remembered in each direction.
const DEPTH: usize = 5;

/// Something opaque in one direction.
#[derive(Clone, Copy, Debug)]
struct Blocker {
    range: f64,
    top: f64,
    owner: u32,
    /// Share of power that gets past it, for example beneath a car by way of the road.
    leak: f64,
}

const NOTHING: Blocker = Blocker {
    range: f64::INFINITY,
    top: 0.0,
    owner: 0,
    leak: 1.0,
};

/// The silhouette of a scene seen from one place.
pub(crate) struct Visibility {
    bins: Vec<[Blocker; DEPTH]>,
    plane: Pose2,
    height: f64,
}

impl Visibility {
    pub(crate) fn new() -> Self {
        Self {
            bins: vec![[NOTHING; DEPTH]; 2 * HALF],
            plane: Pose2::default(),
            height: 0.0,
        }
    }

    /// Forgets all; the look is from `plane` at `height` above ground.
    pub(crate) fn begin(&mut self, plane: Pose2, height: f64) {
        self.bins.fill([NOTHING; DEPTH]);
        (self.plane, self.height) = (plane, height);
    }

    fn bin(azimuth: f64) -> f64 {
        azimuth / BIN_RAD + HALF as f64
    }

    /// Adds a box; `owner` does not hide itself (0 is nobody).
    pub(crate) fn add(&mut self, solid: &Solid, owner: u32, leak: f64) {
        let corners = solid.footprint().map(|c| self.plane.inward(c));
        for i in 0..4 {
            let (a, b) = (corners[i], corners[(i + 1) % 4]);
            if a[0] < 0.1 || b[0] < 0.1 {
                continue; // Behind the sensor; it looks forward.
            }
            // Only the edges that face the sensor: those seen clockwise.
            if a[0] * b[1] - a[1] * b[0] > 0.0 {
                continue;
            }
            self.add_edge(a, b, solid.top, owner, leak);
        }
    }

    fn add_edge(&mut self, a: [f64; 2], b: [f64; 2], top: f64, owner: u32, leak: f64) {
        let (from, to) = (
            Self::bin(b[1].atan2(b[0])).min(Self::bin(a[1].atan2(a[0]))),
            Self::bin(b[1].atan2(b[0])).max(Self::bin(a[1].atan2(a[0]))),
        );
        let first = from.floor().max(0.0) as usize;
        let last = (to.ceil().max(0.0) as usize).min(2 * HALF);
        for bin in first..last {
            let angle = (bin as f64 + 0.5 - HALF as f64) * BIN_RAD;
            let (sin, cos) = angle.sin_cos();
            // Ray t (cos, sin) meets a + u (b - a).
            let (ex, ey) = (b[0] - a[0], b[1] - a[1]);
            let cross = cos * ey - sin * ex;
            if cross.abs() < 1e-9 {
                continue;
            }
            let u = (sin * a[0] - cos * a[1]) / cross;
            if !(-0.02..=1.02).contains(&u) {
                continue;
            }
            let range = (a[0] + u * ex).hypot(a[1] + u * ey);
            insert(
                &mut self.bins[bin],
                Blocker {
                    range,
                    top,
                    owner,
                    leak,
                },
            );
        }
    }

    /// Share of power that reaches a point of the world which belongs to `owner`, 0 to 1.
    pub(crate) fn share(&self, p: [f64; 3], owner: u32) -> f64 {
        let [x, y] = self.plane.inward([p[0], p[1]]);
        let range = x.hypot(y);
        let bin = Self::bin(y.atan2(x));
        if x <= 0.0 || bin < 0.0 || bin >= (2 * HALF) as f64 {
            return 1.0;
        }
        let mut share = 1.0;
        for blocker in &self.bins[bin as usize] {
            if blocker.range > range - 0.4 {
                break;
            }
            let sight_height = self.height + (p[2] - self.height) * blocker.range / range;
            let own = blocker.owner == owner && owner != 0;
            if !own && sight_height < blocker.top {
                share *= blocker.leak;
            }
        }
        share
    }
}

/// Keeps the nearest, in order.
fn insert(bin: &mut [Blocker; DEPTH], new: Blocker) {
    let Some(at) = bin.iter().position(|b| new.range < b.range) else {
        return;
    };
    bin[at..].rotate_right(1);
    bin[at] = new;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn car_at(x: f64) -> Solid {
        Solid {
            pose: Pose2 {
                x,
                y: 0.0,
                yaw: 0.3,
            },
            length: 4.0,
            width: 2.0,
            bottom: 0.2,
            top: 1.5,
        }
    }

    #[test]
    fn a_car_hides_what_is_low_behind_it() {
        let mut seen = Visibility::new();
        seen.begin(Pose2::default(), 0.6);
        seen.add(&car_at(20.0), 1, 0.1);
        assert_eq!(seen.share([40.0, 0.0, 0.5], 2), 0.1);
        assert_eq!(seen.share([40.0, 0.0, 3.5], 2), 1.0, "over its roof");
        assert_eq!(seen.share([40.0, 9.0, 0.5], 2), 1.0, "beside it");
        assert_eq!(seen.share([10.0, 0.0, 0.5], 2), 1.0, "in front of it");
        assert_eq!(seen.share([20.5, 0.0, 0.5], 1), 1.0, "itself");
    }
}
