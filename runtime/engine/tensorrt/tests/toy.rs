//! The library itself, compiled against a toy of TensorRT and CUDA: its memory, its state pairs, its
//! graphs and its errors, on machines that have neither. What the real ones do with its calls is not
//! tested here.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{MODE, artefact, concatenation, sample, state_of_concatenation};
use drafthorse_engine::{Backend, EngineError, Kept, LoadOptions, Model, Tensor, run_once};
use drafthorse_engine_tensorrt::{
    AxisRange, Progress, TensorRt, TensorRtConfig, Toolchain, compile_shim,
};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Compiles the library into `folder`.
fn compile(folder: &Path) -> PathBuf {
    // The headers hold all of the toy, so that what is linked is empty.
    for name in ["nvinfer", "nvonnxparser", "cudart"] {
        let file = folder.join(format!("lib{name}.so"));
        let status = Command::new("cc")
            .args(["-shared", "-x", "c", "/dev/null", "-o"])
            .arg(file)
            .status();
        assert!(status.unwrap().success());
    }
    let toolchain = Toolchain {
        includes: vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toy")],
        libraries: vec![folder.to_owned()],
        ..Toolchain::default()
    };
    compile_shim(&folder.join("out"), &toolchain).unwrap()
}

fn open(config: TensorRtConfig, library: &Path) -> TensorRt {
    let config = TensorRtConfig {
        library: Some(library.to_owned()),
        ..config
    };
    TensorRt::open_in_mode(&config, MODE.to_owned()).unwrap()
}

fn until(max: usize) -> TensorRtConfig {
    TensorRtConfig {
        cache: None,
        other_axes: AxisRange {
            min: 0,
            opt: 1,
            max,
        },
        ..TensorRtConfig::default()
    }
}

fn row(value: f32) -> Tensor {
    Tensor::new(&[1, 2], vec![value, 0.0])
}

fn sum(outputs: &[Tensor]) -> f32 {
    outputs.last().unwrap().data::<f32>().unwrap()[0]
}

fn load(engine: &TensorRt, options: &LoadOptions) -> Result<Box<dyn Model>, EngineError> {
    engine.load(artefact(&concatenation()), options)
}

/// One compilation serves all of these.
#[test]
fn the_library_does_what_its_header_says() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile(folder.path());
    versions(&library);
    shapes_and_graphs(&library);
    state(&library);
    going_back(&library);
    failures(&library);
    builds(&library, &folder.path().join("cache"));
}

fn versions(library: &Path) {
    let engine = open(until(4), library);
    let environment = engine.environment();
    assert_eq!(engine.name(), "tensorrt");
    assert_eq!(environment.tensorrt, "10.3.0");
    assert_eq!(environment.cuda, "12.6");
    assert_eq!(environment.compute, "8.7");
    assert_eq!(engine.dla_cores(), 2);
    let other = TensorRtConfig {
        device: 3,
        library: Some(library.to_owned()),
        ..until(4)
    };
    let error = TensorRt::open_in_mode(&other, MODE.to_owned());
    let error = error.map(drop).unwrap_err();
    assert!(
        matches!(&error, EngineError::Failed { why, .. } if why.contains("a toy's error")),
        "{error}"
    );
}

fn launches(library: &Path) -> usize {
    let device = open(until(4), library).environment().device.clone();
    let count = device.strip_prefix("toy, ").unwrap();
    let (count, _) = count.split_once(' ').unwrap();
    count.parse().unwrap()
}

fn shapes_and_graphs(library: &Path) {
    for graphs in [false, true] {
        let before = launches(library);
        let config = TensorRtConfig {
            graphs,
            ..until(300)
        };
        let engine = open(config, library);
        let mut model = load(&engine, &LoadOptions::default()).unwrap();
        for length in [0, 3, 200, 1] {
            let past: Vec<f32> = (0..length * 2).map(|value| value as f32).collect();
            let expected: f32 = past.iter().sum();
            model.resize(0, &[length, 2]).unwrap();
            assert_eq!(
                model.input_mut(0).as_view().data::<f32>().unwrap(),
                vec![0.0; length * 2]
            );
            for run in 0..5 {
                let past = Tensor::new(&[length, 2], past.clone());
                let outputs = run_once(model.as_mut(), &[past, row(run as f32)]).unwrap();
                assert_eq!(outputs[0].shape(), [length + 1, 2]);
                assert_eq!(sum(&outputs), expected + run as f32);
            }
        }
        // With each shape two runs are plain: the first, and the one that TensorRT wants before a
        // capture.
        let expected = if graphs { 4 * 3 } else { 0 };
        assert_eq!(launches(library) - before, expected);
    }
}

fn state(library: &Path) {
    let engine = open(until(300), library);
    let mut model = load(&engine, &state_of_concatenation(0)).unwrap();
    for _ in 0..3 {
        model.reset().unwrap();
        let mut expected = 0.0;
        for step in 0..300 {
            expected += step as f32;
            let outputs = run_once(model.as_mut(), &[row(step as f32)]).unwrap();
            assert_eq!(sum(&outputs), expected);
        }
    }
    // Memory that was used before is cleared.
    let mut model = load(&engine, &state_of_concatenation(2)).unwrap();
    for _ in 0..3 {
        model.reset().unwrap();
        for expected in [5.0, 10.0, 15.0] {
            let outputs = run_once(model.as_mut(), &[row(5.0)]).unwrap();
            assert_eq!(sum(&outputs), expected);
        }
    }
}

/// Copies on the device: what stays of a state is what was there, wherever its memory lies by then.
fn going_back(library: &Path) {
    let engine = open(until(300), library);
    let mut model = load(&engine, &state_of_concatenation(0)).unwrap();
    for round in 0..3 {
        for value in [1.0, 2.0, 4.0, 8.0, 16.0] {
            run_once(model.as_mut(), &[row(value)]).unwrap();
        }
        let kept = Kept {
            first: 1,
            then: &[2, 4],
        };
        model.keep(kept).unwrap();
        let outputs = run_once(model.as_mut(), &[row(32.0)]).unwrap();
        assert_eq!(sum(&outputs), 53.0, "round {round}");
        assert!(matches!(
            model.keep(Kept::first(5)),
            Err(EngineError::Keep { .. })
        ));
        model.keep(Kept::first(0)).unwrap();
    }
}

fn failures(library: &Path) {
    let engine = open(until(2), library);
    let mut model = load(&engine, &state_of_concatenation(0)).unwrap();
    for expected in [1.0, 2.0, 3.0] {
        let outputs = run_once(model.as_mut(), &[row(1.0)]).unwrap();
        assert_eq!(sum(&outputs), expected);
    }
    for _ in 0..2 {
        let error = run_once(model.as_mut(), &[row(1.0)]).unwrap_err();
        assert!(
            matches!(&error, EngineError::Failed { why, .. }
                if why.contains("past cannot have the shape [3, 2]") && why.contains("does not have that length")),
            "{error}"
        );
        assert_eq!(model.output(0).data::<f32>().unwrap(), [3.0]);
    }
    model.reset().unwrap();
    let outputs = run_once(model.as_mut(), &[row(4.0)]).unwrap();
    assert_eq!(sum(&outputs), 4.0);

    let bytes = sample().bytes();
    let other = engine.load(artefact(&bytes), &LoadOptions::default());
    let error = other.map(drop).unwrap_err();
    assert!(
        matches!(&error, EngineError::Load { why, .. } if why.contains("node 7: this is not the toy's network")),
        "{error}"
    );
    let accelerator = TensorRtConfig {
        dla_core: Some(2),
        ..until(2)
    };
    let error = load(&open(accelerator, library), &LoadOptions::default());
    let error = error.map(drop).unwrap_err();
    assert!(
        matches!(&error, EngineError::Load { why, .. } if why.contains("accelerator 2 of 2")),
        "{error}"
    );
}

fn builds(library: &Path, cache: &Path) {
    let engine = open(
        TensorRtConfig {
            cache: Some(cache.to_owned()),
            ..until(8)
        },
        library,
    );
    let (bytes, options) = (concatenation(), state_of_concatenation(0));
    for last in 0..5 {
        let mut count = 0;
        let mut listener = |_: Progress<'_>| {
            count += 1;
            match count > last {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let built = engine.build(artefact(&bytes), &options, true, &mut listener);
        let error = built.map(drop).unwrap_err();
        assert!(matches!(error, EngineError::Cancelled { .. }), "{error}");
        // Nothing is told of a build that was ended.
        assert_eq!(count, last + 1);
    }
    let mut told = Vec::new();
    let mut listener = |progress: Progress<'_>| {
        told.push((progress.phase.to_owned(), progress.step, progress.steps));
        ControlFlow::Continue(())
    };
    for reused in [false, true] {
        let built = engine.build(artefact(&bytes), &options, false, &mut listener);
        assert_eq!(built.unwrap().reused, reused);
    }
    let kernels: Vec<u32> = told
        .iter()
        .filter(|it| it.0 == "toy kernels" && it.2 == 3)
        .map(|it| it.1)
        .collect();
    assert_eq!(kernels, [0, 1, 2, 3, 3]);
    let mut model = engine.load(artefact(&bytes), &options).unwrap();
    assert_eq!(sum(&run_once(model.as_mut(), &[row(2.0)]).unwrap()), 2.0);

    // Scales go to the builder as they are.
    for (text, fits) in [("scales", true), ("other!", false)] {
        let calibration = cache.join("calibration.txt");
        std::fs::write(&calibration, text).unwrap();
        let engine = open(
            TensorRtConfig {
                int8: true,
                calibration: Some(calibration),
                ..until(8)
            },
            library,
        );
        let loaded = engine.load(artefact(&bytes), &options).map(drop);
        match (loaded, fits) {
            (Ok(()), true) => {}
            (Err(EngineError::Load { why, .. }), false) => {
                assert!(why.contains("there are no scales"), "{why}");
            }
            (other, _) => unreachable!("{other:?}"),
        }
    }
}
