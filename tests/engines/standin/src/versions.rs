//! What the stand-in says of itself.

use crate::{Failure, failed};
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};

/// Name of the implementation: anything but `TensorRT`.
pub(crate) const IMPLEMENTATION: &str = "stand-in over ONNX Runtime";

fn said(variable: &str, otherwise: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| otherwise.to_owned())
}

/// The version of TensorRT that is stood in for.
pub(crate) fn tensorrt() -> String {
    said("DRAFTHORSE_STANDIN_TENSORRT", "10.3.0")
}

pub(crate) fn cuda() -> String {
    said("DRAFTHORSE_STANDIN_CUDA", "12.6")
}

pub(crate) fn compute() -> String {
    said("DRAFTHORSE_STANDIN_COMPUTE", "8.7")
}

pub(crate) fn device() -> String {
    said("DRAFTHORSE_STANDIN_DEVICE", "no GPU")
}

/// `10.3.0` as three numbers.
pub(crate) fn numbers<const N: usize>(version: &str) -> Result<[i32; N], Failure> {
    let mut numbers = [0; N];
    let mut parts = version.split('.');
    for number in &mut numbers {
        let part = parts.next().unwrap_or_default();
        *number = part
            .parse()
            .map_err(|_| failed(format!("{version} is not a version")))?;
    }
    Ok(numbers)
}

/// ONNX Runtime, which does the work.
pub(crate) fn onnxruntime() -> Result<OnnxRuntime, Failure> {
    OnnxRuntime::open(&OnnxRuntimeConfig {
        library: std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(Into::into),
        ..OnnxRuntimeConfig::default()
    })
    .map_err(|error| failed(format!("the stand-in needs ONNX Runtime: {error}")))
}
