//! The folder of built engines, and of the kernels' times that the next build begins with.

use crate::key::{EngineKey, Environment};
use crate::sealed;
use drafthorse_engine::{CacheFault, EngineError};
use std::io;
use std::path::{Path, PathBuf};

/// Name of the file of kernels' times.
const TIMING: &str = "timing.cache";

/// A folder of built engines.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Where the engine of a model lies.
    pub(crate) fn path(&self, name: &str, key: &EngineKey) -> PathBuf {
        self.folder.join(key.file_name(name))
    }

    /// The engine in a file, if it is whole and holds for `key`.
    ///
    /// # Errors
    /// [`EngineError::Cache`] with the reason, [`EngineError::Read`].
    pub(crate) fn engine(&self, path: &Path, key: &EngineKey) -> Result<Vec<u8>, EngineError> {
        let fault = |why| EngineError::Cache {
            path: path.to_owned(),
            why,
        };
        let bytes = std::fs::read(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => fault(CacheFault::Missing),
            _ => EngineError::Read {
                path: path.to_owned(),
                error,
            },
        })?;
        sealed::open(&bytes, key).map_err(fault)
    }

    /// Kernels' times of earlier builds on this machine; nothing where there are none that hold.
    pub(crate) fn timing(&self, environment: &Environment) -> Vec<u8> {
        let path = self.folder.join(TIMING);
        let Ok(bytes) = std::fs::read(&path) else {
            return Vec::new();
        };
        sealed::open(&bytes, environment).unwrap_or_else(|why| {
            tracing::info!(path = %path.display(), %why, "kernels are measured anew");
            Vec::new()
        })
    }

    /// Keeps kernels' times. That they could not be kept only makes the next build longer.
    pub(crate) fn keep_timing(&self, environment: &Environment, times: &[u8]) {
        let path = self.folder.join(TIMING);
        if let Err(error) = sealed::write(&path, environment, times) {
            tracing::warn!(%error, "the kernels' times are not kept");
        }
    }
}
