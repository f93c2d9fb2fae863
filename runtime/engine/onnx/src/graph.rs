//! Looking through a graph: what it takes and gives, and which node gives a value.

use std::collections::HashMap;
use std::fmt;

use crate::proto::{
    DataType, Dimension, DimensionValue, GraphProto, Model, Node, Tensor, ValueInfo,
};

/// Length of an axis.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Dim {
    /// Known from the file.
    Fixed(usize),
    /// Known when running. Axes of one name have one length; the name may be empty.
    Dynamic(String),
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(length) => write!(f, "{length}"),
            Self::Dynamic(name) if name.is_empty() => f.write_str("?"),
            Self::Dynamic(name) => f.write_str(name),
        }
    }
}

/// Name, type and shape of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueType {
    /// Name.
    pub name: String,
    /// Type of the elements.
    pub data_type: DataType,
    /// Axes; absent where the file does not even say how many.
    pub dims: Option<Vec<Dim>>,
}

/// What has to be given to a model: its inputs without weights that are listed among them.
#[must_use]
pub fn inputs(model: &Model) -> Vec<ValueType> {
    let Some(graph) = &model.graph else {
        return Vec::new();
    };
    let is_weight = |name: &str| graph.initializer.iter().any(|tensor| tensor.name == name);
    let given = graph.input.iter().filter(|value| !is_weight(&value.name));
    given.map(value_type).collect()
}

/// What a model gives.
#[must_use]
pub fn outputs(model: &Model) -> Vec<ValueType> {
    let graph = model.graph.iter();
    graph
        .flat_map(|g| g.output.iter())
        .map(value_type)
        .collect()
}

fn value_type(value: &ValueInfo) -> ValueType {
    let tensor = value.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let shape = tensor.and_then(|tensor| tensor.shape.as_ref());
    let dim = |dim: &Dimension| match &dim.value {
        Some(DimensionValue::Length(length)) => match usize::try_from(*length) {
            Ok(length) => Dim::Fixed(length),
            Err(_) => Dim::Dynamic(String::new()),
        },
        Some(DimensionValue::Name(name)) => Dim::Dynamic(name.clone()),
        None => Dim::Dynamic(String::new()),
    };
    ValueType {
        name: value.name.clone(),
        data_type: tensor.map_or(DataType::Undefined, crate::proto::TensorType::elem_type),
        dims: shape.map(|shape| shape.dim.iter().map(dim).collect()),
    }
}

/// What a node is called: its name, or its operator and first output.
pub(crate) fn name_of(node: &Node) -> String {
    if !node.name.is_empty() {
        return node.name.clone();
    }
    let output = node.output.first().map_or("nothing", String::as_str);
    format!("{} of {output}", node.op_type)
}

/// A graph with its values looked up by name.
pub struct Graph<'a> {
    graph: &'a GraphProto,
    makers: HashMap<&'a str, &'a Node>,
    users: HashMap<&'a str, Vec<&'a Node>>,
}

impl<'a> Graph<'a> {
    /// Of a graph.
    #[must_use]
    pub fn new(graph: &'a GraphProto) -> Self {
        let mut makers = HashMap::new();
        let mut users: HashMap<_, Vec<_>> = HashMap::new();
        for node in &graph.node {
            for output in &node.output {
                makers.insert(output.as_str(), node);
            }
            for input in &node.input {
                users.entry(input.as_str()).or_default().push(node);
            }
        }
        Self {
            graph,
            makers,
            users,
        }
    }

    /// The nodes, each after those it depends on.
    pub fn nodes(&self) -> impl Iterator<Item = &'a Node> + use<'a> {
        self.graph.node.iter()
    }

    /// The node that gives a value.
    #[must_use]
    pub fn maker(&self, value: &str) -> Option<&'a Node> {
        self.makers.get(value).copied()
    }

    /// The nodes that take a value.
    #[must_use]
    pub fn users(&self, value: &str) -> &[&'a Node] {
        self.users.get(value).map_or(&[], Vec::as_slice)
    }

    /// A weight.
    #[must_use]
    pub fn weight(&self, name: &str) -> Option<&'a Tensor> {
        self.graph.initializer.iter().find(|t| t.name == name)
    }

    /// Calls `visit` with each node, also those of the graphs inside nodes, and the graph it is in.
    pub fn walk(&self, visit: &mut impl FnMut(&Graph<'a>, &'a Node)) {
        for node in self.nodes() {
            visit(self, node);
            for attribute in &node.attribute {
                for inner in attribute.g.iter().chain(&attribute.graphs) {
                    Graph::new(inner).walk(visit);
                }
            }
        }
    }
}

impl Node {
    /// What it is called: its name, or its operator and first output.
    #[must_use]
    pub fn title(&self) -> String {
        name_of(self)
    }
}
