//! How far off the detections are that found something, as nuScenes takes it.
//!
//! Along the ranking the mean error so far is known at each hit; it is read at 101 recalls by their
//! scores, and averaged from the least recall to the largest that was reached.

use serde::Serialize;

use crate::area::{RECALLS, recall_at, recall_bins_up_to};
use crate::curve::interpolate;
use crate::overlap::size_iou;
use crate::ranking::{Ranking, Standing};
use crate::rules::nuscenes::{ClassRules, heading_difference_rad};
use crate::scene::{Detection, Scene, Truth};

/// Which headings of a class differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headings {
    /// All.
    Whole,
    /// Those of a half turn: front and back are alike.
    Half,
    /// None.
    None,
}

/// Mean errors of a class's true positives at 2 m. 1 where too little was found; nothing where the
/// class or its labels know no such thing, and by the rules for drives where no detection gives it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ClassErrors {
    /// The class.
    pub class: String,
    /// Distance of centres over ground, m (ATE).
    pub translation_m: Option<f64>,
    /// 1 - IoU of sizes (ASE).
    pub scale: Option<f64>,
    /// Angle between headings, rad (AOE).
    pub orientation_rad: Option<f64>,
    /// Difference of velocities over ground, m/s (AVE).
    pub velocity_mps: Option<f64>,
    /// Share of wrong attributes (AAE).
    pub attribute: Option<f64>,
}

/// One error of a hit; NaN where it cannot be told.
type Error<'a> = dyn Fn(&Truth, &Detection) -> f64 + 'a;

/// The errors of one class.
pub(crate) fn true_positive_errors(
    scenes: &[Scene<'_>],
    ranking: &Ranking,
    rules: &ClassRules,
    min_recall: f64,
    standing: impl Fn(&Truth) -> Standing,
) -> ClassErrors {
    let hits = Hits::new(scenes, ranking);
    let counted = || {
        let truths = scenes.iter().flat_map(|s| &s.labels.truth);
        truths.filter(|t| standing(t) == Standing::Counted)
    };
    // Where labels exist but none says it, it cannot be judged.
    let known = |said: &dyn Fn(&Truth) -> bool| counted().next().is_none() || counted().any(said);
    let mean = |error: &Error<'_>| Some(hits.mean(error, min_recall));
    ClassErrors {
        class: rules.class.to_owned(),
        translation_m: mean(&|t, d| {
            let [from, to] = [t.object.shape.centre_m, d.object.shape.centre_m];
            (to[0] - from[0]).hypot(to[1] - from[1])
        }),
        scale: mean(&|t, d| 1.0 - size_iou(t.object.shape.size_m, d.object.shape.size_m)),
        orientation_rad: if rules.headings == Headings::None {
            None
        } else {
            mean(&|t, d| {
                let [a, b] = [t.object.shape.yaw_rad, d.object.shape.yaw_rad];
                heading_difference_rad(a, b, rules.headings)
            })
        },
        velocity_mps: if rules.moves && known(&|t| t.object.velocity_mps.is_some()) {
            mean(
                &|t, d| match (t.object.velocity_mps, d.object.velocity_mps) {
                    (Some(from), Some(to)) => (to[0] - from[0]).hypot(to[1] - from[1]),
                    _ => f64::NAN,
                },
            )
        } else {
            None
        },
        attribute: if rules.moves && known(&|t| t.object.attribute.is_some()) {
            mean(&|t, d| match &t.object.attribute {
                Some(attribute) if d.object.attribute.as_ref() == Some(attribute) => 0.0,
                Some(_) => 1.0,
                None => f64::NAN,
            })
        } else {
            None
        },
    }
}

/// Mean over the classes of each error, of those that have it.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn mean_errors(classes: &[ClassErrors]) -> ClassErrors {
    let mean = |of: fn(&ClassErrors) -> Option<f64>| {
        let known: Vec<f64> = classes.iter().filter_map(of).collect();
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    ClassErrors {
        class: "mean".to_owned(),
        translation_m: mean(|c| c.translation_m),
        scale: mean(|c| c.scale),
        orientation_rad: mean(|c| c.orientation_rad),
        velocity_mps: mean(|c| c.velocity_mps),
        attribute: mean(|c| c.attribute),
    }
}

/// A class's hits, worst score first, and the scores at nuScenes' recalls.
struct Hits<'a> {
    pairs: Vec<(&'a Truth, &'a Detection)>,
    scores: Vec<f64>,
    score_at: Vec<f64>,
}

impl<'a> Hits<'a> {
    fn new(scenes: &[Scene<'a>], ranking: &Ranking) -> Self {
        let mut hits = Self {
            pairs: Vec::new(),
            scores: Vec::new(),
            score_at: Vec::new(),
        };
        for r in ranking.ranked.iter().rev() {
            if let Some(t) = r.found {
                let scene = &scenes[r.scene as usize];
                let detection = &scene.detections[r.detection as usize];
                hits.pairs
                    .push((&scene.labels.truth[t as usize], detection));
                hits.scores.push(r.score);
            }
        }
        if !hits.pairs.is_empty() {
            let raw = ranking.raw_curve();
            let score = |k| interpolate(recall_at(k), &raw.recall, &raw.score);
            hits.score_at = (0..RECALLS).map(score).collect();
        }
        hits
    }

    #[allow(clippy::cast_precision_loss)]
    fn mean(&self, error: &Error<'_>, min_recall: f64) -> f64 {
        // The mean so far, NaN left out, 0 before the first number, and 1 without any.
        let (mut sum, mut count) = (0.0, 0u32);
        let mut means: Vec<f64> = Vec::with_capacity(self.pairs.len());
        for (truth, detection) in self.pairs.iter().rev() {
            let error = error(truth, detection);
            if !error.is_nan() {
                sum += error;
                count += 1;
            }
            means.push(if count == 0 {
                0.0
            } else {
                sum / f64::from(count)
            });
        }
        if count == 0 {
            return 1.0;
        }
        means.reverse();
        let first = recall_bins_up_to(min_recall) as usize;
        let last = self.score_at.iter().rposition(|&s| s != 0.0).unwrap_or(0);
        if last < first {
            return 1.0;
        }
        let read = self.score_at[first..=last].iter();
        let sum: f64 = read.map(|&score| self.mean_at(score, &means)).sum();
        sum / (last - first + 1) as f64
    }

    /// The mean so far at a score; the nearest hit's beyond the first and the last.
    fn mean_at(&self, score: f64, means: &[f64]) -> f64 {
        let beyond = self.scores.last().is_some_and(|&best| score > best);
        if beyond {
            return means[means.len() - 1];
        }
        interpolate(score, &self.scores, means)
    }
}
