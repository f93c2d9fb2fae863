//! What every rewrite expects of a graph: constants among the weights, nodes with names of their own.

use crate::error::QuantiseError;
use drafthorse_onnx::proto::{Attribute, GraphProto, Model, Node, OperatorSet, Tensor};
use std::collections::BTreeSet;

/// The same model with its constants among the weights, weights no longer listed as inputs, and a
/// name of its own for each node. Layers are named after the nodes of what this gives; names that
/// are there and unique stay.
///
/// # Errors
/// [`QuantiseError::NoGraph`].
pub fn prepare(model: &Model) -> Result<Model, QuantiseError> {
    let mut model = model.clone();
    let graph = model.graph.as_mut().ok_or(QuantiseError::NoGraph)?;
    let mut nodes = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node) {
        match constant_of(&node) {
            Some(weight) => graph.initializer.push(weight),
            None => nodes.push(node),
        }
    }
    graph.node = nodes;
    let weights: BTreeSet<&str> = graph.initializer.iter().map(|t| t.name.as_str()).collect();
    graph
        .input
        .retain(|value| !weights.contains(value.name.as_str()));
    let mut taken = BTreeSet::new();
    for node in &mut graph.node {
        let title = node.title();
        node.name = fresh(&title, |name| taken.contains(name));
        taken.insert(node.name.clone());
    }
    Ok(model)
}

/// The weight that a `Constant` stands for.
fn constant_of(node: &Node) -> Option<Tensor> {
    if node.op_type != "Constant" || !node.domain.is_empty() {
        return None;
    }
    let (name, value) = (node.output.first()?, node.attribute.first()?);
    Some(match value.name.as_str() {
        "value" => Tensor {
            name: name.clone(),
            ..value.t.clone()?
        },
        "value_float" => Tensor::new(name, &[], &[value.f]),
        "value_int" => Tensor::new(name, &[], &[value.i]),
        "value_floats" => Tensor::new(name, &[value.floats.len()], &value.floats),
        "value_ints" => Tensor::new(name, &[value.ints.len()], &value.ints),
        _ => return None,
    })
}

/// `wanted`, or with the first number behind it that makes it free.
pub(crate) fn fresh(wanted: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..).map(|i| format!("{wanted}#{i}"));
    std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !is_taken(name))
        .unwrap_or_default()
}

/// The graph of a model.
pub(crate) fn graph_of(model: &Model) -> Result<&GraphProto, QuantiseError> {
    model.graph.as_ref().ok_or(QuantiseError::NoGraph)
}

/// Version of the ONNX operators; 0 where none is named.
pub(crate) fn operators(model: &Model) -> i64 {
    let sets = model.opset_import.iter();
    let onnx = |set: &&OperatorSet| set.domain.is_empty() || set.domain == "ai.onnx";
    sets.clone().find(onnx).map_or(0, |set| set.version)
}

/// Names a domain of operators that a rewrite uses.
pub(crate) fn import(model: &mut Model, domain: &str, version: i64) {
    if model.opset_import.iter().all(|set| set.domain != domain) {
        model.opset_import.push(OperatorSet {
            domain: domain.to_owned(),
            version,
        });
    }
}

/// An attribute of a node.
pub(crate) fn attribute<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|a| a.name == name)
}

/// A whole number among a node's attributes.
pub(crate) fn int(node: &Node, name: &str, absent: i64) -> i64 {
    attribute(node, name).map_or(absent, |a| a.i)
}

/// Calls `visit` with each value that the graphs inside a node take, whoever gives it.
pub(crate) fn inner_uses<'a>(node: &'a Node, visit: &mut impl FnMut(&'a str)) {
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            for inner in &graph.node {
                inner.input.iter().for_each(|value| visit(value));
                inner_uses(inner, visit);
            }
            graph.output.iter().for_each(|value| visit(&value.name));
        }
    }
}

/// Drops weights that nothing takes any more.
pub(crate) fn drop_unused_weights(graph: &mut GraphProto) {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for node in &graph.node {
        used.extend(node.input.iter().map(String::as_str));
        inner_uses(node, &mut |value| {
            used.insert(value);
        });
    }
    used.extend(graph.output.iter().map(|value| value.name.as_str()));
    let keep: Vec<bool> = graph
        .initializer
        .iter()
        .map(|weight| used.contains(weight.name.as_str()))
        .collect();
    let mut keep = keep.into_iter();
    graph.initializer.retain(|_| keep.next().unwrap_or(true));
}

/// Every name in use, so that new ones do not meet them.
pub(crate) fn names(graph: &GraphProto) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    names.extend(graph.input.iter().map(|value| value.name.clone()));
    names.extend(graph.initializer.iter().map(|weight| weight.name.clone()));
    for node in &graph.node {
        names.insert(node.name.clone());
        names.extend(node.output.iter().cloned());
        for attribute in &node.attribute {
            for inner in attribute.g.iter().chain(&attribute.graphs) {
                names.extend(self::names(inner));
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use drafthorse_onnx::{Builder, DataType, Dim, attr};

    #[test]
    fn constants_become_weights_and_names_become_unique() {
        let mut b = Builder::new("g", 13);
        let x = b.input("x", DataType::F32, &[Dim::Fixed(2)]);
        let half = Attribute {
            f: 0.5,
            ..attr::float("value_float", 0.5)
        };
        let c = b.node("c", "Constant", &[], vec![half]);
        let y = b.node("y", "Mul", &[&x, &c], vec![]);
        b.output("out", &y, DataType::F32, &[Dim::Fixed(2)]);
        let mut model = b.finish();
        let graph = model.graph.as_mut().unwrap();
        graph.node[1].name = String::new();
        graph.node[2].name = "Mul of y".to_owned();
        let prepared = prepare(&model).unwrap();
        let graph = graph_of(&prepared).unwrap();
        assert_eq!(graph.initializer[0].data::<f32>(), Some(vec![0.5]));
        let names: Vec<&str> = graph.node.iter().map(|n| n.name.as_str()).collect();
        assert_eq!(names, ["Mul of y", "Mul of y#2"]);
    }
}
