//! Training shards of the world generator (`drafthorse-shards` writes them), read as labels; a
//! frame's scene is named `SHARD/FRAME`.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use super::files_of;
use crate::error::EvalError;
use crate::scene::{Box3, LabelledScene, Object, Truth};

const FORMAT: &str = "drafthorse-shard-1";

/// Reads all shards of a folder, in the order of their names.
///
/// # Errors
/// As [`read`], and where the folder holds none.
pub fn read_folder(folder: &Path) -> Result<Vec<LabelledScene>, EvalError> {
    let mut scenes = Vec::new();
    for path in files_of(folder, "safetensors")? {
        scenes.extend(read(&path)?);
    }
    Ok(scenes)
}

/// Reads one shard's frames.
///
/// # Errors
/// Where the file does not open, or is no shard of this version.
pub fn read(path: &Path) -> Result<Vec<LabelledScene>, EvalError> {
    opened(path, frames)
}

/// Numbers of a radar point: place (m), RCS (dBsm), range rate and the same less the radar's own motion
/// (m/s), time before the newest scan (s, 0 or below).
pub const POINT: usize = 7;

/// What a detector is given of a scene.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScannedScene {
    /// The labelled scene's.
    pub id: String,
    /// Scans together.
    pub scans: usize,
    /// Points in the scene's frame, newest scan first.
    pub points: Vec<[f32; POINT]>,
}

impl ScannedScene {
    /// The points of the newest `scans` scans.
    #[must_use]
    pub fn newest(&self, scans: usize) -> &[[f32; POINT]] {
        // The newest scan's time is 0; it may have given nothing.
        let (mut seen, mut last) = (1, 0.0);
        let end = self.points.iter().position(|point| {
            let time_s = point[POINT - 1];
            seen += usize::from(time_s != last);
            last = time_s;
            seen > scans
        });
        &self.points[..end.unwrap_or(self.points.len())]
    }
}

/// Reads the radar points of all shards of a folder, in the order of [`read_folder`].
///
/// # Errors
/// As [`read_folder`].
pub fn read_scans(folder: &Path) -> Result<Vec<ScannedScene>, EvalError> {
    let mut scenes = Vec::new();
    for path in files_of(folder, "safetensors")? {
        scenes.extend(opened(&path, scans)?);
    }
    Ok(scenes)
}

fn opened<T>(
    path: &Path,
    read: impl Fn(&[u8], &str) -> Result<Vec<T>, String>,
) -> Result<Vec<T>, EvalError> {
    let bytes = std::fs::read(path).map_err(EvalError::read(path))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    read(&bytes, &name).map_err(|problem| EvalError::Shard {
        path: path.to_owned(),
        problem,
    })
}

/// A scene's name.
fn scene_id(name: &str, frame: usize) -> String {
    format!("{name}/{frame:06}")
}

fn scans(bytes: &[u8], name: &str) -> Result<Vec<ScannedScene>, String> {
    let (file, notes) = shard(bytes)?;
    let together = notes.get("scans").and_then(|scans| scans.parse().ok());
    let together: usize = together.ok_or("its metadata does not say how many scans a frame has")?;
    let points = floats(&file, "points", POINT)?;
    let (points, _) = points.as_chunks::<POINT>();
    let ranges = ranges(&long(&file, "points_start")?, points.len(), "points_start")?;
    let frames = ranges.into_iter().enumerate();
    let scene = |(frame, range): (usize, std::ops::Range<usize>)| ScannedScene {
        id: scene_id(name, frame),
        scans: together,
        points: points[range].to_vec(),
    };
    Ok(frames.map(scene).collect())
}

/// The file and what its header notes.
fn shard(bytes: &[u8]) -> Result<(SafeTensors<'_>, HashMap<String, String>), String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let notes = header.metadata().clone().unwrap_or_default();
    let format = notes.get("format").map_or("none", String::as_str);
    if format != FORMAT {
        return Err(format!("its format is {format}, not {FORMAT}"));
    }
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    Ok((file, notes))
}

fn frames(bytes: &[u8], name: &str) -> Result<Vec<LabelledScene>, String> {
    let (file, notes) = shard(bytes)?;
    let classes: Vec<&str> = notes
        .get("classes")
        .ok_or("its metadata names no classes")?
        .split(',')
        .collect();

    let points = floats(&file, "points", POINT)?;
    let boxes = floats(&file, "boxes", 7)?;
    let velocity = floats(&file, "box_velocity", 2)?;
    let class = raw(&file, "box_class", Dtype::U8)?;
    let moving = raw(&file, "box_moving", Dtype::U8)?;
    let track = long(&file, "box_track")?;
    let returns = short(&file, "box_returns")?;
    let returns_all = short(&file, "box_returns_all")?;
    let points_start = long(&file, "points_start")?;
    let boxes_start = long(&file, "boxes_start")?;
    let objects = boxes.len() / 7;
    let columns = [
        velocity.len() / 2,
        class.len(),
        moving.len(),
        track.len(),
        returns.len(),
        returns_all.len(),
    ];
    if columns.iter().any(|&count| count != objects) {
        return Err("its box tensors differ in length".into());
    }
    if points_start.len() != boxes_start.len() {
        return Err("points_start and boxes_start differ in length".into());
    }
    let points_of = ranges(&points_start, points.len() / POINT, "points_start")?;
    let boxes_of = ranges(&boxes_start, objects, "boxes_start")?;

    let truth_of = |i: usize| -> Result<Truth, String> {
        let b = &boxes[7 * i..7 * i + 7];
        let wide = |k: usize| f64::from(b[k]);
        if b.iter().any(|v| !v.is_finite()) || b[3..6].iter().any(|&s| s <= 0.0) {
            return Err(format!("box {i} is not finite or has no size"));
        }
        let class = classes
            .get(usize::from(class[i]))
            .ok_or_else(|| format!("box {i} has class {}, which has no name", class[i]))?;
        Ok(Truth {
            object: Object {
                shape: Box3 {
                    centre_m: [wide(0), wide(1), wide(2)],
                    size_m: [wide(3), wide(4), wide(5)],
                    yaw_rad: wide(6),
                },
                class: class.trim().to_lowercase(),
                velocity_mps: Some([f64::from(velocity[2 * i]), f64::from(velocity[2 * i + 1])]),
                ..Object::default()
            },
            returns: Some(returns[i]),
            returns_all: Some(returns_all[i]),
            moving: Some(moving[i] != 0),
            track: Some(track[i]),
            ..Truth::default()
        })
    };
    boxes_of
        .into_iter()
        .zip(points_of)
        .enumerate()
        .map(|(frame, (boxes, shown))| {
            Ok(LabelledScene {
                id: scene_id(name, frame),
                truth: boxes.map(truth_of).collect::<Result<_, _>>()?,
                dont_care: Vec::new(),
                points_m: shown
                    .map(|i| POINT * i)
                    .map(|i| [points[i], points[i + 1], points[i + 2]])
                    .collect(),
            })
        })
        .collect()
}

/// Bytes of a tensor of `kind`.
fn raw<'a>(file: &SafeTensors<'a>, name: &str, kind: Dtype) -> Result<&'a [u8], String> {
    let tensor = file
        .tensor(name)
        .map_err(|_| format!("it has no tensor {name}"))?;
    if tensor.dtype() != kind {
        return Err(format!("{name} is {:?}, not {kind:?}", tensor.dtype()));
    }
    Ok(tensor.data())
}

fn floats(file: &SafeTensors<'_>, name: &str, columns: usize) -> Result<Vec<f32>, String> {
    let bytes = raw(file, name, Dtype::F32)?;
    let shape = file.tensor(name).map_err(|e| e.to_string())?;
    if shape.shape().get(1) != Some(&columns) {
        return Err(format!("{name} has not {columns} columns"));
    }
    Ok(numbers(bytes, f32::from_le_bytes))
}

fn long(file: &SafeTensors<'_>, name: &str) -> Result<Vec<i64>, String> {
    Ok(numbers(raw(file, name, Dtype::I64)?, i64::from_le_bytes))
}

fn short(file: &SafeTensors<'_>, name: &str) -> Result<Vec<u32>, String> {
    numbers(raw(file, name, Dtype::I32)?, i32::from_le_bytes)
        .into_iter()
        .map(|n| u32::try_from(n).map_err(|_| format!("{name} has a count below zero")))
        .collect()
}

fn numbers<T, const N: usize>(bytes: &[u8], parse: impl Fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|chunk| parse(*chunk)).collect()
}

/// The range of each frame, from the frames' beginnings.
fn ranges(start: &[i64], total: usize, name: &str) -> Result<Vec<std::ops::Range<usize>>, String> {
    let starts = start
        .iter()
        .map(|&s| usize::try_from(s).ok())
        .collect::<Option<Vec<_>>>()
        .filter(|s| s.first() == Some(&0) && s.last() == Some(&total) && s.is_sorted())
        .ok_or_else(|| format!("{name} does not rise from 0 to {total}"))?;
    Ok(starts.windows(2).map(|w| w[0]..w[1]).collect())
}
