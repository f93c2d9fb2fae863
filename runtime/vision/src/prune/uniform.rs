//! A baseline: tokens here and there.

use super::{Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens evenly spread over the rows and columns of each tile, in the order of an ordered dither (after Bayer,
/// 1973), of those that are not kept yet.
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
