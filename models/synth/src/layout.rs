//! Cross-section of the road: where lanes, cycle lanes, parking, kerbs and pavements lie, as offsets
//! to the left of the reference line, and what kind of surroundings each stretch has.

use crate::rng::Rng;
use crate::town::Plan;

/// Width of a lane, m.
pub(crate) const LANE_M: f64 = 3.5;
/// Offset of the right edge of the rightmost lane.
pub(crate) const RIGHT_EDGE: f64 = -0.5 * LANE_M;
const CYCLE_M: f64 = 1.35;
const PARKING_M: f64 = 2.2;
const PAVEMENT_M: f64 = 2.6;

/// Surroundings of a stretch of road.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    /// Parked cars, pavements, buildings, people.
    Town,
    /// Pavements, trees and hedges, some houses.
    Suburb,
    /// Guard rails and bushes.
    Rural,
    /// A noise barrier along the right side.
    Walled,
}

/// Lanes and stretches of a drive.
pub(crate) struct Layout {
    /// Lanes in the vehicle's direction; lane 0 is the vehicle's, further lanes lie to its left.
    pub(crate) same: usize,
    /// Oncoming lanes.
    pub(crate) oncoming: usize,
    /// Start of each stretch, in order.
    zones: Vec<(f64, Zone)>,
    /// Rows of cars parked across beside the pavement: side, from, to.
    lots: Vec<(usize, f64, f64)>,
}

impl Layout {
    pub(crate) fn generate(rng: &mut Rng, plan: &Plan, from: f64, to: f64) -> Self {
        let (same, oncoming) = plan.lanes[rng.index(4)];
        let kinds = plan.zones;
        let (mut zones, mut s, mut kind) = (Vec::new(), from, rng.index(3));
        while s < to {
            zones.push((s, kinds[kind]));
            s += rng.range(plan.stretch_m[0], plan.stretch_m[1]);
            kind = (kind + 1 + rng.index(2)) % kinds.len();
        }
        Self {
            same,
            oncoming,
            zones,
            lots: lots(rng, plan, from, to),
        }
    }

    /// Whether cars are parked across beside the pavement of `side` anywhere in a stretch.
    pub(crate) fn lot(&self, side: usize, from: f64, to: f64) -> bool {
        let mut lots = self.lots.iter();
        lots.any(|lot| lot.0 == side && lot.1 < to && lot.2 > from)
    }

    pub(crate) fn zone(&self, s: f64) -> Zone {
        self.zones
            .iter()
            .rev()
            .find(|(start, _)| *start <= s)
            .map_or(Zone::Suburb, |z| z.1)
    }

    /// Offset of the line between the directions.
    pub(crate) fn middle(&self) -> f64 {
        RIGHT_EDGE + LANE_M * self.same as f64
    }

    /// Offset of the left edge of the leftmost lane.
    pub(crate) fn left_edge(&self) -> f64 {
        self.middle() + LANE_M * self.oncoming as f64
    }

    /// Centres of the cycle lanes: right, left.
    pub(crate) fn cycle(&self) -> [f64; 2] {
        self.both(0.5 * CYCLE_M)
    }

    /// Centres of the parking strips: right, left.
    pub(crate) fn parking(&self) -> [f64; 2] {
        self.both(CYCLE_M + 0.5 * PARKING_M)
    }

    /// Kerbs: right, left.
    pub(crate) fn kerb(&self) -> [f64; 2] {
        self.both(CYCLE_M + PARKING_M)
    }

    /// Centres of the pavements: right, left.
    pub(crate) fn pavement(&self) -> [f64; 2] {
        self.both(CYCLE_M + PARKING_M + 0.5 * PAVEMENT_M)
    }

    /// Outer edges of the pavements: right, left.
    pub(crate) fn outer(&self) -> [f64; 2] {
        self.both(CYCLE_M + PARKING_M + PAVEMENT_M)
    }

    /// Guard rails: right, left.
    pub(crate) fn rail(&self) -> [f64; 2] {
        self.both(CYCLE_M + 0.8)
    }

    /// The barrier of a walled stretch.
    pub(crate) fn wall(&self) -> f64 {
        RIGHT_EDGE - CYCLE_M - PARKING_M - 0.4
    }

    /// Offset of the barrier that mirrors radar waves at `s`, if there is one.
    pub(crate) fn barrier(&self, s: f64) -> Option<f64> {
        match self.zone(s) {
            Zone::Walled => Some(self.wall()),
            Zone::Rural => Some(self.rail()[0]),
            _ => None,
        }
    }

    fn both(&self, beyond: f64) -> [f64; 2] {
        [RIGHT_EDGE - beyond, self.left_edge() + beyond]
    }
}

/// Rows of cars parked across.
fn lots(rng: &mut Rng, plan: &Plan, from: f64, to: f64) -> Vec<(usize, f64, f64)> {
    let mut lots = Vec::new();
    if plan.lots > 0.0 {
        for side in 0..2 {
            let mut s = from;
            while s < to {
                let length = rng.range(14.0, 45.0);
                if rng.chance(plan.lots) {
                    lots.push((side, s, s + length));
                }
                s += length + rng.range(5.0, 30.0);
            }
        }
    }
    lots
}
