//! Positions of a sequence's tokens, as rotary embeddings take them.

/// Positions on one axis, or on three: time, row and column
/// (the multimodal rotary embedding of Qwen2-VL, arXiv:2409.12191).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positions {
    axes: usize,
    /// A row of `axes` numbers a token.
    values: Vec<i64>,
}

impl Positions {
    /// None yet, on that many axes.
    #[must_use]
    pub fn new(axes: usize) -> Self {
        Self {
            axes,
            values: Vec::new(),
        }
    }

    /// `count` tokens of text from the position `from` on: the same number on every axis.
    #[must_use]
    pub fn of_text(axes: usize, from: i64, count: usize) -> Self {
        let mut positions = Self::new(axes);
        for position in (from..).take(count) {
            positions.push(&[position; 3][..axes]);
        }
        positions
    }

    /// Adds a token, whose position on every axis is given.
    ///
    /// # Panics
    /// Where there are not as many numbers as axes.
    pub fn push(&mut self, position: &[i64]) {
        assert_eq!(position.len(), self.axes, "axes of a position");
        self.values.extend_from_slice(position);
    }

    /// Axes.
    #[must_use]
    pub fn axes(&self) -> usize {
        self.axes
    }

    /// Tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.axes
    }

    /// Whether there are no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Those on one axis, token by token.
    pub fn axis(&self, axis: usize) -> impl Iterator<Item = i64> + '_ {
        self.values.iter().skip(axis).step_by(self.axes).copied()
    }

    /// Position of a token on every axis.
    #[must_use]
    pub fn at(&self, token: usize) -> &[i64] {
        &self.values[token * self.axes..][..self.axes]
    }
}
