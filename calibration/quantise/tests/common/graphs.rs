//! Graphs with drawn weights, and inputs for them.

use drafthorse_engine::Tensor;
use drafthorse_onnx::proto::Model;
use drafthorse_onnx::{Builder, DataType, Dim, TensorRef, attr};

/// Numbers about normally distributed, always the same.
pub(crate) fn normal(seed: u64, count: usize, deviation: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let each = |_| (0..12).map(|_| uniform()).sum::<f32>() * deviation;
    (0..count).map(each).collect()
}

fn fixed(dims: &[usize]) -> Vec<Dim> {
    dims.iter().map(|length| Dim::Fixed(*length)).collect()
}

fn conv(b: &mut Builder, name: &str, x: &TensorRef, from: usize, to: usize) -> TensorRef {
    let seed = name.bytes().map(u64::from).sum::<u64>() + to as u64;
    let deviation = (2.0 / (from * 9) as f32).sqrt();
    let weight = normal(seed, to * from * 9, deviation);
    let w = b.weight(&format!("{name}.weight"), &[to, from, 3, 3], &weight);
    let bias = b.weight(&format!("{name}.bias"), &[to], &normal(seed + 1, to, 0.3));
    let attributes = vec![
        attr::ints("kernel_shape", &[3, 3]),
        attr::ints("pads", &[1; 4]),
    ];
    b.node(name, "Conv", &[x, &w, &bias], attributes)
}

/// `x` f32 `[1, 3, 8, 8]` through two convolutions with ReLU, a reshape and a product to `y` `[1, 5]`.
pub(crate) fn conv_relu_matmul() -> Model {
    let mut b = Builder::new("conv_relu_matmul", 13);
    let x = b.input("x", DataType::F32, &fixed(&[1, 3, 8, 8]));
    let c1 = conv(&mut b, "c1", &x, 3, 8);
    let r1 = b.node("r1", "Relu", &[&c1], vec![]);
    let c2 = conv(&mut b, "c2", &r1, 8, 4);
    let r2 = b.node("r2", "Relu", &[&c2], vec![]);
    let shape = b.weight("shape", &[2], &[1i64, 256]);
    let flat = b.node("flat", "Reshape", &[&r2, &shape], vec![]);
    let w = b.weight("m.weight", &[256, 5], &normal(7, 256 * 5, 0.06));
    let y = b.node("m", "MatMul", &[&flat, &w], vec![]);
    b.output("y", &y, DataType::F32, &fixed(&[1, 5]));
    b.finish()
}

/// `x` f32 `[1, 3, 8, 8]` through branches that are joined and added, to `y` `[1, 8, 8, 8]`, made by a
/// convolution itself.
pub(crate) fn branches() -> Model {
    let mut b = Builder::new("branches", 13);
    let x = b.input("x", DataType::F32, &fixed(&[1, 3, 8, 8]));
    let left = conv(&mut b, "left", &x, 3, 4);
    let left = b.node("left.relu", "Relu", &[&left], vec![]);
    let right = conv(&mut b, "right", &x, 3, 4);
    let right = b.node("right.relu", "Relu", &[&right], vec![]);
    let both = b.node(
        "both",
        "Concat",
        &[&left, &right],
        vec![attr::int("axis", 1)],
    );
    let deep = conv(&mut b, "deep", &both, 8, 8);
    let sum = b.node("sum", "Add", &[&deep, &both], vec![]);
    let sum = b.node("sum.relu", "Relu", &[&sum], vec![]);
    let last = conv(&mut b, "last", &sum, 8, 8);
    b.output("out", &last, DataType::F32, &fixed(&[1, 8, 8, 8]));
    let mut model = b.finish();
    // The convolution gives the result itself.
    let graph = model.graph.as_mut().unwrap();
    graph.node.pop();
    graph.node.last_mut().unwrap().output[0] = "out".to_owned();
    model
}

/// `x` f32 `[1, 6, 16]` through one head of attention, to `y` `[1, 6, 16]`.
pub(crate) fn attention() -> Model {
    let mut b = Builder::new("attention", 13);
    let x = b.input("x", DataType::F32, &fixed(&[1, 6, 16]));
    let product = |b: &mut Builder, name: &str, x: &TensorRef, seed| {
        let w = b.weight(
            &format!("{name}.weight"),
            &[16, 16],
            &normal(seed, 256, 0.25),
        );
        b.node(name, "MatMul", &[x, &w], vec![])
    };
    let q = product(&mut b, "q", &x, 1);
    let k = product(&mut b, "k", &x, 2);
    let v = product(&mut b, "v", &x, 3);
    let turned = b.node(
        "turned",
        "Transpose",
        &[&k],
        vec![attr::ints("perm", &[0, 2, 1])],
    );
    let scores = b.node("scores", "MatMul", &[&q, &turned], vec![]);
    let soft = b.node("soft", "Softmax", &[&scores], vec![attr::int("axis", -1)]);
    let mixed = b.node("mixed", "MatMul", &[&soft, &v], vec![]);
    let y = product(&mut b, "y", &mixed, 4);
    b.output("out", &y, DataType::F32, &fixed(&[1, 6, 16]));
    b.finish()
}

/// `x` f32 `[8, 70]` through two products with a ReLU between, to `y` `[8, 9]`. 70 is no multiple of
/// a block.
pub(crate) fn mlp() -> Model {
    let mut b = Builder::new("mlp", 13);
    let x = b.input("x", DataType::F32, &fixed(&[8, 70]));
    let w = b.weight("a.weight", &[70, 64], &normal(1, 70 * 64, 0.15));
    let a = b.node("a", "MatMul", &[&x, &w], vec![]);
    let a = b.node("relu", "Relu", &[&a], vec![]);
    let w = b.weight("b.weight", &[64, 9], &normal(2, 64 * 9, 0.15));
    let y = b.node("b", "MatMul", &[&a, &w], vec![]);
    b.output("y", &y, DataType::F32, &fixed(&[8, 9]));
    b.finish()
}

/// `x` f32 `[8, 70]` times a weight, plus a bias, to `y` `[8, 9]`.
pub(crate) fn linear() -> Model {
    let mut b = Builder::new("linear", 13);
    let x = b.input("x", DataType::F32, &fixed(&[8, 70]));
    let w = b.weight("weight", &[70, 9], &normal(1, 70 * 9, 0.15));
    let product = b.node("product", "MatMul", &[&x, &w], vec![]);
    let bias = b.weight("bias", &[9], &normal(2, 9, 2.0));
    let sum = b.node("sum", "Add", &[&product, &bias], vec![]);
    b.output("y", &sum, DataType::F32, &fixed(&[8, 9]));
    b.finish()
}

/// One input of that shape for each index.
pub(crate) fn inputs(shape: &[usize], indices: std::ops::Range<u64>) -> Vec<Vec<Tensor>> {
    let count = shape.iter().product();
    let each = |index| vec![Tensor::new(shape, normal(1000 + index, count, 1.0))];
    indices.map(each).collect()
}

/// Samples to observe and samples held out.
pub(crate) fn samples(shape: &[usize]) -> (Vec<Vec<Tensor>>, Vec<Vec<Tensor>>) {
    (inputs(shape, 0..8), inputs(shape, 8..12))
}
