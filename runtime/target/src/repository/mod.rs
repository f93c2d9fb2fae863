//! A model repository for NVIDIA's Triton: how the target is served in production.
//!
//! Two models on Triton's Python backend, which runs the target on ONNX Runtime: Triton's own ONNX Runtime backend runs
//! one graph a request, and a text takes as many runs as it has tokens. Requests that dynamic batching gives together
//! become one run of the decoder, whatever their lengths.

mod config;

pub use config::RepositoryOptions;

use crate::error::TargetError;
use crate::files::TargetFiles;
use drafthorse_protocol::{GENERATE_MODEL, VERIFY_MODEL};
use std::path::{Path, PathBuf};

/// The Python backend's code.
const CODE: [(&str, &str); 3] = [
    ("model.py", include_str!("../../triton/model.py")),
    ("block.py", include_str!("../../triton/block.py")),
    (
        "scene_target.py",
        include_str!("../../triton/scene_target.py"),
    ),
];

/// What of the target's folder is needed there.
const TARGET: [&str; 4] = [
    "config.json",
    "generation_config.json",
    "onnx/embed_tokens.onnx",
    "onnx/decoder_model_merged.onnx",
];

/// Why there is no repository.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// Something lies where it should go.
    #[error("{0} is there already: export into a folder of its own, or take it away yourself")]
    Exists(PathBuf),
    /// Numbers that Triton would refuse.
    #[error("{0}")]
    Options(&'static str),
    /// The target's files.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A file cannot be copied or written.
    #[error("cannot write {path}: {error}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

/// Writes `scene_verify` and `scene_generate` into the folder `out`. It appears whole or not at all.
///
/// # Errors
/// [`RepositoryError`].
pub fn export(
    files: &TargetFiles,
    out: &Path,
    options: &RepositoryOptions,
) -> Result<(), RepositoryError> {
    options.check()?;
    if out.exists() {
        return Err(RepositoryError::Exists(out.to_owned()));
    }
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    let part = out.with_file_name(format!(".{name}.part-{}", std::process::id()));
    let written = write(files, &part, options).and_then(|()| {
        std::fs::rename(&part, out).map_err(|error| RepositoryError::Write {
            path: out.to_owned(),
            error,
        })
    });
    if written.is_err() {
        // What cannot be taken away either is told by its name, which says what it is.
        let _ = std::fs::remove_dir_all(&part);
    }
    written
}

fn write(
    files: &TargetFiles,
    out: &Path,
    options: &RepositoryOptions,
) -> Result<(), RepositoryError> {
    for model in [VERIFY_MODEL, GENERATE_MODEL] {
        let folder = out.join(model);
        put(
            &folder.join("config.pbtxt"),
            config::text(model, options).as_bytes(),
        )?;
        let version = folder.join("1");
        for (name, code) in CODE {
            put(&version.join(name), code.as_bytes())?;
        }
        for name in TARGET {
            copy(&files.model.join(name), &version.join("target").join(name))?;
        }
        if let Some(graph) = &files.fsq_decode {
            let drafter = version.join("drafter");
            copy(graph, &drafter.join("onnx/fsq_decode.onnx"))?;
            let config = graph.ancestors().nth(2).unwrap_or(Path::new(""));
            copy(&config.join("config.json"), &drafter.join("config.json"))?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), RepositoryError> {
    let bytes = std::fs::read(from).map_err(|error| TargetError::File {
        path: from.to_owned(),
        why: error.to_string(),
    })?;
    put(to, &bytes)
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), RepositoryError> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, bytes));
    written.map_err(|error| RepositoryError::Write {
        path: path.to_owned(),
        error,
    })
}
