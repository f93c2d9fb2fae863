//! TJ4DRadSet's rules, as its authors publish figures.
//!
//! Car, truck, pedestrian and cyclist at overlaps of 0.5, 0.5, 0.25 and 0.25; easy up to 50 m, moderate
//! up to 70 m, hard any range, by the distance in space of the bottom's centre from the camera. Truths
//! farther away are ignored; nothing else is. The average sums 41 positions and divides by 40, so that
//! a perfect detector gets 102.5. Papers give the moderate figures.
//!
//! Some published figures come from KITTI's own evaluator, which also ignores what is low in the
//! picture: they are about 3 points higher.
//!
//! Boxes must be in the camera's axes, as [`kitti`](crate::formats::kitti) gives them.

use super::kitti::{ClassRules, Displacement, Measure, Part, sweep};
use crate::scene::{Box3, Detection, Scene, Truth};
use crate::statistic::{ClassStatistic, Precision, Statistics};
use crate::sweep::Sampling;

pub(crate) const NAME: &str = "tj4dradset";

const CLASSES: [(&str, f64); 4] = [
    ("car", 0.5),
    ("pedestrian", 0.25),
    ("cyclist", 0.25),
    ("truck", 0.5),
];
const RANGES_M: [(&str, f64); 3] = [("moderate", 70.0), ("easy", 50.0), ("hard", f64::INFINITY)];

/// Average precisions `moderate.3d`, `moderate.bev`, and the same of `easy` and `hard`.
#[must_use]
pub fn statistics(scenes: &[Scene<'_>]) -> Statistics {
    let mut classes = Vec::new();
    for (range, farthest_m) in RANGES_M {
        for (name, measure) in [("3d", Measure::Volume), ("bev", Measure::Bev)] {
            for (class, overlap) in CLASSES {
                let rules = ClassRules {
                    measure,
                    overlap,
                    displace: Displacement::default(),
                    truth: |t: &Truth| {
                        if t.object.class != class {
                            Part::None
                        } else if range_m(&t.object.shape) > farthest_m {
                            Part::Ignored
                        } else {
                            Part::Counted
                        }
                    },
                    detection: |d: &Detection| {
                        if d.object.class == class {
                            Part::Counted
                        } else {
                            Part::None
                        }
                    },
                };
                let sweep = sweep(scenes, &rules);
                classes.push(ClassStatistic {
                    measure: format!("{range}.{name}"),
                    class: class.to_owned(),
                    parts: vec![(
                        format!("IoU {overlap}"),
                        Precision::Swept(sweep, Sampling::AllOverForty),
                    )],
                });
            }
        }
    }
    Statistics {
        rules: NAME,
        scenes: scenes.iter().map(|s| s.id().to_owned()).collect(),
        classes,
        absent_counts: true,
    }
}

/// Whether the moderate figures count it.
pub(crate) fn is_counted(truth: &Truth) -> bool {
    CLASSES.iter().any(|c| c.0 == truth.object.class)
        && range_m(&truth.object.shape) <= RANGES_M[0].1
}

fn range_m(shape: &Box3) -> f64 {
    let [x, y, z] = shape.centre_m;
    let bottom = z - shape.size_m[2] / 2.0;
    (x * x + y * y + bottom * bottom).sqrt()
}
