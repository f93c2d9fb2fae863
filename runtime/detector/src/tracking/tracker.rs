//! All tracks: association, birth by M of N, death by missed scans, duplicates.

use super::associate::{Associator, Pair};
use super::life::Life;
use super::measurement::Measurement;
use crate::cluster::Candidate;
use crate::config::TrackingConfig;
use crate::ego::{Odometry, seconds};
use crate::returns::Mount;
use drafthorse_core::Track;
use nalgebra::Vector2;
use serde::{Deserialize, Serialize};

/// What a checkpoint keeps of the tracker.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrackerState {
    /// By birth; confirmed and tentative mixed.
    lives: Vec<Life>,
    last_id: u32,
    captured_ns: u64,
}

/// The tracker and its buffers.
#[derive(Clone, Debug)]
pub(crate) struct Tracker {
    pub(crate) state: TrackerState,
    measurements: Vec<Measurement>,
    taken: Vec<bool>,
    chosen: Vec<u32>,
    given: Vec<Option<u32>>,
    associator: Associator,
}

impl Tracker {
    /// Buffers for that many tracks and detections.
    pub(crate) fn new(tracks: usize, detections: usize) -> Self {
        Self {
            state: TrackerState {
                lives: Vec::with_capacity(tracks),
                ..TrackerState::default()
            },
            measurements: Vec::with_capacity(detections),
            taken: Vec::with_capacity(detections),
            chosen: Vec::with_capacity(tracks),
            given: Vec::with_capacity(tracks),
            associator: Associator::with_capacity(tracks, detections),
        }
    }

    /// Replaces the state, keeping the buffers.
    pub(crate) fn restore(&mut self, state: &TrackerState) {
        self.state.lives.clear();
        self.state.lives.extend_from_slice(&state.lives);
        self.state.last_id = state.last_id;
        self.state.captured_ns = state.captured_ns;
    }

    /// Takes one radar's detections. `points` are the clusters' returns in the vehicle frame.
    #[allow(clippy::too_many_arguments)] // One step of one lane: each is another stage's result.
    pub(crate) fn step(
        &mut self,
        config: &TrackingConfig,
        captured_ns: u64,
        mount: &Mount,
        odometry: &Odometry,
        candidates: &[Candidate],
        points: &[[f64; 2]],
    ) {
        self.advance(config, captured_ns);
        self.measurements.clear();
        for c in candidates {
            let measurement = Measurement::new(c, odometry, config.radial_speed_std_mps);
            self.measurements.push(measurement);
        }
        self.taken.clear();
        self.taken.resize(candidates.len(), false);
        self.given.clear();
        self.given.resize(self.state.lives.len(), None);
        // Confirmed tracks choose before tentative ones.
        self.associate(config, true);
        self.associate(config, false);
        let now = self.state.captured_ns;
        for (life, given) in self.state.lives.iter_mut().zip(&self.given) {
            if let Some(k) = *given {
                let (c, m) = (&candidates[k as usize], &self.measurements[k as usize]);
                let own = &points[c.points[0] as usize..c.points[1] as usize];
                life.update(c, m, own, odometry, now);
            } else {
                let [x, y] = odometry.point_in_vehicle(life.motion.state[0], life.motion.state[1]);
                if mount.sees(x, y, 0.02) {
                    life.miss();
                } else {
                    life.pass();
                }
            }
        }
        self.remove(config);
        self.confirm(config);
        self.merge(config);
        self.begin(config, candidates, odometry);
    }

    fn advance(&mut self, config: &TrackingConfig, captured_ns: u64) {
        let dt = seconds(captured_ns, self.state.captured_ns);
        if dt.abs() > config.max_gap_s {
            // A gap, or a clock that was set: what was tracked is no longer where it was.
            self.state.lives.clear();
            self.state.captured_ns = captured_ns;
        } else if dt > 0.0 {
            for life in &mut self.state.lives {
                life.predict(dt, config);
            }
            self.state.captured_ns = captured_ns;
        }
    }

    fn associate(&mut self, config: &TrackingConfig, confirmed: bool) {
        let lives = &self.state.lives;
        self.chosen.clear();
        for (index, life) in lives.iter().enumerate() {
            if (life.id > 0) == confirmed {
                self.chosen.push(index as u32);
            }
        }
        self.associator.pairs.clear();
        for (row, &index) in self.chosen.iter().enumerate() {
            let motion = &lives[index as usize].motion;
            for (k, m) in self.measurements.iter().enumerate() {
                let (dx, dy) = (
                    m.position[0] - motion.state[0],
                    m.position[1] - motion.state[1],
                );
                if self.taken[k] || dx.abs() > 15.0 || dy.abs() > 15.0 {
                    continue;
                }
                let distance =
                    motion.distance(&m.position, &m.cov, &m.sight, m.radial, m.radial_var);
                if distance < config.gate {
                    let (track, detection) = (row as u32, k as u32);
                    self.associator.pairs.push(Pair {
                        track,
                        detection,
                        distance,
                        apart_m: libm::hypot(dx, dy),
                    });
                }
            }
        }
        let (rows, columns) = (self.chosen.len(), self.measurements.len());
        self.associator
            .run(config.association, config.gate, rows, columns);
        for (row, given) in self.associator.of_track.iter().enumerate() {
            if let Some(k) = *given {
                self.taken[k as usize] = true;
                self.given[self.chosen[row] as usize] = Some(k);
            }
        }
    }

    fn remove(&mut self, config: &TrackingConfig) {
        let now = self.state.captured_ns;
        self.state.lives.retain(|life| {
            let coasted = seconds(now, life.updated_ns);
            // Not seen and not missed: it left every radar's reach.
            let longest = if life.missed > 0 {
                config.max_coast_s
            } else {
                config.hide_s
            };
            let window = (1_u64 << config.birth_window) - 1;
            let hopeless = life.id == 0 && {
                let recent = u64::from(life.history) & window;
                let left = config.birth_window.saturating_sub(life.age + 1);
                recent.count_ones() + left < config.birth_hits
            };
            !hopeless
                && life.missed < config.death_misses
                && coasted <= longest
                && life.motion.position_std() <= config.max_position_std_m
        });
    }

    fn confirm(&mut self, config: &TrackingConfig) {
        let window = (1_u64 << config.birth_window) - 1;
        for life in &mut self.state.lives {
            let recent = (u64::from(life.history) & window).count_ones();
            if life.id == 0 && recent >= config.birth_hits {
                self.state.last_id += 1;
                life.id = self.state.last_id;
            }
        }
    }

    /// Of two tracks in one place that move alike, the one with fewer hits goes.
    fn merge(&mut self, config: &TrackingConfig) {
        let lives = &mut self.state.lives;
        let mut first = 0;
        while first < lives.len() {
            let mut second = first + 1;
            while second < lives.len() {
                let (a, b) = (&lives[first], &lives[second]);
                let apart = b.motion.state - a.motion.state;
                let alike = libm::hypot(apart[2], apart[3]) < config.one_object_mps;
                let place = |l: &Life| Vector2::new(l.motion.state[0], l.motion.state[1]);
                let inside = a.covers(&place(b), 0.0) || b.covers(&place(a), 0.0);
                if alike && inside {
                    if a.hits < b.hits {
                        lives.swap(first, second);
                    }
                    lives.remove(second);
                } else {
                    second += 1;
                }
            }
            first += 1;
        }
    }

    fn begin(&mut self, config: &TrackingConfig, candidates: &[Candidate], odometry: &Odometry) {
        let now = self.state.captured_ns;
        let born_before = self.state.lives.len();
        for (k, candidate) in candidates.iter().enumerate() {
            let full = self.state.lives.len() >= config.max_tracks as usize;
            if self.taken[k] || full || !candidate.may_begin {
                continue;
            }
            let m = &self.measurements[k];
            // A second cluster of an object that already has a track begins none.
            let part = self.state.lives[..born_before].iter().any(|life| {
                let radial = life.motion.velocity().dot(&m.sight);
                life.missed == 0
                    && (radial - m.radial).abs() < config.one_object_mps
                    && life.covers(&m.position, config.one_object_m)
            });
            if !part {
                self.state
                    .lives
                    .push(Life::begin(candidate, m, odometry, now));
            }
        }
    }

    /// Fills `out` with the confirmed tracks in the vehicle frame, by increasing id.
    pub(crate) fn show(&self, config: &TrackingConfig, odometry: &Odometry, out: &mut Vec<Track>) {
        out.clear();
        let now = self.state.captured_ns;
        let fresh = |l: &Life| seconds(now, l.updated_ns) <= config.hide_s;
        let shown = |l: &&Life| l.id > 0 && fresh(l);
        out.extend(
            self.state
                .lives
                .iter()
                .filter(shown)
                .map(|l| l.show(odometry)),
        );
        out.sort_unstable_by_key(|t| t.id);
    }
}
