//! Building graphs in code: models for tests and benches, and nodes that a rewrite puts in.

use crate::graph::Dim;
use crate::proto::{
    Attribute, AttributeType, DataType, Dimension, DimensionValue, GraphProto, Model, Node,
    OperatorSet, Shape, Tensor, TensorType, Type, ValueInfo,
};
use crate::tensor::TensorData;

/// Format version of the files we write: the oldest that has all we use, so that old engines read
/// them.
const IR_VERSION: i64 = 8;

/// The name of a value of a graph being built.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorRef(String);

impl TensorRef {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Builds a model node by node.
pub struct Builder {
    graph: GraphProto,
    opset: i64,
    contrib: bool,
}

impl Builder {
    /// An empty graph of ONNX operators of version `opset`.
    #[must_use]
    pub fn new(name: &str, opset: i64) -> Self {
        Self {
            graph: GraphProto {
                name: name.to_owned(),
                ..GraphProto::default()
            },
            opset,
            contrib: false,
        }
    }

    /// An input.
    pub fn input(&mut self, name: &str, data_type: DataType, dims: &[Dim]) -> TensorRef {
        self.graph.input.push(value_info(name, data_type, dims));
        TensorRef(name.to_owned())
    }

    /// A weight.
    pub fn weight<T: TensorData>(&mut self, name: &str, dims: &[usize], data: &[T]) -> TensorRef {
        self.graph.initializer.push(Tensor::new(name, dims, data));
        TensorRef(name.to_owned())
    }

    /// A node with one output, which takes its name.
    pub fn node(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[&TensorRef],
        attributes: Vec<Attribute>,
    ) -> TensorRef {
        self.nodes(name, op, inputs, attributes, 1).remove(0)
    }

    /// A node with several outputs, `NAME` and `NAME_1` and so on.
    pub fn nodes(
        &mut self,
        name: &str,
        op: &str,
        inputs: &[&TensorRef],
        attributes: Vec<Attribute>,
        outputs: usize,
    ) -> Vec<TensorRef> {
        let numbered = |i| match i {
            0 => name.to_owned(),
            i => format!("{name}_{i}"),
        };
        let outputs: Vec<String> = (0..outputs).map(numbered).collect();
        let (domain, op) = match op.split_once(':') {
            Some((domain, op)) => (domain, op),
            None => ("", op),
        };
        self.contrib |= !domain.is_empty();
        self.graph.node.push(Node {
            name: name.to_owned(),
            op_type: op.to_owned(),
            domain: domain.to_owned(),
            input: inputs.iter().map(|input| input.0.clone()).collect(),
            output: outputs.clone(),
            attribute: attributes,
            ..Node::default()
        });
        outputs.into_iter().map(TensorRef).collect()
    }

    /// An input of a node that is left out.
    #[must_use]
    pub fn absent() -> TensorRef {
        TensorRef(String::new())
    }

    /// Names an output of the graph, which gives `value`.
    pub fn output(&mut self, name: &str, value: &TensorRef, data_type: DataType, dims: &[Dim]) {
        self.graph.node.push(Node {
            name: format!("output_{name}"),
            op_type: "Identity".to_owned(),
            input: vec![value.0.clone()],
            output: vec![name.to_owned()],
            ..Node::default()
        });
        self.graph.output.push(value_info(name, data_type, dims));
    }

    /// The model.
    #[must_use]
    pub fn finish(self) -> Model {
        let mut opset_import = vec![OperatorSet {
            domain: String::new(),
            version: self.opset,
        }];
        if self.contrib {
            opset_import.push(OperatorSet {
                domain: "com.microsoft".to_owned(),
                version: 1,
            });
        }
        Model {
            ir_version: IR_VERSION,
            opset_import,
            producer_name: "drafthorse".to_owned(),
            graph: Some(self.graph),
            ..Model::default()
        }
    }
}

fn value_info(name: &str, data_type: DataType, dims: &[Dim]) -> ValueInfo {
    let dim = |dim: &Dim| Dimension {
        value: match dim {
            Dim::Fixed(length) => Some(DimensionValue::Length(*length as i64)),
            Dim::Dynamic(name) if name.is_empty() => None,
            Dim::Dynamic(name) => Some(DimensionValue::Name(name.clone())),
        },
        ..Dimension::default()
    };
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type {
            tensor_type: Some(TensorType {
                elem_type: data_type as i32,
                shape: Some(Shape {
                    dim: dims.iter().map(dim).collect(),
                }),
            }),
            ..Type::default()
        }),
        ..ValueInfo::default()
    }
}

/// Attributes of nodes.
pub mod attr {
    use super::{Attribute, AttributeType};

    fn named(name: &str, kind: AttributeType) -> Attribute {
        Attribute {
            name: name.to_owned(),
            r#type: kind as i32,
            ..Attribute::default()
        }
    }

    /// A whole number.
    #[must_use]
    pub fn int(name: &str, i: i64) -> Attribute {
        Attribute {
            i,
            ..named(name, AttributeType::Int)
        }
    }

    /// Whole numbers.
    #[must_use]
    pub fn ints(name: &str, ints: &[i64]) -> Attribute {
        Attribute {
            ints: ints.to_vec(),
            ..named(name, AttributeType::Ints)
        }
    }

    /// A number.
    #[must_use]
    pub fn float(name: &str, f: f32) -> Attribute {
        Attribute {
            f,
            ..named(name, AttributeType::Float)
        }
    }

    /// A text.
    #[must_use]
    pub fn text(name: &str, text: &str) -> Attribute {
        Attribute {
            s: text.as_bytes().to_vec(),
            ..named(name, AttributeType::String)
        }
    }
}
