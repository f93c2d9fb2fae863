//! Verification of one frame's draft, on the rules and the roll-back of `drafthorse-draft`.

use crate::error::TargetError;
use crate::pace::Pace;
use drafthorse_draft::verify::greedy;
use drafthorse_draft::{Draft, DraftError, Draws, Plan, Proposer, Seen, Settled, Target};
use drafthorse_protocol::FrameVerdict;
use drafthorse_vision::{likeliest, repeated};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

/// A draft of the drafter beside the target ends where it gives the draft less than this: ln of one in sixty thousand.
const LEAST_LOG_PROBABILITY: f32 = -11.0;

/// A frame: what is seen, the words behind it, and what may follow.
pub(crate) struct Asked<'a> {
    pub(crate) seen: Seen<'a>,
    pub(crate) prompt: &'a [u32],
    pub(crate) draft: &'a [u32],
    /// Tokens of the longest text, the one that ends it not counted.
    pub(crate) longest: usize,
}

/// How the target is run.
#[derive(Clone, Copy)]
pub(crate) struct Runs {
    pub(crate) pace: Pace,
    pub(crate) deadline: Option<Instant>,
    /// Tokens that are drafted at most between two runs.
    pub(crate) ahead: usize,
}

/// A text under way.
struct Text<'a> {
    asked: &'a Asked<'a>,
    /// The prompt, and what was said.
    tokens: Vec<u32>,
    /// ln p of each token that was said.
    logs: Vec<f32>,
    ended: bool,
    /// The target's hidden states at the places before the tokens since the last draft, where somebody drafts.
    states: Option<Vec<f32>>,
}

/// Runs over image, prompt and draft at once. The draft's tokens stand as long as each is the target's own greedy choice
/// behind those before it; the target goes on from there to its end, a token a run, or as far as what `drafter` drafts
/// stands. What results is what it writes without any draft.
pub(crate) fn verify(
    target: &mut Target,
    mut drafter: Option<&mut (dyn Proposer + Send)>,
    asked: &Asked<'_>,
    runs: Runs,
) -> Result<FrameVerdict, TargetError> {
    // Behind the longest text nothing is looked at.
    let draft = &asked.draft[..asked.draft.len().min(asked.longest)];
    let words = [asked.prompt, draft].concat();
    // The drafter looks at the picture while the target's first run is under way.
    std::thread::scope(|scope| {
        let looking = drafter.as_deref_mut();
        let looking = looking.map(|drafter| scope.spawn(move || drafter.begin(&asked.seen)));
        runs.run(|| target.begin(&asked.seen, &words))?;
        match looking.map(ScopedJoinHandle::join) {
            None => Ok::<(), TargetError>(()),
            Some(looked) => Ok(looked.map_err(|_| TargetError::Panicked)??),
        }
    })?;
    let last_of_image = asked.seen.places().len() - 1;
    let mut text = Text {
        asked,
        tokens: asked.prompt.to_vec(),
        logs: Vec::new(),
        ended: false,
        states: drafter.is_some().then(Vec::new),
    };
    let before = last_of_image + asked.prompt.len();
    text.see(target, last_of_image..before)?;
    let accepted = text.follow(target, &Draft::chain(draft), before)?;
    if !text.is_over() {
        target.back(draft.len() - accepted)?;
    }
    while !text.is_over() {
        let mut ahead = Draft::default();
        if let Some(drafter) = drafter.as_deref_mut() {
            text.draft(drafter, runs.ahead, &mut ahead)?;
        }
        // Nothing follows a token that ends, so that it is not run.
        let ends = &target.rules().end_tokens;
        let whole = ahead.tokens.iter().take_while(|id| !ends.contains(id));
        let last = text.tokens.last();
        let fed: Vec<u32> = last.into_iter().chain(whole).copied().collect();
        let parents: Vec<_> = (0..fed.len())
            .map(|row: usize| row.checked_sub(1))
            .collect();
        runs.run(|| target.feed(&fed, &parents))?;
        let stood = text.follow(target, &ahead, 0)?;
        let kept: Vec<usize> = (0..fed.len().min(1 + stood)).collect();
        target.keep(fed.len(), &kept)?;
    }
    let sum: f64 = text.logs.iter().copied().map(f64::from).sum();
    let correction = text.said()[accepted..].iter().map(|&id| id as u16);
    Ok(FrameVerdict {
        accepted: accepted as u16,
        correction: correction.collect(),
        score: (sum / text.logs.len().max(1) as f64) as f32,
        ended: text.ended,
    })
}

impl Text<'_> {
    fn said(&self) -> &[u32] {
        &self.tokens[self.asked.prompt.len()..]
    }

    fn is_over(&self) -> bool {
        self.ended || self.said().len() >= self.asked.longest
    }

    /// Follows the target's choices through a chain that its last run was over, row `before` of which precedes the chain.
    /// They join the text; so many of the chain's tokens are among them.
    fn follow(
        &mut self,
        target: &Target,
        chain: &Draft,
        before: usize,
    ) -> Result<usize, DraftError> {
        let ends = &target.rules().end_tokens;
        let mut chosen = Vec::with_capacity(chain.len() + 1);
        let mut all = self.said().to_vec();
        let said = all.len();
        let verified = greedy(chain, ends, |at, words| {
            all.truncate(said);
            all.extend_from_slice(words);
            let barred = repeated(&all, target.rules().no_repeat);
            let row = before + at.map_or(0, |at| at + 1);
            let (token, log) = likeliest(target.logits(row)?, &barred);
            chosen.push((token, log));
            Ok::<u32, DraftError>(token)
        })?;
        self.see(target, before..before + chosen.len())?;
        for (token, log) in chosen {
            // What follows the longest text is not said.
            if self.is_over() {
                break;
            }
            self.ended = ends.contains(&token);
            self.tokens.push(token);
            self.logs.push(log);
        }
        Ok(verified.path.len())
    }

    /// Takes the target's hidden states at rows of its last run.
    fn see(
        &mut self,
        target: &Target,
        rows: impl Iterator<Item = usize>,
    ) -> Result<(), DraftError> {
        if let Some(states) = &mut self.states {
            for row in rows {
                states.extend_from_slice(target.hidden_state(row)?);
            }
        }
        Ok(())
    }

    /// Drafts what may follow.
    fn draft(
        &mut self,
        drafter: &mut (dyn Proposer + Send),
        ahead: usize,
        draft: &mut Draft,
    ) -> Result<(), DraftError> {
        // The run itself gives a token.
        let length = ahead.min(self.asked.longest - self.said().len() - 1);
        if length == 0 {
            return Ok(());
        }
        let settled = Settled {
            tokens: &self.tokens,
            prompt: self.asked.prompt.len(),
            states: self.states.as_deref().unwrap_or_default(),
        };
        let plan = Plan {
            least_log_probability: LEAST_LOG_PROBABILITY,
            ..Plan::chain(length)
        };
        // Chains of the likeliest tokens draw nothing.
        drafter.draft(&settled, &plan, &mut Draws::new(0), draft)?;
        if let Some(states) = &mut self.states {
            states.clear();
        }
        Ok(())
    }
}

impl Runs {
    /// A run in time, at the target's pace.
    fn run(self, run: impl FnOnce() -> Result<(), DraftError>) -> Result<(), TargetError> {
        if self
            .deadline
            .is_some_and(|deadline| deadline <= Instant::now())
        {
            return Err(TargetError::Late);
        }
        Ok(self.pace.run(run)?)
    }
}
