//! Element types of all values of a graph, without their shapes.

use crate::prepare::{attribute, int};
use drafthorse_onnx::proto::{DataType, GraphProto, Node, Tensor, ValueInfo};
use std::collections::BTreeMap;

/// Element types by name of the value.
pub(crate) struct Types<'a>(BTreeMap<&'a str, DataType>);

impl<'a> Types<'a> {
    /// Those of a graph: what the file says, and where it says nothing what the operators give.
    pub(crate) fn of(graph: &'a GraphProto) -> Self {
        let mut types = BTreeMap::new();
        for weight in &graph.initializer {
            types.insert(weight.name.as_str(), weight.data_type());
        }
        let told = graph.input.iter().chain(&graph.output);
        for value in told.chain(&graph.value_info) {
            if let Some(data_type) = told_type(value) {
                types.insert(value.name.as_str(), data_type);
            }
        }
        for node in &graph.node {
            for (index, output) in node.output.iter().enumerate() {
                if !types.contains_key(output.as_str())
                    && let Some(data_type) = given(node, index, &types)
                {
                    types.insert(output, data_type);
                }
            }
        }
        Self(types)
    }

    /// Whether a value is known to hold 32-bit floats.
    pub(crate) fn is_f32(&self, value: &str) -> bool {
        self.0.get(value) == Some(&DataType::F32)
    }
}

fn told_type(value: &ValueInfo) -> Option<DataType> {
    let tensor = value.r#type.as_ref()?.tensor_type.as_ref()?;
    Some(tensor.elem_type()).filter(|t| *t != DataType::Undefined)
}

/// What an operator gives. Operators that are not named here give the type of their first input.
fn given(node: &Node, output: usize, types: &BTreeMap<&str, DataType>) -> Option<DataType> {
    let of = |input: usize| types.get(node.input.get(input)?.as_str()).copied();
    match node.op_type.as_str() {
        "Shape" | "Size" | "NonZero" | "ArgMax" | "ArgMin" | "NonMaxSuppression" => {
            Some(DataType::I64)
        }
        "TopK" if output == 1 => Some(DataType::I64),
        "MaxPool" if output == 1 => Some(DataType::I64),
        "Unique" if output > 0 => Some(DataType::I64),
        "Dropout" if output == 1 => Some(DataType::Bool),
        "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Xor"
        | "Not" | "IsNaN" | "IsInf" => Some(DataType::Bool),
        "Cast" => DataType::try_from(int(node, "to", 0) as i32).ok(),
        "ConstantOfShape" => {
            let value = attribute(node, "value").and_then(|a| a.t.as_ref());
            Some(value.map_or(DataType::F32, Tensor::data_type))
        }
        "Where" => of(1),
        "QuantizeLinear" => of(2).or(Some(DataType::U8)),
        "DequantizeLinear" => of(1),
        "ConvInteger" | "MatMulInteger" => Some(DataType::I32),
        "If" | "Loop" | "Scan" | "Optional" => None,
        _ => of(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drafthorse_onnx::{Builder, Dim};

    #[test]
    fn lengths_are_not_taken_for_activations() {
        let mut b = Builder::new("g", 13);
        let x = b.input("x", DataType::F32, &[Dim::Fixed(2)]);
        let shape = b.node("shape", "Shape", &[&x], vec![]);
        let twice = b.node("twice", "Add", &[&shape, &shape], vec![]);
        let y = b.node("y", "Reshape", &[&x, &twice], vec![]);
        b.output("out", &y, DataType::F32, &[Dim::Dynamic(String::new())]);
        let model = b.finish();
        let types = Types::of(model.graph.as_ref().unwrap());
        assert!(types.is_f32("x") && types.is_f32("y"));
        assert!(!types.is_f32("shape") && !types.is_f32("twice"));
    }
}
