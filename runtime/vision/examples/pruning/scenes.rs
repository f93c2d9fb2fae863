//! Scenes as `drafthorse-scenes` writes them.

use crate::Failure;
use drafthorse_core::{CameraModel, Pose};
use drafthorse_vision::prune::{Camera, Return};
use safetensors::SafeTensors;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;

/// A picture with what is asked about it.
pub(crate) struct Scene {
    pub(crate) width_px: usize,
    pub(crate) height_px: usize,
    pub(crate) rgb: Vec<u8>,
    pub(crate) questions: Vec<Question>,
    pub(crate) camera: Camera,
    pub(crate) curvature_per_m: f64,
    pub(crate) radar: Vec<Return>,
    /// Which patches show a road user.
    pub(crate) shows: Vec<bool>,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Question {
    pub(crate) kind: String,
    pub(crate) class: Option<usize>,
    /// `objects`, `road` or `scene`.
    pub(crate) about: String,
    pub(crate) text: String,
    pub(crate) answer: String,
}

impl Question {
    /// What is asked, whatever the wording.
    pub(crate) fn key(&self) -> String {
        match self.class {
            Some(class) => format!("{}.{class}", self.kind),
            None => self.kind.clone(),
        }
    }
}

#[derive(Deserialize)]
struct Line {
    camera: Mounted,
    ego: Ego,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Mounted {
    mount: Pose,
    model: CameraModel,
}

#[derive(Deserialize)]
struct Ego {
    speed_mps: f64,
    yaw_rate_radps: f64,
}

/// Bits of a patch that say that it shows a road user.
const ROAD_USERS: u8 = 0b1111;

/// Slower than this, the vehicle's path is taken to be straight, m/s.
const STANDS_MPS: f64 = 1.0;

/// The arrays of a folder's scenes, in the order of the files' names.
fn files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "safetensors"));
    paths.sort();
    Ok(paths)
}

/// Scenes of a folder in the order of the files; `limit` of them, evenly spread.
pub(crate) fn read(folder: &Path, limit: Option<usize>) -> Result<Vec<Scene>, Failure> {
    let paths = files(folder)?;
    let mut counts = Vec::new();
    for path in &paths {
        let text = fs::read_to_string(path.with_extension("jsonl"))?;
        counts.push(text.lines().count());
    }
    let total: usize = counts.iter().sum();
    let count = limit.unwrap_or(total).min(total);
    let mut wanted = (0..count).map(|i| i * total / count).peekable();
    let (mut scenes, mut first) = (Vec::with_capacity(count), 0);
    for (path, lines) in paths.iter().zip(counts) {
        let mut of_file = Vec::new();
        while let Some(i) = wanted.next_if(|i| *i < first + lines) {
            of_file.push(i - first);
        }
        scenes.extend(of_file_scenes(path, &of_file)?);
        first += lines;
    }
    Ok(scenes)
}

fn of_file_scenes(path: &Path, wanted: &[usize]) -> Result<Vec<Scene>, Failure> {
    let bytes = fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let longs = |name: &str| -> Result<Vec<usize>, Failure> {
        let (values, _) = file.tensor(name)?.data().as_chunks::<8>();
        Ok(values
            .iter()
            .map(|v| i64::from_le_bytes(*v) as usize)
            .collect())
    };
    let (jpeg, jpeg_start) = (file.tensor("jpeg")?, longs("jpeg_start")?);
    let patches = file.tensor("patches")?;
    let (radar, radar_start) = (file.tensor("radar")?, longs("radar_start")?);
    let (radar, _) = radar.data().as_chunks::<4>();
    let radar: Vec<f64> = radar
        .iter()
        .map(|v| f64::from(f32::from_le_bytes(*v)))
        .collect();
    let text = fs::read_to_string(path.with_extension("jsonl"))?;
    let lines: Vec<&str> = text.lines().collect();
    let scene = |&i: &usize| -> Result<Scene, Failure> {
        let line: Line = serde_json::from_str(lines[i])?;
        let picture = &jpeg.data()[jpeg_start[i]..jpeg_start[i + 1]];
        let mut decoder = JpegDecoder::new(ZCursor::new(picture));
        let rgb = decoder.decode()?;
        let points = &radar[6 * radar_start[i]..6 * radar_start[i + 1]];
        let ego = line.ego;
        Ok(Scene {
            width_px: line.camera.model.width_px as usize,
            height_px: line.camera.model.height_px as usize,
            rgb,
            questions: line.questions,
            camera: Camera::new(&line.camera.mount, line.camera.model),
            curvature_per_m: match ego.speed_mps > STANDS_MPS {
                true => ego.yaw_rate_radps / ego.speed_mps,
                false => 0.0,
            },
            radar: points.chunks_exact(6).map(at).collect(),
            shows: {
                let count = patches.shape()[1];
                let bits = &patches.data()[i * count..(i + 1) * count];
                bits.iter().map(|bits| bits & ROAD_USERS != 0).collect()
            },
        })
    };
    wanted.iter().map(scene).collect()
}

fn at(point: &[f64]) -> Return {
    Return {
        x_m: point[0],
        y_m: point[1],
        rcs_dbsm: point[3],
        speed_mps: point[5],
    }
}

/// How often each patch shows a road user, over all scenes of a folder.
pub(crate) fn expected(folder: &Path) -> Result<Vec<f32>, Failure> {
    let (mut counts, mut scenes) = (Vec::new(), 0);
    for path in files(folder)? {
        let bytes = fs::read(path)?;
        let file = SafeTensors::deserialize(&bytes)?;
        let patches = file.tensor("patches")?;
        counts.resize(patches.shape()[1], 0_u32);
        for bits in patches.data().chunks_exact(counts.len()) {
            let bits = bits.iter().map(|bits| u32::from(bits & ROAD_USERS != 0));
            counts
                .iter_mut()
                .zip(bits)
                .for_each(|(count, shows)| *count += shows);
            scenes += 1;
        }
    }
    Ok(counts
        .iter()
        .map(|count| *count as f32 / scenes as f32)
        .collect())
}

/// Every name of every class.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    #[derive(Deserialize)]
    struct Language {
        names: Vec<(String, String)>,
    }
    let text = fs::read_to_string(folder.join("language.json"))?;
    let language: Language = serde_json::from_str(&text)?;
    Ok(language.names.into_iter().map(|(_, name)| name).collect())
}

/// The words that a tokenizer of whole words knows.
pub(crate) fn vocabulary(path: &Path) -> Result<HashMap<String, i64>, Failure> {
    let tokenizer: serde_json::Value = serde_json::from_str(&fs::read_to_string(path)?)?;
    Ok(serde_json::from_value(tokenizer["model"]["vocab"].clone())?)
}
