//! Between tract's tensors and ours.

use drafthorse_engine::{DType, View, ViewMut};
use tract_onnx::prelude::Tensor;

/// The elements of a tensor of that type.
pub(crate) fn view(tensor: &Tensor, dtype: DType) -> Option<View<'_>> {
    let (shape, plain) = (tensor.shape(), tensor.as_plain_ram()?);
    Some(match dtype {
        DType::F32 => View::F32(shape, plain.as_slice().ok()?),
        DType::I64 => View::I64(shape, plain.as_slice().ok()?),
        DType::I32 => View::I32(shape, plain.as_slice().ok()?),
        DType::U8 => View::U8(shape, plain.as_slice().ok()?),
        DType::I8 => View::I8(shape, plain.as_slice().ok()?),
        DType::Bool => View::Bool(shape, plain.as_slice().ok()?),
    })
}

/// The same, to fill; `shape` is the tensor's.
pub(crate) fn view_mut<'a>(
    tensor: &'a mut Tensor,
    dtype: DType,
    shape: &'a [usize],
) -> Option<ViewMut<'a>> {
    Some(match dtype {
        DType::F32 => ViewMut::F32(shape, tensor.to_plain_array_view_mut().ok()?.into_slice()?),
        DType::I64 => ViewMut::I64(shape, tensor.to_plain_array_view_mut().ok()?.into_slice()?),
        DType::I32 => ViewMut::I32(shape, tensor.to_plain_array_view_mut().ok()?.into_slice()?),
        DType::U8 => ViewMut::U8(shape, tensor.to_plain_array_view_mut().ok()?.into_slice()?),
        DType::I8 => ViewMut::I8(shape, tensor.to_plain_array_view_mut().ok()?.into_slice()?),
        DType::Bool => ViewMut::Bool(shape, tensor.to_plain_array_view_mut().ok()?.into_slice()?),
    })
}
