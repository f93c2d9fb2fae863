//! Between ONNX Runtime's values and ours.

use crate::NAME;
use drafthorse_engine::{DType, EngineError, Ports, View, ViewMut};
use ort::memory::Allocator;
use ort::session::Session;
use ort::value::{DynTensor, DynValue, TensorElementType};

/// Where each of the session's inputs and outputs belongs.
pub(crate) struct Order {
    /// The session's index of each input, and of each state's input.
    pub(crate) inputs: Vec<usize>,
    pub(crate) state_inputs: Vec<usize>,
    /// The same of the outputs.
    pub(crate) outputs: Vec<usize>,
    pub(crate) state_outputs: Vec<usize>,
}

/// Finds the ports among the session's.
pub(crate) fn order(session: &Session, ports: &Ports) -> Result<Order, String> {
    let inputs: Vec<&str> = session
        .inputs()
        .iter()
        .map(ort::value::Outlet::name)
        .collect();
    let outputs: Vec<&str> = session
        .outputs()
        .iter()
        .map(ort::value::Outlet::name)
        .collect();
    let find = |among: &[&str], name: &str| {
        let at = among.iter().position(|known| *known == name);
        at.ok_or_else(|| format!("it has no `{name}`"))
    };
    Ok(Order {
        inputs: all(ports.inputs.iter().map(|p| find(&inputs, &p.name)))?,
        state_inputs: all(ports.state.iter().map(|s| find(&inputs, &s.input.name)))?,
        outputs: all(ports.outputs.iter().map(|p| find(&outputs, &p.name)))?,
        state_outputs: all(ports.state.iter().map(|s| find(&outputs, &s.output.name)))?,
    })
}

fn all(found: impl Iterator<Item = Result<usize, String>>) -> Result<Vec<usize>, String> {
    found.collect()
}

/// A tensor of zeros in ONNX Runtime's memory.
pub(crate) fn zeros(dtype: DType, shape: &[usize]) -> Result<DynValue, EngineError> {
    let element = match dtype {
        DType::F32 => TensorElementType::Float32,
        DType::I64 => TensorElementType::Int64,
        DType::I32 => TensorElementType::Int32,
        DType::U8 => TensorElementType::Uint8,
        DType::I8 => TensorElementType::Int8,
        DType::Bool => TensorElementType::Bool,
    };
    let shape: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
    let tensor = DynTensor::new(&Allocator::default(), element, shape);
    Ok(tensor.map_err(failed)?.into_dyn())
}

#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub(crate) fn failed(error: ort::Error) -> EngineError {
    EngineError::Failed {
        backend: NAME,
        why: error.to_string(),
    }
}

/// The elements of a value of that type and shape.
pub(crate) fn view<'a>(value: &'a DynValue, dtype: DType, shape: &'a [usize]) -> Option<View<'a>> {
    Some(match dtype {
        DType::F32 => View::F32(shape, value.try_extract_tensor().ok()?.1),
        DType::I64 => View::I64(shape, value.try_extract_tensor().ok()?.1),
        DType::I32 => View::I32(shape, value.try_extract_tensor().ok()?.1),
        DType::U8 => View::U8(shape, value.try_extract_tensor().ok()?.1),
        DType::I8 => View::I8(shape, value.try_extract_tensor().ok()?.1),
        DType::Bool => View::Bool(shape, value.try_extract_tensor().ok()?.1),
    })
}

/// The same, to fill.
pub(crate) fn view_mut<'a>(
    value: &'a mut DynValue,
    dtype: DType,
    shape: &'a [usize],
) -> Option<ViewMut<'a>> {
    Some(match dtype {
        DType::F32 => ViewMut::F32(shape, value.try_extract_tensor_mut().ok()?.1),
        DType::I64 => ViewMut::I64(shape, value.try_extract_tensor_mut().ok()?.1),
        DType::I32 => ViewMut::I32(shape, value.try_extract_tensor_mut().ok()?.1),
        DType::U8 => ViewMut::U8(shape, value.try_extract_tensor_mut().ok()?.1),
        DType::I8 => ViewMut::I8(shape, value.try_extract_tensor_mut().ok()?.1),
        DType::Bool => ViewMut::Bool(shape, value.try_extract_tensor_mut().ok()?.1),
    })
}

/// Whether a value is a tensor of that type.
pub(crate) fn is_tensor(value: &DynValue, dtype: DType) -> bool {
    shape_of(value, dtype).is_some()
}

/// Writes a value's shape into `shape`, if it is a tensor of that type.
pub(crate) fn take_shape(value: &DynValue, dtype: DType, shape: &mut Vec<usize>) {
    let Some(found) = shape_of(value, dtype) else {
        return;
    };
    shape.clear();
    shape.extend(
        found
            .iter()
            .map(|&length| usize::try_from(length).unwrap_or(0)),
    );
}

fn shape_of(value: &DynValue, dtype: DType) -> Option<&ort::value::Shape> {
    let found = match dtype {
        DType::F32 => value.try_extract_tensor::<f32>().map(|t| t.0),
        DType::I64 => value.try_extract_tensor::<i64>().map(|t| t.0),
        DType::I32 => value.try_extract_tensor::<i32>().map(|t| t.0),
        DType::U8 => value.try_extract_tensor::<u8>().map(|t| t.0),
        DType::I8 => value.try_extract_tensor::<i8>().map(|t| t.0),
        DType::Bool => value.try_extract_tensor::<bool>().map(|t| t.0),
    };
    found.ok()
}
