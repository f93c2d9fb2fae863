//! Average precisions that can be taken anew for any weighting of the scenes: what the result, the
//! bootstrap and the gate all read.

use crate::area::Area;
use crate::curve::Curve;
use crate::ranking::Ranking;
use crate::sweep::{Sampling, Sweep};

/// One way in which a class's average precision is taken.
#[derive(Clone, Debug, PartialEq)]
pub enum Precision {
    /// By ranking.
    Ranked(Ranking, Area),
    /// By KITTI's thresholds.
    Swept(Sweep, Sampling),
    /// By KITTI's thresholds, hits weighted by their heading.
    Oriented(Sweep, Sampling),
}

impl Precision {
    fn positives(&self, weights: &[u32]) -> u64 {
        match self {
            Self::Ranked(ranking, _) => ranking.positives(weights),
            Self::Swept(sweep, _) | Self::Oriented(sweep, _) => sweep.positives(weights),
        }
    }

    /// Percent.
    #[must_use]
    pub fn average_percent(&self, weights: &[u32]) -> f64 {
        100.0
            * match self {
                Self::Ranked(ranking, area) => ranking.average_precision(*area, weights),
                Self::Swept(sweep, sampling) => sweep.average_precision(*sampling, weights),
                Self::Oriented(sweep, sampling) => {
                    sweep.average_orientation_similarity(*sampling, weights)
                }
            }
    }

    /// Precision over recall of all scenes, each once.
    #[must_use]
    pub fn curve(&self) -> Curve {
        match self {
            Self::Ranked(ranking, area) => ranking.curve(*area),
            Self::Swept(sweep, _) | Self::Oriented(sweep, _) => {
                sweep.curve(&vec![1; sweep.scenes()])
            }
        }
    }
}

/// A class's average precision in one measure: the mean over its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassStatistic {
    /// What is measured: `distance`, `entire_area.3d`.
    pub measure: String,
    /// The class.
    pub class: String,
    /// The criteria, each with its name.
    pub parts: Vec<(String, Precision)>,
}

impl ClassStatistic {
    /// Truths to be found where scene s stands `weights[s]` times.
    #[must_use]
    pub fn positives(&self, weights: &[u32]) -> u64 {
        self.parts.first().map_or(0, |p| p.1.positives(weights))
    }

    /// Percent.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn average_percent(&self, weights: &[u32]) -> f64 {
        let parts = self.parts.iter().map(|p| p.1.average_percent(weights));
        parts.sum::<f64>() / self.parts.len().max(1) as f64
    }
}

/// All average precisions of one detector by one set of rules.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// The rules' name.
    pub rules: &'static str,
    /// The scenes, in their order.
    pub scenes: Vec<String>,
    /// By measure, then class.
    pub classes: Vec<ClassStatistic>,
    /// Whether a class without any truth counts as 0 in the mean, as the devkits have it; else it is
    /// left out.
    pub absent_counts: bool,
}

impl Statistics {
    /// Each scene once.
    #[must_use]
    pub fn once(&self) -> Vec<u32> {
        vec![1; self.scenes.len()]
    }

    /// The measures, each once, in their order.
    #[must_use]
    pub fn measures(&self) -> Vec<&str> {
        let mut measures: Vec<&str> = self.classes.iter().map(|c| c.measure.as_str()).collect();
        measures.dedup();
        measures
    }

    /// The classes of one measure.
    pub fn of<'a>(&'a self, measure: &'a str) -> impl Iterator<Item = &'a ClassStatistic> {
        self.classes.iter().filter(move |c| c.measure == measure)
    }

    /// The average precision of each class of a measure, percent, where scene s stands `weights[s]`
    /// times; nothing where these weights leave it without truth.
    #[must_use]
    pub fn class_percents(&self, measure: &str, weights: &[u32]) -> Vec<Option<f64>> {
        self.of(measure)
            .map(|c| (c.positives(weights) > 0).then(|| c.average_percent(weights)))
            .collect()
    }

    /// Mean over the classes that have a value; nothing where none has.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn mean_of(&self, measure: &str, class_percents: &[Option<f64>]) -> Option<f64> {
        let known: Vec<f64> = class_percents.iter().copied().flatten().collect();
        let once = self.once();
        let absent = self.of(measure).filter(|c| c.positives(&once) == 0);
        let absent = if self.absent_counts {
            absent.count()
        } else {
            0
        };
        let classes = known.len() + absent;
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / classes as f64)
    }
}
