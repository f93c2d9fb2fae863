//! The graph with its quantised values and weights.

use super::operators::{Kind, Layer, weight};
use super::scales::scales;
use super::weights::{self, Weight};
use super::{Convention, Plan};
use crate::affine::Affine;
use crate::error::QuantiseError;
use crate::prepare::{drop_unused_weights, fresh, graph_of, names};
use crate::ranges::Ranges;
use drafthorse_onnx::proto::{GraphProto, Model, Node, Tensor};
use drafthorse_onnx::{Graph, attr};
use std::collections::{BTreeMap, BTreeSet};

/// Puts the plan of a prepared model into its graph. The model's own names stay; new ones are made
/// from the value's or weight's: `x/scale`, `x/zero_point`, `x/quantised`, `x/dequantised`.
///
/// # Errors
/// [`QuantiseError::NoRange`], [`QuantiseError::NoGraph`].
pub fn rewrite(model: &Model, plan: &Plan, ranges: &Ranges) -> Result<Model, QuantiseError> {
    let proto = graph_of(model)?;
    let mut rewriter = Rewriter {
        plan,
        graph: Graph::new(proto),
        lines: scales(plan, ranges)?,
        taken: names(proto),
        results: proto
            .output
            .iter()
            .map(|value| value.name.as_str())
            .collect(),
        dequantised: BTreeMap::new(),
        weights: BTreeMap::new(),
        added: BTreeMap::new(),
        nodes: Vec::with_capacity(proto.node.len() * 3),
        initializers: Vec::new(),
    };
    for input in &proto.input {
        rewriter.quantise_value(&input.name);
    }
    for (index, node) in proto.node.iter().enumerate() {
        rewriter.node(index, node);
    }
    let (nodes, initializers) = (rewriter.nodes, rewriter.initializers);
    let mut model = model.clone();
    let graph = model.graph.get_or_insert_with(GraphProto::default);
    graph.node = nodes;
    graph.initializer.extend(initializers);
    drop_unused_weights(graph);
    Ok(model)
}

struct Rewriter<'a> {
    plan: &'a Plan,
    graph: Graph<'a>,
    lines: BTreeMap<String, Affine>,
    taken: BTreeSet<String>,
    results: BTreeSet<&'a str>,
    /// What stands for a value behind its `DequantizeLinear`.
    dequantised: BTreeMap<String, String>,
    /// Quantised weights by float weight, with what stands for them.
    weights: BTreeMap<String, Vec<(Weight, String)>>,
    /// Biases that nodes behind products add, by node and input, with what stands for them.
    added: BTreeMap<(String, usize), String>,
    nodes: Vec<Node>,
    initializers: Vec<Tensor>,
}

impl<'a> Rewriter<'a> {
    fn node(&mut self, index: usize, node: &'a Node) {
        let mut node = node.clone();
        let layer = self.plan.layers.get(&index);
        let is_quantised = layer.is_some() || self.plan.others.contains(&index);
        let original = node.input.clone();
        for (position, input) in node.input.iter_mut().enumerate() {
            let made = |about: &super::plan::About| about.is_made_quantised;
            let is_taken = match layer {
                Some(_) => position == 0,
                None => is_quantised,
            };
            let is_made = self.plan.about.get(input).is_some_and(made);
            if (is_taken || is_made)
                && let Some(dequantised) = self.dequantised.get(input)
            {
                input.clone_from(dequantised);
            }
        }
        if let Some(layer) = layer {
            self.layer(&mut node, &original, layer);
        }
        for (position, input) in node.input.iter_mut().enumerate() {
            if let Some(bias) = self.added.remove(&(node.name.clone(), position)) {
                *input = bias;
            }
        }
        // A result keeps its name behind the pair, and what gives it gets another.
        let mut quantised = Vec::new();
        for output in &mut node.output {
            let Some(about) = self.plan.about.get(output) else {
                continue;
            };
            let value = output.clone();
            if about.is_made_quantised && self.results.contains(value.as_str()) {
                *output = self.name(&format!("{value}/float"));
            }
            quantised.push((output.clone(), value));
        }
        self.nodes.push(node);
        for (float, value) in quantised {
            self.pair(&float, &value);
        }
    }

    fn name(&mut self, wanted: &str) -> String {
        let name = fresh(wanted, |name| self.taken.contains(name));
        self.taken.insert(name.clone());
        name
    }

    /// Quantises a value that no node gives.
    fn quantise_value(&mut self, value: &str) {
        if self.plan.about.contains_key(value) {
            self.pair(value, value);
        }
    }

    /// `QuantizeLinear` and `DequantizeLinear` of what `float` holds and is known as `value`.
    fn pair(&mut self, float: &str, value: &str) {
        let Some(line) = self.lines.get(value).copied() else {
            return;
        };
        let scale = self.weight(&format!("{value}/scale"), &[], &[line.scale]);
        let zero_point = format!("{value}/zero_point");
        let zero_point = match self.plan.options.convention {
            Convention::U8S8 => self.weight(&zero_point, &[], &[line.zero_point as u8]),
            Convention::S8S8 => self.weight(&zero_point, &[], &[line.zero_point as i8]),
        };
        let result = if float == value {
            self.name(&format!("{value}/dequantised"))
        } else {
            value.to_owned()
        };
        let whole = self.name(&format!("{value}/quantised"));
        let takes = |first: &str| vec![first.to_owned(), scale.clone(), zero_point.clone()];
        self.emit("QuantizeLinear", takes(float), &whole, None);
        self.emit("DequantizeLinear", takes(&whole), &result, None);
        self.dequantised.insert(value.to_owned(), result);
    }

    fn weight<T: drafthorse_onnx::TensorData>(
        &mut self,
        name: &str,
        dims: &[usize],
        data: &[T],
    ) -> String {
        let name = self.name(name);
        self.initializers.push(Tensor::new(&name, dims, data));
        name
    }

    fn emit(&mut self, op: &str, input: Vec<String>, output: &str, axis: Option<usize>) {
        let name = self.name(&format!("{output}/{op}"));
        self.nodes.push(Node {
            name,
            op_type: op.to_owned(),
            input,
            output: vec![output.to_owned()],
            attribute: axis
                .map(|axis| attr::int("axis", axis as i64))
                .into_iter()
                .collect(),
            ..Node::default()
        });
    }

    /// Replaces the weight and, where the convention wants it, the bias of a layer.
    fn layer(&mut self, node: &mut Node, original: &[String], layer: &Layer) {
        let Some(tensor) = weight(node, &self.graph) else {
            return;
        };
        let input_scale = self.lines.get(&original[0]).map_or(1.0, |line| line.scale);
        let added = self.added_bias(node, layer);
        let bias = match (self.plan.options.convention, &added) {
            (Convention::S8S8, _) => None,
            (Convention::U8S8, Some((_, _, bias))) => Some(*bias),
            (Convention::U8S8, None) => original.get(2).and_then(|bias| self.graph.weight(bias)),
        };
        let bias = bias.and_then(|bias| Some((bias, bias.data::<f32>()?)));
        // A bias that is not one number for each channel is added as it is.
        let channels = layer.channel_axis.map(|axis| tensor.shape()[axis]);
        let bias = bias.filter(|(_, data)| channels == Some(data.len()));
        let least = match &bias {
            Some((_, data)) => weights::least_scales(data, input_scale),
            None => Vec::new(),
        };
        let highest = weights::highest(self.plan.options.reduce_range);
        let scales = weights::scales(tensor, layer, highest, &least);
        if let Some((bias, data)) = bias {
            let (whole, steps) = weights::bias(&data, input_scale, &scales);
            let bias = self.bias(&bias.name, &whole, &steps);
            match added {
                Some((node, position, _)) => {
                    self.added.insert((node, position), bias);
                }
                None => node.input[2] = bias,
            }
        }
        let quantised = weights::quantise(tensor, layer, scales, highest);
        node.input[1] = self.layer_weight(tensor, quantised, layer);
    }

    /// The bias that a node behind a product adds: ONNX Runtime makes one node of both before it looks
    /// for 8-bit kernels, and has one for that node only if its bias is 32-bit. The node, which of its
    /// inputs, and the bias.
    fn added_bias(&self, node: &Node, layer: &Layer) -> Option<(String, usize, &'a Tensor)> {
        let [user] = self.graph.users(&node.output[0]) else {
            return None;
        };
        if layer.kind != Kind::MatMul || user.op_type != "Add" {
            return None;
        }
        let weights = user.input.iter().map(|input| self.graph.weight(input));
        let (position, bias) = weights.enumerate().find_map(|(i, w)| Some((i, w?)))?;
        (bias.dims.len() == 1).then(|| (user.name.clone(), position, bias))
    }

    fn layer_weight(&mut self, tensor: &Tensor, weight: Weight, layer: &Layer) -> String {
        let known = self.weights.get(&tensor.name).into_iter().flatten();
        if let Some((_, name)) = known.into_iter().find(|(known, _)| *known == weight) {
            return name.clone();
        }
        let base = &tensor.name;
        let count = weight.scales.len();
        let dims: &[usize] = if layer.channel_axis.is_some() {
            &[count]
        } else {
            &[]
        };
        let scale = self.weight(&format!("{base}/scale"), dims, &weight.scales);
        let zero = self.weight(&format!("{base}/zero_point"), dims, &vec![0i8; count]);
        let whole = match self.plan.options.convention {
            Convention::U8S8 => {
                self.weight(&format!("{base}/quantised"), &tensor.shape(), &weight.data)
            }
            // TensorRT reads float weights behind a pair in every version that reads pairs.
            Convention::S8S8 => {
                let whole = self.name(&format!("{base}/quantised"));
                let takes = vec![base.clone(), scale.clone(), zero.clone()];
                self.emit("QuantizeLinear", takes, &whole, layer.channel_axis);
                whole
            }
        };
        let result = self.name(&format!("{base}/dequantised"));
        let takes = vec![whole, scale, zero];
        self.emit("DequantizeLinear", takes, &result, layer.channel_axis);
        let known = self.weights.entry(base.clone()).or_default();
        known.push((weight, result.clone()));
        result
    }

    fn bias(&mut self, base: &str, whole: &[i32], steps: &[f32]) -> String {
        let dims: &[usize] = if steps.len() == 1 && whole.len() != 1 {
            &[]
        } else {
            &[steps.len()]
        };
        let axis = (!dims.is_empty()).then_some(0);
        let scale = self.weight(&format!("{base}/scale"), dims, steps);
        let zero = self.weight(
            &format!("{base}/zero_point"),
            dims,
            &vec![0i32; steps.len()],
        );
        let quantised = self.weight(&format!("{base}/quantised"), &[whole.len()], whole);
        let result = self.name(&format!("{base}/dequantised"));
        self.emit(
            "DequantizeLinear",
            vec![quantised, scale, zero],
            &result,
            axis,
        );
        result
    }
}
