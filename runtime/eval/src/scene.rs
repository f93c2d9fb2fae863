//! Labelled scenes and detections in one form, whatever file they came from.
//!
//! A scene is one instant: a radar scan or a frame of a dataset. Its frame is x forward, y left,
//! z up; the origin is the sensor's, or the camera's for labels read without a calibration.

use serde::Serialize;

/// A box in space, upright, turned about z only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Box3 {
    /// Centre x, y, z, m.
    pub centre_m: [f64; 3],
    /// Length (along the heading), width, height, m.
    pub size_m: [f64; 3],
    /// Heading from x towards y, rad.
    pub yaw_rad: f64,
}

impl Box3 {
    /// Distance of the centre from the scene's origin over ground, m.
    #[must_use]
    pub fn ground_range_m(&self) -> f64 {
        self.centre_m[0].hypot(self.centre_m[1])
    }
}

/// A rectangle in the picture, pixels, x right and y down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ImageBox {
    /// Left edge, px.
    pub left_px: f64,
    /// Upper edge, px.
    pub top_px: f64,
    /// Right edge, px.
    pub right_px: f64,
    /// Lower edge, px.
    pub bottom_px: f64,
}

impl ImageBox {
    /// Lower edge minus upper edge, px.
    #[must_use]
    pub fn height_px(&self) -> f64 {
        self.bottom_px - self.top_px
    }
}

/// How the camera sees an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct View {
    /// Its rectangle in the picture.
    pub bounds: ImageBox,
    /// Observation angle as KITTI defines it, rad.
    pub alpha_rad: f64,
}

/// What truth and detections have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// Where it is.
    pub shape: Box3,
    /// Its class, in lower case.
    pub class: String,
    /// Velocity over ground along the scene's x and y, m/s.
    pub velocity_mps: Option<[f64; 2]>,
    /// What it does, in nuScenes' words (`vehicle.parked`).
    pub attribute: Option<String>,
    /// How the camera sees it.
    pub view: Option<View>,
}

/// A labelled object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// What and where.
    pub object: Object,
    /// Returns of the newest scan that came off it.
    pub returns: Option<u32>,
    /// The same over all scans that the detector was given.
    pub returns_all: Option<u32>,
    /// Whether it moves over ground.
    pub moving: Option<bool>,
    /// Identity through the drive.
    pub track: Option<i64>,
    /// KITTI's occlusion level.
    pub occlusion: Option<i32>,
    /// KITTI's truncation, 0 to 1. View-of-Delft keeps other things there.
    pub truncation: Option<f64>,
}

/// A detected object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detection {
    /// What and where.
    pub object: Object,
    /// Confidence; only its order matters.
    pub score: f64,
}

/// One scene's labels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelledScene {
    /// Unique in its set. What stands before the last `/` names the drive.
    pub id: String,
    /// Labelled objects.
    pub truth: Vec<Truth>,
    /// Parts of the picture where nothing is labelled.
    pub dont_care: Vec<ImageBox>,
    /// Radar points in the scene's frame, m. Only pictures use them.
    pub points_m: Vec<[f32; 3]>,
}

/// One scene's detections.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectedScene {
    /// The labelled scene's.
    pub id: String,
    /// Detected objects, in any order.
    pub detections: Vec<Detection>,
}

/// One scene's labels beside a detector's answer.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The labels.
    pub labels: &'a LabelledScene,
    /// The answer.
    pub detections: &'a [Detection],
}

impl Scene<'_> {
    /// The scene's name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.labels.id
    }
}
