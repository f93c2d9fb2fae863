//! Graphs that tract 0.23 gives wrong answers for, or fails on only when it runs.

use crate::NAME;
use drafthorse_engine::EngineError;
use drafthorse_onnx::{Graph, proto};

/// Refuses quantised softmax, whose answers are wrong without a word, and operators that take
/// quantised tensors as they are, of which tract has only some.
pub(crate) fn check(model: &str, file: &proto::Model) -> Result<(), EngineError> {
    let Some(graph) = &file.graph else {
        return Ok(());
    };
    let mut refused = None;
    Graph::new(graph).walk(&mut |graph, node| {
        if refused.is_none() {
            refused = why(graph, node).map(|why| (node.title(), why));
        }
    });
    match refused {
        None => Ok(()),
        Some((node, why)) => Err(EngineError::Refused {
            backend: NAME,
            model: model.to_owned(),
            node,
            why: why.to_owned(),
        }),
    }
}

fn why(graph: &Graph<'_>, node: &proto::Node) -> Option<&'static str> {
    match node.op_type.as_str() {
        "Softmax" | "LogSoftmax" => is_quantised(graph, node).then_some(
            "is a softmax between QuantizeLinear and DequantizeLinear, which comes out wrong there; keep softmax in floating point",
        ),
        op if op.starts_with("QLinear") || matches!(op, "QGemm" | "QAttention" | "QEmbedLayerNormalization") => {
            Some("is an operator on quantised tensors; save the model with QuantizeLinear and DequantizeLinear pairs instead")
        }
        _ => None,
    }
}

/// Whether a node takes what was just dequantised or gives what is quantised next.
fn is_quantised(graph: &Graph<'_>, node: &proto::Node) -> bool {
    let is = |node: &proto::Node, op: &str| node.op_type == op;
    let mut makers = node.input.iter().filter_map(|value| graph.maker(value));
    let mut users = node.output.iter().flat_map(|value| graph.users(value));
    makers.any(|maker| is(maker, "DequantizeLinear"))
        || users.any(|user| is(user, "QuantizeLinear"))
}
