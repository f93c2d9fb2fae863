//! Which nodes and values are quantised.

use super::operators::{Kind, Layer, is_softmax, joins, layer, passes, rectifies};
use super::{Convention, Options};
use crate::error::QuantiseError;
use crate::prepare::{graph_of, inner_uses, operators};
use crate::types::Types;
use drafthorse_onnx::Graph;
use drafthorse_onnx::proto::{GraphProto, Model, Node};
use std::collections::{BTreeMap, BTreeSet};

/// The oldest ONNX operators with a scale for each channel.
const OLDEST: i64 = 13;

/// What is quantised in a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(super) options: Options,
    /// Quantised nodes with weights, by index.
    pub(super) layers: BTreeMap<usize, Layer>,
    /// Quantised nodes without weights, by index.
    pub(super) others: BTreeSet<usize>,
    /// Quantised values, in the order of the graph.
    pub(super) values: Vec<String>,
    /// What else is known of them.
    pub(super) about: BTreeMap<String, About>,
    /// Values that must have one scale.
    pub(super) tied: Vec<(String, String)>,
    /// Values that should have one scale if their signs allow.
    pub(super) may_tie: Vec<(String, String)>,
    names: Vec<String>,
}

/// What is known of a quantised value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// It is made by an 8-bit kernel, so that it exists only quantised.
    pub(super) is_made_quantised: bool,
    /// A rectifier that is part of the kernel makes it: its zero point must be 0.
    pub(super) is_rectified: bool,
}

impl Plan {
    /// Convolutions and matrix products that are quantised, by name in the order of the graph.
    #[must_use]
    pub fn layers(&self) -> &[String] {
        &self.names
    }

    /// Values whose ranges the rewrite needs, in the order of the graph.
    #[must_use]
    pub fn values(&self) -> &[String] {
        &self.values
    }
}

/// Plans a prepared model (see [`crate::prepare`]).
///
/// Never quantised: what goes into or comes out of a softmax, also through nodes that only move
/// elements; matrix products of two activations; weights that are no 32-bit floats.
///
/// # Errors
/// [`QuantiseError::OldOperators`], [`QuantiseError::UnknownNode`].
pub fn plan(model: &Model, options: &Options) -> Result<Plan, QuantiseError> {
    let proto = graph_of(model)?;
    let found = operators(model);
    if found < OLDEST {
        return Err(QuantiseError::OldOperators { found });
    }
    check_names(proto, options)?;
    let mut planner = Planner::new(proto, options);
    planner.plan_layers();
    if options.convention == Convention::U8S8 {
        planner.plan_others();
    }
    Ok(planner.finish())
}

fn check_names(graph: &GraphProto, options: &Options) -> Result<(), QuantiseError> {
    let named = options.exclude.iter().map(|name| (name, "left float"));
    let only = options.only.iter().flatten();
    for (name, what) in named.chain(only.map(|name| (name, "quantised"))) {
        if graph.node.iter().all(|node| node.name != *name) {
            return Err(QuantiseError::UnknownNode {
                node: name.clone(),
                what,
            });
        }
    }
    Ok(())
}

struct Planner<'a> {
    proto: &'a GraphProto,
    graph: Graph<'a>,
    types: Types<'a>,
    /// Values that the graph gives or that graphs inside nodes take.
    outer: BTreeSet<&'a str>,
    plan: Plan,
}

impl<'a> Planner<'a> {
    fn new(proto: &'a GraphProto, options: &Options) -> Self {
        let mut outer: BTreeSet<&str> = proto.output.iter().map(|v| v.name.as_str()).collect();
        for node in &proto.node {
            inner_uses(node, &mut |value| {
                outer.insert(value);
            });
        }
        Self {
            proto,
            graph: Graph::new(proto),
            types: Types::of(proto),
            outer,
            plan: Plan {
                options: options.clone(),
                layers: BTreeMap::new(),
                others: BTreeSet::new(),
                values: Vec::new(),
                about: BTreeMap::new(),
                tied: Vec::new(),
                may_tie: Vec::new(),
                names: Vec::new(),
            },
        }
    }

    fn plan_layers(&mut self) {
        for (index, node) in self.proto.node.iter().enumerate() {
            if let Some(layer) = self.quantisable(node) {
                let x = node.input[0].as_str();
                self.plan.about.entry(x.to_owned()).or_default();
                let makes_quantised =
                    self.plan.options.convention == Convention::U8S8 && layer.kind == Kind::Conv;
                if makes_quantised {
                    self.make_quantised(node);
                }
                self.plan.layers.insert(index, layer);
                self.plan.names.push(node.name.clone());
            }
        }
    }

    fn quantisable(&self, node: &'a Node) -> Option<Layer> {
        let options = &self.plan.options;
        let is_wanted = match &options.only {
            Some(only) => only.contains(&node.name),
            None => true,
        };
        if !is_wanted || options.exclude.contains(&node.name) {
            return None;
        }
        let layer = layer(node, &self.graph)?;
        let x = node.input.first()?;
        if !self.is_activation(x) || self.comes_from_softmax(x) {
            return None;
        }
        if options.convention == Convention::U8S8 {
            match layer.kind {
                // ONNX Runtime has no 8-bit kernel for it.
                Kind::ConvTranspose => return None,
                Kind::Conv if self.goes_to_softmax(&self.end(node).0) => return None,
                _ => {}
            }
        }
        Some(layer)
    }

    fn is_activation(&self, value: &str) -> bool {
        self.types.is_f32(value) && self.graph.weight(value).is_none()
    }

    /// The value that a node's kernel gives, and whether a rectifier behind it is part of it.
    fn end(&self, node: &'a Node) -> (String, bool) {
        let output = &node.output[0];
        if let [user] = self.graph.users(output)
            && !self.outer.contains(output.as_str())
            && rectifies(user, &self.graph)
            && !self.plan.options.exclude.contains(&user.name)
        {
            return (user.output[0].clone(), true);
        }
        (output.clone(), false)
    }

    /// Marks what a node gives as existing only quantised.
    fn make_quantised(&mut self, node: &'a Node) {
        let (value, is_rectified) = self.end(node);
        let about = self.plan.about.entry(value).or_default();
        about.is_made_quantised = true;
        about.is_rectified = is_rectified;
    }

    fn comes_from_softmax(&self, value: &str) -> bool {
        match self.graph.maker(value) {
            Some(node) if is_softmax(node) => true,
            Some(node) if passes(node) => self.comes_from_softmax(&node.input[0]),
            _ => false,
        }
    }

    fn goes_to_softmax(&self, value: &str) -> bool {
        self.graph
            .users(value)
            .iter()
            .any(|node| is_softmax(node) || passes(node) && self.goes_to_softmax(&node.output[0]))
    }

    /// Adds the nodes between layers that can work on quantised values: those whose inputs are all
    /// quantised already and whose outputs something quantised takes.
    fn plan_others(&mut self) {
        let before = self.plan.about.clone();
        let nodes = self.proto.node.iter().enumerate();
        for (index, node) in nodes.clone() {
            if self.can_join(node) {
                self.plan.others.insert(index);
                self.make_quantised(node);
            }
        }
        // From the end: what only float nodes take is given as floats.
        let mut takers: BTreeSet<usize> = self.plan.layers.keys().copied().collect();
        let mut kept = BTreeSet::new();
        let at: BTreeMap<*const Node, usize> = nodes
            .clone()
            .map(|(i, n)| (std::ptr::from_ref(n), i))
            .collect();
        for (index, node) in nodes.rev() {
            let is_taken = || {
                let (value, _) = self.end(node);
                let users = self.graph.users(&value).iter();
                let mut users = users.filter_map(|user| at.get(&std::ptr::from_ref(*user)));
                users.any(|user| takers.contains(user))
            };
            if self.plan.others.contains(&index) && is_taken() {
                takers.insert(index);
                kept.insert(index);
            }
        }
        self.plan.others.clear();
        self.plan.about = before;
        for index in kept {
            let node = &self.proto.node[index];
            self.make_quantised(node);
            self.plan.others.insert(index);
            self.tie(node);
        }
    }

    fn can_join(&self, node: &'a Node) -> bool {
        if self.plan.options.exclude.contains(&node.name) {
            return false;
        }
        let is_quantised = |value: &String| self.plan.about.contains_key(value);
        let inputs_are = if joins(node) {
            node.input.iter().all(is_quantised)
        } else {
            passes(node) && node.input.first().is_some_and(is_quantised)
        };
        inputs_are
            && self.types.is_f32(&node.output[0])
            && !self.goes_to_softmax(&self.end(node).0)
            && !node
                .input
                .iter()
                .any(|value| self.comes_from_softmax(value))
    }

    fn tie(&mut self, node: &'a Node) {
        let (output, is_rectified) = self.end(node);
        if passes(node) && !is_rectified {
            self.plan.tied.push((node.input[0].clone(), output));
        } else if node.op_type == "Concat" && !is_rectified {
            for input in &node.input {
                let is_alone =
                    self.graph.users(input).len() == 1 && !self.outer.contains(input.as_str());
                if is_alone {
                    self.plan.may_tie.push((input.clone(), output.clone()));
                }
            }
        }
    }

    fn finish(mut self) -> Plan {
        let inputs = self.proto.input.iter().map(|value| &value.name);
        let made = self.proto.node.iter().flat_map(|node| &node.output);
        let about = &self.plan.about;
        let values = inputs
            .chain(made)
            .filter(|value| about.contains_key(*value));
        self.plan.values = values.cloned().collect();
        self.plan
    }
}
