//! What the operators are to a quantiser: which have weights, which work on whole numbers as they
//! are, and which must never be touched.

use crate::prepare::{attribute, int};
use drafthorse_onnx::proto::{Node, Tensor};
use drafthorse_onnx::{Graph, elements};

/// A node with a constant weight that 8-bit kernels exist for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Axis of the weight along which each index has its own scale; none for one scale.
    pub(crate) channel_axis: Option<usize>,
    /// Which kind.
    pub(crate) kind: Kind,
}

/// Kinds of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Conv,
    ConvTranspose,
    Gemm,
    MatMul,
}

/// The layer that a node is, if its weight is constant and 32-bit float and its attributes are those
/// that 8-bit kernels know.
pub(crate) fn layer(node: &Node, graph: &Graph<'_>) -> Option<Layer> {
    if !node.domain.is_empty() {
        return None;
    }
    let weight = weight(node, graph)?;
    let rank = weight.dims.len();
    let bias_is_weight = match node.input.get(2) {
        Some(bias) if !bias.is_empty() => graph.weight(bias).is_some(),
        _ => true,
    };
    let (kind, channel_axis) = match node.op_type.as_str() {
        "Conv" if rank > 2 && bias_is_weight => (Kind::Conv, Some(0)),
        "ConvTranspose" if rank > 2 && bias_is_weight => {
            // With groups the second axis counts the channels of one group only.
            let whole = int(node, "group", 1) == 1;
            (Kind::ConvTranspose, whole.then_some(1))
        }
        "Gemm" if rank == 2 && bias_is_weight && is_plain_gemm(node) => {
            let axis = usize::from(int(node, "transB", 0) == 0);
            (Kind::Gemm, Some(axis))
        }
        "MatMul" if rank == 2 => (Kind::MatMul, Some(1)),
        _ => return None,
    };
    Some(Layer { channel_axis, kind })
}

/// The constant weight of a node.
pub(crate) fn weight<'a>(node: &Node, graph: &Graph<'a>) -> Option<&'a Tensor> {
    let tensor = graph.weight(node.input.get(1)?)?;
    let count = elements(&tensor.dims)?;
    (count > 0 && tensor.data_type() == drafthorse_onnx::DataType::F32).then_some(tensor)
}

fn is_plain_gemm(node: &Node) -> bool {
    let factor = |name| attribute(node, name).map_or(1.0, |a| a.f);
    factor("alpha") == 1.0 && factor("beta") == 1.0 && int(node, "transA", 0) == 0
}

/// Whether whole numbers pass it as they are, so that its output has its input's scale.
pub(crate) fn passes(node: &Node) -> bool {
    let by_mode = || {
        let mode = attribute(node, "mode").map_or(&b"nearest"[..], |a| &a.s);
        mode == b"nearest" || mode == b"linear"
    };
    node.domain.is_empty()
        && match node.op_type.as_str() {
            "Reshape" | "Transpose" | "Flatten" | "Squeeze" | "Unsqueeze" | "Slice"
            | "DepthToSpace" | "SpaceToDepth" => true,
            "MaxPool" => node.output.len() == 1,
            "Resize" => by_mode(),
            _ => false,
        }
}

/// Whether an 8-bit kernel joins or averages quantised values with scales of their own.
pub(crate) fn joins(node: &Node) -> bool {
    node.domain.is_empty()
        && matches!(
            node.op_type.as_str(),
            "Add" | "Concat" | "AveragePool" | "GlobalAveragePool" | "LeakyRelu"
        )
}

/// Whether it cuts values off at 0, which an unsigned output with the zero point 0 does by itself.
pub(crate) fn rectifies(node: &Node, graph: &Graph<'_>) -> bool {
    if !node.domain.is_empty() {
        return false;
    }
    match node.op_type.as_str() {
        "Relu" => true,
        "Clip" => {
            let low = node.input.get(1).and_then(|name| graph.weight(name));
            let low = low.and_then(Tensor::data::<f32>);
            low.is_some_and(|low| low == [0.0])
        }
        _ => false,
    }
}

/// Whether quantised values must stay away from it on both sides.
pub(crate) fn is_softmax(node: &Node) -> bool {
    matches!(node.op_type.as_str(), "Softmax" | "LogSoftmax")
}
