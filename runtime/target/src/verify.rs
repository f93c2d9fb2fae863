//! Verification of one frame's draft, on the rules and the roll-back of `drafthorse-draft`.

use crate::error::TargetError;
use crate::pace::Pace;
use drafthorse_draft::verify::{Verified, greedy};
use drafthorse_draft::{Draft, DraftError, Seen, Target};
use drafthorse_protocol::FrameVerdict;
use drafthorse_vision::{likeliest, repeated};
use std::time::Instant;

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
}

/// Runs over image, prompt and draft at once. The draft's tokens stand as long as each is the target's own greedy choice
/// behind those before it; the target goes on from there to its end. What results is what it writes without a draft.
pub(crate) fn verify(
    target: &mut Target,
    asked: &Asked<'_>,
    runs: Runs,
) -> Result<FrameVerdict, TargetError> {
    // Behind the longest text nothing is looked at.
    let draft = &asked.draft[..asked.draft.len().min(asked.longest)];
    let words = [asked.prompt, draft].concat();
    runs.run(|| target.begin(&asked.seen, &words))?;
    let mut logs = Vec::new();
    let before = asked.seen.places().len() + asked.prompt.len() - 1;
    let verified = follow(target, draft, before, &mut logs)?;

    let accepted = verified.path.len();
    let mut text = draft[..accepted].to_vec();
    let mut ended = verified.next.is_none();
    if text.len() == asked.longest && !ended {
        // What follows the longest text is not said.
        logs.pop();
    } else if let Some(next) = verified.next {
        ended = target.rules().end_tokens.contains(&next);
        text.push(next);
        target.back(draft.len() - accepted)?;
    }
    while !ended && text.len() < asked.longest {
        let last = text[text.len() - 1];
        runs.run(|| target.feed(&[last], &[None]))?;
        target.keep(1, &[0])?;
        let (next, log) = choose(target, 0, &text)?;
        ended = target.rules().end_tokens.contains(&next);
        text.push(next);
        logs.push(log);
    }
    let sum: f64 = logs.iter().copied().map(f64::from).sum();
    Ok(FrameVerdict {
        accepted: accepted as u16,
        correction: text[accepted..].iter().map(|&id| id as u16).collect(),
        score: (sum / logs.len().max(1) as f64) as f32,
        ended,
    })
}

/// Follows the target's choices through the draft; row `before` of its last run precedes it. `logs` gets ln p of each.
fn follow(
    target: &Target,
    draft: &[u32],
    before: usize,
    logs: &mut Vec<f32>,
) -> Result<Verified, DraftError> {
    let ends = &target.rules().end_tokens;
    greedy(&Draft::chain(draft), ends, |at, words| {
        let row = before + at.map_or(0, |at| at + 1);
        let (token, log) = choose(target, row, words)?;
        logs.push(log);
        Ok(token)
    })
}

/// The target's greedy choice behind a row of its last run, and ln p of it.
fn choose(target: &Target, row: usize, text: &[u32]) -> Result<(u32, f32), DraftError> {
    let barred = repeated(text, target.rules().no_repeat);
    Ok(likeliest(target.logits(row)?, &barred))
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
