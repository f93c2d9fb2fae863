//! What the rule sets that descend from KITTI share: a scene as one class and one measure see it.

use crate::overlap::{bev_iou, image_iou, image_share_within, volume_iou};
use crate::scene::{Box3, Detection, ImageBox, Object, Scene, Truth};
use crate::sweep::{Case, CaseDetection, CaseTruth, Sweep};

/// What is laid over each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    Image,
    Bev,
    Volume,
}

/// What a box is to a class: to be counted, to be ignored, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Counted,
    Ignored,
    None,
}

/// The rules of one class in one measure.
pub(super) struct ClassRules<T, D> {
    pub(super) measure: Measure,
    /// An overlap must be larger.
    pub(super) overlap: f64,
    /// What a truth is.
    pub(super) truth: T,
    /// What a detection is.
    pub(super) detection: D,
    /// How the devkit displaces detections before it measures.
    pub(super) displace: Displacement,
}

/// Some devkits move each detection a little, lest equal boxes confuse their geometry.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Displacement {
    /// Added to KITTI's rotation, rad.
    pub(super) rotation_rad: f64,
    /// Added to the edges in the picture, px.
    pub(super) image_px: f64,
}

pub(super) fn sweep<T, D>(scenes: &[Scene<'_>], rules: &ClassRules<T, D>) -> Sweep
where
    T: Fn(&Truth) -> Part,
    D: Fn(&Detection) -> Part,
{
    let cases: Vec<Case> = scenes.iter().map(|scene| case(scene, rules)).collect();
    Sweep::new(&cases)
}

fn case<T, D>(scene: &Scene<'_>, rules: &ClassRules<T, D>) -> Case
where
    T: Fn(&Truth) -> Part,
    D: Fn(&Detection) -> Part,
{
    let mut case = Case::default();
    let mut shapes = Vec::new();
    for detection in scene.detections {
        let part = (rules.detection)(detection);
        if part == Part::None {
            continue;
        }
        case.detections.push(CaseDetection {
            score: detection.score,
            ignored: part == Part::Ignored,
            alpha_rad: alpha_rad(&detection.object),
        });
        shapes.push(displaced(&detection.object, rules.displace));
    }
    for truth in &scene.labels.truth {
        let part = (rules.truth)(truth);
        if part == Part::None {
            continue;
        }
        let shape = (truth.object.shape, bounds(&truth.object));
        let overlap = |d: &(Box3, ImageBox)| match rules.measure {
            Measure::Image => image_iou(&d.1, &shape.1),
            Measure::Bev => bev_iou(&d.0, &shape.0),
            Measure::Volume => volume_iou(&d.0, &shape.0),
        };
        let overlaps = shapes.iter().map(overlap).enumerate();
        case.truths.push(CaseTruth {
            ignored: part == Part::Ignored,
            alpha_rad: alpha_rad(&truth.object),
            overlaps: overlaps.filter(|o| o.1 > rules.overlap).collect(),
        });
    }
    if rules.measure == Measure::Image {
        // Seen where they are, not displaced.
        let plain: Vec<ImageBox> = scene
            .detections
            .iter()
            .filter(|d| (rules.detection)(d) != Part::None)
            .map(|d| bounds(&d.object))
            .collect();
        for region in &scene.labels.dont_care {
            let shares = plain.iter().map(|b| image_share_within(b, region));
            let within = shares.enumerate().filter(|share| share.1 > rules.overlap);
            case.dont_care.push(within.map(|share| share.0).collect());
        }
    }
    case
}

pub(super) fn bounds(object: &Object) -> ImageBox {
    object.view.unwrap_or_default().bounds
}

fn alpha_rad(object: &Object) -> f64 {
    object.view.unwrap_or_default().alpha_rad
}

fn displaced(object: &Object, by: Displacement) -> (Box3, ImageBox) {
    let b = bounds(object);
    let shape = Box3 {
        // KITTI's rotation runs against our yaw.
        yaw_rad: object.shape.yaw_rad - by.rotation_rad,
        ..object.shape
    };
    let moved = ImageBox {
        left_px: b.left_px + by.image_px,
        top_px: b.top_px + by.image_px,
        right_px: b.right_px + by.image_px,
        bottom_px: b.bottom_px + by.image_px,
    };
    (shape, moved)
}
