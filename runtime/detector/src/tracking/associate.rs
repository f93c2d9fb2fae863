//! Which detection belongs to which track.

use crate::assignment::Solver;
use crate::config::Association;

/// A track and a detection within its gate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) track: u32,
    pub(crate) detection: u32,
    /// Squared Mahalanobis distance.
    pub(crate) distance: f64,
    /// Distance of the centres, m.
    pub(crate) apart_m: f64,
}

/// Buffers of the association; reuse one to avoid allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Associator {
    /// Pairs in the gate, by increasing track; the caller fills them.
    pub(crate) pairs: Vec<Pair>,
    /// Detection of each track after [`Associator::run`].
    pub(crate) of_track: Vec<Option<u32>>,
    taken: Vec<bool>,
    root: Vec<u32>,
    order: Vec<u32>,
    rows: Vec<u32>,
    columns: Vec<u32>,
    place: Vec<u32>,
    cost: Vec<f64>,
    chosen: Vec<usize>,
    solver: Solver,
}

impl Associator {
    /// Buffers for that many tracks and detections.
    pub(crate) fn with_capacity(tracks: usize, detections: usize) -> Self {
        let both = tracks + detections;
        Self {
            pairs: Vec::with_capacity(4 * both),
            of_track: Vec::with_capacity(tracks),
            taken: Vec::with_capacity(detections),
            root: Vec::with_capacity(both),
            order: Vec::with_capacity(tracks),
            rows: Vec::with_capacity(tracks),
            columns: Vec::with_capacity(both),
            place: Vec::with_capacity(detections),
            cost: Vec::with_capacity(32 * 64),
            chosen: Vec::with_capacity(tracks),
            solver: Solver::with_capacity(tracks, both),
        }
    }

    /// Gives detections to tracks. A pair is worth `gate - distance`; a track without a detection
    /// is worth nothing.
    pub(crate) fn run(&mut self, how: Association, gate: f64, tracks: usize, detections: usize) {
        self.of_track.clear();
        self.of_track.resize(tracks, None);
        match how {
            Association::Nearest => self.nearest(detections),
            Association::Assignment => self.assign(gate, tracks, detections),
        }
    }

    fn nearest(&mut self, detections: usize) {
        self.taken.clear();
        self.taken.resize(detections, false);
        let mut at = 0;
        while at < self.pairs.len() {
            let track = self.pairs[at].track;
            let mut best: Option<Pair> = None;
            while at < self.pairs.len() && self.pairs[at].track == track {
                let pair = self.pairs[at];
                let free = !self.taken[pair.detection as usize];
                if free && best.is_none_or(|b| pair.apart_m < b.apart_m) {
                    best = Some(pair);
                }
                at += 1;
            }
            if let Some(pair) = best {
                self.taken[pair.detection as usize] = true;
                self.of_track[track as usize] = Some(pair.detection);
            }
        }
    }

    /// Solves each connected group of tracks and detections by itself: gates keep groups small.
    fn assign(&mut self, gate: f64, tracks: usize, detections: usize) {
        self.root.clear();
        self.root.extend(0..(tracks + detections) as u32);
        for i in 0..self.pairs.len() {
            let pair = self.pairs[i];
            let a = find(&mut self.root, pair.track);
            let b = find(&mut self.root, tracks as u32 + pair.detection);
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            self.root[high as usize] = low;
        }
        for node in 0..self.root.len() as u32 {
            let root = find(&mut self.root, node);
            self.root[node as usize] = root;
        }
        self.order.clear();
        self.order.extend(0..tracks as u32);
        let Self { order, root, .. } = self;
        order.sort_unstable_by_key(|&t| (root[t as usize], t));
        // Pairs in the order of their groups, tracks within.
        self.pairs
            .sort_unstable_by_key(|p| (root[p.track as usize], p.track, p.detection));
        let (mut at, mut first_pair) = (0, 0);
        while at < tracks {
            let root = self.root[self.order[at] as usize];
            self.rows.clear();
            while at < tracks && self.root[self.order[at] as usize] == root {
                self.rows.push(self.order[at]);
                at += 1;
            }
            let mut last_pair = first_pair;
            while last_pair < self.pairs.len()
                && self.root[self.pairs[last_pair].track as usize] == root
            {
                last_pair += 1;
            }
            self.solve_group(gate, first_pair, last_pair, detections);
            first_pair = last_pair;
        }
    }

    fn solve_group(&mut self, gate: f64, first: usize, last: usize, detections: usize) {
        if first == last {
            return;
        }
        if self.place.len() < detections {
            self.place.resize(detections, 0);
        }
        self.columns.clear();
        self.columns
            .extend(self.pairs[first..last].iter().map(|p| p.detection));
        self.columns.sort_unstable();
        self.columns.dedup();
        for (place, &detection) in self.columns.iter().enumerate() {
            self.place[detection as usize] = place as u32;
        }
        let (rows, real) = (self.rows.len(), self.columns.len());
        let columns = real + rows;
        self.cost.clear();
        // Outside the gate is worse than no detection at all, which costs nothing.
        self.cost.resize(rows * columns, 1e6);
        for row in 0..rows {
            self.cost[row * columns + real..(row + 1) * columns].fill(0.0);
        }
        let mut row = 0;
        for pair in &self.pairs[first..last] {
            while self.rows[row] != pair.track {
                row += 1;
            }
            let column = self.place[pair.detection as usize] as usize;
            self.cost[row * columns + column] = pair.distance - gate;
        }
        self.solver
            .solve(&self.cost, rows, columns, &mut self.chosen);
        for (row, &column) in self.chosen.iter().enumerate() {
            if column < real && self.cost[row * columns + column] < 1e5 {
                self.of_track[self.rows[row] as usize] = Some(self.columns[column]);
            }
        }
    }
}

fn find(root: &mut [u32], node: u32) -> u32 {
    let mut at = node;
    while root[at as usize] != at {
        root[at as usize] = root[root[at as usize] as usize];
        at = root[at as usize];
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(u32, u32, f64)]) -> Vec<Pair> {
        list.iter()
            .map(|&(track, detection, distance)| Pair {
                track,
                detection,
                distance,
                apart_m: distance,
            })
            .collect()
    }

    #[test]
    fn nearest_is_greedy_where_assignment_is_not() {
        let list = [(0, 0, 1.0), (0, 1, 2.0), (1, 0, 1.5), (3, 2, 4.0)];
        let mut associator = Associator {
            pairs: pairs(&list),
            ..Associator::default()
        };
        associator.run(Association::Nearest, 16.0, 4, 3);
        assert_eq!(associator.of_track, [Some(0), None, None, Some(2)]);
        associator.pairs = pairs(&list);
        associator.run(Association::Assignment, 16.0, 4, 3);
        assert_eq!(associator.of_track, [Some(1), Some(0), None, Some(2)]);
    }

    #[test]
    fn groups_give_the_same_total_as_every_choice_tried() {
        let mut random = crate::random::SplitMix64::new(11);
        for _ in 0..200 {
            let mut list = Vec::new();
            for track in 0..5 {
                for detection in 0..5 {
                    if random.below(3) == 0 {
                        list.push((track, detection, random.below(1000) as f64 / 63.0));
                    }
                }
            }
            let mut associator = Associator {
                pairs: pairs(&list),
                ..Associator::default()
            };
            associator.run(Association::Assignment, 16.0, 5, 5);
            let worth = |t: u32, d: u32| {
                let pair = list.iter().find(|p| p.0 == t && p.1 == d);
                pair.map(|p| 16.0 - p.2)
            };
            let ours: f64 = (0..5)
                .filter_map(|t| associator.of_track[t as usize].and_then(|d| worth(t, d)))
                .sum();
            assert!((ours - best(0, 0, &worth)).abs() < 1e-9);
        }
    }

    fn best(track: u32, used: u32, worth: &impl Fn(u32, u32) -> Option<f64>) -> f64 {
        if track == 5 {
            return 0.0;
        }
        let mut most = best(track + 1, used, worth);
        for d in 0..5 {
            if used & (1 << d) == 0
                && let Some(w) = worth(track, d)
            {
                most = most.max(w + best(track + 1, used | (1 << d), worth));
            }
        }
        most
    }
}
