//! Graphs in 16-bit floats, with inputs and outputs as they were.

mod float16;

pub use float16::{from_f16, to_f16};

use crate::error::QuantiseError;
use crate::prepare::{drop_unused_weights, fresh, names, prepare};
use crate::types::Types;
use drafthorse_onnx::attr;
use drafthorse_onnx::proto::{AttributeType, DataType, GraphProto, Model, Node, Tensor};
use std::collections::{BTreeMap, BTreeSet};

/// A model whose 32-bit floats are 16-bit floats inside. Inputs and outputs keep their types; a `Cast`
/// stands at each edge, and around each node of `keep`, which stays in 32 bits.
///
/// Weights that 16 bits do not hold become the greatest number that they do hold, 65504, of that
/// sign: masks of large negative numbers stay masks. Nodes that take scales or sizes as 32-bit floats
/// whatever the data is (`Resize`, quantisers, `Range` and the like) get them as they were.
///
/// # Errors
/// [`QuantiseError::UnknownNode`] for names of `keep` that do not exist, [`QuantiseError::Node`] for
/// nodes with graphs inside.
pub fn to_half(model: &Model, keep: &BTreeSet<String>) -> Result<Model, QuantiseError> {
    let mut model = prepare(model)?;
    let before = model.clone();
    let graph = before.graph.as_ref().ok_or(QuantiseError::NoGraph)?;
    check(graph, keep)?;
    let mut halver = Halver {
        types: Types::of(graph),
        weights: graph
            .initializer
            .iter()
            .map(|w| (w.name.as_str(), w))
            .collect(),
        taken: names(graph),
        narrow: BTreeMap::new(),
        wide: BTreeMap::new(),
        nodes: Vec::new(),
        initializers: Vec::new(),
    };
    for node in &graph.node {
        halver.node(node, keep.contains(&node.name) || stays_wide(node));
    }
    for output in &graph.output {
        halver.result(&output.name);
    }
    let (nodes, initializers) = (halver.nodes, halver.initializers);
    let graph = model.graph.as_mut().ok_or(QuantiseError::NoGraph)?;
    graph.node = nodes;
    graph.initializer.extend(initializers);
    // Types of values between are no longer true.
    graph.value_info.clear();
    drop_unused_weights(graph);
    Ok(model)
}

fn check(graph: &GraphProto, keep: &BTreeSet<String>) -> Result<(), QuantiseError> {
    if let Some(unknown) = keep
        .iter()
        .find(|name| graph.node.iter().all(|node| node.name != **name))
    {
        return Err(QuantiseError::UnknownNode {
            node: unknown.clone(),
            what: "kept in 32 bits",
        });
    }
    let has_graph = |node: &&Node| {
        let mut attributes = node.attribute.iter();
        attributes.any(|a| a.g.is_some() || !a.graphs.is_empty())
    };
    match graph.node.iter().find(has_graph) {
        Some(node) => Err(QuantiseError::Node {
            node: node.name.clone(),
            why: "has a graph inside, whose types cannot be changed",
            instead: "export the model without control flow",
        }),
        None => Ok(()),
    }
}

/// Nodes whose floats are 32 bits by definition or whose kernels know nothing else.
fn stays_wide(node: &Node) -> bool {
    matches!(
        node.op_type.as_str(),
        "QuantizeLinear"
            | "DequantizeLinear"
            | "DynamicQuantizeLinear"
            | "Range"
            | "NonMaxSuppression"
            | "RandomNormal"
            | "RandomUniform"
            | "RandomNormalLike"
            | "RandomUniformLike"
            | "Multinomial"
            | "EyeLike"
            | "MatMulNBits"
    )
}

/// Whether a node takes that input as 32-bit floats whatever its data is.
fn takes_wide(node: &Node, input: usize) -> bool {
    input > 0 && matches!(node.op_type.as_str(), "Resize" | "Upsample")
}

struct Halver<'a> {
    types: Types<'a>,
    weights: BTreeMap<&'a str, &'a Tensor>,
    taken: BTreeSet<String>,
    /// 16-bit stand-ins of 32-bit values.
    narrow: BTreeMap<String, String>,
    /// 32-bit stand-ins of values that are 16-bit now.
    wide: BTreeMap<String, String>,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
}

impl<'a> Halver<'a> {
    fn name(&mut self, wanted: &str) -> String {
        let name = fresh(wanted, |name| self.taken.contains(name));
        self.taken.insert(name.clone());
        name
    }

    fn node(&mut self, node: &'a Node, stays: bool) {
        let mut changed = node.clone();
        for (index, input) in changed.input.iter_mut().enumerate() {
            if !self.types.is_f32(input) {
                continue;
            }
            *input = match stays || takes_wide(node, index) {
                true => self.as_wide(input),
                false => self.as_narrow(input),
            };
        }
        if !stays {
            narrow_attributes(&mut changed);
        }
        for output in &mut changed.output {
            if !stays && self.types.is_f32(output) {
                let half = self.name(&format!("{output}/f16"));
                self.narrow.insert(output.clone(), half.clone());
                self.wide.insert(output.clone(), String::new());
                *output = half;
            }
        }
        self.nodes.push(changed);
    }

    /// What stands for a 32-bit value in 16 bits.
    fn as_narrow(&mut self, value: &str) -> String {
        if let Some(narrow) = self.narrow.get(value) {
            return narrow.clone();
        }
        let narrow = self.name(&format!("{value}/f16"));
        match self.weights.get(value) {
            Some(weight) => self.initializers.push(halved(weight, &narrow)),
            None => self.cast(value, &narrow, DataType::F16),
        }
        self.narrow.insert(value.to_owned(), narrow.clone());
        narrow
    }

    /// The value in 32 bits: itself, if it still is.
    fn as_wide(&mut self, value: &str) -> String {
        match self.wide.get(value) {
            None => value.to_owned(),
            Some(wide) if !wide.is_empty() => wide.clone(),
            Some(_) => {
                // Its own name is free, since what makes it has another one now.
                let narrow = self.narrow.get(value).cloned().unwrap_or_default();
                self.cast(&narrow, value, DataType::F32);
                self.wide.insert(value.to_owned(), value.to_owned());
                value.to_owned()
            }
        }
    }

    /// Gives a result of the graph under its name and type.
    fn result(&mut self, value: &str) {
        self.as_wide(value);
    }

    fn cast(&mut self, from: &str, to: &str, data_type: DataType) {
        let name = self.name(&format!("{to}/Cast"));
        self.nodes.push(Node {
            name,
            op_type: "Cast".to_owned(),
            input: vec![from.to_owned()],
            output: vec![to.to_owned()],
            attribute: vec![attr::int("to", data_type as i64)],
            ..Node::default()
        });
    }
}

/// Types and constants among a node's attributes.
fn narrow_attributes(node: &mut Node) {
    for attribute in &mut node.attribute {
        let is_type = matches!(
            (node.op_type.as_str(), attribute.name.as_str()),
            ("Cast", "to")
        );
        if is_type && attribute.i == DataType::F32 as i64 {
            attribute.i = DataType::F16 as i64;
        }
        let is_tensor = attribute.r#type == AttributeType::Tensor as i32;
        if let Some(tensor) = attribute.t.as_mut().filter(|_| is_tensor)
            && tensor.data_type() == DataType::F32
        {
            *tensor = halved(tensor, &tensor.name);
        }
    }
}

/// A weight in 16 bits.
fn halved(weight: &Tensor, name: &str) -> Tensor {
    let values = weight.data::<f32>().unwrap_or_default();
    let bytes = values
        .iter()
        .flat_map(|value| {
            let finite = value.is_finite();
            let held = if finite {
                value.clamp(-65504.0, 65504.0)
            } else {
                *value
            };
            to_f16(held).to_le_bytes()
        })
        .collect();
    Tensor {
        name: name.to_owned(),
        dims: weight.dims.clone(),
        data_type: DataType::F16 as i32,
        raw_data: bytes,
        ..Tensor::default()
    }
}
