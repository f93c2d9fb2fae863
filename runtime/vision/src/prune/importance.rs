//! How important a token is: a weighted sum of what is known of it.

use super::choose::min_max;
use super::{PruneError, Tokens, dissimilarity, revisits};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Weights of the cues, 0 or more; without unit. A cue of weight 0 is neither computed nor needed.
///
/// `score_j = saliency minmax(b_j) + instruction c_j + radar p_j + expected m_j + change min(1, d_j) - revisit r_j`
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Importance {
    /// How salient the encoder finds it; needed where the weight is not 0.
    pub saliency: f32,
    /// How much the question is about it: the most that a content word attends to it, or, where a model
    /// does not give attention, its cosine with the question scaled to 0 to 1. One of them is needed.
    pub instruction: f32,
    /// Whether the attention, too, is scaled to 0 to 1.
    pub scale_attention: bool,
    /// What radar has there; a silent radar says nothing.
    pub radar: f32,
    /// How often something is where it is; needed where the weight is not 0.
    pub expected: f32,
    /// How much it changed since the picture before.
    pub change: f32,
    /// How much of it was seen in the pictures before; counts against it.
    pub revisit: f32,
}

impl Importance {
    /// Scores of all tokens.
    ///
    /// # Errors
    /// [`PruneError::Missing`] where a cue that is needed is not known.
    pub fn scores(&self, tokens: &Tokens<'_>) -> Result<Vec<f32>, PruneError> {
        let mut scores = vec![0.0; tokens.len()];
        let mut add = |weight: f32, cue: &[f32]| {
            for (score, v) in scores.iter_mut().zip(cue) {
                *score += weight * if v.is_finite() { *v } else { 0.0 };
            }
        };
        if self.saliency > 0.0 {
            let saliency = tokens.saliency.ok_or(missing("saliency of the tokens"))?;
            add(self.saliency, &min_max(saliency));
        }
        if self.instruction > 0.0 {
            add(self.instruction, &self.instruction(tokens)?);
        }
        if let (true, Some(radar)) = (self.radar > 0.0, tokens.radar) {
            add(self.radar, radar);
        }
        if self.expected > 0.0 {
            let expected = tokens.expected;
            add(
                self.expected,
                expected.ok_or(missing("a map of where things are expected"))?,
            );
        }
        if self.change > 0.0 {
            let mut change = dissimilarity(tokens.features, tokens.before.first().copied());
            change.iter_mut().for_each(|d| *d = d.min(1.0));
            add(self.change, &change);
        }
        if self.revisit > 0.0 {
            add(-self.revisit, &revisits(tokens.features, tokens.before));
        }
        Ok(scores)
    }

    /// What is known of the picture alone, without the question.
    #[must_use]
    pub fn of_picture(self) -> Self {
        Self {
            instruction: 0.0,
            ..self
        }
    }

    fn instruction(&self, tokens: &Tokens<'_>) -> Result<Vec<f32>, PruneError> {
        match (tokens.attention, tokens.question) {
            (Some(attention), _) if self.scale_attention => Ok(min_max(&attention.of_content())),
            (Some(attention), _) => Ok(attention.of_content()),
            (None, Some(question)) => Ok(min_max(question)),
            (None, None) => Err(missing(
                "attention to the tokens or their cosine with the question",
            )),
        }
    }

    pub(super) fn check(&self) -> Result<(), PruneError> {
        let weights = [
            ("saliency", self.saliency),
            ("instruction", self.instruction),
            ("radar", self.radar),
            ("expected", self.expected),
            ("change", self.change),
            ("revisit", self.revisit),
        ];
        for (name, value) in weights {
            if !(0.0..=LARGEST).contains(&value) {
                return Err(PruneError::Setting { name, value });
            }
        }
        Ok(())
    }
}

/// Largest weight.
const LARGEST: f32 = 1e6;

fn missing(what: &'static str) -> PruneError {
    let method = "importance-based";
    PruneError::Missing { method, what }
}
