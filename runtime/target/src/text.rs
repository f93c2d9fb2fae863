//! A text as the target writes it.

use drafthorse_vision::{likeliest, repeated};

/// What was written so far, and how.
pub(crate) struct Text<'a> {
    /// Token ids, without the one that ends.
    pub(crate) said: Vec<u32>,
    log_probabilities: Vec<f32>,
    pub(crate) ended: bool,
    rule: Rule<'a>,
}

/// What the target's files say of its texts.
#[derive(Clone, Copy)]
pub(crate) struct Rule<'a> {
    pub(crate) ends: &'a [u32],
    pub(crate) no_repeat: usize,
    pub(crate) longest: usize,
}

impl<'a> Text<'a> {
    pub(crate) fn new(rule: Rule<'a>) -> Self {
        Self {
            said: Vec::new(),
            log_probabilities: Vec::new(),
            ended: false,
            rule,
        }
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.ended && self.said.len() < self.rule.longest
    }

    /// Writes the target's greedy choice, and gives it.
    pub(crate) fn choose(&mut self, logits: &[f32]) -> u32 {
        let barred = repeated(&self.said, self.rule.no_repeat);
        let (id, log_probability) = likeliest(logits, &barred);
        self.log_probabilities.push(log_probability);
        self.ended = self.rule.ends.contains(&id);
        if !self.ended {
            self.said.push(id);
        }
        id
    }

    /// Mean ln p of the tokens, the one that ends among them; 0 where there is none.
    pub(crate) fn score(&self) -> f32 {
        let count = self.log_probabilities.len().max(1) as f64;
        let sum: f64 = self.log_probabilities.iter().copied().map(f64::from).sum();
        (sum / count) as f32
    }
}
