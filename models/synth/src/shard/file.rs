//! Shards as safetensors files. The header is written here, in a fixed order, so that the same
//! shard gives the same bytes; reading is the `safetensors` crate's.

use super::Shard;
use safetensors::{Dtype, SafeTensors};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Why a shard could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The file system refused.
    #[error("{path}: {source}; check that the folder exists and has room")]
    Io {
        /// The file.
        path: String,
        /// What it said.
        source: std::io::Error,
    },
    /// Not a shard.
    #[error("{path} is not a shard: {what}; generate it anew")]
    Format {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
}

/// One array of a shard as bytes.
struct Array {
    name: &'static str,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

fn array<T: Copy, const N: usize>(
    name: &'static str,
    dtype: &'static str,
    shape: Vec<usize>,
    values: impl IntoIterator<Item = T>,
    to_bytes: impl Fn(T) -> [u8; N],
) -> Array {
    Array {
        name,
        dtype,
        shape,
        bytes: values.into_iter().flat_map(to_bytes).collect(),
    }
}

fn arrays(s: &Shard) -> Vec<Array> {
    let (n, m, f) = (s.points.len(), s.boxes.len(), s.frames());
    let floats = |name, shape, values: &mut dyn Iterator<Item = f32>| {
        array(name, "F32", shape, values, f32::to_le_bytes)
    };
    let longs = |name, values: &[i64]| {
        let values = values.iter().copied();
        array(name, "I64", vec![values.len()], values, i64::to_le_bytes)
    };
    let ints = |name, values: &[i32]| {
        let values = values.iter().copied();
        array(name, "I32", vec![m], values, i32::to_le_bytes)
    };
    let bytes = |name, values: &[u8]| array(name, "U8", vec![m], values.to_vec(), |b: u8| [b]);
    vec![
        longs("captured_ns", &s.captured_ns),
        longs("points_start", &s.points_start),
        longs("point_object", &s.point_object),
        longs("box_track", &s.box_track),
        longs("boxes_start", &s.boxes_start),
        floats(
            "points",
            vec![n, 7],
            &mut s.points.iter().flatten().copied(),
        ),
        floats("boxes", vec![m, 7], &mut s.boxes.iter().flatten().copied()),
        floats(
            "box_velocity",
            vec![m, 2],
            &mut s.box_velocity.iter().flatten().copied(),
        ),
        floats("ego", vec![f, 2], &mut s.ego.iter().flatten().copied()),
        ints("box_returns", &s.box_returns),
        ints("box_returns_all", &s.box_returns_all),
        bytes("box_class", &s.box_class),
        bytes("box_moving", &s.box_moving),
    ]
}

/// Writes a shard; the same shard gives the same bytes.
///
/// # Errors
/// [`ShardError::Io`] where the file cannot be written.
pub fn save(shard: &Shard, path: &Path) -> Result<(), ShardError> {
    let arrays = arrays(shard);
    let metadata: BTreeMap<_, _> = shard.metadata.iter().cloned().collect();
    let mut header = BTreeMap::from([("__metadata__", json!(metadata))]);
    let mut end = 0;
    for array in &arrays {
        let start = end;
        end += array.bytes.len();
        let entry = json!({
            "data_offsets": [start, end],
            "dtype": array.dtype,
            "shape": array.shape,
        });
        header.insert(array.name, entry);
    }
    let header: BTreeMap<&str, Value> = header;
    let mut text = serde_json::to_vec(&header).unwrap_or_default();
    // The data begins at a multiple of 8, padded with spaces as the format asks.
    text.resize(text.len().next_multiple_of(8), b' ');
    let mut bytes = (text.len() as u64).to_le_bytes().to_vec();
    bytes.append(&mut text);
    for array in arrays {
        bytes.extend(array.bytes);
    }
    fs::write(path, bytes).map_err(|source| ShardError::Io {
        path: path.display().to_string(),
        source,
    })
}

/// Reads a shard.
///
/// # Errors
/// [`ShardError::Io`] where the file cannot be read, [`ShardError::Format`] where it is no shard.
pub fn load(path: &Path) -> Result<Shard, ShardError> {
    let name = path.display().to_string();
    let bytes = fs::read(path).map_err(|source| ShardError::Io {
        path: name.clone(),
        source,
    })?;
    parse(&bytes).map_err(|what| ShardError::Format { path: name, what })
}

fn parse(bytes: &[u8]) -> Result<Shard, String> {
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|e| e.to_string())?;
    let mut metadata: Vec<_> = header.metadata().clone().into_iter().flatten().collect();
    metadata.sort();
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let shard = Shard {
        metadata,
        captured_ns: scalars(&file, "captured_ns", Dtype::I64, i64::from_le_bytes)?,
        points: rows(&file, "points")?,
        points_start: scalars(&file, "points_start", Dtype::I64, i64::from_le_bytes)?,
        point_object: scalars(&file, "point_object", Dtype::I64, i64::from_le_bytes)?,
        boxes: rows(&file, "boxes")?,
        box_velocity: rows(&file, "box_velocity")?,
        box_class: scalars(&file, "box_class", Dtype::U8, |[b]: [u8; 1]| b)?,
        box_track: scalars(&file, "box_track", Dtype::I64, i64::from_le_bytes)?,
        box_returns: scalars(&file, "box_returns", Dtype::I32, i32::from_le_bytes)?,
        box_returns_all: scalars(&file, "box_returns_all", Dtype::I32, i32::from_le_bytes)?,
        box_moving: scalars(&file, "box_moving", Dtype::U8, |[b]: [u8; 1]| b)?,
        boxes_start: scalars(&file, "boxes_start", Dtype::I64, i64::from_le_bytes)?,
        ego: rows(&file, "ego")?,
    };
    check(&shard)?;
    Ok(shard)
}

fn scalars<T, const N: usize>(
    file: &SafeTensors,
    name: &str,
    dtype: Dtype,
    of: impl Fn([u8; N]) -> T,
) -> Result<Vec<T>, String> {
    let tensor = file.tensor(name).map_err(|e| format!("{name}: {e}"))?;
    if tensor.dtype() != dtype {
        return Err(format!("{name} is {:?}, not {dtype:?}", tensor.dtype()));
    }
    let (values, _) = tensor.data().as_chunks::<N>();
    Ok(values.iter().map(|v| of(*v)).collect())
}

fn rows<const K: usize>(file: &SafeTensors, name: &str) -> Result<Vec<[f32; K]>, String> {
    let flat = scalars(file, name, Dtype::F32, f32::from_le_bytes)?;
    let (rows, rest) = flat.as_chunks::<K>();
    if !rest.is_empty() {
        return Err(format!("{name} has rows that are not {K} long"));
    }
    Ok(rows.to_vec())
}

/// Whether all lengths agree and the starts are in order.
fn check(s: &Shard) -> Result<(), String> {
    let (n, m, f) = (s.points.len(), s.boxes.len(), s.frames());
    let lengths = [
        ("point_object", s.point_object.len(), n),
        ("box_velocity", s.box_velocity.len(), m),
        ("box_class", s.box_class.len(), m),
        ("box_track", s.box_track.len(), m),
        ("box_returns", s.box_returns.len(), m),
        ("box_returns_all", s.box_returns_all.len(), m),
        ("box_moving", s.box_moving.len(), m),
        ("ego", s.ego.len(), f),
        ("points_start", s.points_start.len(), f + 1),
        ("boxes_start", s.boxes_start.len(), f + 1),
    ];
    for (name, has, wants) in lengths {
        if has != wants {
            return Err(format!("{name} has {has} rows, not {wants}"));
        }
    }
    for (name, starts, end) in [
        ("points_start", &s.points_start, n),
        ("boxes_start", &s.boxes_start, m),
    ] {
        let ends = (starts.first(), starts.last());
        if !starts.is_sorted() || ends != (Some(&0), Some(&(end as i64))) {
            return Err(format!("{name} does not lead from 0 to {end}"));
        }
    }
    if s.box_class.iter().any(|c| *c > 3) {
        return Err("box_class has a class above 3".to_owned());
    }
    Ok(())
}
