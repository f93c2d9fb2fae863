//! What drafts, whatever it is.

use crate::distribution::Distribution;
use crate::draft::Draft;
use crate::error::DraftError;
use crate::random::Draws;
use crate::seen::Seen;

/// A text that will not change any more, as far as it goes.
#[derive(Clone, Copy, Debug)]
pub struct Settled<'a> {
    /// The prompt behind the image, and what was said.
    pub tokens: &'a [u32],
    /// Tokens of the prompt.
    pub prompt: usize,
    /// The target's hidden states, a row each, at the places before the last of `tokens`: at least of those
    /// that were settled since the draft before. Empty where the target gives none.
    pub states: &'a [f32],
}

impl Settled<'_> {
    /// What was said.
    #[must_use]
    pub fn said(&self) -> &[u32] {
        &self.tokens[self.prompt..]
    }
}

/// What is to be drafted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Runs of the drafter: tokens of a chain.
    pub length: usize,
    /// Children of a token; 1 makes a chain.
    pub branches: usize,
    /// Tokens of a tree that remain after the re-rank.
    pub total: usize,
    /// Tokens of a chain are drawn at this temperature where it is above 0, else the likeliest are taken.
    pub temperature: f64,
    /// A draft ends where it is less likely than this, as the drafter has it: natural logarithm.
    pub least_log_probability: f32,
}

impl Plan {
    /// A chain of the likeliest tokens.
    #[must_use]
    pub fn chain(length: usize) -> Self {
        Self {
            length,
            branches: 1,
            total: length,
            temperature: 0.0,
            least_log_probability: f32::NEG_INFINITY,
        }
    }
}

/// A source of drafts.
pub trait Proposer {
    /// Forgets what came before; the next drafts are about this picture.
    ///
    /// # Errors
    /// [`DraftError`].
    fn begin(&mut self, seen: &Seen<'_>) -> Result<(), DraftError>;

    /// Drafts what may follow.
    ///
    /// # Errors
    /// [`DraftError`].
    fn draft(
        &mut self,
        settled: &Settled<'_>,
        plan: &Plan,
        draws: &mut Draws,
        draft: &mut Draft,
    ) -> Result<(), DraftError>;
}

/// The likeliest `count` tokens but for barred ones, with the natural logarithms of their probabilities,
/// the likeliest first.
pub(crate) fn likeliest(logits: &[f32], barred: &[u32], count: usize) -> Vec<(u32, f32)> {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let others: f64 = logits
        .iter()
        .map(|&it| f64::from(it - greatest).exp())
        .sum();
    let log_sum = greatest + others.ln() as f32;
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count + 1);
    for (token, &logit) in (0..).zip(logits) {
        if best.len() == count && best.last().is_some_and(|last| logit <= last.1) {
            continue;
        }
        if logit.is_finite() && !barred.contains(&token) {
            let at = best.partition_point(|other| other.1 >= logit);
            best.insert(at, (token, logit));
            best.truncate(count);
        }
    }
    best.iter_mut().for_each(|it| it.1 -= log_sum);
    best
}

/// A token drawn at a temperature, with the logarithm of its probability there, and what it was drawn from.
pub(crate) fn drawn(
    logits: &[f32],
    barred: &[u32],
    temperature: f64,
    draws: &mut Draws,
) -> (u32, f32, Distribution) {
    let q = Distribution::of(logits, barred, temperature);
    let token = q.draw(draws);
    (token, q.of_token(token).ln() as f32, q)
}
