//! The target alone, in this process: a token a run, at a pace.

use anyhow::Result;
use drafthorse_draft::{DraftError, Seen, Target};
use drafthorse_vision::{likeliest, repeated};
use std::time::{Duration, Instant};

/// Tokens of the longest text where the model does not say.
const LONGEST: usize = 256;

/// What the target says of a picture behind a prompt, the token that ends it included. A run takes at least `pace`.
pub(super) fn say(
    target: &mut Target,
    seen: &Seen<'_>,
    prompt: &[u32],
    pace: Duration,
) -> Result<Vec<u32>> {
    let rules = target.rules().clone();
    let mut text = Vec::new();
    paced(pace, || target.begin(seen, prompt))?;
    let mut row = seen.places().len() + prompt.len() - 1;
    loop {
        let barred = repeated(&text, rules.no_repeat);
        let (token, _) = likeliest(target.logits(row)?, &barred);
        text.push(token);
        if rules.end_tokens.contains(&token) || text.len() >= rules.longest.unwrap_or(LONGEST) {
            return Ok(text);
        }
        paced(pace, || target.feed(&[token], &[None]))?;
        target.keep(1, &[0])?;
        row = 0;
    }
}

fn paced(pace: Duration, run: impl FnOnce() -> Result<(), DraftError>) -> Result<(), DraftError> {
    let began = Instant::now();
    run()?;
    std::thread::sleep(pace.saturating_sub(began.elapsed()));
    Ok(())
}
