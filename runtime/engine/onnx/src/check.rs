//! Reading a file so that what is wrong with it is said before an engine meets it.

use prost::Message as _;

use crate::proto::{DataType, GraphProto, Model, Tensor};
use crate::tensor::{bytes_of, elements};

/// Why a file is not a model that can be run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// The bytes do not decode: cut, or something else altogether.
    #[error("it is cut or no ONNX file at all ({0})")]
    Malformed(String),
    /// It decodes but lacks what every model has.
    #[error("it lacks {0}: it is cut or no model")]
    Lacks(&'static str),
    /// A weight does not hold as many bytes as its shape says.
    #[error("the weight `{name}` holds {held} bytes where its shape needs {needed}")]
    Weight {
        /// Name of the tensor.
        name: String,
        /// Bytes there.
        held: usize,
        /// Bytes that its shape and type need.
        needed: usize,
    },
    /// A weight's shape or type makes no sense.
    #[error("the weight `{name}` has {what}")]
    BadWeight {
        /// Name of the tensor.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// Weights in other files.
    #[error(
        "the weight `{name}` lies in another file, which is not supported; save the model as one file"
    )]
    External {
        /// Name of the tensor.
        name: String,
    },
    /// A node takes a value that nothing gives before it.
    #[error("the node `{node}` takes `{value}`, which nothing before it gives")]
    Dangling {
        /// The node.
        node: String,
        /// The value.
        value: String,
    },
}

/// Reads a model and checks what can be checked without running it.
///
/// # Errors
/// [`OnnxError`]: cut or foreign bytes, weights that do not fit their shapes, values from nowhere.
pub fn parse(bytes: &[u8]) -> Result<Model, OnnxError> {
    let model = Model::decode(bytes).map_err(|error| OnnxError::Malformed(error.to_string()))?;
    if model.opset_import.is_empty() {
        return Err(OnnxError::Lacks("operator sets"));
    }
    let Some(graph) = &model.graph else {
        return Err(OnnxError::Lacks("a graph"));
    };
    if graph.output.is_empty() {
        return Err(OnnxError::Lacks("outputs"));
    }
    check_graph(graph, &[])?;
    Ok(model)
}

/// `outer` are the values of the graphs around this one.
fn check_graph(graph: &GraphProto, outer: &[&str]) -> Result<(), OnnxError> {
    graph.initializer.iter().try_for_each(check_tensor)?;
    let inputs = graph.input.iter().map(|value| value.name.as_str());
    let weights = graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let mut known: std::collections::HashSet<&str> =
        outer.iter().copied().chain(inputs).chain(weights).collect();
    let may_be_sparse = !graph.sparse_initializer.is_empty();
    for node in &graph.node {
        for value in node.input.iter().filter(|value| !value.is_empty()) {
            if !known.contains(value.as_str()) && !may_be_sparse {
                return Err(OnnxError::Dangling {
                    node: crate::graph::name_of(node),
                    value: value.clone(),
                });
            }
        }
        for attribute in &node.attribute {
            attribute.t.iter().try_for_each(check_tensor)?;
            attribute.tensors.iter().try_for_each(check_tensor)?;
            if attribute.g.is_some() || !attribute.graphs.is_empty() {
                let around: Vec<&str> = known.iter().copied().collect();
                for inner in attribute.g.iter().chain(&attribute.graphs) {
                    check_graph(inner, &around)?;
                }
            }
        }
        known.extend(node.output.iter().map(String::as_str));
    }
    for output in &graph.output {
        if !known.contains(output.name.as_str()) {
            return Err(OnnxError::Dangling {
                node: "the graph's outputs".to_owned(),
                value: output.name.clone(),
            });
        }
    }
    Ok(())
}

fn check_tensor(tensor: &Tensor) -> Result<(), OnnxError> {
    let name = || tensor.name.clone();
    if tensor.data_location == 1 || !tensor.external_data.is_empty() {
        return Err(OnnxError::External { name: name() });
    }
    let bad = |what: String| OnnxError::BadWeight { name: name(), what };
    let count =
        elements(&tensor.dims).ok_or_else(|| bad(format!("the shape {:?}", tensor.dims)))?;
    let data_type = tensor.data_type();
    if matches!(data_type, DataType::Undefined) {
        return Err(bad(format!("the unknown type {}", tensor.data_type)));
    }
    if data_type == DataType::String {
        return Ok(());
    }
    let needed = bytes_of(data_type, count);
    let needed = needed.ok_or_else(|| bad(format!("the shape {:?}", tensor.dims)))?;
    let held = match tensor.raw_data.is_empty() {
        false => tensor.raw_data.len(),
        true => typed_bytes(tensor, data_type),
    };
    if held != needed {
        let name = name();
        return Err(OnnxError::Weight { name, held, needed });
    }
    Ok(())
}

/// Bytes that the elements of the typed fields stand for.
fn typed_bytes(tensor: &Tensor, data_type: DataType) -> usize {
    let count = match data_type {
        DataType::F32 => tensor.float_data.len(),
        DataType::F64 => tensor.double_data.len(),
        DataType::I64 => tensor.int64_data.len(),
        DataType::U32 | DataType::U64 => tensor.uint64_data.len(),
        // Two elements a number here, four bits each.
        DataType::U4 | DataType::I4 | DataType::F4E2M1 => return tensor.int32_data.len(),
        _ => tensor.int32_data.len(),
    };
    bytes_of(data_type, count).unwrap_or(0)
}
