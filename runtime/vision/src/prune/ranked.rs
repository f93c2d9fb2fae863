//! The most important tokens, wherever they are.

use super::{Importance, Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The tokens of the highest [`Importance`]. With `change` alone this is what Efficient Video Sampling does;
/// with `radar` alone, what radar points at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ranked {
    /// What counts.
    pub importance: Importance,
}

impl Prune for Ranked {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let scores = self.importance.scores(tokens)?;
        let open = kept.open();
        kept.add_highest(&open, &scores, count);
        Ok(())
    }
}
