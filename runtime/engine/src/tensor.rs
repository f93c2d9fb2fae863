//! Tensors: typed elements in row-major order with their shape.

use crate::kept::{Kept, gather};
use drafthorse_onnx::DataType;
use std::fmt;

/// Type of the elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DType {
    /// 32-bit float.
    F32,
    /// 64-bit whole number.
    I64,
    /// 32-bit whole number.
    I32,
    /// Unsigned byte.
    U8,
    /// Signed byte.
    I8,
    /// Truth value.
    Bool,
}

impl DType {
    /// That of an ONNX type; none where no input or output can have it here.
    #[must_use]
    pub fn from_onnx(data_type: DataType) -> Option<Self> {
        Some(match data_type {
            DataType::F32 => Self::F32,
            DataType::I64 => Self::I64,
            DataType::I32 => Self::I32,
            DataType::U8 => Self::U8,
            DataType::I8 => Self::I8,
            DataType::Bool => Self::Bool,
            _ => return None,
        })
    }
}

impl DType {
    /// That of a name, as it is displayed.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::F32,
            Self::I64,
            Self::I32,
            Self::U8,
            Self::I8,
            Self::Bool,
        ]
        .into_iter()
        .find(|dtype| dtype.to_string() == name)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
            Self::I32 => "i32",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::Bool => "bool",
        })
    }
}

macro_rules! by_type {
    ($($variant:ident $t:ty, $to_le:expr, $from_le:expr;)*) => {
        /// Elements to read.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum View<'a> {
            $($variant(&'a [usize], &'a [$t]),)*
        }

        /// Elements to fill.
        #[derive(Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum ViewMut<'a> {
            $($variant(&'a [usize], &'a mut [$t]),)*
        }

        #[derive(Clone, Debug, PartialEq)]
        enum Data {
            $($variant(Vec<$t>),)*
        }

        impl<'a> View<'a> {
            /// Shape.
            #[must_use]
            pub fn shape(&self) -> &'a [usize] {
                match self {
                    $(Self::$variant(shape, _) => shape,)*
                }
            }

            /// Type of the elements.
            #[must_use]
            pub fn dtype(&self) -> DType {
                match self {
                    $(Self::$variant(..) => DType::$variant,)*
                }
            }

            /// Appends the elements, little-endian.
            pub fn write_le(&self, to: &mut Vec<u8>) {
                match self {
                    $(Self::$variant(_, data) => {
                        data.iter().for_each(|&element| to.extend_from_slice(&$to_le(element)));
                    })*
                }
            }

            /// A copy.
            #[must_use]
            pub fn to_tensor(&self) -> Tensor {
                let shape = self.shape().to_vec();
                match self {
                    $(Self::$variant(_, data) => Tensor { shape, data: Data::$variant(data.to_vec()) },)*
                }
            }
        }

        impl ViewMut<'_> {
            /// Copies all elements.
            ///
            /// # Errors
            /// `false` where type or shape differ; nothing is copied then.
            #[must_use]
            pub fn copy_from(self, from: View<'_>) -> bool {
                match (self, from) {
                    $((Self::$variant(shape, to), View::$variant(given, from)) if shape == given => {
                        to.copy_from_slice(from);
                        true
                    })*
                    _ => false,
                }
            }

            /// Copies those entries along an axis, and all of the other axes: a state that goes back.
            ///
            /// # Errors
            /// `false` where the types differ or there is no room for exactly these; nothing is copied
            /// then.
            #[must_use]
            pub fn copy_entries(self, from: View<'_>, axis: usize, kept: Kept<'_>) -> bool {
                let shape = from.shape();
                let fits = |to: &[usize]| {
                    let lengths = |(at, (&to, &from))| {
                        to == if at == axis { kept.count() } else { from }
                    };
                    to.len() == shape.len() && to.iter().zip(shape).enumerate().all(lengths)
                };
                match (self, from) {
                    $((Self::$variant(to_shape, to), View::$variant(_, from)) if fits(to_shape) => {
                        gather(from, shape, to, axis, kept);
                        true
                    })*
                    _ => false,
                }
            }

            /// The same, to read.
            #[must_use]
            pub fn as_view(&self) -> View<'_> {
                match self {
                    $(Self::$variant(shape, data) => View::$variant(shape, data),)*
                }
            }

            /// Sets all elements to zero.
            pub fn clear(self) {
                match self {
                    $(Self::$variant(_, to) => to.fill(Default::default()),)*
                }
            }
        }

        impl Tensor {
            /// Zeros.
            #[must_use]
            pub fn zeros(dtype: DType, shape: &[usize]) -> Self {
                let count = shape.iter().product();
                Self {
                    shape: shape.to_vec(),
                    data: match dtype {
                        $(DType::$variant => Data::$variant(vec![Default::default(); count]),)*
                    },
                }
            }

            /// Of elements as [`View::write_le`] writes them; none where there are not as many as the
            /// shape says.
            #[must_use]
            pub fn from_le(dtype: DType, shape: &[usize], bytes: &[u8]) -> Option<Self> {
                let count = shape.iter().try_fold(1usize, |n, &axis| n.checked_mul(axis))?;
                let data = match dtype {
                    $(DType::$variant => {
                        let (elements, rest) = bytes.as_chunks();
                        if elements.len() != count || !rest.is_empty() {
                            return None;
                        }
                        Data::$variant(elements.iter().copied().map($from_le).collect())
                    })*
                };
                Some(Self { shape: shape.to_vec(), data })
            }

            /// The elements.
            #[must_use]
            pub fn view(&self) -> View<'_> {
                match &self.data {
                    $(Data::$variant(data) => View::$variant(&self.shape, data),)*
                }
            }

            /// The elements, to fill.
            pub fn view_mut(&mut self) -> ViewMut<'_> {
                match &mut self.data {
                    $(Data::$variant(data) => ViewMut::$variant(&self.shape, data),)*
                }
            }

            /// Type of the elements.
            #[must_use]
            pub fn dtype(&self) -> DType {
                self.view().dtype()
            }
        }

        $(impl Element for $t {
            const DTYPE: DType = DType::$variant;
            fn of<'a>(view: &View<'a>) -> Option<&'a [Self]> {
                match view {
                    View::$variant(_, data) => Some(data),
                    _ => None,
                }
            }
            fn of_mut(view: ViewMut<'_>) -> Option<&mut [Self]> {
                match view {
                    ViewMut::$variant(_, data) => Some(data),
                    _ => None,
                }
            }
            fn tensor(shape: Vec<usize>, data: Vec<Self>) -> Tensor {
                Tensor { shape, data: Data::$variant(data) }
            }
        })*
    };
}

by_type! {
    F32 f32, f32::to_le_bytes, f32::from_le_bytes;
    I64 i64, i64::to_le_bytes, i64::from_le_bytes;
    I32 i32, i32::to_le_bytes, i32::from_le_bytes;
    U8 u8, u8::to_le_bytes, u8::from_le_bytes;
    I8 i8, i8::to_le_bytes, i8::from_le_bytes;
    Bool bool, |element: bool| [u8::from(element)], |[byte]: [u8; 1]| byte != 0;
}

/// Types that elements can have.
pub trait Element: Copy + Default + Send + Sync + 'static {
    /// Which.
    const DTYPE: DType;
    /// The elements of a view, if they are of this type.
    fn of<'a>(view: &View<'a>) -> Option<&'a [Self]>;
    /// The elements of a view, if they are of this type.
    fn of_mut(view: ViewMut<'_>) -> Option<&mut [Self]>;
    #[doc(hidden)]
    fn tensor(shape: Vec<usize>, data: Vec<Self>) -> Tensor;
}

/// Elements with their shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    shape: Vec<usize>,
    data: Data,
}

impl Tensor {
    /// Of that shape.
    ///
    /// # Panics
    /// Where there are not as many elements as the shape says.
    #[must_use]
    pub fn new<T: Element>(shape: &[usize], data: Vec<T>) -> Self {
        let count: usize = shape.iter().product();
        assert_eq!(count, data.len(), "elements of a tensor of shape {shape:?}");
        T::tensor(shape.to_vec(), data)
    }

    /// Shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, if they are of this type.
    #[must_use]
    pub fn data<T: Element>(&self) -> Option<&[T]> {
        T::of(&self.view())
    }
}

impl<'a> View<'a> {
    /// The elements, if they are of this type.
    #[must_use]
    pub fn data<T: Element>(&self) -> Option<&'a [T]> {
        T::of(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_become_bytes_and_back() {
        let tensors = [
            Tensor::new(&[2, 2], vec![0.5f32, -1.0, f32::NAN, 3e8]),
            Tensor::new(&[3], vec![i64::MIN, 0, 7]),
            Tensor::new(&[2], vec![true, false]),
            Tensor::new(&[0, 4], Vec::<u8>::new()),
        ];
        for tensor in tensors {
            let mut bytes = Vec::new();
            tensor.view().write_le(&mut bytes);
            let name = tensor.dtype().to_string();
            let dtype = DType::from_name(&name).unwrap();
            let read = Tensor::from_le(dtype, tensor.shape(), &bytes).unwrap();
            let mut again = Vec::new();
            read.view().write_le(&mut again);
            assert_eq!((read.shape(), again), (tensor.shape(), bytes.clone()));
            bytes.push(0);
            assert_eq!(Tensor::from_le(dtype, tensor.shape(), &bytes), None);
        }
        assert_eq!(Tensor::from_le(DType::U8, &[usize::MAX, 2], &[]), None);
        assert_eq!(DType::from_name("f8"), None);
    }
}
