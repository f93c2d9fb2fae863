//! Builds tell how far they are, and end when they are told to.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{MODE, artefact, config, open, sample};
use drafthorse_engine::{Backend, EngineError, LoadOptions};
use drafthorse_engine_tensorrt::{AxisRange, Progress, TensorRtConfig};
use drafthorse_onnx::{Builder, DataType, Dim, encode};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn phases_and_steps_are_told_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let Some(engine) = open(&config(Some(folder.path())), MODE) else {
        return;
    };
    let model = sample().bytes();
    let mut told: Vec<(String, u32, u32)> = Vec::new();
    let mut last = std::time::Duration::ZERO;
    let mut listener = |progress: Progress<'_>| {
        assert!(progress.elapsed >= last);
        last = progress.elapsed;
        told.push((progress.phase.to_owned(), progress.step, progress.steps));
        ControlFlow::Continue(())
    };
    let built = engine.build(
        artefact(&model),
        &LoadOptions::default(),
        false,
        &mut listener,
    );
    assert!(built.unwrap().took >= last);
    let read = told.iter().filter(|it| it.0 == "read the model");
    assert_eq!(read.count(), 2);
    let measured = told.iter().filter(|it| it.0 == "measure kernels");
    let steps: Vec<u32> = measured.map(|it| it.1).collect();
    assert_eq!(steps, (0..=8).collect::<Vec<_>>());
    assert!(told.iter().all(|it| it.1 <= it.2));

    // What is there is not built again unless that is asked for.
    let mut count = 0;
    let mut listener = |_: Progress<'_>| {
        count += 1;
        ControlFlow::Continue(())
    };
    let options = LoadOptions::default();
    let built = engine.build(artefact(&model), &options, false, &mut listener);
    assert!(built.unwrap().reused);
    let built = engine.build(artefact(&model), &options, true, &mut listener);
    assert!(!built.unwrap().reused);
    assert_eq!(count, told.len());
}

#[test]
fn a_listener_ends_a_build_at_any_step() {
    let folder = tempfile::tempdir().unwrap();
    let Some(engine) = open(&config(Some(folder.path())), MODE) else {
        return;
    };
    let model = sample().bytes();
    for last in [0, 1, 5] {
        let mut count = 0;
        let mut listener = |_: Progress<'_>| {
            count += 1;
            if count > last {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        };
        let options = LoadOptions::default();
        let built = engine.build(artefact(&model), &options, false, &mut listener);
        let error = built.map(drop).unwrap_err();
        assert!(matches!(error, EngineError::Cancelled { .. }), "{error}");
        assert_eq!(count, last + 1);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_panic_of_the_listener_comes_back_once_the_build_has_ended() {
    let Some(engine) = open(&config(None), MODE) else {
        return;
    };
    let model = sample().bytes();
    let mut listener =
        |progress: Progress<'_>| -> ControlFlow<()> { panic!("at {}", progress.phase) };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        let options = LoadOptions::default();
        engine.build(artefact(&model), &options, false, &mut listener)
    }));
    let panic = ended.map(|built| built.map(drop)).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "at read the model");
}

/// A model with one dynamic axis.
fn dynamic() -> Vec<u8> {
    let mut b = Builder::new("dynamic", 17);
    let dims = [Dim::Dynamic("batch".to_owned()), Dim::Fixed(2)];
    let x = b.input("x", DataType::F32, &dims);
    let y = b.node("y", "Relu", &[&x], vec![]);
    b.output("out", &y, DataType::F32, &dims);
    encode(&b.finish())
}

#[test]
fn shapes_outside_the_configured_lengths_are_told_and_lengths_out_of_order_too() {
    let with = |min, opt, max| {
        let axes = [("batch".to_owned(), AxisRange { min, opt, max })];
        TensorRtConfig {
            axes: axes.into(),
            ..config(None)
        }
    };
    let bytes = dynamic();
    let Some(engine) = open(&with(2, 3, 4), MODE) else {
        return;
    };
    let model = engine.load(artefact(&bytes), &LoadOptions::default());
    let mut model = model.unwrap();
    for length in [2, 4] {
        model.resize(0, &[length, 2]).unwrap();
        model.run().unwrap();
        assert_eq!(model.output(0).shape(), [length, 2]);
    }
    for wrong in [[1, 2], [5, 2], [2, 3]] {
        let error = model.resize(0, &wrong).unwrap_err();
        assert!(matches!(error, EngineError::Shape { .. }), "{error}");
    }
    let engine = open(&with(3, 2, 4), MODE).unwrap();
    let error = engine.load(artefact(&bytes), &LoadOptions::default());
    let error = error.map(drop).unwrap_err();
    assert!(
        matches!(&error, EngineError::Port { port, .. } if port == "x"),
        "{error}"
    );
}
