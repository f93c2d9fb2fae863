//! Conformance of inference engines: one list of cases, run on every backend that is present.
//!
//! A new backend gets all cases for nothing: it joins [`backends`] with a list of the cases it is
//! known to fail, each with its reason, in `ignored/NAME.txt`.

mod cases;
mod models;
mod operators;
mod reference;

pub use cases::{Case, Check};
pub use models::{decoder_by_steps, decoder_whole};

use drafthorse_engine::{Backend, EngineError};
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use drafthorse_engine_tensorrt::{AxisRange, TensorRt, TensorRtConfig};
use drafthorse_engine_tract::Tract;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Every case.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = operators::cases();
    cases.extend(models::cases());
    cases
}

/// A backend with the cases that it is known to fail, and why.
pub struct Candidate {
    /// The backend.
    pub backend: Box<dyn Backend>,
    /// Reasons by case.
    pub ignored: BTreeMap<&'static str, &'static str>,
}

/// The backends that are present, and why others are not.
#[must_use]
pub fn backends() -> (Vec<Candidate>, Vec<EngineError>) {
    let mut present = vec![Candidate {
        backend: Box::new(Tract),
        ignored: list(include_str!("../ignored/tract.txt")),
    }];
    let mut absent = Vec::new();
    match tensorrt() {
        Ok(backend) => present.push(Candidate {
            backend: Box::new(backend),
            ignored: list(include_str!("../ignored/tensorrt.txt")),
        }),
        Err(error) => absent.push(error),
    }
    match onnxruntime() {
        Ok(backend) => present.push(Candidate {
            backend: Box::new(backend),
            ignored: list(include_str!("../ignored/onnxruntime.txt")),
        }),
        Err(error) => absent.push(error),
    }
    (present, absent)
}

/// ONNX Runtime from where `DRAFTHORSE_ONNXRUNTIME` says, or from where the system has it.
///
/// # Errors
/// [`EngineError::Absent`] and [`EngineError::TooOld`].
pub fn onnxruntime() -> Result<OnnxRuntime, EngineError> {
    OnnxRuntime::open(&OnnxRuntimeConfig {
        library: std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(Into::into),
        ..OnnxRuntimeConfig::default()
    })
}

/// TensorRT through the library that `DRAFTHORSE_TENSORRT` names, on a board that has one. Where it
/// names none, the stand-in over ONNX Runtime, which cargo builds beside the tests: the way through
/// the C interface is tested everywhere, TensorRT itself only there.
///
/// # Errors
/// [`EngineError::Absent`], and [`EngineError::Failed`] where the stand-in finds no ONNX Runtime.
pub fn tensorrt() -> Result<TensorRt, EngineError> {
    let named = std::env::var_os("DRAFTHORSE_TENSORRT").map(PathBuf::from);
    TensorRt::open(&TensorRtConfig {
        library: named.or_else(standin),
        cache: None,
        // Cases have empty batches too.
        other_axes: AxisRange {
            min: 0,
            ..AxisRange::default()
        },
        ..TensorRtConfig::default()
    })
}

/// Where cargo has built the stand-in: beside this program.
fn standin() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let library = "libdrafthorse_engine_tensorrt_standin.so";
    Some(program.parent()?.join(library))
}

/// Lines of `case: reason`; `#` begins a comment.
fn list(text: &'static str) -> BTreeMap<&'static str, &'static str> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": ")).collect()
}
