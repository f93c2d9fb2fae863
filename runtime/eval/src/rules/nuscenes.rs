//! nuScenes' rules, as its devkit (`nuscenes-devkit` 1.2.0, `detection_cvpr_2019`) has them.
//!
//! Average precision by the distance of centres over ground at 0.5, 1, 2 and 4 m, recalls up to 0.1 and
//! precision below 0.1 left out; the errors of true positives at 2 m. Boxes beyond a class's range and
//! truths without returns are taken away first. Left out: bicycles in labelled racks.
//!
//! Caesar et al.: "nuScenes: A multimodal dataset for autonomous driving", CVPR 2020.

use std::f64::consts::{PI, TAU};

use crate::area::Area;
use crate::error::EvalError;
use crate::ranking::{Criterion, Ranking, Standing};
use crate::scene::{Detection, Scene, Truth};
use crate::statistic::{ClassStatistic, Precision, Statistics};
use crate::true_positives::{ClassErrors, Headings, true_positive_errors};

pub(crate) const NAME: &str = "nuscenes";

/// Distances of centres below which a detection is on a truth, m.
pub(crate) const DISTANCES_M: [f64; 4] = [0.5, 1.0, 2.0, 4.0];
/// The distance at which errors are taken, m.
pub(crate) const ERRORS_AT_M: f64 = 2.0;
pub(crate) const MIN_RECALL: f64 = 0.1;
pub(crate) const AREA: Area = Area::Clipped {
    min_recall: MIN_RECALL,
    min_precision: 0.1,
};
const MOST_DETECTIONS: usize = 500;
/// Weight of the mean average precision in the detection score.
const MEAN_AP_WEIGHT: f64 = 5.0;

/// What is asked of one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassRules {
    /// Its name.
    pub class: &'static str,
    /// Boxes at this range or beyond are left out, m over ground from the scene's origin.
    pub range_m: f64,
    /// Which headings differ.
    pub headings: Headings,
    /// Whether it moves: velocity and attribute are judged.
    pub moves: bool,
}

const fn road_user(class: &'static str, range_m: f64) -> ClassRules {
    ClassRules {
        class,
        range_m,
        headings: Headings::Whole,
        moves: true,
    }
}

/// nuScenes' ten classes.
pub const CLASSES: [ClassRules; 10] = [
    road_user("car", 50.0),
    road_user("truck", 50.0),
    road_user("bus", 50.0),
    road_user("trailer", 50.0),
    road_user("construction_vehicle", 50.0),
    road_user("pedestrian", 40.0),
    road_user("motorcycle", 40.0),
    road_user("bicycle", 40.0),
    ClassRules {
        headings: Headings::None,
        moves: false,
        ..road_user("traffic_cone", 30.0)
    },
    ClassRules {
        headings: Headings::Half,
        moves: false,
        ..road_user("barrier", 30.0)
    },
];

impl ClassRules {
    fn counts(&self, truth: &Truth) -> bool {
        truth.object.class == self.class
            && truth.object.shape.ground_range_m() < self.range_m
            && truth.returns != Some(0)
    }
}

/// Whether any class counts it.
pub(crate) fn is_counted(truth: &Truth) -> bool {
    CLASSES.iter().any(|rules| rules.counts(truth))
}

/// Average precisions `distance`, the mean of the four distances, and errors of true positives.
///
/// # Errors
/// Where a scene has more than 500 detections.
pub fn statistics(scenes: &[Scene<'_>]) -> Result<(Statistics, Vec<ClassErrors>), EvalError> {
    if let Some(scene) = scenes.iter().find(|s| s.detections.len() > MOST_DETECTIONS) {
        return Err(EvalError::TooMany {
            scene: scene.id().to_owned(),
            found: scene.detections.len(),
            allowed: MOST_DETECTIONS,
        });
    }
    let mut classes = Vec::new();
    let mut errors = Vec::new();
    for rules in &CLASSES {
        let standing = |t: &Truth| {
            if rules.counts(t) {
                Standing::Counted
            } else {
                Standing::Absent
            }
        };
        let counts = |d: &Detection| {
            d.object.class == rules.class && d.object.shape.ground_range_m() < rules.range_m
        };
        let mut parts = Vec::new();
        for distance_m in DISTANCES_M {
            let criterion = Criterion::Distance(distance_m);
            let ranking = Ranking::new(scenes, criterion, standing, counts);
            if distance_m == ERRORS_AT_M {
                errors.push(true_positive_errors(
                    scenes, &ranking, rules, MIN_RECALL, standing,
                ));
            }
            parts.push((criterion.to_string(), Precision::Ranked(ranking, AREA)));
        }
        classes.push(ClassStatistic {
            measure: "distance".to_owned(),
            class: rules.class.to_owned(),
            parts,
        });
    }
    let statistics = Statistics {
        rules: NAME,
        scenes: scenes.iter().map(|s| s.id().to_owned()).collect(),
        classes,
        absent_counts: true,
    };
    Ok((statistics, errors))
}

/// The nuScenes detection score, 0 to 100, of a mean average precision and the classes' mean errors;
/// nothing where an error could not be taken.
#[must_use]
pub fn detection_score_percent(mean_ap_percent: f64, mean: &ClassErrors) -> Option<f64> {
    let errors = [
        mean.translation_m,
        mean.scale,
        mean.orientation_rad,
        mean.velocity_mps,
        mean.attribute,
    ];
    let mut sum = MEAN_AP_WEIGHT * mean_ap_percent / 100.0;
    for error in errors {
        sum += (1.0 - error?).max(0.0);
    }
    Some(100.0 * sum / (MEAN_AP_WEIGHT + 5.0))
}

/// Smallest angle between two headings, rad, where headings a `period` apart are the same.
pub(crate) fn heading_difference_rad(a: f64, b: f64, headings: Headings) -> f64 {
    let period = if headings == Headings::Half { PI } else { TAU };
    ((a - b + period / 2.0).rem_euclid(period) - period / 2.0).abs()
}
