//! Whole networks, dynamic shapes, and state that stays in the backend.

use crate::cases::{Case, Check, Run};
use crate::reference::{matmul, numbers};
use drafthorse_engine::{Artefact, Backend, EngineError, LoadOptions, Tensor, run_once};
use drafthorse_onnx::{Builder, DataType, Dim, encode};
use drafthorse_samples::{Decoder, Sample, Size, bev_cnn, vit};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        dynamic_batch(),
        dynamic_concatenation(),
        network("bev_cnn", &bev_cnn(Size::Tiny)),
        network("vit", &vit(Size::Tiny)),
        network("decoder_of_empty_past", &Decoder::of(Size::Tiny).sample()),
    ]
}

/// One loaded model with batches of several sizes, none among them.
fn dynamic_batch() -> Case {
    let mut b = Builder::new("dynamic_batch", 17);
    let batch = |length| [Dim::Dynamic("batch".to_owned()), Dim::Fixed(length)];
    let x = b.input("x", DataType::F32, &batch(4));
    let w = numbers(20, 12);
    let weight = b.weight("w", &[4, 3], &w);
    let product = b.node("product", "MatMul", &[&x, &weight], vec![]);
    let relu = b.node("relu", "Relu", &[&product], vec![]);
    b.output("y", &relu, DataType::F32, &batch(3));
    let run = |count: usize| {
        let x = numbers(count as u64 + 1, count * 4);
        let y = matmul(&x, &w, 4, 3);
        let y: Vec<f32> = y.into_iter().map(|v| v.max(0.0)).collect();
        Run {
            inputs: vec![Tensor::new(&[count, 4], x)],
            check: Check::Equals(vec![Tensor::new(&[count, 3], y)]),
        }
    };
    Case {
        name: "dynamic_batch",
        model: b.finish(),
        runs: [1, 3, 2, 0, 3].into_iter().map(run).collect(),
        max_error: 1e-5,
    }
}

/// Two dynamic lengths that become one, as in a cache of keys; one of them is empty at first.
fn dynamic_concatenation() -> Case {
    let mut b = Builder::new("dynamic_concatenation", 17);
    let rows = |name: &str| [Dim::Dynamic(name.to_owned()), Dim::Fixed(2)];
    let past = b.input("past", DataType::F32, &rows("past"));
    let new = b.input("new", DataType::F32, &rows("new"));
    let all = b.node(
        "all",
        "Concat",
        &[&past, &new],
        vec![drafthorse_onnx::attr::int("axis", 0)],
    );
    b.output("total", &all, DataType::F32, &rows("total"));
    let run = |(past, new): (usize, usize)| {
        let data = numbers(21, (past + new) * 2);
        let (a, b) = data.split_at(past * 2);
        Run {
            inputs: vec![
                Tensor::new(&[past, 2], a.to_vec()),
                Tensor::new(&[new, 2], b.to_vec()),
            ],
            check: Check::Equals(vec![Tensor::new(&[past + new, 2], data)]),
        }
    };
    Case {
        name: "dynamic_concatenation",
        model: b.finish(),
        runs: [(0, 2), (2, 1), (3, 1), (0, 1)]
            .into_iter()
            .map(run)
            .collect(),
        max_error: 0.0,
    }
}

/// A network on which all engines must agree.
fn network(name: &'static str, sample: &Sample) -> Case {
    let run = |index: u64| {
        let mut inputs = sample.inputs(index);
        inputs.extend(sample.initial_state());
        Run {
            inputs,
            check: Check::Agrees,
        }
    };
    Case {
        name,
        model: sample.model.clone(),
        runs: (0..2).map(run).collect(),
        max_error: 1e-4,
    }
}

/// The tiny decoder's logits of `length` tokens given at once.
///
/// # Errors
/// Of loading or running.
pub fn decoder_whole(backend: &dyn Backend, length: usize) -> Result<Vec<f32>, EngineError> {
    let decoder = Decoder::of(Size::Tiny);
    let ids = decoder.ids(5, length);
    let mut model = load(backend, &decoder.sample())?;
    Ok(logits(&run_once(model.as_mut(), &[ids])?[0]))
}

/// The same token by token, keys and values staying in the backend; `rounds` times over, from the
/// beginning each time.
///
/// # Errors
/// Of loading or running.
pub fn decoder_by_steps(
    backend: &dyn Backend,
    length: usize,
    rounds: usize,
) -> Result<Vec<f32>, EngineError> {
    let decoder = Decoder::of(Size::Tiny);
    let ids = decoder.ids(5, length);
    let ids: &[i64] = ids.data().unwrap_or_default();
    let mut model = load(backend, &decoder.sample())?;
    let mut all = Vec::new();
    for _ in 0..rounds {
        all.clear();
        model.reset()?;
        for &id in ids {
            let id = Tensor::new(&[1, 1], vec![id]);
            all.extend(logits(&run_once(model.as_mut(), &[id])?[0]));
        }
    }
    Ok(all)
}

fn load(
    backend: &dyn Backend,
    sample: &Sample,
) -> Result<Box<dyn drafthorse_engine::Model>, EngineError> {
    let artefact = Artefact {
        name: sample.name,
        bytes: &encode(&sample.model),
    };
    let options = LoadOptions {
        state: sample.state.clone(),
        ..LoadOptions::default()
    };
    backend.load(artefact, &options)
}

fn logits(tensor: &Tensor) -> Vec<f32> {
    tensor.data::<f32>().unwrap_or_default().to_vec()
}
