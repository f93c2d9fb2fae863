//! Networks, whatever runs them: one [`Model`] trait, one [`Backend`] trait, and the model files they
//! read.
//!
//! A backend is a crate of its own below this one; this crate knows none of them. A model's names,
//! types and shapes come from its ONNX file, so that they are the same on every backend.

mod backend;
mod error;
mod kept;
mod manifest;
mod model;
mod port;
mod tensor;

pub use backend::{Artefact, Backend, LoadOptions, StatePair};
pub use error::{CacheFault, EngineError};
pub use kept::Kept;
pub use manifest::{
    Agreement, Asset, Manifest, Meaning, ModelFile, Precision, Reference, Takes, Tolerance,
    read_tensors,
};
pub use model::{Model, run_once};
pub use port::{Port, Ports, State};
pub use tensor::{DType, Element, Tensor, View, ViewMut};

pub use drafthorse_onnx::Dim;
