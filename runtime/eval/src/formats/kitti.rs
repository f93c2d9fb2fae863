//! KITTI's label and result files, one a frame, and what View-of-Delft and TJ4DRadSet make of them.
//!
//! Columns: class, truncation, occlusion, alpha, left, top, right, bottom (px), height, width,
//! length (m), x, y, z of the bottom's centre in the camera's frame (x right, y down, z forward, m),
//! rotation (rad) and, in results, the score. View-of-Delft's labels have a 16th column too.
//! View-of-Delft's rotation is about the sensor's -z, KITTI's about the camera's y; both are taken as
//! about the camera's y here, as the devkits do when they evaluate.
//!
//! Boxes are given in the camera's axes in our order: x forward, y left, z up, the camera as origin.
//! [`Calibration`](super::calibration::Calibration) moves them into the sensor's frame.

use std::f64::consts::{FRAC_PI_2, PI, TAU};
use std::fmt::Write as _;
use std::path::Path;

use super::files_of;
use crate::error::{EvalError, LineProblem};
use crate::scene::{Box3, DetectedScene, Detection, ImageBox, LabelledScene, Object, Truth, View};

const NAMES: [&str; 15] = [
    "truncation",
    "occlusion",
    "alpha",
    "left",
    "top",
    "right",
    "bottom",
    "height",
    "width",
    "length",
    "x",
    "y",
    "z",
    "rotation",
    "score",
];
/// What KITTI writes where the observation angle is not known.
const NO_ALPHA: f64 = -10.0;
const DONT_CARE: &str = "DontCare";

/// Classes that KITTI writes with a capital letter.
const CAPITALISED: [&str; 8] = [
    "car",
    "pedestrian",
    "cyclist",
    "truck",
    "van",
    "person_sitting",
    "tram",
    "misc",
];

/// Reads one label file; the scene is named after it.
///
/// # Errors
/// Where the file does not open, or a line is no label.
pub fn read_labels(path: &Path) -> Result<LabelledScene, EvalError> {
    let mut scene = LabelledScene {
        id: stem(path),
        ..LabelledScene::default()
    };
    for_each_line(path, |row| {
        if row.class == DONT_CARE {
            scene.dont_care.push(row.bounds());
            return Ok(());
        }
        scene.truth.push(Truth {
            object: row.object()?,
            truncation: Some(row.numbers[0]),
            #[allow(clippy::cast_possible_truncation)] // a level, checked to be a small integer
            occlusion: Some(row.numbers[1] as i32),
            ..Truth::default()
        });
        Ok(())
    })?;
    Ok(scene)
}

/// Reads one result file; the scene is named after it.
///
/// # Errors
/// Where the file does not open, or a line is no result.
pub fn read_results(path: &Path) -> Result<DetectedScene, EvalError> {
    let mut scene = DetectedScene {
        id: stem(path),
        ..DetectedScene::default()
    };
    for_each_line(path, |row| {
        if row.numbers.len() != NAMES.len() {
            return Err(LineProblem::Columns {
                found: row.numbers.len() + 1,
            });
        }
        scene.detections.push(Detection {
            object: row.object()?,
            score: row.numbers[14],
        });
        Ok(())
    })?;
    Ok(scene)
}

/// Reads all label files of a folder, in the order of their names.
///
/// # Errors
/// As [`read_labels`], and where the folder holds none.
pub fn read_label_folder(folder: &Path) -> Result<Vec<LabelledScene>, EvalError> {
    files_of(folder, "txt")?
        .iter()
        .map(|p| read_labels(p))
        .collect()
}

/// Reads all result files of a folder, in the order of their names.
///
/// # Errors
/// As [`read_results`], and where the folder holds none.
pub fn read_result_folder(folder: &Path) -> Result<Vec<DetectedScene>, EvalError> {
    files_of(folder, "txt")?
        .iter()
        .map(|p| read_results(p))
        .collect()
}

/// Writes `NAME.txt` of labels into `folder`.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_labels(folder: &Path, scene: &LabelledScene) -> Result<(), EvalError> {
    let mut text = String::new();
    for b in &scene.dont_care {
        let ImageBox {
            left_px,
            top_px,
            right_px,
            bottom_px,
        } = b;
        let _ = writeln!(
            text,
            "{DONT_CARE} -1 -1 {NO_ALPHA} {left_px} {top_px} {right_px} {bottom_px} -1 -1 -1 -1000 -1000 -1000 {NO_ALPHA}"
        );
    }
    for truth in &scene.truth {
        let marks = (
            truth.truncation.unwrap_or(0.0),
            truth.occlusion.unwrap_or(0),
        );
        push_columns(&mut text, &truth.object, marks);
        text.push('\n');
    }
    save(folder, &scene.id, &text)
}

/// Writes `NAME.txt` of results into `folder`. A detection without a view of the camera gets an
/// empty rectangle, which the rules with a least height ignore.
///
/// # Errors
/// Where the file cannot be written.
pub fn write_results(folder: &Path, scene: &DetectedScene) -> Result<(), EvalError> {
    let mut text = String::new();
    for detection in &scene.detections {
        push_columns(&mut text, &detection.object, (-1.0, -1));
        let _ = writeln!(text, " {}", detection.score);
    }
    save(folder, &scene.id, &text)
}

fn save(folder: &Path, id: &str, text: &str) -> Result<(), EvalError> {
    let path = folder.join(format!("{id}.txt"));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(EvalError::write(parent))?;
    }
    std::fs::write(&path, text).map_err(EvalError::write(&path))
}

fn push_columns(text: &mut String, object: &Object, (truncation, occlusion): (f64, i32)) {
    let Box3 {
        centre_m: [forward, left, up],
        size_m: [length, width, height],
        yaw_rad,
    } = object.shape;
    let view = object.view.unwrap_or(View {
        alpha_rad: NO_ALPHA,
        ..View::default()
    });
    let b = view.bounds;
    let class = if CAPITALISED.contains(&object.class.as_str()) {
        object.class[..1].to_uppercase() + &object.class[1..]
    } else {
        object.class.clone()
    };
    let _ = write!(
        text,
        "{class} {truncation} {occlusion} {} {} {} {} {} {height} {width} {length} {} {} {forward} {}",
        view.alpha_rad,
        b.left_px,
        b.top_px,
        b.right_px,
        b.bottom_px,
        -left,
        height / 2.0 - up,
        wrapped(-yaw_rad - FRAC_PI_2),
    );
}

/// The same angle in [-pi, pi).
pub(crate) fn wrapped(angle_rad: f64) -> f64 {
    (angle_rad + PI).rem_euclid(TAU) - PI
}

/// One line: its class, and its other columns as numbers.
struct Row<'a> {
    class: &'a str,
    numbers: Vec<f64>,
}

impl Row<'_> {
    fn parse(line: &str) -> Result<Row<'_>, LineProblem> {
        let mut columns = line.split_whitespace();
        let class = columns.next().unwrap_or_default();
        let texts: Vec<&str> = columns.collect();
        if !(14..=15).contains(&texts.len()) {
            return Err(LineProblem::Columns {
                found: texts.len() + 1,
            });
        }
        let mut numbers = Vec::with_capacity(texts.len());
        for (i, text) in texts.iter().enumerate() {
            let number = text.parse::<f64>().ok().filter(|n| n.is_finite());
            // Occlusion is a level.
            let number = number.filter(|n| i != 1 || (n.fract() == 0.0 && n.abs() < 1e6));
            numbers.push(number.ok_or_else(|| LineProblem::Number {
                column: i + 2,
                name: NAMES[i],
                text: (*text).to_owned(),
            })?);
        }
        Ok(Row { class, numbers })
    }

    fn bounds(&self) -> ImageBox {
        ImageBox {
            left_px: self.numbers[3],
            top_px: self.numbers[4],
            right_px: self.numbers[5],
            bottom_px: self.numbers[6],
        }
    }

    fn object(&self) -> Result<Object, LineProblem> {
        let n = &self.numbers;
        let (height, width, length) = (n[7], n[8], n[9]);
        let size_m = [length, width, height];
        if size_m.iter().any(|&s| s <= 0.0) {
            return Err(LineProblem::Size(size_m));
        }
        Ok(Object {
            shape: Box3 {
                centre_m: [n[12], -n[10], height / 2.0 - n[11]],
                size_m,
                yaw_rad: -n[13] - FRAC_PI_2,
            },
            class: self.class.to_lowercase(),
            velocity_mps: None,
            attribute: None,
            view: Some(View {
                bounds: self.bounds(),
                alpha_rad: n[2],
            }),
        })
    }
}

fn for_each_line(
    path: &Path,
    mut take: impl FnMut(&Row<'_>) -> Result<(), LineProblem>,
) -> Result<(), EvalError> {
    let text = std::fs::read_to_string(path).map_err(EvalError::read(path))?;
    for (i, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        Row::parse(line)
            .and_then(|row| take(&row))
            .map_err(|problem| EvalError::line(path, i + 1, problem))?;
    }
    Ok(())
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
