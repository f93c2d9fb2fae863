//! A plain engine for small graphs, so that tests need no library; ONNX Runtime where it is found;
//! and graphs to quantise.
#![allow(dead_code, unused_imports, clippy::unwrap_used)]

mod graphs;
mod plain;

pub(crate) use graphs::{attention, branches, conv_relu_matmul, inputs, linear, mlp, samples};
pub(crate) use plain::Plain;

use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use std::path::PathBuf;

/// ONNX Runtime, or none with a line that says so.
#[allow(clippy::print_stdout)]
pub(crate) fn onnxruntime(test: &str) -> Option<OnnxRuntime> {
    let config = OnnxRuntimeConfig {
        library: std::env::var_os("DRAFTHORSE_ONNXRUNTIME").map(PathBuf::from),
        ..OnnxRuntimeConfig::default()
    };
    match OnnxRuntime::open(&config) {
        Ok(backend) => Some(backend),
        Err(error) => {
            println!("{test} is skipped: {error}");
            None
        }
    }
}
