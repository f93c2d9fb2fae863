//! Distributions over a vocabulary.

use crate::random::Draws;

/// Probabilities of a vocabulary's tokens, which add up to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution(Vec<f64>);

impl Distribution {
    /// The softmax of logits at a temperature above 0, tokens that are barred left out.
    #[must_use]
    pub fn of(logits: &[f32], barred: &[u32], temperature: f64) -> Self {
        let mut all = Self::default();
        all.set(logits, barred, temperature);
        all
    }

    /// The same in memory that is there.
    pub fn set(&mut self, logits: &[f32], barred: &[u32], temperature: f64) {
        let Self(all) = self;
        let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let weight = |&logit: &f32| (f64::from(logit - greatest) / temperature).exp();
        all.clear();
        all.extend(logits.iter().map(weight));
        for &token in barred {
            if let Some(weight) = all.get_mut(token as usize) {
                *weight = 0.0;
            }
        }
        self.normalise();
    }

    /// Of weights of 0 and more.
    #[must_use]
    pub fn of_weights(weights: Vec<f64>) -> Self {
        let mut all = Self(weights);
        all.normalise();
        all
    }

    /// A token's probability.
    #[must_use]
    pub fn of_token(&self, token: u32) -> f64 {
        self.0.get(token as usize).copied().unwrap_or(0.0)
    }

    /// All of them, token by token.
    #[must_use]
    pub fn probabilities(&self) -> &[f64] {
        &self.0
    }

    /// A token, drawn.
    pub fn draw(&self, draws: &mut Draws) -> u32 {
        let mut left = draws.unit();
        let mut last = 0;
        for (token, &probability) in (0..).zip(&self.0) {
            if probability > 0.0 {
                last = token;
                if left < probability {
                    break;
                }
                left -= probability;
            }
        }
        last
    }

    /// What is left where `other` has been drawn from and refused: `norm(max(self - other, 0))`, and this one
    /// itself where nothing is left.
    pub(crate) fn less(&mut self, other: &Self) {
        let rest = |(mine, theirs): (&f64, &f64)| (mine - theirs).max(0.0);
        if self.0.iter().zip(&other.0).map(rest).sum::<f64>() > 0.0 {
            for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
                *mine = (*mine - theirs).max(0.0);
            }
            self.normalise();
        }
    }

    /// What is left where a token was refused; nothing changes where it is the only one.
    pub(crate) fn without(&mut self, token: u32) {
        if let Some(weight) = self.0.get_mut(token as usize)
            && *weight < 1.0
        {
            *weight = 0.0;
            self.normalise();
        }
    }

    fn normalise(&mut self) {
        let sum: f64 = self.0.iter().sum();
        if sum > 0.0 {
            self.0.iter_mut().for_each(|weight| *weight /= sum);
        }
    }
}
