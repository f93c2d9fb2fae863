//! State stays in the library: outputs become inputs without being copied.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod common;

use common::{MODE, artefact, concatenation, config, open, state_of_concatenation};
use drafthorse_engine::{Backend, EngineError, LoadOptions, Model, Tensor, run_once};
use drafthorse_engine_tensorrt::{AxisRange, TensorRtConfig};
use drafthorse_onnx::{Builder, DataType, Dim, encode};

fn sum(model: &mut dyn Model, value: f32) -> Result<f32, EngineError> {
    let new = Tensor::new(&[1, 2], vec![value, 0.0]);
    let outputs = run_once(model, &[new])?;
    Ok(outputs[0].data::<f32>().unwrap()[0])
}

#[test]
fn state_grows_from_run_to_run_and_begins_anew_after_a_reset() {
    let Some(engine) = open(&config(None), MODE) else {
        return;
    };
    let model = engine.load(artefact(&concatenation()), &state_of_concatenation(0));
    let mut model = model.unwrap();
    assert_eq!((model.inputs().len(), model.outputs().len()), (1, 1));
    for _ in 0..3 {
        model.reset().unwrap();
        for (step, expected) in [1.0, 3.0, 6.0, 10.0].into_iter().enumerate() {
            assert_eq!(sum(model.as_mut(), step as f32 + 1.0).unwrap(), expected);
        }
    }
}

#[test]
fn a_run_that_fails_leaves_state_and_outputs_as_they_were() {
    let short = TensorRtConfig {
        other_axes: AxisRange {
            min: 1,
            opt: 1,
            max: 2,
        },
        ..config(None)
    };
    let Some(engine) = open(&short, MODE) else {
        return;
    };
    // The axis of the state begins at 0 though others begin at 1.
    let model = engine.load(artefact(&concatenation()), &state_of_concatenation(0));
    let mut model = model.unwrap();
    for expected in [1.0, 2.0, 3.0] {
        assert_eq!(sum(model.as_mut(), 1.0).unwrap(), expected);
    }
    // Three rows are more than the engine was built for.
    for _ in 0..2 {
        let error = sum(model.as_mut(), 1.0).unwrap_err();
        assert!(matches!(error, EngineError::Failed { .. }), "{error}");
        assert_eq!(model.output(0).data::<f32>().unwrap(), [3.0]);
    }
    model.reset().unwrap();
    assert_eq!(sum(model.as_mut(), 5.0).unwrap(), 5.0);
}

#[test]
fn state_that_begins_with_rows_begins_with_zeros_each_time() {
    let Some(engine) = open(&config(None), MODE) else {
        return;
    };
    let model = engine.load(artefact(&concatenation()), &state_of_concatenation(2));
    let mut model = model.unwrap();
    for _ in 0..3 {
        model.reset().unwrap();
        for expected in [5.0, 10.0] {
            assert_eq!(sum(model.as_mut(), 5.0).unwrap(), expected);
        }
    }
}

#[test]
fn truth_values_and_every_type_go_in_and_out() {
    let Some(engine) = open(&config(None), MODE) else {
        return;
    };
    let mut b = Builder::new("types", 17);
    let dims = [Dim::Fixed(2)];
    for (name, dtype) in [
        ("f32", DataType::F32),
        ("i64", DataType::I64),
        ("i32", DataType::I32),
        ("u8", DataType::U8),
        ("i8", DataType::I8),
        ("bool", DataType::Bool),
    ] {
        let x = b.input(name, dtype, &dims);
        let y = b.node(&format!("same {name}"), "Identity", &[&x], vec![]);
        b.output(&format!("{name} out"), &y, dtype, &dims);
    }
    let bytes = encode(&b.finish());
    let inputs = [
        Tensor::new(&[2], vec![1.5f32, -2.0]),
        Tensor::new(&[2], vec![i64::MAX, -2]),
        Tensor::new(&[2], vec![i32::MIN, 7]),
        Tensor::new(&[2], vec![255u8, 1]),
        Tensor::new(&[2], vec![-128i8, 1]),
        Tensor::new(&[2], vec![true, false]),
    ];
    let model = engine.load(artefact(&bytes), &LoadOptions::default());
    let outputs = run_once(model.unwrap().as_mut(), &inputs).unwrap();
    assert_eq!(outputs, inputs);
}
