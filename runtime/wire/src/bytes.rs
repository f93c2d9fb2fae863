//! Fixed-layout big-endian records: one field list gives size, reading and writing.

/// A value with a fixed big-endian layout and no padding.
pub(crate) trait Packed: Sized {
    /// Bytes on the wire.
    const SIZE: usize;
    /// Takes the value off the front of `input`; `None` where the input is too short.
    fn read(input: &mut &[u8]) -> Option<Self>;
    /// Appends the value.
    fn write(&self, out: &mut Vec<u8>);
}

macro_rules! packed_number {
    ($($ty:ty),*) => {$(
        impl Packed for $ty {
            const SIZE: usize = size_of::<$ty>();
            fn read(input: &mut &[u8]) -> Option<Self> {
                let (head, rest) = input.split_first_chunk()?;
                *input = rest;
                Some(<$ty>::from_be_bytes(*head))
            }
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_be_bytes());
            }
        }
    )*};
}

packed_number!(u8, i8, u16, u32, u64, f32);

impl<const N: usize> Packed for [u8; N] {
    const SIZE: usize = N;
    fn read(input: &mut &[u8]) -> Option<Self> {
        let (head, rest) = input.split_first_chunk()?;
        *input = rest;
        Some(*head)
    }
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }
}

/// Declares a public record and its [`Packed`] layout from one list of fields.
macro_rules! packed_record {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $ty:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $ty,)*
        }
        impl $crate::bytes::Packed for $name {
            const SIZE: usize = 0 $(+ <$ty as $crate::bytes::Packed>::SIZE)*;
            fn read(input: &mut &[u8]) -> Option<Self> {
                Some(Self { $($field: $crate::bytes::Packed::read(input)?,)* })
            }
            fn write(&self, out: &mut Vec<u8>) {
                $($crate::bytes::Packed::write(&self.$field, out);)*
            }
        }
    };
}
pub(crate) use packed_record;

/// `N` bytes at `at`, or `None` past the end.
pub(crate) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    let end = at.checked_add(N)?;
    bytes.get(at..end)?.try_into().ok()
}
