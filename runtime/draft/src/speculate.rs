//! Speculative decoding on one machine: draft, verify in one run of the target, go back, again.

use crate::distribution::Distribution;
use crate::draft::Draft;
use crate::error::DraftError;
use crate::length::{Lengths, Round};
use crate::propose::{Plan, Proposer, Settled};
use crate::random::Draws;
use crate::seen::Seen;
use crate::target::Target;
use crate::verify::{self, Verified};
use drafthorse_vision::{likeliest, repeated};
use std::time::{Duration, Instant};

/// How a text is decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoding {
    /// 0 for the likeliest token each time, else the temperature that tokens are drawn at.
    pub temperature: f64,
    /// Where draws begin.
    pub seed: u64,
    /// Children of a draft's token; 1 makes chains.
    pub branches: usize,
    /// Tokens of a tree that remain after the re-rank.
    pub total: usize,
    /// Whether tokens of chains are drawn from the drafter's distribution where the target's are drawn, or
    /// its likeliest are taken.
    pub drawn_drafts: bool,
    /// A draft ends where the drafter gives it a smaller probability than this: natural logarithm.
    pub least_log_probability: f32,
    /// Tokens of the longest text; none for what the target says, or 256.
    pub longest: Option<usize>,
}

impl Default for Decoding {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            seed: 0,
            branches: 1,
            total: usize::MAX,
            drawn_drafts: true,
            least_log_probability: f32::NEG_INFINITY,
            longest: None,
        }
    }
}

/// Tokens of the longest text where nobody says.
const LONGEST: usize = 256;

/// A text of the target, and what it took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Token ids, without the one that ends.
    pub ids: Vec<u32>,
    /// Natural logarithm of the probability that the target gives to each, and to the one that ends: of the
    /// whole vocabulary at temperature 1, whatever is barred.
    pub log_probabilities: Vec<f32>,
    /// Whether it ended by itself.
    pub ended: bool,
    /// Runs of the target; the one over picture and prompt, which gives the first token, is one of them.
    pub calls: usize,
    /// Tokens that were drafted, and those of them that stayed.
    pub drafted: usize,
    /// See there.
    pub stayed: usize,
    /// Time of the drafter.
    pub drafting: Duration,
    /// Time of the target, its first run left out.
    pub verifying: Duration,
    /// Time of the target's first run.
    pub beginning: Duration,
}

impl Said {
    /// Tokens a run of the target, those of its first run left out: 1 where nothing is drafted.
    #[must_use]
    pub fn tokens_per_call(&self) -> f64 {
        let tokens = self.ids.len() + usize::from(self.ended);
        tokens.saturating_sub(1) as f64 / self.calls.saturating_sub(1).max(1) as f64
    }
}

/// A target with what drafts for it.
pub struct Speculator<'a> {
    target: &'a mut Target,
    proposer: Option<&'a mut (dyn Proposer + 'static)>,
    lengths: &'a mut Lengths,
}

/// A text under way.
struct Text {
    /// The prompt, and what was said.
    tokens: Vec<u32>,
    prompt: usize,
    /// The target's hidden states at the places before the tokens that were settled last.
    states: Vec<f32>,
    said: Said,
    draws: Draws,
    longest: usize,
}

impl Text {
    fn words(&self) -> usize {
        self.tokens.len() - self.prompt
    }

    fn is_over(&self) -> bool {
        self.said.ended || self.words() >= self.longest
    }
}

impl<'a> Speculator<'a> {
    /// Joins them. Without a proposer the target decodes alone, token by token.
    pub fn new(
        target: &'a mut Target,
        proposer: Option<&'a mut (dyn Proposer + 'static)>,
        lengths: &'a mut Lengths,
    ) -> Self {
        Self {
            target,
            proposer,
            lengths,
        }
    }

    /// What the target says of a picture behind a prompt. Where the likeliest token is taken each time it is
    /// what the target says alone; where tokens are drawn it has the target's distribution.
    ///
    /// # Errors
    /// [`DraftError`] of target or drafter.
    pub fn say(
        &mut self,
        seen: &Seen<'_>,
        prompt: &[u32],
        decoding: &Decoding,
    ) -> Result<Said, DraftError> {
        let mut text = Text {
            tokens: prompt.to_vec(),
            prompt: prompt.len(),
            states: Vec::new(),
            said: Said::default(),
            draws: Draws::new(decoding.seed),
            longest: decoding
                .longest
                .or(self.target.rules().longest)
                .unwrap_or(LONGEST),
        };
        let begun = Instant::now();
        self.target.begin(seen, prompt)?;
        let last = seen.places().len() - 1;
        let nothing = Draft::default();
        let rows = Rows {
            root: last + prompt.len(),
            of: Vec::new(),
        };
        let first = self.verify(&nothing, &rows, &mut text, decoding)?;
        // The places before the prompt's tokens and before the first word.
        self.take_states(last..=rows.root, &mut text)?;
        self.settle(&nothing, &rows, &first, &mut text)?;
        text.said.beginning = begun.elapsed();
        text.said.calls = 1;
        if let Some(proposer) = self.proposer.as_deref_mut() {
            let begun = Instant::now();
            proposer.begin(seen)?;
            text.said.drafting = begun.elapsed();
        }
        while !text.is_over() {
            self.round(&mut text, decoding)?;
        }
        text.said.ids = text.tokens.split_off(prompt.len());
        if text.said.ended {
            text.said.ids.pop();
        }
        Ok(text.said)
    }

    fn round(&mut self, text: &mut Text, decoding: &Decoding) -> Result<(), DraftError> {
        let begun = Instant::now();
        let mut draft = Draft::default();
        // The run itself gives a token.
        let room = text.longest - text.words() - 1;
        let length = match self.proposer {
            Some(_) => self.lengths.choose().min(room),
            None => 0,
        };
        if let Some(proposer) = self.proposer.as_deref_mut()
            && length > 0
        {
            let settled = Settled {
                tokens: &text.tokens,
                prompt: text.prompt,
                states: &text.states,
            };
            let plan = Plan {
                length,
                branches: decoding.branches,
                total: decoding.total,
                temperature: match decoding.drawn_drafts {
                    true => decoding.temperature,
                    false => 0.0,
                },
                least_log_probability: decoding.least_log_probability,
            };
            proposer.draft(&settled, &plan, &mut text.draws, &mut draft)?;
        }
        let drafting = begun.elapsed();
        let begun = Instant::now();
        let rows = self.feed(&draft, text)?;
        let verified = self.verify(&draft, &rows, text, decoding)?;
        let kept: Vec<usize> = std::iter::once(rows.root)
            .chain(verified.path.iter().filter_map(|&at| rows.of[at]))
            .collect();
        let fresh = verified.path.len() + usize::from(verified.next.is_some());
        if length > 0 {
            // The drafter has taken what was there.
            text.states.clear();
        }
        self.take_states(kept.iter().copied().take(fresh), text)?;
        self.settle(&draft, &rows, &verified, text)?;
        self.target.keep(rows.fed(), &kept)?;
        let verifying = begun.elapsed();
        self.lengths.learn(&Round {
            length,
            drafted: draft.len(),
            fed: rows.fed(),
            stayed: verified.path.len(),
            drafting,
            verifying,
        });
        let said = &mut text.said;
        said.calls += 1;
        said.drafted += draft.len();
        said.stayed += verified.path.len();
        said.drafting += drafting;
        said.verifying += verifying;
        Ok(())
    }

    /// Runs the target over the last word and a draft behind it. Nothing follows a token that ends, so that it
    /// is not fed.
    fn feed(&mut self, draft: &Draft, text: &Text) -> Result<Rows, DraftError> {
        let mut rows = Rows {
            root: 0,
            of: Vec::with_capacity(draft.len()),
        };
        let mut tokens = Vec::with_capacity(draft.len() + 1);
        let mut parents = Vec::with_capacity(draft.len() + 1);
        tokens.extend(text.tokens.last());
        parents.push(None);
        for (&token, &parent) in draft.tokens.iter().zip(&draft.parents) {
            if self.target.rules().end_tokens.contains(&token) {
                rows.of.push(None);
                continue;
            }
            rows.of.push(Some(tokens.len()));
            parents.push(Some(parent.and_then(|above| rows.of[above]).unwrap_or(0)));
            tokens.push(token);
        }
        self.target.feed(&tokens, &parents)?;
        Ok(rows)
    }

    fn verify(
        &self,
        draft: &Draft,
        rows: &Rows,
        text: &mut Text,
        decoding: &Decoding,
    ) -> Result<Verified, DraftError> {
        let (target, rules) = (&*self.target, self.target.rules());
        let said = &text.tokens[text.prompt..];
        let mut whole = said.to_vec();
        let mut barred = |words: &[u32]| {
            whole.truncate(said.len());
            whole.extend_from_slice(words);
            repeated(&whole, rules.no_repeat)
        };
        if decoding.temperature > 0.0 {
            let temperature = decoding.temperature;
            verify::drawn(draft, &rules.end_tokens, &mut text.draws, |at, words, p| {
                p.set(target.logits(rows.at(at))?, &barred(words), temperature);
                Ok(())
            })
        } else {
            verify::greedy(draft, &rules.end_tokens, |at, words| {
                let (token, _) = likeliest(target.logits(rows.at(at))?, &barred(words));
                Ok(token)
            })
        }
    }

    /// What was verified joins the text, up to its longest.
    fn settle(
        &self,
        draft: &Draft,
        rows: &Rows,
        verified: &Verified,
        text: &mut Text,
    ) -> Result<(), DraftError> {
        let path = verified.path.iter().map(|&at| draft.tokens[at]);
        let places = std::iter::once(None).chain(verified.path.iter().copied().map(Some));
        for (token, before) in path.chain(verified.next).zip(places) {
            if text.is_over() {
                break;
            }
            let logits = self.target.logits(rows.at(before))?;
            text.said
                .log_probabilities
                .push(log_probability(logits, token));
            text.said.ended = self.target.rules().end_tokens.contains(&token);
            text.tokens.push(token);
        }
        Ok(())
    }

    fn take_states(
        &self,
        rows: impl IntoIterator<Item = usize>,
        text: &mut Text,
    ) -> Result<(), DraftError> {
        if self.proposer.is_some() {
            for row in rows {
                text.states
                    .extend_from_slice(self.target.hidden_state(row)?);
            }
        }
        Ok(())
    }
}

/// Where a draft's tokens stand in a run of the target.
struct Rows {
    /// What the draft follows.
    root: usize,
    /// Each token; none for those that were not fed.
    of: Vec<Option<usize>>,
}

impl Rows {
    fn at(&self, token: Option<usize>) -> usize {
        token.and_then(|at| self.of[at]).unwrap_or(self.root)
    }

    fn fed(&self) -> usize {
        1 + self.of.iter().flatten().count()
    }
}

fn log_probability(logits: &[f32], token: u32) -> f32 {
    let p = Distribution::of(logits, &[], 1.0);
    p.of_token(token).ln() as f32
}
