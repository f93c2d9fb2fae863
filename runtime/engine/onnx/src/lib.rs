//! ONNX files: read and checked before any engine sees them, looked through, rewritten and built.
//!
//! Everything that an engine, the calibrator or a test has to know of a graph is answered here, from
//! the file itself, so that all engines are told the same names, types and shapes.

mod build;
mod check;
#[doc(hidden)]
pub mod fuzz;
mod graph;
pub mod proto;
mod tensor;

pub use build::{Builder, TensorRef, attr};
pub use check::{OnnxError, parse};
pub use graph::{Dim, Graph, ValueType, inputs, outputs};
pub use proto::DataType;
pub use tensor::{TensorData, elements};

use prost::Message as _;

/// The bytes of a model: the same model gives the same bytes.
#[must_use]
pub fn encode(model: &proto::Model) -> Vec<u8> {
    model.encode_to_vec()
}
