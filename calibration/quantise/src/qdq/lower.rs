//! Nodes without an 8-bit kernel, in terms of nodes that have one.

use super::Convention;
use crate::error::QuantiseError;
use crate::prepare::{attribute, drop_unused_weights, fresh, graph_of, int, names, prepare};
use drafthorse_onnx::proto::{Attribute, GraphProto, Model, Node, Tensor};
use drafthorse_onnx::{Graph, attr};
use std::collections::BTreeSet;

/// The prepared model (see [`crate::prepare`]) with nodes that the convention's engine has 8-bit
/// kernels for, where there is such a form. It gives the same but for rounding, and nodes keep their
/// names. Plan, observe and rewrite what this gives.
///
/// For [`Convention::U8S8`] a transposed convolution whose kernels do not overlap becomes a
/// convolution of one pixel, which gives all pixels of a kernel as channels, and a `DepthToSpace`; a
/// `Relu` behind it goes between, where it is part of the convolution.
///
/// # Errors
/// [`QuantiseError::NoGraph`].
pub fn lower(model: &Model, convention: Convention) -> Result<Model, QuantiseError> {
    let mut model = prepare(model)?;
    if convention == Convention::S8S8 {
        return Ok(model);
    }
    let before = model.clone();
    let proto = graph_of(&before)?;
    let graph = Graph::new(proto);
    let mut taken = names(proto);
    let mut name = |wanted: &str| {
        let name = fresh(wanted, |name| taken.contains(name));
        taken.insert(name.clone());
        name
    };
    let (mut nodes, mut weights) = (Vec::new(), Vec::new());
    let mut moved: BTreeSet<&str> = BTreeSet::new();
    for node in &proto.node {
        if moved.contains(node.name.as_str()) {
            continue;
        }
        let Some(tile) = Tile::of(node, &graph) else {
            nodes.push(node.clone());
            continue;
        };
        let relu = relu_behind(node, &graph, proto);
        moved.extend(relu.map(|relu| relu.name.as_str()));
        tile.replace(node, relu, &mut name, &mut nodes, &mut weights);
    }
    let graph = model.graph.as_mut().ok_or(QuantiseError::NoGraph)?;
    graph.node = nodes;
    graph.initializer.extend(weights);
    drop_unused_weights(graph);
    Ok(model)
}

/// A `Relu` that is all that takes what a node gives.
fn relu_behind<'a>(node: &Node, graph: &Graph<'a>, proto: &GraphProto) -> Option<&'a Node> {
    let value = &node.output[0];
    let is_result = proto.output.iter().any(|output| output.name == *value);
    match graph.users(value) {
        [user] if user.op_type == "Relu" && !is_result => Some(*user),
        _ => None,
    }
}

/// A transposed convolution that lays tiles side by side.
struct Tile<'a> {
    weight: &'a Tensor,
    bias: Option<&'a Tensor>,
    /// Pixels along a side of a tile.
    side: usize,
}

impl<'a> Tile<'a> {
    fn of(node: &Node, graph: &Graph<'a>) -> Option<Self> {
        if node.op_type != "ConvTranspose" || !node.domain.is_empty() {
            return None;
        }
        let weight = graph.weight(node.input.get(1)?)?;
        let bias = match node.input.get(2).filter(|bias| !bias.is_empty()) {
            Some(bias) => Some(graph.weight(bias)?),
            None => None,
        };
        let &[_, _, side, width] = weight.shape().as_slice() else {
            return None;
        };
        weight.data::<f32>()?;
        let ints = |name: &str| attribute(node, name).map_or(&[][..], |a: &Attribute| &a.ints);
        let all = |name: &str, length: usize| ints(name).iter().all(|v| *v == length as i64);
        let strides_are = match ints("strides") {
            [] => side == 1,
            strides => strides.iter().all(|stride| *stride == side as i64),
        };
        let pads_itself = attribute(node, "auto_pad").is_some_and(|a| a.s != b"NOTSET");
        let lies_side_by_side = side == width
            && strides_are
            && !pads_itself
            && int(node, "group", 1) == 1
            && all("pads", 0)
            && all("dilations", 1)
            && all("output_padding", 0)
            && attribute(node, "output_shape").is_none();
        lies_side_by_side.then_some(Self { weight, bias, side })
    }

    fn replace(
        &self,
        node: &Node,
        relu: Option<&Node>,
        name: &mut impl FnMut(&str) -> String,
        nodes: &mut Vec<Node>,
        weights: &mut Vec<Tensor>,
    ) {
        let shape = self.weight.shape();
        let (from, to) = (shape[0], shape[1] * self.side * self.side);
        let data = self.weight.data::<f32>().unwrap_or_default();
        let turned: Vec<f32> = (0..to * from)
            .map(|at| data[at % from * to + at / from])
            .collect();
        let weight = name(&format!("{}/pixel", self.weight.name));
        weights.push(Tensor::new(&weight, &[to, from, 1, 1], &turned));
        let mut input = vec![node.input[0].clone(), weight];
        if let Some(bias) = self.bias {
            let each = bias.data::<f32>().unwrap_or_default();
            let pixels = self.side * self.side;
            let data: Vec<f32> = each
                .iter()
                .flat_map(|bias| std::iter::repeat_n(*bias, pixels))
                .collect();
            let bias = name(&format!("{}/pixel", bias.name));
            weights.push(Tensor::new(&bias, &[to], &data));
            input.push(bias);
        }
        let result = &relu.unwrap_or(node).output[0];
        let spreads = self.side > 1;
        let mut value = match spreads || relu.is_some() {
            true => name(&format!("{}/pixel", node.name)),
            false => result.clone(),
        };
        nodes.push(Node {
            name: node.name.clone(),
            op_type: "Conv".to_owned(),
            input,
            output: vec![value.clone()],
            attribute: vec![attr::ints("kernel_shape", &[1, 1])],
            ..Node::default()
        });
        if let Some(relu) = relu {
            let given = match spreads {
                true => name(&format!("{}/pixel", relu.name)),
                false => result.clone(),
            };
            nodes.push(Node {
                input: vec![value],
                output: vec![given.clone()],
                ..relu.clone()
            });
            value = given;
        }
        if spreads {
            nodes.push(Node {
                name: name(&format!("{}/spread", node.name)),
                op_type: "DepthToSpace".to_owned(),
                input: vec![value],
                output: vec![result.clone()],
                attribute: vec![
                    attr::int("blocksize", self.side as i64),
                    attr::text("mode", "CRD"),
                ],
                ..Node::default()
            });
        }
    }
}
