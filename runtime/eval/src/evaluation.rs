//! One call for every rule set, and its result.

use serde::Serialize;

use crate::curve::Curve;
use crate::error::EvalError;
use crate::rules::drives::{DriveRules, Slice};
use crate::rules::{nuscenes, tj4dradset, view_of_delft};
use crate::scene::{Scene, Truth};
use crate::statistic::Statistics;
use crate::true_positives::{ClassErrors, mean_errors};

/// By whose rules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rules {
    /// [`view_of_delft`].
    ViewOfDelft,
    /// [`tj4dradset`].
    Tj4dRadSet,
    /// [`nuscenes`].
    NuScenes,
    /// [`drives`](crate::rules::drives).
    Drives(DriveRules),
}

/// Average precision of a class in one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassResult {
    /// The measure.
    pub measure: String,
    /// The class.
    pub class: String,
    /// Truths to be found.
    pub truths: u64,
    /// Mean over the parts, percent.
    pub ap_percent: f64,
    /// The criteria.
    pub parts: Vec<PartResult>,
}

/// Average precision by one criterion.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartResult {
    /// Which: `2 m`, `IoU 0.5`.
    pub criterion: String,
    /// Percent.
    pub ap_percent: f64,
    /// Precision over recall.
    pub curve: Curve,
}

/// Mean over the classes in one measure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeanResult {
    /// The measure.
    pub measure: String,
    /// Percent.
    pub map_percent: f64,
}

/// How good a detector is by one set of rules.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The rules.
    pub rules: &'static str,
    /// Scenes evaluated.
    pub scenes: usize,
    /// Labelled objects in them, of all classes.
    pub truths: usize,
    /// Detections in them.
    pub detections: usize,
    /// Mean average precisions; the first is the rules' headline.
    pub means: Vec<MeanResult>,
    /// Average precisions by measure and class.
    pub classes: Vec<ClassResult>,
    /// Errors of true positives, where the rules know them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ClassErrors>,
    /// Their mean over the classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_errors: Option<ClassErrors>,
    /// nuScenes' detection score, percent, where all errors are known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detection_score_percent: Option<f64>,
    /// Average precisions of parts of the truth.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
}

impl Rules {
    /// Their name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ViewOfDelft => view_of_delft::NAME,
            Self::Tj4dRadSet => tj4dradset::NAME,
            Self::NuScenes => nuscenes::NAME,
            Self::Drives(_) => crate::rules::drives::NAME,
        }
    }

    /// Whether a truth must be found.
    #[must_use]
    pub fn counts(&self, truth: &Truth) -> bool {
        match self {
            Self::ViewOfDelft => view_of_delft::is_counted(truth),
            Self::Tj4dRadSet => tj4dradset::is_counted(truth),
            Self::NuScenes => nuscenes::is_counted(truth),
            Self::Drives(rules) => rules.is_counted(truth),
        }
    }

    /// Evaluates a detector. The statistics are for [`bootstrap`](crate::bootstrap) and
    /// [`gate`](crate::gate).
    ///
    /// # Errors
    /// Where the scenes lack what the rules need.
    pub fn evaluate(&self, scenes: &[Scene<'_>]) -> Result<(Evaluation, Statistics), EvalError> {
        let (statistics, errors, slices) = match self {
            Self::ViewOfDelft => (view_of_delft::statistics(scenes)?, vec![], vec![]),
            Self::Tj4dRadSet => (tj4dradset::statistics(scenes), vec![], vec![]),
            Self::NuScenes => {
                let (statistics, errors) = nuscenes::statistics(scenes)?;
                (statistics, errors, vec![])
            }
            Self::Drives(rules) => {
                let results = rules.results(scenes);
                (results.statistics, results.errors, results.slices)
            }
        };
        let means = means(&statistics);
        let mean_errors = (!errors.is_empty()).then(|| mean_errors(&errors));
        let detection_score_percent = match (self, &mean_errors) {
            (Self::NuScenes, Some(errors)) => means.first().and_then(|headline| {
                nuscenes::detection_score_percent(headline.map_percent, errors)
            }),
            _ => None,
        };
        let evaluation = Evaluation {
            rules: statistics.rules,
            scenes: scenes.len(),
            truths: scenes.iter().map(|s| s.labels.truth.len()).sum(),
            detections: scenes.iter().map(|s| s.detections.len()).sum(),
            means,
            classes: classes(&statistics),
            errors,
            mean_errors,
            detection_score_percent,
            slices,
        };
        Ok((evaluation, statistics))
    }
}

fn means(statistics: &Statistics) -> Vec<MeanResult> {
    let once = statistics.once();
    let mean = |measure: &str| {
        let classes = statistics.class_percents(measure, &once);
        MeanResult {
            measure: measure.to_owned(),
            map_percent: statistics.mean_of(measure, &classes).unwrap_or(0.0),
        }
    };
    statistics.measures().into_iter().map(mean).collect()
}

fn classes(statistics: &Statistics) -> Vec<ClassResult> {
    let once = statistics.once();
    let class = |class: &crate::statistic::ClassStatistic| ClassResult {
        measure: class.measure.clone(),
        class: class.class.clone(),
        truths: class.positives(&once),
        ap_percent: class.average_percent(&once),
        parts: class
            .parts
            .iter()
            .map(|(criterion, precision)| PartResult {
                criterion: criterion.clone(),
                ap_percent: precision.average_percent(&once),
                curve: precision.curve(),
            })
            .collect(),
    };
    statistics.classes.iter().map(class).collect()
}
