//! Labels and detections as files.

pub mod calibration;
pub mod jsonl;
pub mod kitti;
pub mod shard;

use std::path::{Path, PathBuf};

use crate::error::EvalError;

/// The files of a folder with an extension, sorted by name.
fn files_of(folder: &Path, extension: &'static str) -> Result<Vec<PathBuf>, EvalError> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(EvalError::read(folder))? {
        let path = entry.map_err(EvalError::read(folder))?.path();
        if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(EvalError::Empty {
            path: folder.to_owned(),
            extension,
        });
    }
    files.sort();
    Ok(files)
}
