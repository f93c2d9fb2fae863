//! View-of-Delft's rules, as its devkit (`vod-tudelft` 1.0.3) has them.
//!
//! Car, pedestrian and cyclist at 3-D and BEV overlaps of 0.5, 0.25 and 0.25, in the entire annotated
//! area and in the driving corridor (within 4 m of the camera's axis, up to 25 m ahead, by the centre
//! of the bottom). Truths behind much (occlusion above 4) or low in the picture (at most 40 px) are
//! ignored, and so are vans for cars and sitting persons for pedestrians; so are detections lower
//! than 40 px, of whatever class. Truncation is not looked at. The average is over 11 recalls.
//!
//! Boxes must be in the camera's axes, as [`kitti`](crate::formats::kitti) gives them.

use super::kitti::{ClassRules, Displacement, Measure, Part, bounds, sweep};
use crate::error::EvalError;
use crate::scene::{Box3, Detection, Object, Scene, Truth};
use crate::statistic::{ClassStatistic, Precision, Statistics};
use crate::sweep::Sampling;

pub(crate) const NAME: &str = "view-of-delft";

/// Class, its neighbour that is ignored, least overlap in the picture and of boxes.
const CLASSES: [(&str, Option<&str>, f64, f64); 3] = [
    ("car", Some("van"), 0.7, 0.5),
    ("pedestrian", Some("person_sitting"), 0.5, 0.25),
    ("cyclist", None, 0.5, 0.25),
];
const MOST_OCCLUDED: i32 = 4;
const LEAST_HEIGHT_PX: f64 = 40.0;
const CORRIDOR_HALF_WIDTH_M: f64 = 4.0;
const CORRIDOR_LENGTH_M: f64 = 25.0;
/// The devkit turns and moves each detection so.
const DISPLACEMENT: Displacement = Displacement {
    rotation_rad: 0.01,
    image_px: 0.01,
};

/// Average precisions `entire_area.3d`, `.bev`, `.aos` (orientation similarity in the picture) and the
/// same of the `corridor`.
///
/// # Errors
/// Where an object has no rectangle in the picture, or a truth no occlusion.
pub fn statistics(scenes: &[Scene<'_>]) -> Result<Statistics, EvalError> {
    for scene in scenes {
        check(scene)?;
    }
    let mut classes = Vec::new();
    for (area, corridor) in [("entire_area", false), ("corridor", true)] {
        for (name, measure) in [
            ("3d", Measure::Volume),
            ("bev", Measure::Bev),
            ("aos", Measure::Image),
        ] {
            for (class, neighbour, image, boxes) in CLASSES {
                let outside = |shape: &Box3| corridor && !in_corridor(shape);
                let rules = ClassRules {
                    measure,
                    overlap: if measure == Measure::Image {
                        image
                    } else {
                        boxes
                    },
                    displace: DISPLACEMENT,
                    truth: |t: &Truth| {
                        if neighbour == Some(t.object.class.as_str()) {
                            Part::Ignored
                        } else if t.object.class != class {
                            Part::None
                        } else if is_hard(t) || outside(&t.object.shape) {
                            Part::Ignored
                        } else {
                            Part::Counted
                        }
                    },
                    detection: |d: &Detection| {
                        if bounds(&d.object).height_px().abs() < LEAST_HEIGHT_PX
                            || outside(&d.object.shape)
                        {
                            Part::Ignored
                        } else if d.object.class == class {
                            Part::Counted
                        } else {
                            Part::None
                        }
                    },
                };
                let sweep = sweep(scenes, &rules);
                let (part, precision) = if measure == Measure::Image {
                    let name = format!("image IoU {image}");
                    (name, Precision::Oriented(sweep, Sampling::Eleven))
                } else {
                    let name = format!("IoU {boxes}");
                    (name, Precision::Swept(sweep, Sampling::Eleven))
                };
                classes.push(ClassStatistic {
                    measure: format!("{area}.{name}"),
                    class: class.to_owned(),
                    parts: vec![(part, precision)],
                });
            }
        }
    }
    Ok(Statistics {
        rules: NAME,
        scenes: scenes.iter().map(|s| s.id().to_owned()).collect(),
        classes,
        absent_counts: true,
    })
}

/// Whether the entire area's figures count it.
pub(crate) fn is_counted(truth: &Truth) -> bool {
    CLASSES.iter().any(|c| c.0 == truth.object.class) && !is_hard(truth)
}

fn is_hard(truth: &Truth) -> bool {
    truth.occlusion.unwrap_or(0) > MOST_OCCLUDED
        || bounds(&truth.object).height_px() <= LEAST_HEIGHT_PX
}

fn in_corridor(shape: &Box3) -> bool {
    let [forward, left, _] = shape.centre_m;
    left.abs() <= CORRIDOR_HALF_WIDTH_M && forward <= CORRIDOR_LENGTH_M
}

fn check(scene: &Scene<'_>) -> Result<(), EvalError> {
    let lacking = |what| EvalError::Lacking {
        scene: scene.id().to_owned(),
        rules: "View-of-Delft",
        what,
    };
    let seen = |object: &Object| object.view.is_some();
    let truth = &scene.labels.truth;
    if !truth.iter().all(|t| seen(&t.object)) || !scene.detections.iter().all(|d| seen(&d.object)) {
        return Err(lacking(
            "each object's rectangle in the picture; read KITTI files, or add image_px",
        ));
    }
    if truth.iter().any(|t| t.occlusion.is_none()) {
        return Err(lacking(
            "each truth's occlusion; read KITTI files, or add occlusion",
        ));
    }
    Ok(())
}
