//! Drafts without a model: what followed the same words before (prompt lookup, Saxena 2023; with the texts of
//! earlier pictures after REST, He et al. 2023).

use crate::draft::Draft;
use crate::error::DraftError;
use crate::propose::{Plan, Proposer, Settled};
use crate::random::Draws;
use crate::seen::Seen;
use std::collections::VecDeque;

/// The longest run of last words that was said before, here or in an earlier text, goes on as it did there.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// Words of the longest run that is looked for.
    longest: usize,
    /// Earlier texts, the latest last.
    earlier: VecDeque<Vec<u32>>,
    /// So many of them.
    remembered: usize,
    /// The text at hand.
    said: Vec<u32>,
}

impl Lookup {
    /// Looks for runs of up to `longest` words, also in the `remembered` texts before.
    #[must_use]
    pub fn new(longest: usize, remembered: usize) -> Self {
        Self {
            longest,
            remembered,
            earlier: VecDeque::with_capacity(remembered),
            said: Vec::new(),
        }
    }

    /// Remembers a text that was not drafted here.
    pub fn remember(&mut self, text: Vec<u32>) {
        if self.remembered > 0 {
            while self.earlier.len() >= self.remembered {
                self.earlier.pop_front();
            }
            self.earlier.push_back(text);
        }
    }
}

impl Proposer for Lookup {
    fn begin(&mut self, _: &Seen<'_>) -> Result<(), DraftError> {
        let said = std::mem::take(&mut self.said);
        if !said.is_empty() {
            self.remember(said);
        }
        Ok(())
    }

    fn draft(
        &mut self,
        settled: &Settled<'_>,
        plan: &Plan,
        _: &mut Draws,
        draft: &mut Draft,
    ) -> Result<(), DraftError> {
        draft.clear();
        self.said.clear();
        self.said.extend_from_slice(settled.tokens);
        let said = &self.said;
        for size in (1..=self.longest.min(said.len())).rev() {
            let run = &said[said.len() - size..];
            // The latest text first, and in each the last place that has something behind it.
            let mut texts = std::iter::once(said).chain(self.earlier.iter().rev());
            let found = texts.find_map(|text| {
                let last = text.len().checked_sub(size + 1)?;
                let at = (0..=last).rev().find(|&at| text[at..].starts_with(run))?;
                Some(&text[at + size..])
            });
            if let Some(follows) = found {
                *draft = Draft::chain(&follows[..follows.len().min(plan.length)]);
                return Ok(());
            }
        }
        Ok(())
    }
}
