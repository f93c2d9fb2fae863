//! The vehicle's way first, the background last.

use super::{Importance, Kept, Prune, PruneError, Tokens};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// After Navigation-Aware Pruning (NAP; Qin et al., "Walk and Read Less: Improving the Efficiency of
/// Vision-and-Language Navigation via Tuning-Free Multimodal Token Pruning", 2025), for agents that navigate by a
/// panorama of views.
///
/// There, views that an action leads to are never dropped, and background views go first, those with the
/// least attention ahead of the others. Reconstruction for a camera that looks ahead: the views that an action
/// leads to are the tokens of the way ([`super::Corridor`]). No token of the way is dropped while one of the
/// background is left. Among either, [`Importance`] decides; irrelevant words do not count there
/// ([`super::is_content`]), and what was seen moments ago counts less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Navigation {
    /// What counts within the way and within the background.
    pub importance: Importance,
}

impl Default for Navigation {
    fn default() -> Self {
        Self {
            importance: Importance {
                instruction: 1.0,
                scale_attention: true,
                revisit: 0.25,
                ..Importance::default()
            },
        }
    }
}

impl Prune for Navigation {
    fn add(&self, tokens: &Tokens<'_>, count: usize, kept: &mut Kept) -> Result<(), PruneError> {
        let way = tokens.way.ok_or(PruneError::Missing {
            method: "navigation-aware",
            what: "the vehicle's way in the picture (a calibrated camera)",
        })?;
        let scores = self.importance.scores(tokens)?;
        let (ahead, background): (Vec<usize>, Vec<usize>) =
            kept.open().into_iter().partition(|&i| way[i]);
        kept.add_highest(&ahead, &scores, count);
        kept.add_highest(&background, &scores, count.saturating_sub(ahead.len()));
        Ok(())
    }
}
