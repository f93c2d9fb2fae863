//! Quantised sample networks in ONNX Runtime, where it is found.

#![allow(clippy::unwrap_used)]

mod common;

use common::{inputs, mlp, onnxruntime};
use drafthorse_engine::{Backend, Tensor, Tolerance};
use drafthorse_onnx::proto::Model;
use drafthorse_onnx::{encode, proto};
use drafthorse_quantise::blockwise::{BlockOptions, Correction, quantise_blocks};
use drafthorse_quantise::half::to_half;
use drafthorse_quantise::qdq::{Convention, Options};
use drafthorse_quantise::sensitivity::Study;
use drafthorse_quantise::{Method, Report, correct_biases, gate, observe, qdq};
use drafthorse_samples::{Sample, Size, bev_cnn, decoder, vit};
use std::collections::BTreeSet;

fn samples(sample: &Sample, indices: std::ops::Range<u64>) -> Vec<Vec<Tensor>> {
    let one = |index| {
        let mut inputs = sample.inputs(index);
        inputs.extend(sample.initial_state());
        inputs
    };
    indices.map(one).collect()
}

fn report(
    backend: &dyn Backend,
    float: &Model,
    artefact: &Model,
    held_out: &[Vec<Tensor>],
    min_cosine: f64,
) -> Report {
    let tolerance = Tolerance {
        max_error: f64::INFINITY,
        min_cosine,
    };
    gate(
        &encode(float),
        &encode(artefact),
        backend,
        held_out,
        tolerance,
    )
    .unwrap()
}

#[test]
fn the_bev_cnn_keeps_its_cosine_in_mixed_precision() {
    let Some(backend) = onnxruntime("the_bev_cnn_keeps_its_cosine_in_mixed_precision") else {
        return;
    };
    let network = bev_cnn(Size::Tiny);
    let (observed, held_out) = (samples(&network, 0..96), samples(&network, 96..112));
    let options = Options::new(Convention::U8S8);
    let model = &network.model;
    let study = Study::new(model, &backend, &observed, Method::Mse, &options).unwrap();
    // A network of so few channels loses more than a large one: some layers stay float. What is
    // asked for on the samples is somewhat more than what held-out ones must keep.
    let wanted = Tolerance {
        max_error: f64::INFINITY,
        min_cosine: 0.9992,
    };
    let mixed = study.mixed(&study.losses().unwrap(), wanted).unwrap();
    assert!(mixed.report.passed);
    let layers = study.layers().unwrap().len();
    assert!(
        mixed.float.len() * 2 < layers,
        "{:?} of {layers}",
        mixed.float
    );
    let mut options = options;
    options.exclude.extend(mixed.float);
    let artefact = study.artefact(&options).unwrap();
    let report = report(&backend, model, &artefact, &held_out, 0.999);
    assert!(report.passed, "{report:?}");
}

#[test]
fn corrected_biases_help_the_whole_bev_cnn() {
    let Some(backend) = onnxruntime("corrected_biases_help_the_whole_bev_cnn") else {
        return;
    };
    let network = bev_cnn(Size::Tiny);
    let (observed, held_out) = (samples(&network, 0..96), samples(&network, 96..112));
    let model = qdq::lower(&network.model, Convention::U8S8).unwrap();
    let plan = qdq::plan(&model, &Options::new(Convention::U8S8)).unwrap();
    let grid = Convention::U8S8.grid();
    let ranges = observe(
        &model,
        plan.values(),
        &backend,
        &observed,
        Method::MinMax,
        grid,
    )
    .unwrap();
    let corrected = correct_biases(&model, &plan, &ranges, &backend, &observed).unwrap();
    let artefact = qdq::rewrite(&corrected, &plan, &ranges).unwrap();
    let report = report(&backend, &network.model, &artefact, &held_out, 0.995);
    assert!(report.passed, "{report:?}");
}

#[test]
fn both_conventions_hold_on_the_vit() {
    let Some(backend) = onnxruntime("both_conventions_hold_on_the_vit") else {
        return;
    };
    let network = vit(Size::Tiny);
    let (observed, held_out) = (samples(&network, 0..8), samples(&network, 8..12));
    for convention in [Convention::U8S8, Convention::S8S8] {
        let options = Options::new(convention);
        let once =
            || qdq::quantise(&network.model, &backend, &observed, Method::Mse, &options).unwrap();
        let artefact = once();
        assert_eq!(encode(&artefact), encode(&once()));
        let report = report(&backend, &network.model, &artefact, &held_out, 0.998);
        assert!(report.passed, "{convention:?} {report:?}");
    }
}

#[test]
fn the_decoder_runs_with_4_bit_weights_and_as_half() {
    let Some(backend) = onnxruntime("the_decoder_runs_with_4_bit_weights_and_as_half") else {
        return;
    };
    let network = decoder(Size::Tiny);
    let held_out = samples(&network, 0..4);
    for zero_points in [false, true] {
        let options = BlockOptions {
            zero_points,
            ..BlockOptions::default()
        };
        let artefact = quantise_blocks(&network.model, &options, None).unwrap();
        let report = report(&backend, &network.model, &artefact, &held_out, 0.96);
        assert!(report.passed, "{report:?}");
    }
    let half = to_half(&network.model, &BTreeSet::new()).unwrap();
    let report = report(&backend, &network.model, &half, &held_out, 0.9999);
    assert!(report.passed, "{report:?}");
}

/// The float model with the weights that a block-wise model stands for.
fn unpacked(blocks: &Model, float: &Model) -> Model {
    let mut model = float.clone();
    let packed = |name: &str| {
        let mut weights = blocks.graph.as_ref().unwrap().initializer.iter();
        weights.find(|w| w.name == name).cloned()
    };
    for weight in &mut model.graph.as_mut().unwrap().initializer {
        let Some(numbers) = packed(&format!("{}/4bit", weight.name)) else {
            continue;
        };
        let scales = packed(&format!("{}/scales", weight.name))
            .unwrap()
            .data::<f32>()
            .unwrap();
        let points = packed(&format!("{}/zero_points", weight.name));
        let points = points.map(|points| points.data::<u8>().unwrap());
        let (shape, blocks) = (weight.shape(), numbers.shape()[1]);
        let bytes = numbers.data::<u8>().unwrap();
        let half = |byte: u8, index: usize| byte >> (4 * (index % 2)) & 15;
        let mut data = vec![0.0f32; shape[0] * shape[1]];
        for (at, value) in data.iter_mut().enumerate() {
            let (k, n) = (at / shape[1], at % shape[1]);
            let q = half(bytes[(n * blocks * 32 + k) / 2], k);
            let block = k / 32;
            let zero = match &points {
                Some(points) => half(points[n * blocks.div_ceil(2) + block / 2], block),
                None => 8,
            };
            *value = (f32::from(q) - f32::from(zero)) * scales[n * blocks + block];
        }
        *weight = proto::Tensor::new(&weight.name.clone(), &shape, &data);
    }
    model
}

#[test]
fn packed_weights_mean_to_onnx_runtime_what_they_mean_here() {
    let Some(backend) = onnxruntime("packed_weights_mean_to_onnx_runtime_what_they_mean_here")
    else {
        return;
    };
    let observed = inputs(&[8, 70], 0..40);
    let correction = Correction {
        backend: &backend,
        samples: &observed,
        damping: 0.01,
    };
    for (zero_points, correction) in [(false, None), (true, None), (false, Some(&correction))] {
        let options = BlockOptions {
            zero_points,
            ..BlockOptions::default()
        };
        let blocks = quantise_blocks(&mlp(), &options, correction).unwrap();
        let same = unpacked(&blocks, &mlp());
        // Activations are rounded to 8 bits by the kernel.
        let report = report(&backend, &same, &blocks, &inputs(&[8, 70], 50..54), 0.9998);
        assert!(report.passed, "{zero_points} {report:?}");
    }
}
