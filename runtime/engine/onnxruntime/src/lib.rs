//! ONNX Runtime as a backend, loaded when it is there.
//!
//! The library is no part of the program: it is found by the configuration, beside the program, or
//! where the system keeps its libraries, and its absence is an error that says so. A process holds at
//! most one.

mod library;
mod model;
mod provider;
mod session;
mod value;

pub use library::{MINIMUM, OnnxRuntime, OnnxRuntimeConfig};
pub use provider::{Provider, TensorrtOptions};

/// Name of the backend.
pub(crate) const NAME: &str = "onnxruntime";
