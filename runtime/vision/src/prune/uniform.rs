//! A baseline: every so many tokens.

use super::{Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens at an even stride: the `i`-th of `K` is the `floor((i + 1/2) M / K)`-th of the `M` tokens that are not
/// kept yet, in their own order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Uniform {}

impl Prune for Uniform {
    fn add(&self, _: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let open = kept.open();
        kept.add_evenly(&open, count);
        Ok(())
    }
}
