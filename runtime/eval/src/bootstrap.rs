//! Whether one detector is better than another beyond the choice of scenes: the paired bootstrap.
//!
//! Scenes are drawn with replacement, both detectors are evaluated on the same draw, and the
//! differences of many draws give an interval (Efron 1979; percentile interval). Frames of one drive
//! look alike, so whole drives are drawn where scenes have them; single frames would promise too much.

use std::collections::HashMap;

use serde::Serialize;

use crate::error::EvalError;
use crate::random::SplitMix64;
use crate::statistic::Statistics;

/// What is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// All scenes of a drive together: those whose ids agree before the last `/`. A scene without
    /// `/` is drawn alone.
    #[default]
    Drive,
    /// Each scene alone.
    Scene,
}

/// How the bootstrap is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bootstrap {
    /// What is drawn.
    pub unit: Unit,
    /// How many draws.
    pub draws: u32,
    /// How sure the interval is, 0 to 1.
    pub confidence: f64,
    /// The draws' seed.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            unit: Unit::Drive,
            draws: 1000,
            confidence: 0.95,
            seed: 1,
        }
    }
}

/// Two detectors compared in one measure. All in percent points of average precision.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The measure.
    pub measure: String,
    /// The class; none for the mean over the classes.
    pub class: Option<String>,
    /// Of the candidate, percent.
    pub candidate_percent: f64,
    /// Of the incumbent, percent.
    pub incumbent_percent: f64,
    /// Candidate minus incumbent.
    pub difference: f64,
    /// Lower end of the difference's interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Share of the draws in which the candidate is not better.
    pub not_better_share: f64,
}

impl Bootstrap {
    /// Compares two detectors in one measure: the mean first, then each class that has truth.
    ///
    /// # Errors
    /// Where the two were evaluated on different scenes or by different rules.
    pub fn compare(
        &self,
        candidate: &Statistics,
        incumbent: &Statistics,
        measure: &str,
    ) -> Result<Vec<Comparison>, EvalError> {
        let pairs: Vec<_> = candidate.of(measure).zip(incumbent.of(measure)).collect();
        let once = candidate.once();
        let alike = candidate.rules == incumbent.rules
            && candidate.scenes == incumbent.scenes
            && !pairs.is_empty()
            && pairs
                .iter()
                .all(|(a, b)| a.class == b.class && a.positives(&once) == b.positives(&once));
        if !alike {
            return Err(EvalError::NotComparable);
        }
        // The classes by their index, the mean last.
        let values = |statistics: &Statistics, weights: &[u32]| -> Vec<Option<f64>> {
            let mut values = statistics.class_percents(measure, weights);
            values.push(statistics.mean_of(measure, &values));
            values
        };
        let [ours, theirs] = [candidate, incumbent].map(|s| values(s, &once));
        let mut differences = vec![Vec::new(); ours.len()];
        let mut random = SplitMix64(self.seed);
        let (group_of, groups) = self.groups(&candidate.scenes);
        for _ in 0..self.draws {
            let mut drawn = vec![0u32; groups];
            for _ in 0..groups {
                drawn[random.below(groups)] += 1;
            }
            let weights: Vec<u32> = group_of.iter().map(|&g| drawn[g]).collect();
            let [ours, theirs] = [candidate, incumbent].map(|s| values(s, &weights));
            for ((a, b), differences) in ours.iter().zip(theirs).zip(&mut differences) {
                if let (Some(a), Some(b)) = (a, b) {
                    differences.push(a - b);
                }
            }
        }
        let names = pairs.iter().map(|(a, _)| Some(a.class.clone()));
        let names: Vec<Option<String>> = names.chain([None]).collect();
        let last = names.len() - 1;
        let order = std::iter::once(last).chain(0..last);
        Ok(order
            .filter_map(|i| {
                let differences = &mut differences[i];
                differences.sort_by(f64::total_cmp);
                let (candidate_percent, incumbent_percent) = (ours[i]?, theirs[i]?);
                Some(Comparison {
                    measure: measure.to_owned(),
                    class: names[i].clone(),
                    candidate_percent,
                    incumbent_percent,
                    difference: candidate_percent - incumbent_percent,
                    low: quantile(differences, (1.0 - self.confidence) / 2.0),
                    high: quantile(differences, f64::midpoint(1.0, self.confidence)),
                    not_better_share: share_not_above_zero(differences),
                })
            })
            .collect())
    }

    /// The group of each scene, and how many groups there are.
    fn groups(&self, scenes: &[String]) -> (Vec<usize>, usize) {
        if self.unit == Unit::Scene {
            return ((0..scenes.len()).collect(), scenes.len());
        }
        let mut known: HashMap<&str, usize> = HashMap::new();
        let group_of = scenes.iter().map(|id| {
            let drive = id.rsplit_once('/').map_or(id.as_str(), |(drive, _)| drive);
            let next = known.len();
            *known.entry(drive).or_insert(next)
        });
        let group_of: Vec<usize> = group_of.collect();
        (group_of, known.len())
    }
}

/// Value below which `share` of the sorted values lie, between neighbours in proportion.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let (below, above) = (place.floor() as usize, place.ceil() as usize);
    sorted[below] + (sorted[above] - sorted[below]) * place.fract()
}

#[allow(clippy::cast_precision_loss)]
fn share_not_above_zero(sorted: &[f64]) -> f64 {
    sorted.partition_point(|&d| d <= 0.0) as f64 / sorted.len().max(1) as f64
}
