//! Average precision as KITTI takes it: matched anew at each of up to 41 score thresholds.
//!
//! First each truth takes the best-scored free detection that overlaps it enough; the scores of the
//! hits give thresholds about 1/40 of recall apart. Then, at each threshold, each truth takes the
//! free detection that overlaps it most. A scene's counts change only at its own detections' scores,
//! so they are kept as steps, and any weighting of the scenes is a sum over steps.

use crate::curve::Curve;

/// Thresholds at most, and recall positions of the average.
const POSITIONS: usize = 41;

/// How the positions are averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Every fourth position, divided by 11 (View-of-Delft).
    Eleven,
    /// All 41, divided by 40 (TJ4DRadSet's authors): a perfect detector gets 1.025.
    AllOverForty,
}

/// One scene as one class and one measure see it. Truths and detections stand in the order of the
/// files, which decides between equals.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    pub(crate) truths: Vec<CaseTruth>,
    pub(crate) detections: Vec<CaseDetection>,
    /// For each region without labels, the detections that lie in it.
    pub(crate) dont_care: Vec<Vec<usize>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct CaseTruth {
    pub(crate) ignored: bool,
    pub(crate) alpha_rad: f64,
    /// Detections that overlap it enough, with the overlap.
    pub(crate) overlaps: Vec<(usize, f64)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CaseDetection {
    pub(crate) score: f64,
    pub(crate) ignored: bool,
    pub(crate) alpha_rad: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    hits: i32,
    alarms: i32,
    misses: i32,
    /// Sum over hits of (1 + cos(difference of observation angles)) / 2.
    similarity: f64,
}

/// A change of a scene's counts once detections of this score take part.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    score: f64,
    scene: u32,
    change: Counts,
}

/// One class's counts in all scenes.
#[derive(Clone, Debug, PartialEq)]
pub struct Sweep {
    /// Scores of hits and their scenes, best first.
    hits: Vec<(f64, u32)>,
    /// Best score first.
    steps: Vec<Step>,
    /// Counted truths of each scene.
    truths: Vec<u32>,
}

impl Sweep {
    #[allow(clippy::cast_possible_truncation)] // scenes and boxes
    pub(crate) fn new(cases: &[Case]) -> Self {
        let (mut hits, mut steps, mut truths) = (Vec::new(), Vec::new(), Vec::new());
        for (s, case) in cases.iter().enumerate() {
            let scene = s as u32;
            let counted = case.truths.iter().filter(|t| !t.ignored).count();
            truths.push(counted as u32);
            hits.extend(
                case.scores_of_hits()
                    .into_iter()
                    .map(|score| (score, scene)),
            );
            let mut scores: Vec<f64> = case.detections.iter().map(|d| d.score).collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores.dedup();
            let mut before = Counts {
                misses: counted as i32,
                ..Counts::default()
            };
            for score in scores {
                let after = case.counts_from(score);
                steps.push(Step {
                    score,
                    scene,
                    change: Counts {
                        hits: after.hits - before.hits,
                        alarms: after.alarms - before.alarms,
                        misses: after.misses - before.misses,
                        similarity: after.similarity - before.similarity,
                    },
                });
                before = after;
            }
        }
        hits.sort_by(|a, b| b.0.total_cmp(&a.0));
        steps.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.scene.cmp(&b.scene)));
        Self {
            hits,
            steps,
            truths,
        }
    }

    /// Number of scenes.
    #[must_use]
    pub fn scenes(&self) -> usize {
        self.truths.len()
    }

    /// Truths to be found where scene s stands `weights[s]` times.
    #[must_use]
    pub fn positives(&self, weights: &[u32]) -> u64 {
        let pairs = self.truths.iter().zip(weights);
        pairs.map(|(&n, &w)| u64::from(n) * u64::from(w)).sum()
    }

    /// Average precision, about 0 to 1, where scene s stands `weights[s]` times.
    #[must_use]
    pub fn average_precision(&self, sampling: Sampling, weights: &[u32]) -> f64 {
        sampled(&self.curve(weights).precision, sampling)
    }

    /// The same with each hit counting by how well its heading fits: KITTI's orientation
    /// similarity.
    #[must_use]
    pub fn average_orientation_similarity(&self, sampling: Sampling, weights: &[u32]) -> f64 {
        sampled(&self.positions(weights).1, sampling)
    }

    /// A point at each threshold; its precision is the best there or at a higher recall.
    #[must_use]
    pub fn curve(&self, weights: &[u32]) -> Curve {
        self.positions(weights).0
    }

    /// The curve, and the orientation similarity at its points.
    #[allow(clippy::cast_precision_loss)]
    fn positions(&self, weights: &[u32]) -> (Curve, Vec<f64>) {
        let mut curve = Curve {
            score: self.thresholds(weights),
            ..Curve::default()
        };
        let mut similarity = Vec::new();
        let (mut hits, mut alarms, mut similar) = (0i64, 0i64, 0.0);
        let mut misses = i64::try_from(self.positives(weights)).unwrap_or(i64::MAX);
        let mut steps = self.steps.iter().peekable();
        for &threshold in &curve.score {
            while let Some(step) = steps.next_if(|step| step.score >= threshold) {
                let weight = weights[step.scene as usize];
                hits += i64::from(step.change.hits) * i64::from(weight);
                alarms += i64::from(step.change.alarms) * i64::from(weight);
                misses += i64::from(step.change.misses) * i64::from(weight);
                similar += step.change.similarity * f64::from(weight);
            }
            let over = |part: f64, whole: i64| if whole > 0 { part / whole as f64 } else { 0.0 };
            curve.recall.push(over(hits as f64, hits + misses));
            curve.precision.push(over(hits as f64, hits + alarms));
            similarity.push(over(similar, hits + alarms));
        }
        for values in [&mut curve.precision, &mut similarity] {
            let mut best = 0.0f64;
            for value in values.iter_mut().rev() {
                best = best.max(*value);
                *value = best;
            }
        }
        (curve, similarity)
    }

    /// Scores of the hits whose recall is nearest to 0, 1/40, 2/40, ...
    #[allow(clippy::cast_precision_loss)]
    fn thresholds(&self, weights: &[u32]) -> Vec<f64> {
        let positives = self.positives(weights) as f64;
        let hits: u64 = self
            .hits
            .iter()
            .map(|h| u64::from(weights[h.1 as usize]))
            .sum();
        let mut thresholds = Vec::new();
        let mut wanted = 0.0;
        let mut before = 0u64;
        for &(score, scene) in &self.hits {
            for _ in 0..weights[scene as usize] {
                before += 1;
                let last = before == hits;
                let here = before as f64 / positives;
                let next = (before + 1) as f64 / positives;
                if !last && next - wanted < wanted - here {
                    continue;
                }
                if thresholds.len() < POSITIONS {
                    thresholds.push(score);
                }
                wanted += 1.0 / (POSITIONS as f64 - 1.0);
            }
        }
        thresholds
    }
}

impl Case {
    /// Scores of the detections that hit, truth by truth, the best score first served.
    fn scores_of_hits(&self) -> Vec<f64> {
        let mut taken = vec![false; self.detections.len()];
        let mut scores = Vec::new();
        for truth in &self.truths {
            let mut best: Option<usize> = None;
            for &(d, _) in &truth.overlaps {
                let score = self.detections[d].score;
                if !taken[d] && best.is_none_or(|b| score > self.detections[b].score) {
                    best = Some(d);
                }
            }
            if let Some(d) = best {
                taken[d] = true;
                if !truth.ignored && !self.detections[d].ignored {
                    scores.push(self.detections[d].score);
                }
            }
        }
        scores
    }

    /// Counts where only detections from `threshold` on take part.
    fn counts_from(&self, threshold: f64) -> Counts {
        let mut taken: Vec<bool> = self
            .detections
            .iter()
            .map(|d| d.score < threshold)
            .collect();
        let mut counts = Counts::default();
        for truth in &self.truths {
            let mut best: Option<usize> = None;
            let mut best_overlap = 0.0;
            for &(d, overlap) in &truth.overlaps {
                if taken[d] {
                    continue;
                }
                if self.detections[d].ignored {
                    best = best.or(Some(d));
                } else if best.is_none_or(|b| self.detections[b].ignored) || overlap > best_overlap
                {
                    (best, best_overlap) = (Some(d), overlap);
                }
            }
            match best {
                None => counts.misses += i32::from(!truth.ignored),
                Some(d) => {
                    taken[d] = true;
                    if !truth.ignored && !self.detections[d].ignored {
                        counts.hits += 1;
                        let turned = truth.alpha_rad - self.detections[d].alpha_rad;
                        counts.similarity += f64::midpoint(1.0, turned.cos());
                    }
                }
            }
        }
        for region in &self.dont_care {
            for &d in region {
                taken[d] = true;
            }
        }
        let pairs = taken.iter().zip(&self.detections);
        for (taken, detection) in pairs {
            counts.alarms += i32::from(!taken && !detection.ignored);
        }
        counts
    }
}

fn sampled(values: &[f64], sampling: Sampling) -> f64 {
    match sampling {
        Sampling::Eleven => values.iter().step_by(4).sum::<f64>() / 11.0,
        Sampling::AllOverForty => values.iter().sum::<f64>() / 40.0,
    }
}
