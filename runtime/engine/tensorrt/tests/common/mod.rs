//! The stand-in, and models to build with it.
#![allow(clippy::print_stdout)]
#![allow(dead_code)] // Each test file takes what it needs.

use drafthorse_engine::{Artefact, EngineError, LoadOptions, StatePair};
use drafthorse_engine_tensorrt::{AxisRange, Progress, TensorRt, TensorRtConfig};
use drafthorse_onnx::{Builder, DataType, Dim, attr, encode};
use drafthorse_samples::{Sample, Size, bev_cnn};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The power mode that tests are in if they do not say otherwise.
pub(crate) const MODE: &str = "15W";

/// The stand-in: cargo builds it beside the tests.
pub(crate) fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = "libdrafthorse_engine_tensorrt_standin.so";
    test.parent().unwrap().join(library)
}

/// How it is opened, with its engines in `cache`.
pub(crate) fn config(cache: Option<&Path>) -> TensorRtConfig {
    TensorRtConfig {
        library: Some(library()),
        cache: cache.map(Path::to_owned),
        other_axes: AxisRange {
            min: 0,
            opt: 2,
            max: 64,
        },
        ..TensorRtConfig::default()
    }
}

/// The stand-in, or none where ONNX Runtime is not here for it to run on.
pub(crate) fn open(config: &TensorRtConfig, mode: &str) -> Option<TensorRt> {
    match TensorRt::open_in_mode(config, mode.to_owned()) {
        Err(EngineError::Failed { why, .. })
            if std::env::var_os("DRAFTHORSE_ONNXRUNTIME").is_none() =>
        {
            println!("skipped: {why}");
            None
        }
        opened => Some(opened.unwrap()),
    }
}

pub(crate) fn sample() -> Sample {
    bev_cnn(Size::Tiny)
}

pub(crate) fn artefact(bytes: &[u8]) -> Artefact<'_> {
    Artefact { name: "it", bytes }
}

/// Builds, and gives why an engine that was there was refused, if one was.
pub(crate) fn build(
    engine: &TensorRt,
    bytes: &[u8],
) -> Result<drafthorse_engine_tensorrt::Built, EngineError> {
    let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
    engine.build(artefact(bytes), &LoadOptions::default(), false, go_on)
}

/// `total` is `past` with `new` behind it, and `sum` its sum.
pub(crate) fn concatenation() -> Vec<u8> {
    let mut b = Builder::new("concatenation", 17);
    let rows = |name: &str| [Dim::Dynamic(name.to_owned()), Dim::Fixed(2)];
    let past = b.input("past", DataType::F32, &rows("past"));
    let new = b.input("new", DataType::F32, &[Dim::Fixed(1), Dim::Fixed(2)]);
    let axis = vec![attr::int("axis", 0)];
    let all = b.node("all", "Concat", &[&past, &new], axis);
    let sum = b.node(
        "added",
        "ReduceSum",
        &[&all],
        vec![attr::int("keepdims", 0)],
    );
    b.output("total", &all, DataType::F32, &rows("total"));
    b.output("sum", &sum, DataType::F32, &[]);
    encode(&b.finish())
}

/// Its `past` is what `total` was before, that many rows of zeros at first.
pub(crate) fn state_of_concatenation(rows: usize) -> LoadOptions {
    LoadOptions {
        state: vec![StatePair {
            input: "past".to_owned(),
            output: "total".to_owned(),
            initial: vec![rows, 2],
        }],
        ..LoadOptions::default()
    }
}
