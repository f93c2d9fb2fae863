//! Greedy verification.

use super::Verified;
use crate::draft::Draft;

/// Follows the target's choices through a draft, a chain or a tree, until they leave it.
///
/// `choice` is the target's choice after a token of the draft (none: after what was said), where the tokens
/// on the way to it are given. `ends`: the tokens that end a text.
///
/// # Errors
/// Those of `choice`.
pub fn greedy<E>(
    draft: &Draft,
    ends: &[u32],
    mut choice: impl FnMut(Option<usize>, &[u32]) -> Result<u32, E>,
) -> Result<Verified, E> {
    let (mut path, mut words) = (Vec::new(), Vec::new());
    loop {
        let at = path.last().copied();
        let chosen = choice(at, &words)?;
        let child = draft
            .children(at)
            .find(|&child| draft.tokens[child] == chosen);
        let Some(child) = child else {
            return Ok(Verified {
                path,
                next: Some(chosen),
            });
        };
        path.push(child);
        words.push(chosen);
        if ends.contains(&chosen) {
            return Ok(Verified { path, next: None });
        }
    }
}
