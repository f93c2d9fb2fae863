//! Operators that the networks of a vehicle use, one case each or more, in opset 17.

use crate::cases::Case;
use crate::reference::{Conv, layer_norm, matmul, numbers, softmax};
use drafthorse_engine::{DType, Tensor};
use drafthorse_onnx::{Builder, DataType, Dim, TensorRef, attr, proto};

const OPSET: i64 = 17;

/// Declares inputs of the tensors' own shapes, builds with `body`, and declares the outputs that
/// `expected` has.
fn case(
    name: &'static str,
    inputs: Vec<Tensor>,
    expected: Vec<Tensor>,
    body: impl FnOnce(&mut Builder, &[TensorRef]) -> Vec<TensorRef>,
) -> Case {
    let mut b = Builder::new(name, OPSET);
    let declare = |(i, tensor): (usize, &Tensor)| {
        let dims: Vec<Dim> = tensor.shape().iter().map(|&n| Dim::Fixed(n)).collect();
        b.input(&format!("x{i}"), data_type(tensor), &dims)
    };
    let given: Vec<TensorRef> = inputs.iter().enumerate().map(declare).collect();
    let values = body(&mut b, &given);
    for (i, (value, tensor)) in values.iter().zip(&expected).enumerate() {
        let dims: Vec<Dim> = tensor.shape().iter().map(|&n| Dim::Fixed(n)).collect();
        b.output(&format!("y{i}"), value, data_type(tensor), &dims);
    }
    Case::one(name, b.finish(), inputs, expected)
}

fn data_type(tensor: &Tensor) -> DataType {
    match tensor.dtype() {
        DType::F32 => DataType::F32,
        DType::I64 => DataType::I64,
        DType::I32 => DataType::I32,
        DType::U8 => DataType::U8,
        DType::I8 => DataType::I8,
        DType::Bool => DataType::Bool,
    }
}

/// One node over one input, element by element.
fn unary(name: &'static str, op: &'static str, x: Vec<f32>, f: impl Fn(f64) -> f64) -> Case {
    let y = x.iter().map(|&x| f(f64::from(x)) as f32).collect();
    let shape = [2, x.len() / 2];
    let (x, y) = (Tensor::new(&shape, x), Tensor::new(&shape, y));
    case(name, vec![x], vec![y], |b, x| {
        vec![b.node("n", op, &[&x[0]], vec![])]
    })
}

/// One node over two inputs of equal shape.
fn binary(name: &'static str, op: &'static str, f: impl Fn(f32, f32) -> f32) -> Case {
    let (a, b) = (numbers(1, 12), numbers(2, 12));
    // Away from zero, for what divides.
    let b: Vec<f32> = b
        .into_iter()
        .map(|v| v + if v < 0.0 { -1.0 } else { 1.0 })
        .collect();
    let y = a.iter().zip(&b).map(|(&a, &b)| f(a, b)).collect();
    let tensor = |data: Vec<f32>| Tensor::new(&[3, 4], data);
    case(name, vec![tensor(a), tensor(b)], vec![tensor(y)], |b, x| {
        vec![b.node("n", op, &[&x[0], &x[1]], vec![])]
    })
}

fn convolution(name: &'static str, conv: Conv, size: usize, auto: bool) -> Case {
    let x = numbers(3, conv.channels * size * size);
    let w = numbers(
        4,
        conv.filters * conv.channels / conv.group * conv.kernel * conv.kernel,
    );
    let bias = numbers(5, conv.filters);
    let out = conv.out(size);
    let y = conv.run(&x, size, &w, &bias);
    let x = Tensor::new(&[1, conv.channels, size, size], x);
    let y = Tensor::new(&[1, conv.filters, out, out], y);
    let (pad, stride) = (conv.pad as i64, conv.stride as i64);
    let kernel = [
        conv.filters,
        conv.channels / conv.group,
        conv.kernel,
        conv.kernel,
    ];
    case(name, vec![x], vec![y], |b, x| {
        let w = b.weight("w", &kernel, &w);
        let bias = b.weight("bias", &[conv.filters], &bias);
        let mut attributes = vec![
            attr::ints("strides", &[stride; 2]),
            attr::ints("dilations", &[conv.dilation as i64; 2]),
            attr::int("group", conv.group as i64),
        ];
        attributes.push(match auto {
            true => attr::text("auto_pad", "SAME_UPPER"),
            false => attr::ints("pads", &[pad; 4]),
        });
        vec![b.node("conv", "Conv", &[&x[0], &w, &bias], attributes)]
    })
}

fn f32s(shape: &[usize], data: &[f32]) -> Tensor {
    Tensor::new(shape, data.to_vec())
}

fn i64s(shape: &[usize], data: &[i64]) -> Tensor {
    Tensor::new(shape, data.to_vec())
}

/// 0, 1, 2 and so on.
fn counted(shape: &[usize]) -> Tensor {
    let count: usize = shape.iter().product();
    Tensor::new(shape, (0..count).map(|i| i as f32).collect())
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = convolutions();
    cases.extend(elementwise());
    cases.extend(products());
    cases.extend(shapes());
    cases.extend(selections());
    cases.extend(reductions());
    cases.extend(quantised());
    cases
}

fn convolutions() -> Vec<Case> {
    let plain = Conv {
        channels: 4,
        filters: 6,
        kernel: 3,
        stride: 1,
        pad: 1,
        dilation: 1,
        group: 1,
    };
    let strided = Conv { stride: 2, ..plain };
    let dilated = Conv {
        dilation: 2,
        pad: 2,
        ..plain
    };
    let grouped = Conv { group: 2, ..plain };
    let depthwise = Conv {
        filters: 4,
        group: 4,
        ..plain
    };
    let pointwise = Conv {
        kernel: 1,
        pad: 0,
        ..plain
    };
    let patches = Conv {
        kernel: 4,
        stride: 4,
        pad: 0,
        channels: 3,
        ..plain
    };
    vec![
        convolution("conv", plain, 8, false),
        convolution("conv_stride_2", strided, 9, false),
        convolution("conv_dilation_2", dilated, 8, false),
        convolution("conv_group", grouped, 8, false),
        convolution("conv_depthwise", depthwise, 8, false),
        convolution("conv_pointwise", pointwise, 8, false),
        convolution("conv_patches", patches, 16, false),
        convolution("conv_same_upper", plain, 7, true),
        transposed_convolution(),
        case(
            "max_pool",
            vec![counted(&[1, 1, 4, 4])],
            vec![f32s(&[1, 1, 2, 2], &[5.0, 7.0, 13.0, 15.0])],
            |b, x| vec![b.node("n", "MaxPool", &[&x[0]], windows())],
        ),
        case(
            "average_pool",
            vec![counted(&[1, 1, 4, 4])],
            vec![f32s(&[1, 1, 2, 2], &[2.5, 4.5, 10.5, 12.5])],
            |b, x| vec![b.node("n", "AveragePool", &[&x[0]], windows())],
        ),
        case(
            "global_average_pool",
            vec![counted(&[1, 2, 2, 2])],
            vec![f32s(&[1, 2, 1, 1], &[1.5, 5.5])],
            |b, x| vec![b.node("n", "GlobalAveragePool", &[&x[0]], vec![])],
        ),
        resize(
            "resize_nearest",
            "nearest",
            "asymmetric",
            &[
                0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 2.0, 2.0, 3.0, 3.0,
            ],
        ),
        resize(
            "resize_linear",
            "linear",
            "half_pixel",
            &[
                0.0, 0.25, 0.75, 1.0, 0.5, 0.75, 1.25, 1.5, 1.5, 1.75, 2.25, 2.5, 2.0, 2.25, 2.75,
                3.0,
            ],
        ),
    ]
}

fn windows() -> Vec<proto::Attribute> {
    vec![
        attr::ints("kernel_shape", &[2, 2]),
        attr::ints("strides", &[2, 2]),
    ]
}

/// A stride of the kernel's size: every input gives a tile of its own.
fn transposed_convolution() -> Case {
    let (x, w) = (numbers(6, 2 * 3 * 3), numbers(7, 2 * 3 * 2 * 2));
    let mut y = vec![0.0f32; 3 * 6 * 6];
    for filter in 0..3 {
        for row in 0..6 {
            for column in 0..6 {
                let term = |channel: usize| {
                    let pixel = x[(channel * 3 + row / 2) * 3 + column / 2];
                    let weight = w[((channel * 3 + filter) * 2 + row % 2) * 2 + column % 2];
                    f64::from(pixel) * f64::from(weight)
                };
                y[(filter * 6 + row) * 6 + column] = (term(0) + term(1)) as f32;
            }
        }
    }
    let (x, y) = (Tensor::new(&[1, 2, 3, 3], x), Tensor::new(&[1, 3, 6, 6], y));
    case("conv_transpose", vec![x], vec![y], |b, x| {
        let w = b.weight("w", &[2, 3, 2, 2], &w);
        let attributes = vec![attr::ints("strides", &[2, 2])];
        vec![b.node("n", "ConvTranspose", &[&x[0], &w], attributes)]
    })
}

fn resize(name: &'static str, mode: &str, transform: &str, expected: &[f32]) -> Case {
    let x = f32s(&[1, 1, 2, 2], &[0.0, 1.0, 2.0, 3.0]);
    let y = f32s(&[1, 1, 4, 4], expected);
    case(name, vec![x], vec![y], |b, x| {
        let scales = b.weight("scales", &[4], &[1.0f32, 1.0, 2.0, 2.0]);
        let attributes = vec![
            attr::text("mode", mode),
            attr::text("coordinate_transformation_mode", transform),
            attr::text("nearest_mode", "floor"),
        ];
        let absent = Builder::absent();
        vec![b.node("n", "Resize", &[&x[0], &absent, &scales], attributes)]
    })
}

fn elementwise() -> Vec<Case> {
    let positive = || numbers(8, 12).iter().map(|v| v + 1.5).collect::<Vec<_>>();
    let wide = || numbers(9, 12).iter().map(|v| v * 6.0).collect::<Vec<_>>();
    vec![
        unary("relu", "Relu", wide(), |x| x.max(0.0)),
        unary("sigmoid", "Sigmoid", wide(), |x| 1.0 / (1.0 + (-x).exp())),
        unary("tanh", "Tanh", wide(), f64::tanh),
        unary("exp", "Exp", wide(), f64::exp),
        unary("log", "Log", positive(), f64::ln),
        unary("sqrt", "Sqrt", positive(), f64::sqrt),
        unary("neg", "Neg", wide(), |x| -x),
        unary("abs", "Abs", wide(), f64::abs),
        unary("floor", "Floor", wide(), f64::floor),
        unary("sin", "Sin", wide(), f64::sin),
        unary("cos", "Cos", wide(), f64::cos),
        unary("reciprocal", "Reciprocal", positive(), f64::recip),
        // Known values of the error function.
        case(
            "erf",
            vec![f32s(&[5], &[-2.0, -0.5, 0.0, 0.5, 2.0])],
            vec![f32s(
                &[5],
                &[-0.995_322_3, -0.520_499_9, 0.0, 0.520_499_9, 0.995_322_3],
            )],
            |b, x| vec![b.node("n", "Erf", &[&x[0]], vec![])],
        ),
        binary("add", "Add", |a, b| a + b),
        binary("sub", "Sub", |a, b| a - b),
        binary("mul", "Mul", |a, b| a * b),
        binary("div", "Div", |a, b| a / b),
        binary("min", "Min", f32::min),
        binary("max", "Max", f32::max),
        case(
            "pow_2",
            vec![f32s(&[4], &[-1.5, 0.0, 2.0, 3.0])],
            vec![f32s(&[4], &[2.25, 0.0, 4.0, 9.0])],
            |b, x| {
                let two = b.weight("two", &[], &[2.0f32]);
                vec![b.node("n", "Pow", &[&x[0], &two], vec![])]
            },
        ),
        case(
            "broadcast_both",
            vec![f32s(&[2, 1], &[1.0, 10.0]), f32s(&[1, 3], &[1.0, 2.0, 3.0])],
            vec![f32s(&[2, 3], &[2.0, 3.0, 4.0, 11.0, 12.0, 13.0])],
            |b, x| vec![b.node("n", "Add", &[&x[0], &x[1]], vec![])],
        ),
        case(
            "clip",
            vec![f32s(&[4], &[-2.0, 0.5, 3.0, 7.0])],
            vec![f32s(&[4], &[0.0, 0.5, 3.0, 6.0])],
            |b, x| {
                let low = b.weight("low", &[], &[0.0f32]);
                let high = b.weight("high", &[], &[6.0f32]);
                vec![b.node("n", "Clip", &[&x[0], &low, &high], vec![])]
            },
        ),
        case(
            "leaky_relu",
            vec![f32s(&[3], &[-2.0, 0.0, 2.0])],
            vec![f32s(&[3], &[-0.2, 0.0, 2.0])],
            |b, x| vec![b.node("n", "LeakyRelu", &[&x[0]], vec![attr::float("alpha", 0.1)])],
        ),
        case(
            "cast_to_i64_and_back",
            vec![f32s(&[4], &[-1.7, -0.2, 0.9, 2.5])],
            vec![f32s(&[4], &[-1.0, 0.0, 0.0, 2.0])],
            |b, x| {
                let whole = cast(b, "whole", &x[0], DataType::I64);
                vec![cast(b, "n", &whole, DataType::F32)]
            },
        ),
        case(
            "where_of_compared",
            vec![
                f32s(&[4], &[1.0, 5.0, 3.0, 2.0]),
                f32s(&[4], &[2.0, 2.0, 3.0, 1.0]),
            ],
            vec![
                f32s(&[4], &[1.0, 2.0, 3.0, 1.0]),
                Tensor::new(&[4], vec![false, true, false, true]),
            ],
            |b, x| {
                let more = b.node("more", "Greater", &[&x[0], &x[1]], vec![]);
                vec![b.node("n", "Where", &[&more, &x[1], &x[0]], vec![]), more]
            },
        ),
    ]
}

fn cast(b: &mut Builder, name: &str, x: &TensorRef, to: DataType) -> TensorRef {
    b.node(name, "Cast", &[x], vec![attr::int("to", to as i64)])
}

fn products() -> Vec<Case> {
    let (a, w) = (numbers(10, 6 * 5), numbers(11, 5 * 7));
    let bias = numbers(12, 7);
    let product = matmul(&a, &w, 5, 7);
    let biased: Vec<f32> = product
        .iter()
        .enumerate()
        .map(|(i, v)| v + bias[i % 7])
        .collect();
    let transposed: Vec<f32> = (0..7 * 5).map(|i| w[(i % 5) * 7 + i / 5]).collect();
    let batches: Vec<f32> = [0, 1]
        .iter()
        .flat_map(|&i| matmul(&a[i * 15..][..15], &numbers(13 + i as u64, 35), 5, 7))
        .collect();
    let right: Vec<f32> = [13, 14]
        .iter()
        .flat_map(|&seed| numbers(seed, 35))
        .collect();
    let x = || f32s(&[6, 5], &a);
    vec![
        case(
            "matmul",
            vec![x()],
            vec![f32s(&[6, 7], &product)],
            |b, x| {
                let w = b.weight("w", &[5, 7], &w);
                vec![b.node("n", "MatMul", &[&x[0], &w], vec![])]
            },
        ),
        case(
            "matmul_batched",
            vec![f32s(&[2, 3, 5], &a), f32s(&[2, 5, 7], &right)],
            vec![f32s(&[2, 3, 7], &batches)],
            |b, x| vec![b.node("n", "MatMul", &[&x[0], &x[1]], vec![])],
        ),
        case(
            "gemm_transposed",
            vec![x()],
            vec![f32s(&[6, 7], &biased)],
            |b, x| {
                let w = b.weight("w", &[7, 5], &transposed);
                let bias = b.weight("bias", &[7], &bias);
                vec![b.node(
                    "n",
                    "Gemm",
                    &[&x[0], &w, &bias],
                    vec![attr::int("transB", 1)],
                )]
            },
        ),
        case(
            "softmax_last",
            vec![f32s(&[2, 3, 5], &a)],
            vec![f32s(&[2, 3, 5], &softmax(&a, 5))],
            |b, x| vec![b.node("n", "Softmax", &[&x[0]], vec![attr::int("axis", -1)])],
        ),
        case(
            "softmax_of_masked",
            vec![f32s(&[2, 2], &[1.0, f32::NEG_INFINITY, 0.0, 0.0])],
            vec![f32s(&[2, 2], &[1.0, 0.0, 0.5, 0.5])],
            |b, x| vec![b.node("n", "Softmax", &[&x[0]], vec![attr::int("axis", -1)])],
        ),
        case(
            "layer_normalization",
            vec![f32s(&[2, 3, 5], &a)],
            vec![f32s(&[2, 3, 5], &layer_norm(&a, 5, &w[..5], &w[5..10]))],
            |b, x| {
                let scale = b.weight("scale", &[5], &w[..5]);
                let bias = b.weight("bias", &[5], &w[5..10]);
                let attributes = vec![attr::int("axis", -1), attr::float("epsilon", 1e-5)];
                vec![b.node(
                    "n",
                    "LayerNormalization",
                    &[&x[0], &scale, &bias],
                    attributes,
                )]
            },
        ),
        case(
            "batch_normalization",
            vec![f32s(&[1, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0])],
            vec![f32s(&[1, 2, 1, 2], &[1.0, 3.0, -0.5, 0.0])],
            |b, x| {
                let scale = b.weight("scale", &[2], &[2.0f32, 1.0]);
                let bias = b.weight("bias", &[2], &[1.0f32, 0.0]);
                let mean = b.weight("mean", &[2], &[1.0f32, 4.0]);
                let variance = b.weight("variance", &[2], &[1.0f32, 4.0]);
                let attributes = vec![attr::float("epsilon", 0.0)];
                let inputs = [&x[0], &scale, &bias, &mean, &variance];
                vec![b.node("n", "BatchNormalization", &inputs, attributes)]
            },
        ),
    ]
}

fn shapes() -> Vec<Case> {
    vec![
        case(
            "concat_channels",
            vec![counted(&[1, 1, 2, 2]), counted(&[1, 2, 2, 2])],
            vec![f32s(
                &[1, 3, 2, 2],
                &[0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0],
            )],
            |b, x| vec![b.node("n", "Concat", &[&x[0], &x[1]], vec![attr::int("axis", 1)])],
        ),
        case(
            "transpose",
            vec![counted(&[2, 3])],
            vec![f32s(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0])],
            |b, x| {
                vec![b.node(
                    "n",
                    "Transpose",
                    &[&x[0]],
                    vec![attr::ints("perm", &[1, 0])],
                )]
            },
        ),
        case(
            "reshape_0_and_minus_1",
            vec![counted(&[2, 3, 4])],
            vec![counted(&[2, 12])],
            |b, x| {
                let shape = b.weight("shape", &[2], &[0i64, -1]);
                vec![b.node("n", "Reshape", &[&x[0], &shape], vec![])]
            },
        ),
        case(
            "flatten",
            vec![counted(&[2, 3, 2])],
            vec![counted(&[2, 6])],
            |b, x| vec![b.node("n", "Flatten", &[&x[0]], vec![attr::int("axis", 1)])],
        ),
        case(
            "squeeze_unsqueeze",
            vec![counted(&[1, 3])],
            vec![counted(&[3, 1])],
            |b, x| {
                let (first, last) = (
                    b.weight("first", &[1], &[0i64]),
                    b.weight("last", &[1], &[1i64]),
                );
                let flat = b.node("flat", "Squeeze", &[&x[0], &first], vec![]);
                vec![b.node("n", "Unsqueeze", &[&flat, &last], vec![])]
            },
        ),
        case(
            "slice_negative_step",
            vec![counted(&[2, 5])],
            vec![f32s(&[2, 2], &[4.0, 2.0, 9.0, 7.0])],
            |b, x| {
                let starts = b.weight("starts", &[1], &[-1i64]);
                let ends = b.weight("ends", &[1], &[0i64]);
                let axes = b.weight("axes", &[1], &[1i64]);
                let steps = b.weight("steps", &[1], &[-2i64]);
                vec![b.node(
                    "n",
                    "Slice",
                    &[&x[0], &starts, &ends, &axes, &steps],
                    vec![],
                )]
            },
        ),
        case(
            "split",
            vec![counted(&[1, 5])],
            vec![f32s(&[1, 2], &[0.0, 1.0]), f32s(&[1, 3], &[2.0, 3.0, 4.0])],
            |b, x| {
                let sizes = b.weight("sizes", &[2], &[2i64, 3]);
                b.nodes(
                    "n",
                    "Split",
                    &[&x[0], &sizes],
                    vec![attr::int("axis", 1)],
                    2,
                )
            },
        ),
        case(
            "pad_constant",
            vec![counted(&[2, 2])],
            vec![f32s(&[2, 4], &[9.0, 0.0, 1.0, 9.0, 9.0, 2.0, 3.0, 9.0])],
            |b, x| {
                let pads = b.weight("pads", &[4], &[0i64, 1, 0, 1]);
                let value = b.weight("value", &[], &[9.0f32]);
                vec![b.node("n", "Pad", &[&x[0], &pads, &value], vec![])]
            },
        ),
        case(
            "expand",
            vec![f32s(&[2, 1], &[1.0, 2.0])],
            vec![f32s(&[2, 3], &[1.0, 1.0, 1.0, 2.0, 2.0, 2.0])],
            |b, x| {
                let shape = b.weight("shape", &[2], &[2i64, 3]);
                vec![b.node("n", "Expand", &[&x[0], &shape], vec![])]
            },
        ),
        case(
            "tile",
            vec![f32s(&[1, 2], &[1.0, 2.0])],
            vec![f32s(&[2, 4], &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0])],
            |b, x| {
                let repeats = b.weight("repeats", &[2], &[2i64, 2]);
                vec![b.node("n", "Tile", &[&x[0], &repeats], vec![])]
            },
        ),
        case(
            "shape",
            vec![counted(&[2, 3])],
            vec![i64s(&[2], &[2, 3])],
            |b, x| vec![b.node("n", "Shape", &[&x[0]], vec![])],
        ),
        case(
            "range",
            vec![i64s(&[], &[4])],
            vec![i64s(&[4], &[0, 1, 2, 3])],
            |b, x| {
                let (zero, one) = (
                    b.weight("zero", &[], &[0i64]),
                    b.weight("one", &[], &[1i64]),
                );
                vec![b.node("n", "Range", &[&zero, &x[0], &one], vec![])]
            },
        ),
    ]
}

fn selections() -> Vec<Case> {
    vec![
        case(
            "gather_rows",
            vec![i64s(&[2], &[2, 0])],
            vec![f32s(&[2, 2], &[4.0, 5.0, 0.0, 1.0])],
            |b, x| {
                let table = b.weight("table", &[3, 2], &[0.0f32, 1.0, 2.0, 3.0, 4.0, 5.0]);
                vec![b.node("n", "Gather", &[&table, &x[0]], vec![attr::int("axis", 0)])]
            },
        ),
        case(
            "gather_elements",
            vec![counted(&[2, 3]), i64s(&[2, 1], &[2, 0])],
            vec![f32s(&[2, 1], &[2.0, 3.0])],
            |b, x| {
                vec![b.node(
                    "n",
                    "GatherElements",
                    &[&x[0], &x[1]],
                    vec![attr::int("axis", 1)],
                )]
            },
        ),
        case(
            "gather_nd",
            vec![counted(&[2, 3]), i64s(&[2, 2], &[0, 1, 1, 2])],
            vec![f32s(&[2], &[1.0, 5.0])],
            |b, x| vec![b.node("n", "GatherND", &[&x[0], &x[1]], vec![])],
        ),
        // How points are put onto a grid.
        case(
            "scatter_nd_add",
            vec![i64s(&[3, 1], &[1, 3, 1]), f32s(&[3], &[1.0, 2.0, 4.0])],
            vec![f32s(&[4], &[0.0, 5.0, 0.0, 2.0])],
            |b, x| {
                let grid = b.weight("grid", &[4], &[0.0f32; 4]);
                let attributes = vec![attr::text("reduction", "add")];
                vec![b.node("n", "ScatterND", &[&grid, &x[0], &x[1]], attributes)]
            },
        ),
        case(
            "scatter_elements",
            vec![i64s(&[2], &[2, 0]), f32s(&[2], &[7.0, 8.0])],
            vec![f32s(&[3], &[8.0, 0.0, 7.0])],
            |b, x| {
                let base = b.weight("base", &[3], &[0.0f32; 3]);
                vec![b.node(
                    "n",
                    "ScatterElements",
                    &[&base, &x[0], &x[1]],
                    vec![attr::int("axis", 0)],
                )]
            },
        ),
        case(
            "top_k",
            vec![f32s(&[1, 5], &[1.0, 9.0, 3.0, 7.0, 5.0])],
            vec![f32s(&[1, 3], &[9.0, 7.0, 5.0]), i64s(&[1, 3], &[1, 3, 4])],
            |b, x| {
                let k = b.weight("k", &[1], &[3i64]);
                b.nodes("n", "TopK", &[&x[0], &k], vec![attr::int("axis", -1)], 2)
            },
        ),
        case(
            "arg_max",
            vec![f32s(&[2, 3], &[1.0, 3.0, 2.0, 9.0, 0.0, 4.0])],
            vec![i64s(&[2], &[1, 0])],
            |b, x| {
                let attributes = vec![attr::int("axis", 1), attr::int("keepdims", 0)];
                vec![b.node("n", "ArgMax", &[&x[0]], attributes)]
            },
        ),
        case(
            "non_zero",
            vec![f32s(&[2, 2], &[0.0, 3.0, 1.0, 0.0])],
            vec![i64s(&[2, 2], &[0, 1, 1, 0])],
            |b, x| vec![b.node("n", "NonZero", &[&x[0]], vec![])],
        ),
        case(
            "non_max_suppression",
            vec![
                f32s(
                    &[1, 3, 4],
                    &[0.0, 0.0, 1.0, 1.0, 0.0, 0.1, 1.0, 1.1, 5.0, 5.0, 6.0, 6.0],
                ),
                f32s(&[1, 1, 3], &[0.9, 0.8, 0.7]),
            ],
            vec![i64s(&[2, 3], &[0, 0, 0, 0, 0, 2])],
            |b, x| {
                let most = b.weight("most", &[1], &[3i64]);
                let overlap = b.weight("overlap", &[1], &[0.5f32]);
                let score = b.weight("score", &[1], &[0.0f32]);
                let inputs = [&x[0], &x[1], &most, &overlap, &score];
                vec![b.node("n", "NonMaxSuppression", &inputs, vec![])]
            },
        ),
    ]
}

fn reductions() -> Vec<Case> {
    vec![
        case(
            "reduce_mean",
            vec![counted(&[2, 3])],
            vec![f32s(&[2, 1], &[1.0, 4.0])],
            |b, x| {
                let attributes = vec![attr::ints("axes", &[-1]), attr::int("keepdims", 1)];
                vec![b.node("n", "ReduceMean", &[&x[0]], attributes)]
            },
        ),
        case(
            "reduce_sum",
            vec![counted(&[2, 3])],
            vec![f32s(&[3], &[3.0, 5.0, 7.0])],
            |b, x| {
                let axes = b.weight("axes", &[1], &[0i64]);
                vec![b.node(
                    "n",
                    "ReduceSum",
                    &[&x[0], &axes],
                    vec![attr::int("keepdims", 0)],
                )]
            },
        ),
        case(
            "reduce_max",
            vec![counted(&[2, 3])],
            vec![f32s(&[2], &[2.0, 5.0])],
            |b, x| {
                let attributes = vec![attr::ints("axes", &[1]), attr::int("keepdims", 0)];
                vec![b.node("n", "ReduceMax", &[&x[0]], attributes)]
            },
        ),
        case(
            "cum_sum",
            vec![counted(&[2, 3])],
            vec![f32s(&[2, 3], &[0.0, 1.0, 3.0, 3.0, 7.0, 12.0])],
            |b, x| {
                let axis = b.weight("axis", &[], &[1i64]);
                vec![b.node("n", "CumSum", &[&x[0], &axis], vec![])]
            },
        ),
        case(
            "einsum",
            vec![counted(&[2, 3]), counted(&[3, 2])],
            vec![f32s(&[2, 2], &[10.0, 13.0, 28.0, 40.0])],
            |b, x| {
                let attributes = vec![attr::text("equation", "ij,jk->ik")];
                vec![b.node("n", "Einsum", &[&x[0], &x[1]], attributes)]
            },
        ),
    ]
}

/// Rounds half to even, as quantisation does.
fn quantise(x: f32, scale: f32, zero: i32, low: i32, high: i32) -> i32 {
    ((x / scale).round_ties_even() as i32 + zero).clamp(low, high)
}

fn quantised() -> Vec<Case> {
    let x: Vec<f32> = numbers(15, 12).iter().map(|v| v * 3.0).collect();
    let u8s: Vec<u8> = x
        .iter()
        .map(|&x| quantise(x, 0.02, 128, 0, 255) as u8)
        .collect();
    let back: Vec<f32> = u8s.iter().map(|&q| (f32::from(q) - 128.0) * 0.02).collect();
    let i8s: Vec<i8> = x
        .iter()
        .map(|&x| quantise(x, 0.02, 0, -128, 127) as i8)
        .collect();
    let per_channel: Vec<f32> = (0..6)
        .map(|i| (i as f32 - 3.0) * [0.5, 0.25][i / 3])
        .collect();
    vec![
        case(
            "quantize_u8",
            vec![f32s(&[3, 4], &x)],
            vec![Tensor::new(&[3, 4], u8s)],
            |b, x| {
                let (scale, zero) = (
                    b.weight("scale", &[], &[0.02f32]),
                    b.weight("zero", &[], &[128u8]),
                );
                vec![b.node("n", "QuantizeLinear", &[&x[0], &scale, &zero], vec![])]
            },
        ),
        case(
            "quantize_i8",
            vec![f32s(&[3, 4], &x)],
            vec![Tensor::new(&[3, 4], i8s)],
            |b, x| {
                let (scale, zero) = (
                    b.weight("scale", &[], &[0.02f32]),
                    b.weight("zero", &[], &[0i8]),
                );
                vec![b.node("n", "QuantizeLinear", &[&x[0], &scale, &zero], vec![])]
            },
        ),
        case(
            "quantize_dequantize_u8",
            vec![f32s(&[3, 4], &x)],
            vec![f32s(&[3, 4], &back)],
            |b, x| {
                let (scale, zero) = (
                    b.weight("scale", &[], &[0.02f32]),
                    b.weight("zero", &[], &[128u8]),
                );
                let q = b.node("q", "QuantizeLinear", &[&x[0], &scale, &zero], vec![]);
                vec![b.node("n", "DequantizeLinear", &[&q, &scale, &zero], vec![])]
            },
        ),
        case(
            "dequantize_per_channel",
            vec![Tensor::new(&[2, 3], vec![-3i8, -2, -1, 0, 1, 2])],
            vec![f32s(&[2, 3], &per_channel)],
            |b, x| {
                let scale = b.weight("scale", &[2], &[0.5f32, 0.25]);
                let zero = b.weight("zero", &[2], &[0i8, 0]);
                vec![b.node(
                    "n",
                    "DequantizeLinear",
                    &[&x[0], &scale, &zero],
                    vec![attr::int("axis", 0)],
                )]
            },
        ),
        case(
            "matmul_integer",
            vec![
                Tensor::new(&[1, 2], vec![130u8, 120]),
                Tensor::new(&[2, 2], vec![1i8, 2, 3, 4]),
            ],
            vec![Tensor::new(&[1, 2], vec![-22i32, -28])],
            |b, x| {
                let (za, zb) = (b.weight("za", &[], &[128u8]), b.weight("zb", &[], &[0i8]));
                vec![b.node("n", "MatMulInteger", &[&x[0], &x[1], &za, &zb], vec![])]
            },
        ),
        softmax_between_quantised(),
        qlinear_matmul(),
    ]
}

/// 255 levels of 1/255: what tract 0.23 gets wrong, and refuses here.
fn softmax_between_quantised() -> Case {
    let x = [0.0f32, 1.0, 2.0, 3.0];
    let level = |p: f32| quantise(p, 1.0 / 255.0, 0, 0, 255) as f32 / 255.0;
    let y: Vec<f32> = softmax(&x, 4).into_iter().map(level).collect();
    case(
        "softmax_between_quantised",
        vec![f32s(&[1, 4], &x)],
        vec![f32s(&[1, 4], &y)],
        |b, x| {
            let zero = b.weight("zero", &[], &[0u8]);
            let (one, fine) = (
                b.weight("one", &[], &[1.0f32]),
                b.weight("fine", &[], &[1.0f32 / 255.0]),
            );
            let q = b.node("q", "QuantizeLinear", &[&x[0], &one, &zero], vec![]);
            let dq = b.node("dq", "DequantizeLinear", &[&q, &one, &zero], vec![]);
            let soft = b.node("attention", "Softmax", &[&dq], vec![attr::int("axis", -1)]);
            let q = b.node("q2", "QuantizeLinear", &[&soft, &fine, &zero], vec![]);
            vec![b.node("n", "DequantizeLinear", &[&q, &fine, &zero], vec![])]
        },
    )
}

fn qlinear_matmul() -> Case {
    let (a, w) = (vec![130u8, 120], [1i8, 2, 3, 4]);
    // (2 * 1 - 8 * 3, 2 * 2 - 8 * 4) steps of 0.1 * 0.5, in steps of 0.5 around 128.
    let y = vec![126u8, 125];
    case(
        "qlinear_matmul",
        vec![Tensor::new(&[1, 2], a)],
        vec![Tensor::new(&[1, 2], y)],
        |b, x| {
            let scales = [("sa", 0.1f32), ("sw", 0.5), ("sy", 0.5)];
            let scales = scales.map(|(name, scale)| b.weight(name, &[], &[scale]));
            let zero_a = b.weight("za", &[], &[128u8]);
            let zero_w = b.weight("zw", &[], &[0i8]);
            let w = b.weight("w", &[2, 2], &w);
            let inputs = [
                &x[0], &scales[0], &zero_a, &w, &scales[1], &zero_w, &scales[2], &zero_a,
            ];
            vec![b.node("product", "QLinearMatMul", &inputs, vec![])]
        },
    )
}
