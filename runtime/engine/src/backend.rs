//! What loads models.

use crate::error::EngineError;
use crate::model::Model;
use serde::{Deserialize, Serialize};

/// A model's file in memory.
#[derive(Clone, Copy, Debug)]
pub struct Artefact<'a> {
    /// What it is called in errors.
    pub name: &'a str,
    /// The ONNX file.
    pub bytes: &'a [u8],
}

/// An output that becomes an input of the next run and never leaves the backend, as the keys and
/// values of a decoder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatePair {
    /// The input.
    pub input: String,
    /// The output.
    pub output: String,
    /// Shape of the input before the first run, filled with zeros; lengths of 0 for what is empty.
    pub initial: Vec<usize>,
}

/// How a model is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadOptions {
    /// Threads that work on one run; 1 and up. Backends without threads of their own take no more.
    pub threads: usize,
    /// Values that stay in the backend.
    pub state: Vec<StatePair>,
}

impl Default for LoadOptions {
    fn default() -> Self {
        Self {
            threads: 1,
            state: Vec::new(),
        }
    }
}

/// An engine that is present on this machine.
pub trait Backend: Send + Sync {
    /// Its name: `tract`, `onnxruntime`, `tensorrt`.
    fn name(&self) -> &'static str;

    /// Its version.
    fn version(&self) -> String;

    /// Loads a model.
    ///
    /// # Errors
    /// [`EngineError`]: a file that is cut or foreign, a graph that this backend does not run or is
    /// known to get wrong, a lack of memory.
    fn load(
        &self,
        artefact: Artefact<'_>,
        options: &LoadOptions,
    ) -> Result<Box<dyn Model>, EngineError>;
}
