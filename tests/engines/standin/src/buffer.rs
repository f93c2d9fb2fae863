//! Memory that both sides of the interface write.

use crate::{Failure, failed};
use drafthorse_engine::{Kept, View, ViewMut};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr::copy_nonoverlapping as copy;

/// Bytes, aligned for every type of element.
#[derive(Default)]
pub(crate) struct Buffer {
    words: Vec<UnsafeCell<u64>>,
}

impl Buffer {
    pub(crate) fn zeros(bytes: usize) -> Self {
        Self {
            words: (0..bytes.div_ceil(8)).map(|_| UnsafeCell::new(0)).collect(),
        }
    }

    pub(crate) fn data(&self) -> *mut c_void {
        UnsafeCell::raw_get(self.words.as_ptr()).cast()
    }

    fn check(&self, bytes: usize) -> Result<(), Failure> {
        match bytes <= self.words.len() * 8 {
            true => Ok(()),
            false => Err(failed("a buffer is too short")),
        }
    }

    /// A buffer with entries of `entry` bytes of each of the `rows` rows of `row` bytes here.
    pub(crate) fn gather(
        &self,
        rows: usize,
        row: usize,
        entry: usize,
        kept: Kept<'_>,
    ) -> Result<Self, Failure> {
        self.check(rows * row)?;
        let to = Self::zeros(rows * kept.count() * entry);
        let mut at = 0;
        for first in (0..rows).map(|index| index * row) {
            for run in kept.runs() {
                let (from, bytes) = (first + run.start * entry, run.len() * entry);
                // SAFETY: the entries are within the row, as the caller has checked, and the buffers do
                // not overlap.
                unsafe {
                    let from = self.data().cast::<u8>().add(from);
                    copy(from, to.data().cast::<u8>().add(at), bytes);
                }
                at += bytes;
            }
        }
        Ok(to)
    }

    /// Copies a tensor's elements out of it.
    pub(crate) fn read(&self, to: ViewMut<'_>) -> Result<(), Failure> {
        macro_rules! read {
            ($to:expr) => {{
                self.check(size_of_val($to))?;
                // SAFETY: so many bytes are there, and all bits are values of the type.
                unsafe { copy(self.data().cast(), $to.as_mut_ptr(), $to.len()) }
            }};
        }
        match to {
            ViewMut::F32(_, to) => read!(to),
            ViewMut::I64(_, to) => read!(to),
            ViewMut::I32(_, to) => read!(to),
            ViewMut::U8(_, to) => read!(to),
            ViewMut::I8(_, to) => read!(to),
            ViewMut::Bool(_, to) => {
                let mut bytes = vec![0u8; to.len()];
                read!(&mut bytes[..]);
                for (to, byte) in to.iter_mut().zip(bytes) {
                    *to = byte != 0;
                }
            }
        }
        Ok(())
    }

    /// Copies a tensor's elements into it.
    pub(crate) fn write(&mut self, from: View<'_>) -> Result<(), Failure> {
        macro_rules! write {
            ($from:expr) => {{
                self.check(size_of_val($from))?;
                // SAFETY: so many bytes are there.
                unsafe { copy($from.as_ptr(), self.data().cast(), $from.len()) }
            }};
        }
        match from {
            View::F32(_, from) => write!(from),
            View::I64(_, from) => write!(from),
            View::I32(_, from) => write!(from),
            View::U8(_, from) => write!(from),
            View::I8(_, from) => write!(from),
            View::Bool(_, from) => write!(from),
        }
        Ok(())
    }
}
