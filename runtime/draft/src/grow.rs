//! How a drafter grows a chain or a tree.
//!
//! EAGLE-2 (Li et al. 2024) runs all tokens of a level at once. A drafter here runs one path at a time, so
//! that the likeliest token, judged with all those above it, is run next; after so many runs the likeliest
//! tokens of the whole tree remain.

use crate::draft::Draft;
use crate::drafter::{Drafter, Form};
use crate::error::DraftError;
use crate::propose::{Plan, Proposer, Settled, drawn, likeliest};
use crate::random::Draws;
use crate::seen::Seen;
use drafthorse_vision::repeated;

impl Proposer for Drafter {
    fn begin(&mut self, seen: &Seen<'_>) -> Result<(), DraftError> {
        self.look(seen)
    }

    fn draft(
        &mut self,
        settled: &Settled<'_>,
        plan: &Plan,
        draws: &mut Draws,
        draft: &mut Draft,
    ) -> Result<(), DraftError> {
        draft.clear();
        if plan.length == 0 {
            return Ok(());
        }
        self.settle(settled)?;
        let mut growth = Growth {
            root: self.held(),
            said: settled.said().to_vec(),
            own: self.hidden_state()?.to_vec(),
            states: Vec::new(),
            is_run: Vec::new(),
            cached: Vec::new(),
        };
        growth.branch(self, None, plan, draws, draft)?;
        for _ in 1..plan.length {
            let Some(next) = growth.next(self, plan, draft) else {
                break;
            };
            growth.run(self, next, draft)?;
            growth.branch(self, Some(next), plan, draws, draft)?;
        }
        draft.rerank(plan.total);
        Ok(())
    }
}

struct Growth {
    /// Words in the drafter's cache before the draft.
    root: usize,
    /// What was said; the words of a path stand behind it for a while.
    said: Vec<u32>,
    /// The drafter's hidden state at the last settled word.
    own: Vec<f32>,
    /// Its hidden states at the tokens that were run, by their indices.
    states: Vec<Vec<f32>>,
    /// Which tokens were run.
    is_run: Vec<bool>,
    /// The path in the cache behind the root.
    cached: Vec<usize>,
}

impl Growth {
    /// Adds a token's children.
    fn branch(
        &mut self,
        drafter: &Drafter,
        at: Option<usize>,
        plan: &Plan,
        draws: &mut Draws,
        draft: &mut Draft,
    ) -> Result<(), DraftError> {
        let said = self.said.len();
        self.said
            .extend(self.cached.iter().map(|&above| draft.tokens[above]));
        let barred = repeated(&self.said, drafter.rules.no_repeat);
        self.said.truncate(said);
        let logits = drafter.logits()?;
        if plan.temperature > 0.0 && plan.branches == 1 {
            let (token, log_probability, q) = drawn(logits, &barred, plan.temperature, draws);
            draft.push(token, at, log_probability);
            draft.drawn_from.push(q);
        } else {
            for (token, log_probability) in likeliest(logits, &barred, plan.branches) {
                draft.push(token, at, log_probability);
            }
        }
        Ok(())
    }

    /// The token to run next: the likeliest that was not run, ends nothing, and is likely enough.
    fn next(&mut self, drafter: &Drafter, plan: &Plan, draft: &Draft) -> Option<usize> {
        self.is_run.resize(draft.len(), false);
        self.states.resize(draft.len(), Vec::new());
        let open = (0..draft.len()).filter(|&at| {
            !self.is_run[at]
                && !drafter.rules.end_tokens.contains(&draft.tokens[at])
                && draft.log_probabilities[at] >= plan.least_log_probability
        });
        // The first of equals.
        open.min_by(|&a, &b| draft.log_probabilities[b].total_cmp(&draft.log_probabilities[a]))
    }

    /// Runs the drafter at a token: back to where its path leaves the one in the cache, and on.
    fn run(
        &mut self,
        drafter: &mut Drafter,
        token: usize,
        draft: &Draft,
    ) -> Result<(), DraftError> {
        let mut path = Vec::with_capacity(self.cached.len() + 1);
        draft.path(Some(token), &mut path);
        let shared = self.cached.iter().zip(&path).take_while(|(a, b)| a == b);
        let shared = shared.count().min(path.len() - 1);
        drafter.back(self.root + shared)?;
        let tokens: Vec<u32> = path[shared..].iter().map(|&at| draft.tokens[at]).collect();
        match drafter.form {
            Form::Standalone => drafter.run(&tokens, None)?,
            Form::Colocated => {
                let mut states = Vec::with_capacity(tokens.len() * self.own.len());
                for &at in &path[shared..] {
                    let above = draft.parents[at].map_or(&self.own, |above| &self.states[above]);
                    states.extend_from_slice(above);
                }
                drafter.run(&tokens, Some(&states))?;
            }
        }
        self.states[token] = drafter.hidden_state()?.to_vec();
        self.is_run[token] = true;
        self.cached = path;
        Ok(())
    }
}
