//! Rules for synthetic and own drives.
//!
//! Car, truck, cyclist and pedestrian by two measures: `distance`, nuScenes' average over 0.5, 1, 2 and
//! 4 m, and `bev_iou`, the best precision at 40 recalls (Simonelli et al. 2019) at overlaps of 0.5, 0.5,
//! 0.25 and 0.25. A truth that no scan of the detector's input returned from is ignored: it need not
//! be found, and a detection on it costs nothing.

use serde::Serialize;

use super::nuscenes::{AREA, ClassRules, DISTANCES_M, ERRORS_AT_M, MIN_RECALL};
use crate::area::Area;
use crate::ranking::{Criterion, Ranking, Standing};
use crate::scene::{Detection, Scene, Truth};
use crate::statistic::{ClassStatistic, Precision, Statistics};
use crate::true_positives::{ClassErrors, Headings, true_positive_errors};

pub(crate) const NAME: &str = "drives";

const CLASSES: [(&str, f64); 4] = [
    ("car", 0.5),
    ("truck", 0.5),
    ("cyclist", 0.25),
    ("pedestrian", 0.25),
];

/// What counts in a drive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriveRules {
    /// A truth with fewer returns, over all scans of the detector's input, is ignored.
    pub least_returns: u32,
    /// A truth farther away over ground is ignored, and a detection is left out, m.
    pub farthest_m: f64,
}

impl Default for DriveRules {
    fn default() -> Self {
        Self {
            least_returns: 1,
            farthest_m: f64::INFINITY,
        }
    }
}

/// Average precision of a part of the truth. Detections that found other truth are left out; false
/// alarms all count, in slices by range those in the range. So the parts' figures lie below the
/// whole's, the more so the rarer the part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// What it is cut by: `returns`, `motion`, `range`.
    pub by: &'static str,
    /// The part.
    pub part: &'static str,
    /// The measure.
    pub measure: String,
    /// The class.
    pub class: String,
    /// Truths in it.
    pub truths: u64,
    /// Average precision, percent.
    pub ap_percent: f64,
    /// Share found at any score, percent.
    pub recall_percent: f64,
}

/// All that is told of a detector on drives.
pub struct DriveResults {
    /// Average precisions.
    pub statistics: Statistics,
    /// Errors of true positives.
    pub errors: Vec<ClassErrors>,
    /// Average precisions of parts of the truth.
    pub slices: Vec<Slice>,
}

impl DriveRules {
    /// Evaluates `distance` and `bev_iou`.
    #[must_use]
    pub fn results(&self, scenes: &[Scene<'_>]) -> DriveResults {
        let (mut distance, mut overlap) = (Vec::new(), Vec::new());
        let (mut errors, mut slices) = (Vec::new(), Vec::new());
        for (class, least_iou) in CLASSES {
            let standing = |t: &Truth| self.standing(t, class);
            let counts = |d: &Detection| {
                d.object.class == class && d.object.shape.ground_range_m() <= self.farthest_m
            };
            let part = |criterion: Criterion, area: Area| {
                let ranking = Ranking::new(scenes, criterion, standing, counts);
                (criterion.to_string(), Precision::Ranked(ranking, area))
            };
            let measures = [
                (
                    "distance",
                    DISTANCES_M
                        .map(|m| part(Criterion::Distance(m), AREA))
                        .to_vec(),
                ),
                (
                    "bev_iou",
                    vec![part(Criterion::BevIou(least_iou), Area::Envelope40)],
                ),
            ];
            for (measure, parts) in measures {
                let statistic = ClassStatistic {
                    measure: measure.to_owned(),
                    class: class.to_owned(),
                    parts,
                };
                slices.extend(slices_of(scenes, &statistic, standing));
                if measure == "distance" {
                    distance.push(statistic);
                } else {
                    overlap.push(statistic);
                }
            }
            let rules = ClassRules {
                class,
                range_m: self.farthest_m,
                headings: Headings::Whole,
                moves: true,
            };
            let near = Criterion::Distance(ERRORS_AT_M);
            let ranking = Ranking::new(scenes, near, standing, counts);
            errors.push(true_positive_errors(
                scenes, &ranking, &rules, MIN_RECALL, standing,
            ));
        }
        leave_out_ungiven(scenes, &mut errors);
        distance.extend(overlap);
        DriveResults {
            statistics: Statistics {
                rules: NAME,
                scenes: scenes.iter().map(|s| s.id().to_owned()).collect(),
                classes: distance,
                absent_counts: false,
            },
            errors,
            slices,
        }
    }

    /// Whether any class counts it.
    pub(crate) fn is_counted(&self, truth: &Truth) -> bool {
        let mut classes = CLASSES.iter();
        classes.any(|c| self.standing(truth, c.0) == Standing::Counted)
    }

    fn standing(&self, truth: &Truth, class: &str) -> Standing {
        let returns = truth.returns_all.or(truth.returns);
        if truth.object.class != class {
            Standing::Absent
        } else if returns.is_some_and(|n| n < self.least_returns)
            || truth.object.shape.ground_range_m() > self.farthest_m
        {
            Standing::Ignored
        } else {
            Standing::Counted
        }
    }
}

/// Takes away the errors of what no detection gives: to say nothing is no error.
fn leave_out_ungiven(scenes: &[Scene<'_>], errors: &mut [ClassErrors]) {
    let objects = || {
        let detections = scenes.iter().flat_map(|scene| scene.detections.iter());
        detections.map(|found| &found.object)
    };
    if objects().next().is_none() {
        return;
    }
    let (gives_velocity, gives_attribute) = (
        objects().any(|object| object.velocity_mps.is_some()),
        objects().any(|object| object.attribute.is_some()),
    );
    for class in errors {
        class.velocity_mps = class.velocity_mps.filter(|_| gives_velocity);
        class.attribute = class.attribute.filter(|_| gives_attribute);
    }
}

/// Part of the truth: what it is cut by, its name, which truths and which false alarms are in it.
type Cut = (
    &'static str,
    &'static str,
    fn(&Truth) -> bool,
    fn(&Detection) -> bool,
);

fn any(_: &Detection) -> bool {
    true
}

fn returned(t: &Truth, least: u32, most: u32) -> bool {
    t.returns.is_some_and(|n| (least..=most).contains(&n))
}

fn within(range_m: f64, from: f64, to: f64) -> bool {
    (from..to).contains(&range_m)
}

macro_rules! range_cut {
    ($name:literal, $from:expr, $to:expr) => {
        (
            "range",
            $name,
            |t| within(t.object.shape.ground_range_m(), $from, $to),
            |d| within(d.object.shape.ground_range_m(), $from, $to),
        )
    };
}

const CUTS: [Cut; 12] = [
    ("returns", "0", |t| returned(t, 0, 0), any),
    ("returns", "1", |t| returned(t, 1, 1), any),
    ("returns", "2", |t| returned(t, 2, 2), any),
    ("returns", "3-4", |t| returned(t, 3, 4), any),
    ("returns", "5-9", |t| returned(t, 5, 9), any),
    ("returns", "10+", |t| returned(t, 10, u32::MAX), any),
    ("motion", "moving", |t| t.moving == Some(true), any),
    ("motion", "static", |t| t.moving == Some(false), any),
    range_cut!("0-20 m", 0.0, 20.0),
    range_cut!("20-40 m", 20.0, 40.0),
    range_cut!("40-60 m", 40.0, 60.0),
    range_cut!("60 m+", 60.0, f64::INFINITY),
];

/// The cuts of one class that hold any truth.
#[allow(clippy::cast_precision_loss)]
fn slices_of(
    scenes: &[Scene<'_>],
    statistic: &ClassStatistic,
    standing: impl Fn(&Truth) -> Standing,
) -> Vec<Slice> {
    let once = vec![1; scenes.len()];
    let mut slices = Vec::new();
    for (by, part, keep, alarm) in CUTS {
        let (mut ap, mut recall, mut truths, mut count) = (0.0, 0.0, 0, 0.0);
        for (_, precision) in &statistic.parts {
            let Precision::Ranked(ranking, area) = precision else {
                continue;
            };
            let ranking = ranking.slice(scenes, keep, alarm, &standing);
            truths = ranking.positives(&once);
            ap += ranking.average_precision(*area, &once);
            recall += ranking.recall();
            count += 1.0;
        }
        if truths > 0 {
            slices.push(Slice {
                by,
                part,
                measure: statistic.measure.clone(),
                class: statistic.class.clone(),
                truths,
                ap_percent: 100.0 * ap / count,
                recall_percent: 100.0 * recall / count,
            });
        }
    }
    slices
}
