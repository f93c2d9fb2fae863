//! Tokens that the language model itself looks at.

use super::{Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// After FastV (Chen et al., "An Image is Worth 1/2 Tokens After Layer 2: Plug-and-Play Inference
/// Acceleration for Large Vision-Language Models", ECCV 2024): the tokens to which the last text token attends most
/// in the second layer, mean over heads.
///
/// FastV drops them between two layers of one pass. Here the first two layers run apart, and the whole
/// language model sees only what is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FastV {}

impl Prune for FastV {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let attention = tokens.attention.ok_or(PruneError::Missing {
            method: "FastV-like",
            what: "the attention of the second decoder layer (decoder_head.onnx)",
        })?;
        let open = kept.open();
        kept.add_highest(&open, attention.of_last(), count);
        Ok(())
    }
}
