//! HOTA over 19 similarity thresholds.
//!
//! As in the authors' evaluation: one matching an instant, of greatest similarity times global
//! alignment of the two identities, then cut at each threshold.

use super::{Prepared, Scores, matches};
use std::collections::BTreeMap;

/// Thresholds 0.05, 0.10 .. 0.95.
const THRESHOLDS: usize = 19;

fn threshold(k: usize) -> f64 {
    0.05 * (k + 1) as f64
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Hota {
    /// Per threshold, over all sequences.
    matched: [u64; THRESHOLDS],
    similarity: [f64; THRESHOLDS],
    /// Sum over matches of their pair's association score.
    associated: [f64; THRESHOLDS],
    truths: u64,
    tracks: u64,
}

#[derive(Clone, Debug, Default)]
struct Counts {
    truth: BTreeMap<u32, f64>,
    track: BTreeMap<u32, f64>,
    /// How strongly two identities were alike over all instants.
    alike: BTreeMap<(u32, u32), f64>,
}

impl Counts {
    fn of(instants: &[Prepared]) -> Self {
        let mut counts = Self::default();
        for instant in instants {
            let (rows, columns) = (instant.truth.len(), instant.tracks.len());
            let s = |r: usize, c: usize| instant.similarity[r * columns + c];
            let by_row: Vec<f64> = (0..rows)
                .map(|r| (0..columns).map(|c| s(r, c)).sum())
                .collect();
            let by_column: Vec<f64> = (0..columns)
                .map(|c| (0..rows).map(|r| s(r, c)).sum())
                .collect();
            for (r, row) in by_row.iter().enumerate() {
                for (c, column) in by_column.iter().enumerate() {
                    let either = row + column - s(r, c);
                    if either > 1e-12 {
                        let pair = (instant.truth[r], instant.tracks[c]);
                        *counts.alike.entry(pair).or_default() += s(r, c) / either;
                    }
                }
            }
            for id in &instant.truth {
                *counts.truth.entry(*id).or_default() += 1.0;
            }
            for id in &instant.tracks {
                *counts.track.entry(*id).or_default() += 1.0;
            }
        }
        counts
    }

    /// Shared over united instants of two identities, where `shared` of them are common.
    fn jaccard(&self, truth: u32, track: u32, shared: f64) -> f64 {
        let of = |map: &BTreeMap<u32, f64>, id| map.get(&id).copied().unwrap_or(0.0);
        shared / (of(&self.truth, truth) + of(&self.track, track) - shared)
    }
}

impl Hota {
    pub(crate) fn add(&mut self, instants: &[Prepared]) {
        let counts = Counts::of(instants);
        let mut together: Vec<BTreeMap<(u32, u32), f64>> = vec![BTreeMap::new(); THRESHOLDS];
        for instant in instants {
            let (rows, columns) = (instant.truth.len(), instant.tracks.len());
            self.truths += rows as u64;
            self.tracks += columns as u64;
            let mut value = instant.similarity.clone();
            for r in 0..rows {
                for c in 0..columns {
                    let pair = (instant.truth[r], instant.tracks[c]);
                    let alike = counts.alike.get(&pair).copied().unwrap_or(0.0);
                    value[r * columns + c] *= counts.jaccard(pair.0, pair.1, alike);
                }
            }
            for (r, c) in matches(&value, rows, columns, 0.0) {
                let similarity = instant.similarity[r * columns + c];
                for (k, together) in together.iter_mut().enumerate() {
                    if similarity >= threshold(k) - 1e-12 {
                        self.matched[k] += 1;
                        self.similarity[k] += similarity;
                        let pair = (instant.truth[r], instant.tracks[c]);
                        *together.entry(pair).or_default() += 1.0;
                    }
                }
            }
        }
        for (k, together) in together.iter().enumerate() {
            for (&(truth, track), &shared) in together {
                self.associated[k] += shared * counts.jaccard(truth, track, shared);
            }
        }
    }

    pub(crate) fn fill(&self, scores: &mut Scores) {
        for k in 0..THRESHOLDS {
            let matched = self.matched[k] as f64;
            let all = (self.truths + self.tracks) as f64 - matched;
            if matched > 0.0 {
                let (det, ass) = (matched / all, self.associated[k] / matched);
                let part = 1.0 / THRESHOLDS as f64;
                scores.det_a += part * det;
                scores.ass_a += part * ass;
                scores.hota += part * (det * ass).sqrt();
                scores.loc_a += part * self.similarity[k] / matched;
            }
        }
    }
}
