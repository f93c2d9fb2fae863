//! A baseline: tokens drawn at random.

use super::{Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Tokens drawn evenly without replacement; the draw follows from the seed and the picture's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Random {
    /// Where the draw begins.
    pub seed: u64,
}

impl Prune for Random {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let mut state = mixed(self.seed) ^ tokens.seed;
        let draws = kept.open().into_iter().map(|i| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            (mixed(state), i)
        });
        let mut draws: Vec<(u64, usize)> = draws.collect();
        draws.sort_unstable();
        draws.iter().take(count).for_each(|&(_, i)| kept.add(i));
        Ok(())
    }
}

/// The output function of splitmix64 (Steele, Lea and Flood 2014).
fn mixed(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
