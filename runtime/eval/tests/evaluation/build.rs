//! Scenes for tests, in few words.

use drafthorse_eval::{
    Box3, DetectedScene, Detection, ImageBox, LabelledScene, Object, Scene, Truth, View, pair,
};

/// A car-sized box.
pub(crate) fn at(x: f64, y: f64) -> Box3 {
    Box3 {
        centre_m: [x, y, 0.0],
        size_m: [4.0, 2.0, 1.5],
        yaw_rad: 0.0,
    }
}

/// An object that the camera sees 100 px high.
pub(crate) fn object(class: &str, shape: Box3) -> Object {
    Object {
        shape,
        class: class.into(),
        view: Some(seen(100.0)),
        ..Object::default()
    }
}

/// A rectangle of this height in the picture, at a place that few others have.
pub(crate) fn seen(height_px: f64) -> View {
    View {
        bounds: ImageBox {
            left_px: 0.0,
            top_px: 0.0,
            right_px: 50.0,
            bottom_px: height_px,
        },
        alpha_rad: 0.0,
    }
}

pub(crate) fn truth(class: &str, shape: Box3) -> Truth {
    Truth {
        object: object(class, shape),
        occlusion: Some(0),
        ..Truth::default()
    }
}

pub(crate) fn found(class: &str, shape: Box3, score: f64) -> Detection {
    Detection {
        object: object(class, shape),
        score,
    }
}

/// Scenes and the detector's answers to them, one string a scene.
#[derive(Default)]
pub(crate) struct Set {
    pub(crate) labels: Vec<LabelledScene>,
    pub(crate) answers: Vec<DetectedScene>,
}

impl Set {
    pub(crate) fn add(&mut self, id: &str, truth: Vec<Truth>, detections: Vec<Detection>) {
        self.labels.push(LabelledScene {
            id: id.into(),
            truth,
            ..LabelledScene::default()
        });
        self.answers.push(DetectedScene {
            id: id.into(),
            detections,
        });
    }

    pub(crate) fn one(truth: Vec<Truth>, detections: Vec<Detection>) -> Self {
        let mut set = Self::default();
        set.add("0", truth, detections);
        set
    }

    pub(crate) fn scenes(&self) -> Vec<Scene<'_>> {
        pair(&self.labels, &self.answers, Default::default()).unwrap()
    }
}

/// A reproducible number in [0, 1).
pub(crate) fn noise(state: &mut u64) -> f64 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f64 / (1u64 << 24) as f64
}

pub(crate) fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-9, "{a} is not {b}");
}
