//! A stand-in for the TensorRT library: the C interface of `drafthorse_tensorrt.h` over ONNX Runtime,
//! for tests on machines without a GPU. It is not TensorRT, says so wherever it is asked, and is no
//! part of the program.
//!
//! Its engine is the ONNX file with what it was built for. It is as strict as TensorRT where that is
//! what tests are about: dynamic inputs need a profile, shapes outside it do not run, and an engine of
//! another version is refused. `DRAFTHORSE_ONNXRUNTIME` names the library of ONNX Runtime;
//! `DRAFTHORSE_STANDIN_TENSORRT`, `_CUDA`, `_COMPUTE` and `_DEVICE` set what it says of itself.
#![allow(unsafe_code)] // A C interface.
#![allow(clippy::missing_safety_doc)] // The header says what callers owe.

#[path = "../../../../runtime/engine/tensorrt/src/abi.rs"]
#[allow(dead_code)]
mod abi;
mod buffer;
mod engine;
mod exports;
mod session;
mod versions;

use abi::Status;

/// Statuses that `abi` does not need.
const FAILED: Status = 1;
const UNFIT: Status = 3;

/// What a call fails with.
struct Failure {
    status: Status,
    text: String,
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn failed(text: impl ToString) -> Failure {
    Failure {
        status: FAILED,
        text: text.to_string(),
    }
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn unfit(text: impl ToString) -> Failure {
    Failure {
        status: UNFIT,
        text: text.to_string(),
    }
}
