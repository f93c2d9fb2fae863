//! Targets for coverage-guided fuzzing: what any bytes must not do.

use crate::{Graph, encode, inputs, outputs, parse};

/// A name and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[("onnx", file)];

/// Any bytes give a model or an error. What is accepted can be looked through and written, and what
/// is written is accepted.
pub fn file(bytes: &[u8]) {
    let Ok(model) = parse(bytes) else { return };
    let _ = (inputs(&model), outputs(&model));
    if let Some(graph) = &model.graph {
        Graph::new(graph).walk(&mut |graph, node| {
            let _ = node.title();
            for value in &node.input {
                let _ = (graph.maker(value), graph.users(value));
                let weight = graph.weight(value);
                let _ = weight.map(|weight| (weight.shape(), weight.data::<f32>()));
            }
        });
    }
    assert!(
        parse(&encode(&model)).is_ok(),
        "what was written is not accepted"
    );
}
