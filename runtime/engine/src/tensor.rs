//! Tensors: typed elements in row-major order with their shape.

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
    ($($variant:ident $t:ty),*) => {
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

by_type!(F32 f32, I64 i64, I32 i32, U8 u8, I8 i8, Bool bool);

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
