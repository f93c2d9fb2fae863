//! Post-training quantisation of ONNX models: 8 bits for ONNX Runtime on x86 and for TensorRT, 4-bit
//! weights for language models, 16-bit floats. The same model, samples and options give the same
//! bytes, and every artefact is compared with its float model before it is used ([`gate`]).
//!
//! - [`qdq::quantise`] does all for 8 bits: [`qdq::lower`], [`qdq::plan`], [`observe`] and
//!   [`qdq::rewrite`], which can also be called one by one, with [`equalise`] before and
//!   [`correct_biases`] between where they help.
//! - [`sensitivity`] tells what each layer costs, and which to leave float.
//! - [`blockwise::quantise_blocks`] packs the weights of matrix products, [`half::to_half`] halves
//!   floats, [`tensorrt::calibration_cache`] writes ranges for TensorRT's own quantiser.
//!
//! Samples are one tensor for each input, in the file's order; any [`drafthorse_engine::Backend`]
//! runs them. Files, folders and the choice of what to accept are the caller's. Nothing is trained.

mod affine;
mod bias;
pub mod blockwise;
mod equalise;
mod error;
mod gate;
pub mod half;
mod observe;
mod prepare;
pub mod qdq;
mod ranges;
pub mod sensitivity;
pub mod tensorrt;
mod types;

pub use affine::{Affine, Grid};
pub use bias::correct_biases;
pub use equalise::equalise;
pub use error::QuantiseError;
pub use gate::{OutputReport, Report, gate};
pub use observe::{Probe, observe, stream};
pub use prepare::prepare;
pub use ranges::{BINS, Extent, Histogram, Method, Range, Ranges};
