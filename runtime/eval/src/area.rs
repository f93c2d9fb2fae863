//! The area under a ranking's curve of precision over recall.

use crate::curve::{Curve, interpolate};
use crate::ranking::Ranking;

/// How the area under the curve is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Area {
    /// nuScenes: mean over 101 recalls, those up to `min_recall` left out, of the precision above
    /// `min_precision`, scaled to 1.
    Clipped {
        /// Recalls up to this are left out.
        min_recall: f64,
        /// Precision below this counts as none.
        min_precision: f64,
    },
    /// Mean over 40 recalls above 0 of the best precision there or beyond (Simonelli et al. 2019).
    Envelope40,
}

impl Ranking {
    /// Average precision, 0 to 1, where scene s stands `weights[s]` times.
    #[must_use]
    pub fn average_precision(&self, area: Area, weights: &[u32]) -> f64 {
        match area {
            Area::Clipped {
                min_recall,
                min_precision,
            } => self.clipped_area(min_recall, min_precision, weights),
            Area::Envelope40 => self.envelope_area(weights),
        }
    }

    fn clipped_area(&self, min_recall: f64, min_precision: f64, weights: &[u32]) -> f64 {
        let first = recall_bins_up_to(min_recall);
        let (mut bin, mut sum) = (first, 0.0);
        let last = self.steps(weights, |before, after| {
            while bin < RECALLS && recall_at(bin) < after.recall {
                let recall = recall_at(bin);
                let precision = match before {
                    None => after.precision,
                    Some(point) if point.recall == recall => point.precision,
                    Some(point) => {
                        let slope =
                            (after.precision - point.precision) / (after.recall - point.recall);
                        slope * (recall - point.recall) + point.precision
                    }
                };
                sum += (precision - min_precision).max(0.0);
                bin += 1;
            }
        });
        while let Some(point) = last
            && bin < RECALLS
            && recall_at(bin) <= point.recall
        {
            sum += (point.precision - min_precision).max(0.0);
            bin += 1;
        }
        sum / f64::from(RECALLS - first) / (1.0 - min_precision)
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a recall of at most 1
    fn envelope_area(&self, weights: &[u32]) -> f64 {
        // Best precision from k/40 of recall on, below (k + 1)/40.
        let mut best = [0.0f64; 41];
        self.steps(weights, |_, after| {
            // Recalls are shares of small counts: one that is meant to equal k/40 does.
            let bin = &mut best[(after.recall * 40.0 + 1e-9) as usize];
            *bin = bin.max(after.precision);
        });
        let (mut beyond, mut sum) = (0.0f64, 0.0);
        for &precision in best[1..].iter().rev() {
            beyond = beyond.max(precision);
            sum += beyond;
        }
        sum / 40.0
    }

    /// Calls `visit` wherever recall rises, with the last point before, if there is one, and the first
    /// after it; gives the curve's last point.
    #[allow(clippy::cast_precision_loss)]
    fn steps(&self, weights: &[u32], mut visit: impl FnMut(Option<Point>, Point)) -> Option<Point> {
        let positives = self.positives(weights) as f64;
        let point = |found: u64, all: u64| {
            (all > 0).then(|| Point {
                recall: found as f64 / positives,
                precision: found as f64 / all as f64,
            })
        };
        let (mut found, mut all) = (0u64, 0u64);
        for r in &self.ranked {
            let weight = weights[r.scene as usize];
            if r.found.is_none() {
                all += u64::from(weight);
                continue;
            }
            for _ in 0..weight {
                let before = point(found, all);
                found += 1;
                all += 1;
                if let Some(after) = point(found, all) {
                    visit(before, after);
                }
            }
        }
        point(found, all)
    }

    /// The curve at 101 recalls as `area` takes it.
    #[must_use]
    pub fn curve(&self, area: Area) -> Curve {
        let raw = self.raw_curve();
        let precision = match area {
            Area::Clipped { .. } => raw.precision,
            Area::Envelope40 => envelope(&raw.precision),
        };
        let at = |ys: &[f64]| -> Vec<f64> {
            let recalls = (0..RECALLS).map(recall_at);
            recalls.map(|r| interpolate(r, &raw.recall, ys)).collect()
        };
        Curve {
            recall: (0..RECALLS).map(recall_at).collect(),
            precision: at(&precision),
            score: at(&raw.score),
        }
    }

    /// A point after each detection, each scene once.
    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn raw_curve(&self) -> Curve {
        let positives: u64 = self.truths.iter().copied().map(u64::from).sum();
        let mut curve = Curve::default();
        if positives == 0 {
            return curve;
        }
        let (mut found, mut all) = (0u64, 0u64);
        for r in &self.ranked {
            all += 1;
            found += u64::from(r.found.is_some());
            curve.recall.push(found as f64 / positives as f64);
            curve.precision.push(found as f64 / all as f64);
            curve.score.push(r.score);
        }
        curve
    }
}

/// A point of the curve.
#[derive(Clone, Copy)]
struct Point {
    recall: f64,
    precision: f64,
}

/// nuScenes' recalls: 0, 0.01, ..., 1.
pub(crate) const RECALLS: u32 = 101;

/// Recall of a bin, rounded as the devkit's is: the curve jumps at exactly such values.
pub(crate) fn recall_at(bin: u32) -> f64 {
    f64::from(bin) * 0.01
}

/// Bins whose recall is at most `min_recall`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn recall_bins_up_to(min_recall: f64) -> u32 {
    (100.0 * min_recall).round_ties_even() as u32 + 1
}

/// Best precision there or at a higher recall.
fn envelope(precision: &[f64]) -> Vec<f64> {
    let mut best = 0.0f64;
    let mut envelope: Vec<f64> = precision
        .iter()
        .rev()
        .map(|&p| {
            best = best.max(p);
            best
        })
        .collect();
    envelope.reverse();
    envelope
}
