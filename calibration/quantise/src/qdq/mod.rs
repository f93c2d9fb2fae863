//! 8-bit quantisation with `QuantizeLinear` and `DequantizeLinear` nodes: first a plan of what is
//! quantised, then the ranges of its values, then the rewritten graph.

mod lower;
mod operators;
mod plan;
mod rewrite;
mod scales;
mod weights;

pub use lower::lower;
pub use plan::{Plan, plan};
pub use rewrite::rewrite;

use crate::affine::Grid;
use crate::error::QuantiseError;
use crate::observe::observe;
use crate::ranges::Method;
use drafthorse_engine::{Backend, Tensor};
use drafthorse_onnx::proto::Model;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where scales go and what they are like: what an engine fuses into 8-bit kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Convention {
    /// For ONNX Runtime on x86: activations unsigned with a zero point, at inputs and outputs of
    /// convolutions and of what lies between them, so that whole stretches run in 8 bits. Weights
    /// signed, symmetric, a scale for each output channel; biases 32-bit.
    U8S8,
    /// For TensorRT: activations signed and symmetric, only at the inputs of convolutions and matrix
    /// products. Weights signed, symmetric, a scale for each output channel; biases float.
    S8S8,
}

impl Convention {
    /// Which whole numbers its activations become.
    #[must_use]
    pub fn grid(self) -> Grid {
        match self {
            Self::U8S8 => Grid::U8,
            Self::S8S8 => Grid::S8,
        }
    }
}

/// What is quantised and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Where scales go.
    pub convention: Convention,
    /// Nodes that stay float.
    pub exclude: BTreeSet<String>,
    /// If given, only these convolutions and matrix products are quantised.
    pub only: Option<BTreeSet<String>>,
    /// Weights of 7 bits. For x86 processors without VNNI, whose 8-bit products overflow 16 bits.
    pub reduce_range: bool,
}

impl Options {
    /// Everything that the convention knows.
    #[must_use]
    pub fn new(convention: Convention) -> Self {
        Self {
            convention,
            exclude: BTreeSet::new(),
            only: None,
            reduce_range: false,
        }
    }
}

/// Lowers, plans, observes and rewrites. `model` is a float model, `samples` are inputs like those it will
/// meet. The same model, samples and options give the same bytes.
///
/// # Errors
/// [`QuantiseError`].
pub fn quantise(
    model: &Model,
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
    method: Method,
    options: &Options,
) -> Result<Model, QuantiseError> {
    let model = lower(model, options.convention)?;
    let plan = plan(&model, options)?;
    let grid = options.convention.grid();
    let ranges = observe(&model, plan.values(), backend, samples, method, grid)?;
    rewrite(&model, &plan, &ranges)
}
