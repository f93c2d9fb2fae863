//! Verification of one draft: the one place that says which of its tokens stand.

use crate::error::TargetError;
use crate::pace::Pace;
use crate::text::{Rule, Text};
use drafthorse_protocol::FrameVerdict;
use drafthorse_vision::{PictureTokens, Positions, Prompt, Vlm};
use std::time::Instant;

/// What stands before a text, and how runs are to be made.
pub(crate) struct Context<'a> {
    pub(crate) picture: &'a PictureTokens,
    /// Token id that stands where a picture's token comes.
    pub(crate) placeholder: u32,
    pub(crate) prompt: Vec<u32>,
    /// Tokens of the whole picture: the prompt's first position.
    pub(crate) image: i64,
    pub(crate) pace: Pace,
    pub(crate) deadline: Option<Instant>,
}

/// Runs over image, prompt and draft at once. The draft's tokens stand as long as each is the target's own greedy choice
/// behind those before it; the target goes on from there to its end. What results is what it writes without a draft.
pub(crate) fn verify(
    vlm: &mut Vlm,
    context: &Context<'_>,
    rule: Rule<'_>,
    draft: &[u16],
) -> Result<FrameVerdict, TargetError> {
    let mut text = Text::new(rule);
    let mut verdict = FrameVerdict {
        accepted: 0,
        correction: Vec::new(),
        score: 0.0,
        ended: false,
    };
    // The row of the last run's logits that follows all that was said.
    let mut row = begin(vlm, context, draft.iter().copied().map(u32::from))? - draft.len();
    for &drafted in draft {
        if !text.goes_on() {
            break;
        }
        let own = text.choose(vlm.logits(row)?);
        if own != u32::from(drafted) {
            verdict.correction.push(own as u16);
            if text.goes_on() {
                // The cache ends in tokens that do not stand: anew, behind those that do.
                row = begin(vlm, context, text.said.iter().copied())?;
            }
            break;
        }
        verdict.accepted += 1;
        row += 1;
    }
    while text.goes_on() {
        let own = text.choose(vlm.logits(row)?);
        verdict.correction.push(own as u16);
        if text.goes_on() {
            run(context, || Ok(vlm.go_on(&[own])?))?;
            row = 0;
        }
    }
    verdict.score = text.score();
    verdict.ended = text.ended;
    Ok(verdict)
}

/// One run over image, prompt and a text; gives the row of logits behind the last token.
fn begin(
    vlm: &mut Vlm,
    context: &Context<'_>,
    text: impl Iterator<Item = u32>,
) -> Result<usize, TargetError> {
    let kept = &context.picture.kept;
    let mut prompt = Prompt {
        ids: vec![context.placeholder; kept.len()],
        positions: Positions::new(1),
        slots: (0..kept.len()).collect(),
        next: context.image,
    };
    for &place in kept {
        prompt.positions.push(&[place as i64]);
    }
    for id in context.prompt.iter().copied().chain(text) {
        prompt.ids.push(id);
        prompt.positions.push(&[prompt.next]);
        prompt.next += 1;
    }
    run(context, || Ok(vlm.begin(&prompt, &[context.picture])?))?;
    Ok(prompt.ids.len() - 1)
}

/// A run in time, at the target's pace.
fn run(
    context: &Context<'_>,
    run: impl FnOnce() -> Result<(), TargetError>,
) -> Result<(), TargetError> {
    if context
        .deadline
        .is_some_and(|deadline| deadline <= Instant::now())
    {
        return Err(TargetError::Late);
    }
    context.pace.run(run)
}
