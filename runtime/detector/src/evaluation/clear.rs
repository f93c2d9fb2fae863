//! Counts in the manner of CLEAR MOT at a similarity of 0.5.

use super::{Prepared, Scores, matches};
use std::collections::BTreeMap;

const THRESHOLD: f64 = 0.5;
/// Worth of keeping a match of the instant before, above any similarity.
const CONTINUED: f64 = 1000.0;

#[derive(Clone, Debug, Default)]
pub(crate) struct Clear {
    truths: u64,
    tracks: u64,
    matched: u64,
    switches: u64,
    fragmentations: u64,
}

impl Clear {
    pub(crate) fn add(&mut self, instants: &[Prepared]) {
        // Last track of each true object, and whether it had one the last time it was there.
        let mut last: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
        for instant in instants {
            let (rows, columns) = (instant.truth.len(), instant.tracks.len());
            let mut value = instant.similarity.clone();
            for row in 0..rows {
                for column in 0..columns {
                    let v = &mut value[row * columns + column];
                    let before = last.get(&instant.truth[row]);
                    let kept = before.is_some_and(|b| *b == (instant.tracks[column], true));
                    if *v >= THRESHOLD && kept {
                        *v += CONTINUED;
                    }
                }
            }
            self.truths += rows as u64;
            self.tracks += columns as u64;
            let mut found = vec![false; rows];
            for (row, column) in matches(&value, rows, columns, THRESHOLD) {
                found[row] = true;
                self.matched += 1;
                let track = instant.tracks[column];
                if let Some((before, was_found)) = last.insert(instant.truth[row], (track, true)) {
                    self.switches += u64::from(before != track);
                    self.fragmentations += u64::from(!was_found);
                }
            }
            for (row, _) in found.iter().enumerate().filter(|(_, f)| !**f) {
                if let Some(before) = last.get_mut(&instant.truth[row]) {
                    before.1 = false;
                }
            }
        }
    }

    pub(crate) fn fill(&self, scores: &mut Scores) {
        let share = |part: f64, whole: u64| if whole > 0 { part / whole as f64 } else { 0.0 };
        scores.truths = self.truths;
        scores.tracks = self.tracks;
        scores.recall = share(self.matched as f64, self.truths);
        scores.precision = share(self.matched as f64, self.tracks);
        scores.id_switches = self.switches;
        scores.fragmentations = self.fragmentations;
        let kept = self.matched as f64 - (self.tracks - self.matched) as f64 - self.switches as f64;
        scores.mota = share(kept, self.truths);
    }
}
