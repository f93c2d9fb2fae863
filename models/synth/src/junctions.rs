//! Where other streets cross the road, and the traffic lights there.

use crate::layout::Layout;
use crate::path::{Path, Pose2};
use crate::rng::Rng;
use crate::town::Plan;
use std::f64::consts::FRAC_PI_2;

/// Offset of a side street's lanes from its middle, m.
pub(crate) const SIDE_LANE_M: f64 = 1.75;
/// Edge of its carriageway, of its parking strip and of its pavement, m.
pub(crate) const SIDE_EDGE_M: f64 = 3.5;
pub(crate) const SIDE_PARKED_M: f64 = 5.6;
pub(crate) const SIDE_OUTER_M: f64 = 8.0;
/// Distance from the junction's middle at which traffic on the road stops, m.
const STOP_M: f64 = 10.0;
/// Longest and shortest arm of a side street, m.
const LONGEST_M: f64 = 110.0;
const SHORTEST_M: f64 = 34.0;
/// Time between the greens of the two streets, s.
const CLEARING_S: f64 = 3.5;

/// A street that crosses the road at a right angle or nearly so.
pub(crate) struct Junction {
    /// Arc length on the road.
    pub(crate) s: f64,
    /// The street's middle: arc length 0 is on the road, positive to the road's left.
    pub(crate) line: Path,
    /// Length of its arms: to the right, to the left; 0 where it has none.
    pub(crate) arms: [f64; 2],
    green_s: [f64; 2],
    shift_s: f64,
    /// Where the street's traffic stops: arc lengths on the right arm and on the left arm.
    stops: [f64; 2],
}

impl Junction {
    /// Whether a disc of the world is on the street or its pavements.
    pub(crate) fn covers(&self, p: [f64; 2], radius: f64) -> bool {
        let [x, y] = self.line.at(0.0).inward(p);
        let along = -self.arms[0] - 3.0 - radius..self.arms[1] + 3.0 + radius;
        y.abs() < SIDE_OUTER_M + radius && along.contains(&x)
    }

    /// How long traffic has green from now on, s; 0 for red. `road` is 0 for the road itself.
    pub(crate) fn green(&self, road: usize, time_s: f64) -> f64 {
        let [first, second] = self.green_s;
        let cycle = first + second + 2.0 * CLEARING_S;
        let now = (time_s + self.shift_s).rem_euclid(cycle);
        let end = if road == 0 {
            first
        } else {
            first + CLEARING_S + second
        };
        let start = end - self.green_s[usize::from(road != 0)];
        if now >= start {
            (end - now).max(0.0)
        } else {
            0.0
        }
    }

    /// Whether it has both arms, so that traffic crosses.
    pub(crate) fn is_crossing(&self) -> bool {
        self.arms.iter().all(|arm| *arm > 0.0)
    }
}

/// All junctions of a drive, in order of arc length. Road 0 is the road itself, road `i + 1` the
/// street of junction `i`.
#[derive(Default)]
pub(crate) struct Junctions {
    pub(crate) all: Vec<Junction>,
}

impl Junctions {
    pub(crate) fn generate(rng: &mut Rng, plan: &Plan, path: &Path, layout: &Layout) -> Self {
        let Some([low, high]) = plan.junction_every_m else {
            return Self::default();
        };
        let mut all = Vec::new();
        let mut s = rng.range(35.0, 90.0);
        while s < path.end_m() - 60.0 {
            if path.sharpest(s - 24.0, s + 24.0) > 0.004 {
                s += 5.0;
                continue;
            }
            if let Some(junction) = junction(rng, path, layout, s) {
                all.push(junction);
            }
            s += rng.range(low, high);
        }
        Self { all }
    }

    /// Whether a disc of the world is on any side street near arc length `s`.
    pub(crate) fn covers(&self, p: [f64; 2], radius: f64, s: f64) -> bool {
        let near = self.all.iter().filter(|j| (j.s - s).abs() < 250.0);
        near.into_iter().any(|j| j.covers(p, radius))
    }

    /// Whether arc length `s` of the road is within a junction.
    pub(crate) fn at(&self, s: f64) -> bool {
        self.all.iter().any(|j| (j.s - s).abs() < STOP_M + 3.0)
    }

    /// Whether arc length `s` of a road is on it: side streets end.
    pub(crate) fn reach(&self, road: usize, s: f64) -> bool {
        match road.checked_sub(1).and_then(|i| self.all.get(i)) {
            Some(j) => (-j.arms[0] - 3.0..j.arms[1] + 3.0).contains(&s),
            None => true,
        }
    }

    /// Distance to the next light ahead of somebody at `s` on `road` who moves in `direction`, if it
    /// is not green for another `needed_s` seconds.
    pub(crate) fn red_ahead(
        &self,
        road: usize,
        s: f64,
        direction: f64,
        needed_s: f64,
        time_s: f64,
    ) -> Option<f64> {
        let stops = |j: &Junction| -> f64 {
            if road == 0 {
                j.s - direction * STOP_M
            } else {
                j.stops[usize::from(direction < 0.0)]
            }
        };
        let mut near = self.all.iter().enumerate();
        near.find_map(|(i, j)| {
            let gap = (stops(j) - s) * direction;
            let mine = road == 0 || road == i + 1;
            // A street that ends at the road has no light; nobody comes out of it.
            let green_s = match (j.is_crossing(), road) {
                (true, _) => j.green(road, time_s),
                (false, 0) => f64::INFINITY,
                (false, _) => 0.0,
            };
            let red = mine && (0.0..60.0).contains(&gap) && green_s <= needed_s;
            red.then_some(gap)
        })
    }
}

fn junction(rng: &mut Rng, path: &Path, layout: &Layout, s: f64) -> Option<Junction> {
    let here = path.at(s);
    let line = Path::straight(
        Pose2 {
            yaw: here.yaw + FRAC_PI_2 + rng.range(-0.22, 0.22),
            ..here
        },
        LONGEST_M + 20.0,
    );
    let outer = layout.outer();
    let wanted = [0, 1].map(|_| rng.range(60.0, LONGEST_M));
    let green_s = [rng.range(12.0, 22.0), rng.range(9.0, 15.0)];
    let shift_s = rng.range(0.0, 60.0);
    let arms = [0, 1].map(|side| {
        let sign = [-1.0, 1.0][side];
        let clear = |t: f64| {
            let p = line.offset(sign * t, 0.0);
            path.clear(p, SIDE_OUTER_M + 1.0, s, outer[0], outer[1])
        };
        let mut t = outer[side].abs() + SIDE_OUTER_M + 3.0;
        while t < wanted[side] && clear(t) {
            t += 2.0;
        }
        if t < SHORTEST_M { 0.0 } else { t - 2.0 }
    });
    let kerb = layout.kerb();
    (arms[0] > 0.0 || arms[1] > 0.0).then_some(Junction {
        s,
        line,
        arms,
        green_s,
        shift_s,
        stops: [kerb[0] - 2.5, kerb[1] + 2.5],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::town::Town;

    fn some() -> Junctions {
        let plan = Town::Boulevard.plan();
        let path = Path::generate(&mut Rng::new(5, 1), 1500.0, 1.0);
        let layout = Layout::generate(&mut Rng::new(5, 2), &plan, -150.0, 1500.0);
        Junctions::generate(&mut Rng::new(5, 7), &plan, &path, &layout)
    }

    #[test]
    fn both_streets_are_never_green_at_once() {
        let junctions = some();
        let crossing = junctions.all.iter().find(|j| j.is_crossing()).unwrap();
        let (mut road, mut side) = (0, 0);
        for tick in 0..2000 {
            let t = f64::from(tick) * 0.1;
            let greens = [0, 1].map(|r| crossing.green(r, t) > 0.0);
            assert!(!(greens[0] && greens[1]));
            road += usize::from(greens[0]);
            side += usize::from(greens[1]);
        }
        assert!(road > 500 && side > 300, "{road} {side}");
    }

    #[test]
    fn traffic_is_told_to_stop_before_the_junction_and_not_after() {
        let junctions = some();
        let j = junctions.all.iter().find(|j| j.is_crossing()).unwrap();
        let red = (0..100)
            .map(f64::from)
            .find(|t| j.green(0, *t) == 0.0)
            .unwrap();
        let gap = junctions.red_ahead(0, j.s - 30.0, 1.0, 0.0, red);
        assert_eq!(gap, Some(20.0));
        assert_eq!(junctions.red_ahead(0, j.s - 5.0, 1.0, 0.0, red), None);
    }
}
