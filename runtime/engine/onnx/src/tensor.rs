//! Elements of weights.

use crate::proto::{DataType, Tensor};

/// Number of elements of a shape; none where a length is negative or the product overflows.
#[must_use]
pub fn elements(dims: &[i64]) -> Option<usize> {
    dims.iter().try_fold(1usize, |count, &length| {
        count.checked_mul(usize::try_from(length).ok()?)
    })
}

/// Bytes that so many elements take; none for texts.
pub(crate) fn bytes_of(data_type: DataType, count: usize) -> Option<usize> {
    use DataType as T;
    let bits = match data_type {
        T::Undefined | T::String => return None,
        T::U4 | T::I4 | T::F4E2M1 => 4,
        T::U8 | T::I8 | T::Bool | T::F8E4M3Fn | T::F8E4M3Fnuz | T::F8E5M2 | T::F8E5M2Fnuz => 8,
        T::U16 | T::I16 | T::F16 | T::Bf16 => 16,
        T::F32 | T::I32 | T::U32 => 32,
        T::F64 | T::I64 | T::U64 | T::Complex64 => 64,
        T::Complex128 => 128,
    };
    Some(count.checked_mul(bits)?.div_ceil(8))
}

/// Elements that a weight can be made from and read into.
pub trait TensorData: Copy {
    /// Their type.
    const TYPE: DataType;
    /// Appends the little-endian bytes.
    fn put(self, out: &mut Vec<u8>);
    /// From little-endian bytes of its size.
    fn get(bytes: &[u8]) -> Self;
    /// The elements of the typed field, where raw bytes are absent.
    fn typed(tensor: &Tensor) -> Vec<Self>;
}

macro_rules! tensor_data {
    ($($t:ty, $variant:ident, |$tensor:ident| $typed:expr;)*) => {$(
        impl TensorData for $t {
            const TYPE: DataType = DataType::$variant;
            fn put(self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            fn get(bytes: &[u8]) -> Self {
                Self::from_le_bytes(bytes.try_into().unwrap_or_default())
            }
            fn typed($tensor: &Tensor) -> Vec<Self> {
                $typed
            }
        }
    )*};
}

tensor_data! {
    f32, F32, |t| t.float_data.clone();
    f64, F64, |t| t.double_data.clone();
    i64, I64, |t| t.int64_data.clone();
    i32, I32, |t| t.int32_data.clone();
    i8, I8, |t| t.int32_data.iter().map(|&v| v as i8).collect();
    u8, U8, |t| t.int32_data.iter().map(|&v| v as u8).collect();
}

impl Tensor {
    /// A weight of that shape.
    #[must_use]
    pub fn new<T: TensorData>(name: &str, dims: &[usize], data: &[T]) -> Self {
        let mut raw_data = Vec::with_capacity(std::mem::size_of_val(data));
        data.iter().for_each(|&element| element.put(&mut raw_data));
        Self {
            name: name.to_owned(),
            dims: dims.iter().map(|&length| length as i64).collect(),
            data_type: T::TYPE as i32,
            raw_data,
            ..Self::default()
        }
    }

    /// The elements, if they are of this type.
    #[must_use]
    pub fn data<T: TensorData>(&self) -> Option<Vec<T>> {
        if self.data_type != T::TYPE as i32 {
            return None;
        }
        if self.raw_data.is_empty() {
            return Some(T::typed(self));
        }
        let chunks = self.raw_data.chunks_exact(size_of::<T>());
        Some(chunks.map(T::get).collect())
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> Vec<usize> {
        let length = |&length: &i64| usize::try_from(length).unwrap_or(0);
        self.dims.iter().map(length).collect()
    }
}
