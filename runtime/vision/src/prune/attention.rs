//! What the text looks at.

/// Attention weights of T text tokens to N image tokens, mean over heads, in the second layer of the
/// language model.
#[derive(Clone, Copy, Debug)]
pub struct Attention<'a> {
    weights: &'a [f32],
    content: &'a [bool],
    tokens: usize,
}

impl<'a> Attention<'a> {
    /// `weights` [T, N] row by row; `content` says for each of the T text tokens whether it is one whose
    /// attention counts, see [`super::is_content`]. `None` where the lengths do not fit.
    #[must_use]
    pub fn new(weights: &'a [f32], content: &'a [bool]) -> Option<Self> {
        let rows = content.len();
        (rows > 0 && weights.len().is_multiple_of(rows)).then(|| Self {
            weights,
            content,
            tokens: weights.len() / rows,
        })
    }

    /// How many image tokens it is about.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// The most that any word that counts attends to each image token; 0 where no word counts.
    #[must_use]
    pub fn of_content(&self) -> Vec<f32> {
        let mut most = vec![0.0_f32; self.tokens];
        for (i, _) in self.content.iter().enumerate().filter(|(_, c)| **c) {
            for (most, weight) in most.iter_mut().zip(self.row(i)) {
                *most = most.max(*weight);
            }
        }
        most
    }

    /// What the last text token attends to.
    #[must_use]
    pub fn of_last(&self) -> &'a [f32] {
        self.row(self.content.len() - 1)
    }

    fn row(&self, i: usize) -> &'a [f32] {
        &self.weights[i * self.tokens..(i + 1) * self.tokens]
    }
}
