//! Scenes on disk: `NAME.safetensors` with pictures, patches and radar returns, and `NAME.jsonl`
//! with a line for each scene. The same scenes give the same bytes.

use super::{HEIGHT_PX, PATCHES, Scene, WIDTH_PX, camera};
use crate::drive::Drive;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// Quality of the pictures, 1 to 100.
const JPEG_QUALITY: u8 = 95;

/// Why scenes could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SceneFileError {
    /// The file system refused.
    #[error("{path}: {source}; check that the folder exists and has room")]
    Io {
        /// The file.
        path: String,
        /// What it said.
        source: std::io::Error,
    },
    /// The picture or the arrays could not be encoded.
    #[error("scene {scene} cannot be encoded: {what}")]
    Encode {
        /// Which scene of the file.
        scene: usize,
        /// What is wrong.
        what: String,
    },
}

/// Arrays of a file, S scenes with P radar returns in all.
#[derive(Default)]
struct Arrays {
    /// u8, all pictures as JPEG; scene `i` has the bytes `jpeg_start[i]..jpeg_start[i + 1]`.
    jpeg: Vec<u8>,
    /// i64 [S + 1].
    jpeg_start: Vec<i64>,
    /// u8 [S, PATCHES].
    patches: Vec<u8>,
    /// f32 [P, 6], see [`Scene::radar`].
    radar: Vec<f32>,
    /// i64 [P].
    radar_object: Vec<i64>,
    /// i64 [S + 1].
    radar_start: Vec<i64>,
}

/// Writes scenes as `name.safetensors` and `name.jsonl` in a folder.
///
/// # Errors
/// [`SceneFileError`] where a file cannot be written or a scene not encoded.
pub fn save(scenes: &[Scene], folder: &Path, name: &str) -> Result<(), SceneFileError> {
    let mut arrays = Arrays {
        jpeg_start: vec![0],
        radar_start: vec![0],
        ..Arrays::default()
    };
    let mut lines = String::new();
    for (index, scene) in scenes.iter().enumerate() {
        let encode = |what: String| SceneFileError::Encode { scene: index, what };
        arrays.jpeg.extend(jpeg(&scene.rgb).map_err(encode)?);
        arrays.jpeg_start.push(arrays.jpeg.len() as i64);
        arrays.patches.extend(&scene.patches);
        arrays.radar.extend(scene.radar.as_flattened());
        arrays.radar_object.extend(&scene.radar_object);
        arrays.radar_start.push(arrays.radar_object.len() as i64);
        lines += &format!("{}\n", line(scene));
    }
    write(
        folder,
        &format!("{name}.safetensors"),
        &bytes(&arrays, scenes.len())?,
    )?;
    write(folder, &format!("{name}.jsonl"), lines.as_bytes())
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), SceneFileError> {
    let path = folder.join(name);
    fs::write(&path, bytes).map_err(|source| SceneFileError::Io {
        path: path.display().to_string(),
        source,
    })
}

fn jpeg(rgb: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, JPEG_QUALITY);
    encoder.set_sampling_factor(SamplingFactor::F_1_1);
    let done = encoder.encode(rgb, WIDTH_PX as u16, HEIGHT_PX as u16, ColorType::Rgb);
    done.map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn bytes(arrays: &Arrays, scenes: usize) -> Result<Vec<u8>, SceneFileError> {
    let longs = |v: &[i64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let radar: Vec<u8> = arrays.radar.iter().flat_map(|v| v.to_le_bytes()).collect();
    let [jpeg_start, radar_object, radar_start] = [
        &arrays.jpeg_start,
        &arrays.radar_object,
        &arrays.radar_start,
    ]
    .map(|v| longs(v));
    let returns = arrays.radar_object.len();
    let views = [
        ("jpeg", Dtype::U8, vec![arrays.jpeg.len()], &arrays.jpeg),
        ("jpeg_start", Dtype::I64, vec![scenes + 1], &jpeg_start),
        ("patches", Dtype::U8, vec![scenes, PATCHES], &arrays.patches),
        ("radar", Dtype::F32, vec![returns, 6], &radar),
        ("radar_object", Dtype::I64, vec![returns], &radar_object),
        ("radar_start", Dtype::I64, vec![scenes + 1], &radar_start),
    ];
    let encode = |e: safetensors::SafeTensorError| SceneFileError::Encode {
        scene: 0,
        what: e.to_string(),
    };
    let views = views
        .into_iter()
        .map(|(name, dtype, shape, data)| {
            Ok((name, TensorView::new(dtype, shape, data).map_err(encode)?))
        })
        .collect::<Result<Vec<_>, SceneFileError>>()?;
    // Without metadata the crate's order of names is fixed.
    serialize(views, None).map_err(encode)
}

fn line(scene: &Scene) -> Value {
    let (mount, model) = camera();
    let radar_mount = Drive::calibration().sensors["radar_front"].mount;
    let captions: Vec<Value> = scene
        .captions
        .iter()
        .map(|(told, text)| json!({ "text": text, "facts": told }))
        .collect();
    json!({
        "seed": scene.seed,
        "time_s": scene.time_s,
        "town": scene.town.name(),
        "weather": scene.weather.name(),
        "light": scene.light.name(),
        "content": scene.content,
        "ego": { "speed_mps": scene.ego[0], "yaw_rate_radps": scene.ego[1] },
        "camera": { "mount": mount, "model": model },
        "radar_mount": radar_mount,
        "objects": scene.objects,
        "facts": scene.facts,
        "questions": scene.questions,
        "captions": captions,
    })
}
