//! Which entries of a state stay when a model goes back.

use crate::error::EngineError;
use crate::port::State;
use std::ops::Range;

/// Entries of a state that stay, along the axis that it grows on: the first ones, and single ones
/// behind them. What a draft was wrong about goes; of a draft that branches, one branch stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept<'a> {
    /// So many from the beginning.
    pub first: usize,
    /// Indices of others, ascending, each `first` or more.
    pub then: &'a [usize],
}

impl Kept<'static> {
    /// The first `count` entries and no others.
    #[must_use]
    pub fn first(count: usize) -> Self {
        Self {
            first: count,
            then: &[],
        }
    }
}

impl Kept<'_> {
    /// How many stay.
    #[must_use]
    pub fn count(&self) -> usize {
        self.first + self.then.len()
    }

    /// They, neighbours together, ascending.
    pub fn runs(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let others = self.then.chunk_by(|a, b| a + 1 == *b);
        let others = others.map(|run| run[0]..run[run.len() - 1] + 1);
        std::iter::once(0..self.first)
            .chain(others)
            .filter(|run| !run.is_empty())
    }
}

impl State {
    /// The axis along which it grows: the one that is empty at first.
    #[must_use]
    pub fn growing_axis(&self) -> Option<usize> {
        let mut empty = (0..self.initial.len()).filter(|&axis| self.initial[axis] == 0);
        match (empty.next(), empty.next()) {
            (axis, None) => axis,
            _ => None,
        }
    }

    /// What is left of it: the axis, and the shape afterwards. `held` is its shape now.
    ///
    /// # Errors
    /// [`EngineError::Keep`] where it has no growing axis, or not these entries.
    pub fn keep(&self, held: &[usize], kept: Kept<'_>) -> Result<(usize, Vec<usize>), EngineError> {
        let wrong = |why: String| EngineError::Keep {
            state: self.input.to_string(),
            why,
        };
        let axis = self.growing_axis().ok_or_else(|| {
            let initial = &self.initial;
            wrong(format!("of its first shape {initial:?} not exactly one axis is empty, so that none is known to grow"))
        })?;
        let bounds = std::iter::once(kept.first.saturating_sub(1)).chain(kept.then.iter().copied());
        let ascending = kept.then.is_sorted_by(|a, b| a < b)
            && kept.then.first().is_none_or(|&next| next >= kept.first);
        let length = held[axis];
        if !ascending || (kept.count() > 0 && bounds.max() >= Some(length)) {
            return Err(wrong(format!(
                "it has {length} entries, and the first {} and {:?} were to stay",
                kept.first, kept.then
            )));
        }
        let mut shape = held.to_vec();
        shape[axis] = kept.count();
        Ok((axis, shape))
    }
}

/// Copies entries along an axis, and all of the other axes. `to` has room for them.
pub(crate) fn gather<T: Copy>(
    from: &[T],
    shape: &[usize],
    to: &mut [T],
    axis: usize,
    kept: Kept<'_>,
) {
    let inner: usize = shape[axis + 1..].iter().product();
    let (from_row, to_row) = (shape[axis] * inner, kept.count() * inner);
    if from_row == 0 || to_row == 0 {
        return;
    }
    for (from, to) in from.chunks_exact(from_row).zip(to.chunks_exact_mut(to_row)) {
        let mut at = 0;
        for run in kept.runs() {
            let run = &from[run.start * inner..run.end * inner];
            to[at..at + run.len()].copy_from_slice(run);
            at += run.len();
        }
    }
}
