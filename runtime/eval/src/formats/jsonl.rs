//! Scenes as lines of JSON: labels, detections, or both, one scene a line.
//!
//! The fields are in docs/evaluation.md. An unknown field is an error, so that a misspelt one is not
//! silently without effect.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{EvalError, LineProblem};
use crate::scene::{Box3, DetectedScene, Detection, ImageBox, LabelledScene, Object, Truth, View};

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SceneLine {
    scene: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    truth: Option<Vec<ObjectLine>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detections: Option<Vec<ObjectLine>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    dont_care_px: Vec<[f64; 4]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    points_m: Vec<[f32; 3]>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ObjectLine {
    class: String,
    centre_m: [f64; 3],
    size_m: [f64; 3],
    yaw_rad: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    score: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    velocity_mps: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attribute: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    image_px: Option<[f64; 4]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alpha_rad: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returns: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    returns_all: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moving: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    track: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    occlusion: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    truncation: Option<f64>,
}

/// Reads the labels of a file.
///
/// # Errors
/// Where the file does not open, or a line is no scene or has no `truth`.
pub fn read_labels(path: &Path) -> Result<Vec<LabelledScene>, EvalError> {
    read(path, |line| {
        let truth = line.truth.ok_or(LineProblem::Absent("truth"))?;
        Ok(LabelledScene {
            id: line.scene,
            truth: truth.into_iter().map(truth_of).collect::<Result<_, _>>()?,
            dont_care: line.dont_care_px.into_iter().map(image_box).collect(),
            points_m: line.points_m,
        })
    })
}

/// Reads the detections of a file.
///
/// # Errors
/// Where the file does not open, or a line is no scene or has no `detections`.
pub fn read_detections(path: &Path) -> Result<Vec<DetectedScene>, EvalError> {
    read(path, |line| {
        let detections = line.detections.ok_or(LineProblem::Absent("detections"))?;
        Ok(DetectedScene {
            id: line.scene,
            detections: detections
                .into_iter()
                .map(detection_of)
                .collect::<Result<_, _>>()?,
        })
    })
}

/// Writes labels.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_labels(path: &Path, scenes: &[LabelledScene]) -> Result<(), EvalError> {
    write(
        path,
        scenes.iter().map(|scene| SceneLine {
            scene: scene.id.clone(),
            truth: Some(scene.truth.iter().map(line_of_truth).collect()),
            dont_care_px: scene.dont_care.iter().map(image_px).collect(),
            points_m: scene.points_m.clone(),
            ..SceneLine::default()
        }),
    )
}

/// Writes detections.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_detections(path: &Path, scenes: &[DetectedScene]) -> Result<(), EvalError> {
    write(
        path,
        scenes.iter().map(|scene| SceneLine {
            scene: scene.id.clone(),
            detections: Some(
                scene
                    .detections
                    .iter()
                    .map(|d| ObjectLine {
                        score: Some(d.score),
                        ..line_of(&d.object)
                    })
                    .collect(),
            ),
            ..SceneLine::default()
        }),
    )
}

fn read<T>(
    path: &Path,
    take: impl Fn(SceneLine) -> Result<T, LineProblem>,
) -> Result<Vec<T>, EvalError> {
    let file = std::fs::File::open(path).map_err(EvalError::read(path))?;
    let mut scenes = Vec::new();
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(EvalError::read(path))?;
        if line.trim().is_empty() {
            continue;
        }
        let scene = serde_json::from_str(&line)
            .map_err(LineProblem::from)
            .and_then(&take)
            .map_err(|problem| EvalError::line(path, i + 1, problem))?;
        scenes.push(scene);
    }
    Ok(scenes)
}

fn write(path: &Path, lines: impl Iterator<Item = SceneLine>) -> Result<(), EvalError> {
    let mut bytes = Vec::new();
    for line in lines {
        // Plain data in memory: only a number that is no number could fail, and becomes null.
        serde_json::to_writer(&mut bytes, &line)
            .map_err(|e| EvalError::write(path)(std::io::Error::other(e)))?;
        bytes.push(b'\n');
    }
    std::fs::File::create(path)
        .and_then(|mut file| file.write_all(&bytes))
        .map_err(EvalError::write(path))
}

fn truth_of(line: ObjectLine) -> Result<Truth, LineProblem> {
    if line.score.is_some() {
        return Err(LineProblem::Score(
            "has a `score` in its truth; labels have none",
        ));
    }
    Ok(Truth {
        returns: line.returns,
        returns_all: line.returns_all,
        moving: line.moving,
        track: line.track,
        occlusion: line.occlusion,
        truncation: line.truncation,
        object: object_of(line)?,
    })
}

fn detection_of(line: ObjectLine) -> Result<Detection, LineProblem> {
    let score = line.score.ok_or(LineProblem::Score(
        "has a detection without `score`; give its confidence",
    ))?;
    let only_truth = line.returns.is_some()
        || line.returns_all.is_some()
        || line.moving.is_some()
        || line.track.is_some()
        || line.occlusion.is_some()
        || line.truncation.is_some();
    if only_truth {
        return Err(LineProblem::Score(
            "has a detection with a field that only truth has (returns, returns_all, moving, track, occlusion, truncation); remove it",
        ));
    }
    Ok(Detection {
        object: object_of(line)?,
        score,
    })
}

fn object_of(line: ObjectLine) -> Result<Object, LineProblem> {
    if line.size_m.iter().any(|&s| s <= 0.0) {
        return Err(LineProblem::Size(line.size_m));
    }
    Ok(Object {
        shape: Box3 {
            centre_m: line.centre_m,
            size_m: line.size_m,
            yaw_rad: line.yaw_rad,
        },
        class: line.class.to_lowercase(),
        velocity_mps: line.velocity_mps,
        attribute: line.attribute,
        view: line.image_px.map(|px| View {
            bounds: image_box(px),
            alpha_rad: line.alpha_rad.unwrap_or_default(),
        }),
    })
}

fn line_of_truth(truth: &Truth) -> ObjectLine {
    ObjectLine {
        returns: truth.returns,
        returns_all: truth.returns_all,
        moving: truth.moving,
        track: truth.track,
        occlusion: truth.occlusion,
        truncation: truth.truncation,
        ..line_of(&truth.object)
    }
}

fn line_of(object: &Object) -> ObjectLine {
    ObjectLine {
        class: object.class.clone(),
        centre_m: object.shape.centre_m,
        size_m: object.shape.size_m,
        yaw_rad: object.shape.yaw_rad,
        velocity_mps: object.velocity_mps,
        attribute: object.attribute.clone(),
        image_px: object.view.map(|view| image_px(&view.bounds)),
        alpha_rad: object.view.map(|view| view.alpha_rad),
        ..ObjectLine::default()
    }
}

fn image_box([left_px, top_px, right_px, bottom_px]: [f64; 4]) -> ImageBox {
    ImageBox {
        left_px,
        top_px,
        right_px,
        bottom_px,
    }
}

fn image_px(b: &ImageBox) -> [f64; 4] {
    [b.left_px, b.top_px, b.right_px, b.bottom_px]
}
