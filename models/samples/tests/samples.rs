//! The samples as their users see them: bytes, ports, weights and inputs.

use drafthorse_engine::{DType, Dim, Ports, Tensor, View};
use drafthorse_onnx::{Graph, proto};
use drafthorse_samples::{Sample, Size, all, bev_cnn, decoder, vit};
use std::collections::HashSet;
use std::sync::LazyLock;

/// All samples of both sizes, built once for all tests.
fn each() -> impl Iterator<Item = (Size, &'static Sample)> {
    static SAMPLES: LazyLock<Vec<(Size, Sample)>> = LazyLock::new(|| {
        let both = [Size::Tiny, Size::Bench].into_iter();
        both.flat_map(|size| all(size).into_iter().map(move |sample| (size, sample)))
            .collect()
    });
    SAMPLES.iter().map(|(size, sample)| (*size, sample))
}

/// FNV-1a.
fn hash(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
    })
}

fn bytes_of(tensor: &Tensor) -> Vec<u8> {
    match tensor.view() {
        View::F32(_, data) => data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        View::I64(_, data) => data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        other => panic!("no sample takes {}", other.dtype()),
    }
}

fn graph(sample: &Sample) -> &proto::GraphProto {
    sample.model.graph.as_ref().expect("a model has a graph")
}

/// A change here is a change of all answers: references that were made with the old bytes go with it.
#[test]
fn files_and_inputs_are_pinned() {
    // Name, size, length of the file, hash of the file, hash of the inputs of index 0.
    let pins = [
        (
            "bev_cnn",
            Size::Tiny,
            55_827,
            0xE9F0_C549_4E4B_2E62,
            0xA21D_028B_F539_F9F0,
        ),
        (
            "vit",
            Size::Tiny,
            139_096,
            0xEED3_A2F6_7E3E_4C5E,
            0x323D_A74F_1671_E66C,
        ),
        (
            "decoder",
            Size::Tiny,
            444_831,
            0x2FA4_50F7_2F93_8E12,
            0x718C_EC54_2D25_3749,
        ),
        (
            "bev_cnn",
            Size::Bench,
            8_721_934,
            0xA25A_077D_B9D0_6460,
            0x752F_FA65_F054_4984,
        ),
        (
            "vit",
            Size::Bench,
            11_450_084,
            0xA217_97AB_D91E_E86F,
            0x0499_E270_508A_8063,
        ),
        (
            "decoder",
            Size::Bench,
            55_117_138,
            0xA454_AF23_449A_303A,
            0x2AEF_EBAD_AE3B_753E,
        ),
    ];
    let found: Vec<_> = each()
        .map(|(size, sample)| {
            let bytes = sample.bytes();
            let length = bytes.len();
            let inputs = sample
                .inputs(0)
                .iter()
                .flat_map(bytes_of)
                .collect::<Vec<_>>();
            (sample.name, size, length, hash(bytes), hash(inputs))
        })
        .collect();
    assert!(found == pins, "{found:x?}");
}

#[test]
fn a_second_time_gives_the_same() {
    for (first, second) in all(Size::Tiny).iter().zip(all(Size::Tiny)) {
        assert!(first.bytes() == second.bytes(), "{}", first.name);
        assert!(first.inputs(7) == second.inputs(7), "{}", first.name);
    }
}

#[test]
fn files_are_read_back_as_they_were_built() {
    for (size, sample) in each() {
        let read = drafthorse_onnx::parse(&sample.bytes()).unwrap();
        assert!(read == sample.model, "{} {size:?}", sample.name);
    }
}

#[test]
fn sample_inputs_fit_the_ports() {
    for (size, sample) in each() {
        let what = format!("{} {size:?}", sample.name);
        let ports = Ports::of(sample.name, &sample.model, &sample.options(1)).unwrap();
        let fits = |port: &drafthorse_engine::Port, tensor: &Tensor| {
            assert_eq!(port.dtype, tensor.dtype(), "{what}: {port}");
            assert!(port.accepts(tensor.shape()), "{what}: {port}");
        };
        let inputs = sample.inputs(0);
        assert_eq!(ports.inputs.len(), inputs.len(), "{what}");
        for (port, tensor) in ports.inputs.iter().zip(&inputs) {
            fits(port, tensor);
        }
        // Without state in the backend the same tensors, one list after the other, are the file's.
        let stateless = Ports::of(sample.name, &sample.model, &Default::default()).unwrap();
        let state = sample.initial_state();
        assert_eq!(stateless.inputs.len(), inputs.len() + state.len(), "{what}");
        for (port, tensor) in stateless.inputs.iter().zip(inputs.iter().chain(&state)) {
            fits(port, tensor);
        }
    }
}

#[test]
fn ports_are_as_documented() {
    let told = |sample: &Sample| {
        let ports = Ports::of(sample.name, &sample.model, &sample.options(1)).unwrap();
        let inputs = ports.inputs.iter().map(ToString::to_string);
        let outputs = ports.outputs.iter().map(ToString::to_string);
        inputs.chain(outputs).collect::<Vec<_>>()
    };
    let bev = [
        "bev: f32[1, 32, 160, 160]",
        "heatmap: f32[1, 3, 80, 80]",
        "boxes: f32[1, 8, 80, 80]",
    ];
    assert_eq!(told(&bev_cnn(Size::Bench)), bev);
    let vision = ["image: f32[1, 3, 224, 224]", "tokens: f32[1, 197, 192]"];
    assert_eq!(told(&vit(Size::Bench)), vision);
    let language = ["ids: i64[1, sequence]", "logits: f32[1, sequence, 4096]"];
    let sample = decoder(Size::Bench);
    assert_eq!(told(&sample), language);

    let ports = Ports::of(sample.name, &sample.model, &sample.options(1)).unwrap();
    assert_eq!(ports.state.len(), 12);
    for state in &ports.state {
        let dims = |length: &str| {
            let length = Dim::Dynamic(length.to_owned());
            [Dim::Fixed(1), Dim::Fixed(6), length, Dim::Fixed(64)]
        };
        assert_eq!(state.input.dims, dims("past"));
        assert_eq!(state.output.dims, dims("total"));
        assert_eq!(state.initial, [1, 6, 0, 64]);
        assert_eq!(state.input.dtype, DType::F32);
    }
}

#[test]
fn every_value_is_made_once() {
    for (size, sample) in each() {
        let graph = graph(sample);
        let inputs = graph.input.iter().map(|value| &value.name);
        let weights = graph.initializer.iter().map(|weight| &weight.name);
        let nodes = graph.node.iter().flat_map(|node| &node.output);
        let mut seen = HashSet::new();
        for name in inputs.chain(weights).chain(nodes) {
            assert!(seen.insert(name), "{} {size:?}: {name}", sample.name);
        }
        let mut titles = HashSet::new();
        for node in &graph.node {
            let title = node.title();
            assert!(
                titles.insert(title.clone()),
                "{} {size:?}: {title}",
                sample.name
            );
        }
    }
}

#[test]
fn every_weight_is_used_and_finite() {
    for (size, sample) in each() {
        let graph = graph(sample);
        let users = Graph::new(graph);
        for weight in &graph.initializer {
            let what = format!("{} {size:?}: {}", sample.name, weight.name);
            assert!(!users.users(&weight.name).is_empty(), "{what} is not used");
            let data = weight.data::<f32>().unwrap_or_default();
            assert!(data.iter().all(|v| v.is_finite()), "{what}");
        }
    }
}

/// Blocks of 4-bit weights run along K; the usual block has 32.
#[test]
fn products_of_the_decoder_can_be_rewritten_to_blocks() {
    for size in [Size::Tiny, Size::Bench] {
        let sample = decoder(size);
        let graph = Graph::new(graph(&sample));
        let products = graph.nodes().filter(|node| node.op_type == "MatMul");
        let weights = products.filter_map(|node| graph.weight(&node.input[1]));
        let shapes: Vec<Vec<usize>> = weights.map(proto::Tensor::shape).collect();
        let layers = sample.state.len() / 2;
        assert_eq!(shapes.len(), 7 * layers + 1);
        for shape in shapes {
            assert!(shape.len() == 2 && shape[0].is_multiple_of(32), "{shape:?}");
        }
    }
}

#[test]
fn another_index_is_other_data_of_the_same_shape() {
    for (size, sample) in each() {
        let inputs: Vec<_> = (0..4).map(|index| sample.inputs(index)).collect();
        for (i, one) in inputs.iter().enumerate() {
            for other in &inputs[..i] {
                assert!(one != other, "{} {size:?}", sample.name);
                let shapes = |inputs: &[Tensor]| -> Vec<Vec<usize>> {
                    inputs.iter().map(|input| input.shape().to_vec()).collect()
                };
                assert_eq!(shapes(one), shapes(other));
            }
        }
    }
}

#[test]
fn grids_are_sparse_and_never_negative() {
    for size in [Size::Tiny, Size::Bench] {
        let sample = bev_cnn(size);
        for index in 0..8 {
            let inputs = sample.inputs(index);
            let data = inputs[0].data::<f32>().unwrap();
            assert!(data.iter().all(|&v| (0.0..30.0).contains(&v)));
            let filled = data.iter().filter(|&&v| v > 0.0).count();
            let share = filled as f64 / data.len() as f64;
            assert!((0.002..0.5).contains(&share), "{size:?} {index}: {share}");
        }
    }
}

#[test]
fn pictures_are_smooth_and_of_unit_range() {
    let sample = vit(Size::Bench);
    for index in 0..4 {
        let inputs = sample.inputs(index);
        let data = inputs[0].data::<f32>().unwrap();
        let power = data.iter().map(|v| v * v).sum::<f32>() / data.len() as f32;
        let steps = data.chunks_exact(224).flat_map(|row| row.windows(2));
        let step = steps.map(|pair| (pair[1] - pair[0]).powi(2)).sum::<f32>() / data.len() as f32;
        assert!((0.1..3.0).contains(&power), "{index}: {power}");
        assert!(step < 0.1 * power, "{index}: {step} of {power}");
    }
}
