//! Layers with seeded weights, as nodes of a graph. A weight follows from the network's name and its
//! own, so that it stays what it is when a network gets more layers.

use crate::random::Random;
use drafthorse_onnx::proto::{Attribute, Model};
use drafthorse_onnx::{Builder, DataType, Dim, TensorRef, attr};

/// Operator set of all samples: the first with LayerNormalization.
const OPSET: i64 = 17;

/// A network being built.
pub(crate) struct Layers {
    name: &'static str,
    builder: Builder,
}

impl Layers {
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            builder: Builder::new(name, OPSET),
        }
    }

    pub(crate) fn finish(self) -> Model {
        self.builder.finish()
    }

    pub(crate) fn input(&mut self, name: &str, data_type: DataType, dims: &[Dim]) -> TensorRef {
        self.builder.input(name, data_type, dims)
    }

    pub(crate) fn output(&mut self, name: &str, value: &TensorRef, dims: &[Dim]) {
        self.builder.output(name, value, DataType::F32, dims);
    }

    pub(crate) fn node(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[&TensorRef],
        attributes: Vec<Attribute>,
    ) -> TensorRef {
        self.builder.node(name, op, inputs, attributes)
    }

    /// Both halves of the last axis.
    pub(crate) fn halves(&mut self, name: &str, x: &TensorRef) -> [TensorRef; 2] {
        let axis = vec![attr::int("axis", -1)];
        let halves = self.builder.nodes(name, "Split", &[x], axis, 2);
        [halves[0].clone(), halves[1].clone()]
    }

    /// A whole number, or several as a list.
    pub(crate) fn int(&mut self, name: &str, value: i64) -> TensorRef {
        self.builder.weight(name, &[], &[value])
    }

    pub(crate) fn ints(&mut self, name: &str, values: &[i64]) -> TensorRef {
        self.builder.weight(name, &[values.len()], values)
    }

    pub(crate) fn float(&mut self, name: &str, value: f32) -> TensorRef {
        self.builder.weight(name, &[], &[value])
    }

    pub(crate) fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> TensorRef {
        self.builder.weight(name, dims, values)
    }

    /// A weight drawn with the standard deviation `scale`.
    pub(crate) fn drawn(&mut self, name: &str, dims: &[usize], scale: f32) -> TensorRef {
        let data = self.draw(name, dims.iter().product(), scale);
        self.builder.weight(name, dims, &data)
    }

    fn draw(&self, name: &str, count: usize, scale: f32) -> Vec<f32> {
        self.stream(name).normals(count, scale)
    }

    fn stream(&self, name: &str) -> Random {
        Random::new(&format!("{}/{name}", self.name), 0)
    }

    /// One gain a channel. A norm that is folded into a convolution, and a trained norm itself, leave
    /// channels of different range, which is what quantisation has to cope with.
    fn gains(&self, name: &str, channels: usize) -> Vec<f32> {
        let mut stream = self.stream(name);
        (0..channels).map(|_| stream.range(0.5, 1.4)).collect()
    }

    /// Convolution with bias; weights after He.
    pub(crate) fn conv(&mut self, name: &str, x: &TensorRef, conv: Conv) -> TensorRef {
        let Conv {
            from,
            to,
            kernel,
            stride,
            pad,
            ..
        } = conv;
        let weight_name = format!("{name}.weight");
        let fan_in = from * kernel * kernel;
        let scale = (conv.gain / fan_in as f32).sqrt();
        let mut weight = self.draw(&weight_name, to * fan_in, scale);
        let channels = self.gains(&format!("{name}.gain"), to);
        for (filter, gain) in weight.chunks_exact_mut(fan_in).zip(channels) {
            filter.iter_mut().for_each(|w| *w *= gain);
        }
        let weight = self.floats(&weight_name, &[to, from, kernel, kernel], &weight);

        let bias_name = format!("{name}.bias");
        let mut bias = self.draw(&bias_name, to, 0.1);
        bias.iter_mut().for_each(|b| *b += conv.bias);
        let bias = self.floats(&bias_name, &[to], &bias);
        let attributes = vec![
            attr::ints("kernel_shape", &[kernel as i64; 2]),
            attr::ints("strides", &[stride as i64; 2]),
            attr::ints("pads", &[pad as i64; 4]),
        ];
        self.node(name, "Conv", &[x, &weight, &bias], attributes)
    }

    /// Transposed convolution that raises the resolution `times` over, each cell into a square of
    /// its own; weights after He.
    pub(crate) fn upsample(
        &mut self,
        name: &str,
        x: &TensorRef,
        from: usize,
        to: usize,
        times: usize,
    ) -> TensorRef {
        let scale = (2.0 / from as f32).sqrt();
        let weight = self.drawn(&format!("{name}.weight"), &[from, to, times, times], scale);
        let bias = self.drawn(&format!("{name}.bias"), &[to], 0.1);
        let attributes = vec![
            attr::ints("kernel_shape", &[times as i64; 2]),
            attr::ints("strides", &[times as i64; 2]),
        ];
        self.node(name, "ConvTranspose", &[x, &weight, &bias], attributes)
    }

    pub(crate) fn relu(&mut self, name: &str, x: &TensorRef) -> TensorRef {
        self.node(name, "Relu", &[x], vec![])
    }

    /// Product with a weight `[from, to]`, which is the second input, drawn so that the product has
    /// `gain` times the variance of `x`.
    pub(crate) fn matmul(
        &mut self,
        name: &str,
        x: &TensorRef,
        from: usize,
        to: usize,
        gain: f32,
    ) -> TensorRef {
        let scale = (gain / from as f32).sqrt();
        let weight = self.drawn(&format!("{name}.weight"), &[from, to], scale);
        self.node(name, "MatMul", &[x, &weight], vec![])
    }

    /// [`Layers::matmul`] with bias.
    pub(crate) fn linear(
        &mut self,
        name: &str,
        x: &TensorRef,
        from: usize,
        to: usize,
        gain: f32,
    ) -> TensorRef {
        let product = self.matmul(name, x, from, to, gain);
        let bias = self.drawn(&format!("{name}.bias"), &[to], 0.1);
        self.node(&format!("{name}.add"), "Add", &[&product, &bias], vec![])
    }

    /// Layer normalisation over the last axis, one node.
    pub(crate) fn layer_norm(&mut self, name: &str, x: &TensorRef, dim: usize) -> TensorRef {
        let gains = self.gains(&format!("{name}.weight"), dim);
        let weight = self.floats(&format!("{name}.weight"), &[dim], &gains);
        let bias = self.drawn(&format!("{name}.bias"), &[dim], 0.1);
        let attributes = vec![attr::int("axis", -1), attr::float("epsilon", 1e-5)];
        self.node(name, "LayerNormalization", &[x, &weight, &bias], attributes)
    }

    /// Root mean square normalisation over the last axis (Zhang and Sennrich), written out because
    /// it is no operator of this set.
    pub(crate) fn rms_norm(&mut self, name: &str, x: &TensorRef, dim: usize) -> TensorRef {
        let gains = self.gains(&format!("{name}.weight"), dim);
        let weight = self.floats(&format!("{name}.weight"), &[dim], &gains);
        let epsilon = self.float(&format!("{name}.epsilon"), 1e-6);
        let part = |part: &str| format!("{name}.{part}");
        let square = self.node(&part("square"), "Mul", &[x, x], vec![]);
        let axes = vec![attr::ints("axes", &[-1]), attr::int("keepdims", 1)];
        let mean = self.node(&part("mean"), "ReduceMean", &[&square], axes);
        let mean = self.node(&part("mean_epsilon"), "Add", &[&mean, &epsilon], vec![]);
        let root = self.node(&part("root"), "Sqrt", &[&mean], vec![]);
        let unit = self.node(&part("unit"), "Div", &[x, &root], vec![]);
        self.node(name, "Mul", &[&unit, &weight], vec![])
    }

    /// The Gaussian error linear unit (Hendrycks and Gimpel) written out: x (1 + erf(x / √2)) / 2.
    pub(crate) fn gelu(&mut self, name: &str, x: &TensorRef) -> TensorRef {
        let part = |part: &str| format!("{name}.{part}");
        let root = self.float(&part("root_two"), std::f32::consts::SQRT_2);
        let one = self.float(&part("one"), 1.0);
        let half = self.float(&part("half"), 0.5);
        let scaled = self.node(&part("scaled"), "Div", &[x, &root], vec![]);
        let erf = self.node(&part("erf"), "Erf", &[&scaled], vec![]);
        let sum = self.node(&part("sum"), "Add", &[&erf, &one], vec![]);
        let product = self.node(&part("product"), "Mul", &[x, &sum], vec![]);
        self.node(name, "Mul", &[&product, &half], vec![])
    }

    /// `[1, n, dim]` as `[1, heads, n, dim / heads]`.
    pub(crate) fn split_heads(
        &mut self,
        name: &str,
        x: &TensorRef,
        dim: usize,
        heads: usize,
    ) -> TensorRef {
        let part = |part: &str| format!("{name}.{part}");
        let shape = [0, 0, heads as i64, (dim / heads) as i64];
        let shape = self.ints(&part("shape"), &shape);
        let split = self.node(&part("split"), "Reshape", &[x, &shape], vec![]);
        let order = vec![attr::ints("perm", &[0, 2, 1, 3])];
        self.node(&part("heads"), "Transpose", &[&split], order)
    }

    /// Scaled dot-product attention (Vaswani et al.) of queries `[1, heads, n, head_dim]` over keys
    /// and values `[1, heads, m, head_dim]`: `[1, n, dim]`. `bias`, where given, is added to the
    /// scores and has to broadcast to `[1, heads, n, m]`.
    pub(crate) fn attend(
        &mut self,
        name: &str,
        [q, k, v]: [&TensorRef; 3],
        bias: Option<&TensorRef>,
        (dim, heads): (usize, usize),
    ) -> TensorRef {
        let part = |part: &str| format!("{name}.{part}");
        let order = |order: &[i64]| vec![attr::ints("perm", order)];
        let scale = 1.0 / ((dim / heads) as f32).sqrt();
        let scale = self.float(&part("scale"), scale);
        let k = self.node(&part("k_turned"), "Transpose", &[k], order(&[0, 1, 3, 2]));
        let product = self.node(&part("product"), "MatMul", &[q, &k], vec![]);
        let mut scores = self.node(&part("scores"), "Mul", &[&product, &scale], vec![]);
        if let Some(bias) = bias {
            scores = self.node(&part("masked"), "Add", &[&scores, bias], vec![]);
        }
        let axis = vec![attr::int("axis", -1)];
        let shares = self.node(&part("shares"), "Softmax", &[&scores], axis);
        let mixed = self.node(&part("mixed"), "MatMul", &[&shares, v], vec![]);
        let turned = self.node(
            &part("turned"),
            "Transpose",
            &[&mixed],
            order(&[0, 2, 1, 3]),
        );
        let shape = self.ints(&part("shape"), &[0, 0, dim as i64]);
        self.node(name, "Reshape", &[&turned, &shape], vec![])
    }
}

/// Sizes of a convolution.
#[derive(Clone, Copy)]
pub(crate) struct Conv {
    /// Channels in.
    pub(crate) from: usize,
    /// Channels out.
    pub(crate) to: usize,
    /// Side of the kernel.
    pub(crate) kernel: usize,
    /// Step in both axes.
    pub(crate) stride: usize,
    /// Zeros on each side.
    pub(crate) pad: usize,
    /// Factor on the weights' variance: 2 keeps the power through a ReLU (He et al.), 1 without.
    pub(crate) gain: f32,
    /// Mean of the biases.
    pub(crate) bias: f32,
}

/// Lengths of axes that the file fixes.
pub(crate) fn fixed<const N: usize>(lengths: [usize; N]) -> [Dim; N] {
    lengths.map(Dim::Fixed)
}
