//! Verification of texts that are drawn from the target's distribution.

use super::Verified;
use crate::distribution::Distribution;
use crate::draft::Draft;
use crate::random::Draws;

/// Draws a text of the target's distribution with the help of a draft.
///
/// A chain whose tokens were drawn from `q` stays by the rule of Leviathan et al.: `x` with the probability
/// `min(1, p(x) / q(x))`, and where it goes, what follows is drawn from `norm(max(p - q, 0))`. Tokens that
/// were chosen, of a chain or a tree, are drafts of the distribution that is 1 at them: `x` stays with the
/// probability `p(x)`; where it goes, `p(x)` becomes 0, the rest is normalised, and the next sibling has its
/// turn. After the last token that stays, what follows is drawn from what is left of `p`.
///
/// `target` writes the target's distribution after a token (none: after what was said), where the tokens on the
/// way to it are given. `ends`: the tokens that end a text.
///
/// # Errors
/// Those of `target`.
pub fn drawn<E>(
    draft: &Draft,
    ends: &[u32],
    draws: &mut Draws,
    mut target: impl FnMut(Option<usize>, &[u32], &mut Distribution) -> Result<(), E>,
) -> Result<Verified, E> {
    let (mut path, mut words) = (Vec::new(), Vec::new());
    let mut p = Distribution::default();
    loop {
        let at = path.last().copied();
        target(at, &words, &mut p)?;
        let mut stays = None;
        for child in draft.children(at) {
            let q = draft.drawn_from.get(child);
            if !refused(draft.tokens[child], q, &mut p, draws) {
                stays = Some(child);
                break;
            }
        }
        let Some(child) = stays else {
            return Ok(Verified {
                path,
                next: Some(p.draw(draws)),
            });
        };
        path.push(child);
        words.push(draft.tokens[child]);
        if ends.contains(&draft.tokens[child]) {
            return Ok(Verified { path, next: None });
        }
    }
}

/// Whether one token of a draft goes, by a draw. `q` is what it was drawn from, none where it was chosen. Where it
/// goes, `p` becomes what is left of it.
pub fn refused(
    token: u32,
    q: Option<&Distribution>,
    p: &mut Distribution,
    draws: &mut Draws,
) -> bool {
    let odds = p.of_token(token) / q.map_or(1.0, |q| q.of_token(token));
    if draws.unit() < odds {
        return false;
    }
    match q {
        Some(q) => p.less(q),
        None => p.without(token),
    }
    true
}
