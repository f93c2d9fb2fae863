//! Quantising with a plain engine that follows the operators' definitions.

#![allow(clippy::unwrap_used)]

mod common;

use common::{Plain, attention, branches, conv_relu_matmul, inputs, linear, mlp, samples};
use drafthorse_engine::{Tensor, Tolerance};
use drafthorse_onnx::encode;
use drafthorse_onnx::proto::{GraphProto, Model, Node};
use drafthorse_quantise::blockwise::{BlockOptions, quantise_blocks};
use drafthorse_quantise::half::to_half;
use drafthorse_quantise::qdq::{Convention, Options};
use drafthorse_quantise::sensitivity::Study;
use drafthorse_quantise::{Method, QuantiseError, correct_biases, equalise, gate, observe, qdq};
use std::collections::BTreeSet;

const IMAGE: [usize; 4] = [1, 3, 8, 8];
const BOTH: [Convention; 2] = [Convention::U8S8, Convention::S8S8];
const METHODS: [Method; 4] = [
    Method::MinMax,
    Method::Percentile(99.99),
    Method::Entropy,
    Method::Mse,
];

fn tolerance(min_cosine: f64) -> Tolerance {
    Tolerance {
        max_error: f64::INFINITY,
        min_cosine,
    }
}

fn quantised(model: &Model, shape: &[usize], convention: Convention, method: Method) -> Model {
    let (observed, _) = samples(shape);
    let options = Options::new(convention);
    qdq::quantise(model, &Plain, &observed, method, &options).unwrap()
}

fn graph(model: &Model) -> &GraphProto {
    model.graph.as_ref().unwrap()
}

fn takers<'a>(model: &'a Model, value: &str) -> Vec<&'a Node> {
    let nodes = graph(model).node.iter();
    nodes
        .filter(|node| node.input.iter().any(|input| input == value))
        .collect()
}

fn node<'a>(model: &'a Model, name: &str) -> &'a Node {
    let mut nodes = graph(model).node.iter();
    nodes.find(|node| node.name == name).unwrap()
}

#[test]
fn every_graph_survives_both_conventions_and_all_methods() {
    let graphs = [
        (conv_relu_matmul(), IMAGE.to_vec(), 0.999),
        // Held-out values of these lie outside of what the few samples showed.
        (branches(), IMAGE.to_vec(), 0.995),
        (attention(), vec![1, 6, 16], 0.99),
    ];
    for (model, shape, least) in graphs {
        let (_, held_out) = samples(&shape);
        for convention in BOTH {
            for method in METHODS {
                let artefact = encode(&quantised(&model, &shape, convention, method));
                let bytes = encode(&model);
                // Entropy clips far more than the others where there are few values.
                let least = if method == Method::Entropy {
                    0.9
                } else {
                    least
                };
                let report = gate(&bytes, &artefact, &Plain, &held_out, tolerance(least));
                let report = report.unwrap();
                assert!(report.passed, "{convention:?} {method:?} {report:?}");
                assert!(report.worst.max_error > 0.0, "nothing was quantised");
            }
        }
    }
}

#[test]
fn two_runs_give_the_same_bytes() {
    for convention in BOTH {
        for method in METHODS {
            let once = || encode(&quantised(&branches(), &IMAGE, convention, method));
            assert_eq!(once(), once());
        }
    }
}

#[test]
fn nothing_stands_between_a_convolution_and_its_relu() {
    let model = quantised(
        &conv_relu_matmul(),
        &IMAGE,
        Convention::U8S8,
        Method::MinMax,
    );
    let users = takers(&model, "c1");
    assert_eq!(users.len(), 1);
    assert_eq!(users[0].op_type, "Relu");
    // The zero point behind it is 0, so that the kernel does what the ReLU does.
    let zero = graph(&model).initializer.iter();
    let zero = zero.clone().find(|w| w.name == "r1/zero_point").unwrap();
    assert_eq!(zero.data::<u8>(), Some(vec![0]));
    // All inputs of the next convolution are dequantised: input, weight, bias.
    for input in &node(&model, "c2").input {
        let maker = graph(&model).node.iter().find(|n| n.output[0] == *input);
        assert_eq!(maker.unwrap().op_type, "DequantizeLinear", "{input}");
    }
}

#[test]
fn joined_values_share_a_scale_and_results_keep_their_names() {
    let model = quantised(&branches(), &IMAGE, Convention::U8S8, Method::MinMax);
    let scale = |value: &str| {
        let name = format!("{value}/scale");
        let mut weights = graph(&model).initializer.iter();
        weights.find(|w| w.name == name).unwrap().data::<f32>()
    };
    assert_eq!(scale("left.relu"), scale("both"));
    assert_eq!(scale("right.relu"), scale("both"));
    let results: Vec<&str> = graph(&model)
        .output
        .iter()
        .map(|o| o.name.as_str())
        .collect();
    assert_eq!(results, ["out"]);
    let last = graph(&model).node.last().unwrap();
    assert_eq!(
        (last.op_type.as_str(), last.output[0].as_str()),
        ("DequantizeLinear", "out")
    );
    assert_eq!(
        takers(&model, &node(&model, "last").output[0])[0].op_type,
        "QuantizeLinear"
    );
}

#[test]
fn no_quantised_value_touches_a_softmax() {
    for convention in BOTH {
        let model = quantised(&attention(), &[1, 6, 16], convention, Method::MinMax);
        let soft = node(&model, "soft");
        let scores = node(&model, "scores");
        assert_eq!(soft.input[0], scores.output[0]);
        assert!(
            scores
                .input
                .iter()
                .all(|input| !input.contains("quantised"))
        );
        let users = takers(&model, &soft.output[0]);
        assert_eq!(users.len(), 1);
        assert_eq!(users[0].name, "mixed");
        // The product behind it is quantised: its input is not the softmax's output.
        assert!(node(&model, "y").input[0].ends_with("/dequantised"));
    }
}

#[test]
fn a_bias_behind_a_product_is_quantised_with_it() {
    let (_, held_out) = samples(&[8, 70]);
    let model = quantised(&linear(), &[8, 70], Convention::U8S8, Method::MinMax);
    assert_eq!(node(&model, "sum").input, ["product", "bias/dequantised"]);
    let (bytes, artefact) = (encode(&linear()), encode(&model));
    let report = gate(&bytes, &artefact, &Plain, &held_out, tolerance(0.9998)).unwrap();
    assert!(report.passed, "{report:?}");
    let model = quantised(&linear(), &[8, 70], Convention::S8S8, Method::MinMax);
    assert_eq!(node(&model, "sum").input, ["product", "bias"]);
}

#[test]
fn only_inputs_are_quantised_for_tensorrt() {
    let model = quantised(&branches(), &IMAGE, Convention::S8S8, Method::MinMax);
    for quantiser in graph(&model)
        .node
        .iter()
        .filter(|n| n.op_type == "DequantizeLinear")
    {
        for user in takers(&model, &quantiser.output[0]) {
            assert_eq!(user.op_type, "Conv");
        }
    }
    let zeros = graph(&model).initializer.iter();
    for zero in zeros.filter(|w| w.name.ends_with("/zero_point")) {
        assert!(zero.data::<i8>().unwrap().iter().all(|z| *z == 0));
    }
    // Biases stay float.
    assert_eq!(node(&model, "deep").input[2], "deep.bias");
}

#[test]
fn what_is_excluded_stays_float() {
    let (observed, held_out) = samples(&IMAGE);
    let mut options = Options::new(Convention::U8S8);
    options.exclude = ["c1", "c2", "m"].map(str::to_owned).into();
    let model = qdq::quantise(
        &conv_relu_matmul(),
        &Plain,
        &observed,
        Method::MinMax,
        &options,
    );
    let (bytes, artefact) = (encode(&conv_relu_matmul()), encode(&model.unwrap()));
    let report = gate(&bytes, &artefact, &Plain, &held_out, tolerance(1.0)).unwrap();
    assert_eq!(report.worst.max_error, 0.0);
    options.exclude.insert("c3".to_owned());
    let error = qdq::quantise(
        &conv_relu_matmul(),
        &Plain,
        &observed,
        Method::MinMax,
        &options,
    );
    assert!(matches!(error, Err(QuantiseError::UnknownNode { node, .. }) if node == "c3"));
}

#[test]
fn bad_samples_are_told() {
    let options = Options::new(Convention::U8S8);
    let model = conv_relu_matmul();
    let run = |samples: &[Vec<Tensor>]| {
        qdq::quantise(&model, &Plain, samples, Method::MinMax, &options).unwrap_err()
    };
    assert!(matches!(run(&[]), QuantiseError::NoSamples));
    assert!(matches!(
        run(&[vec![]]),
        QuantiseError::Sample {
            sample: 0,
            given: 0,
            needed: 1
        }
    ));
    let nan = vec![Tensor::new(&IMAGE, vec![f32::NAN; 192])];
    assert!(matches!(
        run(&[nan]),
        QuantiseError::NotFinite { sample: 0, .. }
    ));
    let error = Method::Percentile(10.0).check().unwrap_err();
    assert!(matches!(error, QuantiseError::Setting { .. }));
}

#[test]
fn an_old_operator_set_is_refused() {
    let mut model = conv_relu_matmul();
    model.opset_import[0].version = 11;
    let error = qdq::plan(&model, &Options::new(Convention::U8S8)).unwrap_err();
    assert!(matches!(error, QuantiseError::OldOperators { found: 11 }));
}

#[test]
fn the_gate_refuses_another_network() {
    let (_, held_out) = samples(&IMAGE);
    let mut other = conv_relu_matmul();
    let weights = &mut other.graph.as_mut().unwrap().initializer;
    weights[0].raw_data[..4].copy_from_slice(&50.0f32.to_le_bytes());
    let (bytes, other) = (encode(&conv_relu_matmul()), encode(&other));
    let report = gate(&bytes, &other, &Plain, &held_out, tolerance(0.999)).unwrap();
    assert!(!report.passed);
    let report = gate(&bytes, &bytes, &Plain, &held_out, Tolerance::default()).unwrap();
    assert!(report.passed && report.worst.cosine == 1.0);
}

#[test]
fn mixed_precision_gives_up_layers_until_the_loss_is_met() {
    let (observed, _) = samples(&IMAGE);
    let options = Options::new(Convention::U8S8);
    let model = branches();
    let study = Study::new(&model, &Plain, &observed, Method::MinMax, &options).unwrap();
    let losses = study.losses().unwrap();
    let layers: Vec<&str> = losses.iter().map(|loss| loss.layer.as_str()).collect();
    assert_eq!(layers, ["left", "right", "deep", "last"]);
    assert!(
        losses
            .iter()
            .all(|loss| loss.cosine_loss > 0.0 && loss.max_error > 0.0)
    );
    // More than all but one layer can keep: only what is not quantised at all has no error.
    let all = study.mixed(&losses, tolerance(1.0)).unwrap();
    assert!(all.report.passed);
    assert_eq!((all.float.len(), all.steps.len()), (4, 5));
    let none = study.mixed(&losses, tolerance(0.9)).unwrap();
    assert!(none.float.is_empty() && none.report.passed);
    let between = tolerance((all.steps[0].cosine + 1.0) / 2.0);
    let some = study.mixed(&losses, between).unwrap();
    assert!(some.report.passed && !some.float.is_empty());
    assert_eq!(some.float, all.float[..some.float.len()]);
}

#[test]
fn equalising_changes_ranges_but_no_answers() {
    let mut model = conv_relu_matmul();
    // One channel far larger than the others, and taken with weights that are as much smaller.
    let weights = &mut model.graph.as_mut().unwrap().initializer;
    let mut change = |name: &str, shape: &[usize], is_of: fn(usize) -> bool, factor: f32| {
        let weight = weights.iter_mut().find(|w| w.name == name).unwrap();
        let mut data = weight.data::<f32>().unwrap();
        let all = data.iter_mut().enumerate();
        all.filter(|(i, _)| is_of(*i))
            .for_each(|(_, w)| *w *= factor);
        *weight = drafthorse_onnx::proto::Tensor::new(name, shape, &data);
    };
    change("c1.weight", &[8, 3, 3, 3], |i| i < 27, 300.0);
    change("c1.bias", &[8], |i| i == 0, 300.0);
    change("c2.weight", &[4, 8, 3, 3], |i| i % 72 < 9, 1.0 / 300.0);
    let (equal, pairs) = equalise(&qdq::lower(&model, Convention::U8S8).unwrap()).unwrap();
    assert_eq!(pairs, 1);
    let (observed, held_out) = samples(&IMAGE);
    let bytes = encode(&model);
    let report = gate(
        &bytes,
        &encode(&equal),
        &Plain,
        &held_out,
        tolerance(0.999_999),
    )
    .unwrap();
    assert!(report.passed, "{report:?}");
    let options = Options::new(Convention::U8S8);
    let loss = |model: &Model| {
        let artefact = qdq::quantise(model, &Plain, &observed, Method::MinMax, &options).unwrap();
        let report = gate(
            &bytes,
            &encode(&artefact),
            &Plain,
            &held_out,
            tolerance(0.0),
        );
        1.0 - report.unwrap().worst.cosine
    };
    assert!(
        loss(&equal) < loss(&model),
        "{} {}",
        loss(&equal),
        loss(&model)
    );
}

#[test]
fn corrected_biases_bring_means_back() {
    let model = qdq::lower(&conv_relu_matmul(), Convention::U8S8).unwrap();
    let (observed, _) = samples(&IMAGE);
    let plan = qdq::plan(&model, &Options::new(Convention::U8S8)).unwrap();
    let grid = Convention::U8S8.grid();
    let mut ranges = observe(
        &model,
        plan.values(),
        &Plain,
        &observed,
        Method::MinMax,
        grid,
    )
    .unwrap();
    // Clipped inputs shift all means.
    ranges.0.get_mut("x").unwrap().max = 0.5;
    let corrected = correct_biases(&model, &plan, &ranges, &Plain, &observed).unwrap();
    let error = |float: &Model| {
        let artefact = encode(&qdq::rewrite(float, &plan, &ranges).unwrap());
        let report = gate(
            &encode(&model),
            &artefact,
            &Plain,
            &observed,
            tolerance(0.0),
        );
        1.0 - report.unwrap().outputs[0].cosine
    };
    assert!(
        error(&corrected) < 0.85 * error(&model),
        "{} {}",
        error(&corrected),
        error(&model)
    );
}

#[test]
fn blocks_leave_out_what_is_excluded() {
    let options = BlockOptions {
        exclude: BTreeSet::from(["b".to_owned()]),
        ..BlockOptions::default()
    };
    let model = quantise_blocks(&mlp(), &options, None).unwrap();
    assert_eq!(node(&model, "a").op_type, "MatMulNBits");
    assert_eq!(node(&model, "b").op_type, "MatMul");
    assert!(
        model
            .opset_import
            .iter()
            .any(|set| set.domain == "com.microsoft")
    );
    let unknown = BlockOptions {
        exclude: BTreeSet::from(["lm_head".to_owned()]),
        ..BlockOptions::default()
    };
    assert!(quantise_blocks(&mlp(), &unknown, None).is_err());
    let all = BlockOptions {
        exclude: BTreeSet::from(["a".to_owned(), "b".to_owned()]),
        ..BlockOptions::default()
    };
    let nothing = quantise_blocks(&mlp(), &all, None).unwrap_err();
    assert!(
        nothing.to_string().contains("no matrix product"),
        "{nothing}"
    );
    let again = quantise_blocks(&mlp(), &options, None).unwrap();
    assert_eq!(encode(&model), encode(&again));
}

#[test]
fn halves_cast_at_the_edges_only() {
    let model = to_half(&conv_relu_matmul(), &BTreeSet::new()).unwrap();
    let casts: Vec<&str> = graph(&model)
        .node
        .iter()
        .filter(|node| node.op_type == "Cast")
        .map(|node| node.output[0].as_str())
        .collect();
    assert_eq!(casts, ["x/f16", "y"]);
    let keep = BTreeSet::from(["c2".to_owned()]);
    let kept = to_half(&conv_relu_matmul(), &keep).unwrap();
    assert_eq!(node(&kept, "c2").input, ["r1", "c2.weight", "c2.bias"]);
}

#[test]
fn different_samples_of_one_distribution_agree() {
    let model = qdq::lower(&conv_relu_matmul(), Convention::U8S8).unwrap();
    let plan = qdq::plan(&model, &Options::new(Convention::U8S8)).unwrap();
    let grid = Convention::U8S8.grid();
    let of = |indices| {
        let some = inputs(&IMAGE, indices);
        observe(&model, plan.values(), &Plain, &some, Method::Mse, grid).unwrap()
    };
    let (a, b) = (of(0..6), of(6..12));
    for ((value, a), b) in a.0.iter().zip(b.0.values()) {
        let widths = (a.max - a.min, b.max - b.min);
        assert!(
            (widths.0 / widths.1 - 1.0).abs() < 0.5,
            "{value} {widths:?}"
        );
    }
}
