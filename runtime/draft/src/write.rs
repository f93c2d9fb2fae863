//! A drafter that stands alone writes a whole text, with what a router and a verifier want to know of it.

use crate::drafter::{Drafter, Form};
use crate::error::DraftError;
use crate::propose::{Settled, likeliest};
use crate::seen::Seen;
use drafthorse_vision::repeated;

/// A text as the drafter would have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Written {
    /// Token ids; the one that ends comes last where it ended by itself.
    pub ids: Vec<u32>,
    /// Of each: natural logarithm of its probability, that less the logarithm of the likeliest other token's,
    /// and the entropy that it was chosen with, in nats.
    pub confidence: Vec<[f32; 3]>,
    /// The drafter's hidden states where each was chosen, a row each.
    pub hidden_states: Vec<f32>,
    /// The whole picture as the drafter saw it.
    pub whole: Vec<f32>,
    /// Whether it ended by itself.
    pub ended: bool,
}

impl Drafter {
    /// Writes a text behind a prompt, the likeliest token each time, up to `longest` of them.
    ///
    /// # Errors
    /// [`DraftError::States`] where this drafter works beside a target, [`DraftError::Seen`],
    /// [`DraftError::Token`], [`DraftError::Vision`].
    pub fn write(
        &mut self,
        seen: &Seen<'_>,
        prompt: &[u32],
        longest: usize,
    ) -> Result<Written, DraftError> {
        if self.form == Form::Colocated {
            return Err(DraftError::States {
                states: 0,
                words: prompt.len(),
            });
        }
        self.look(seen)?;
        let mut written = Written {
            whole: self.glance().whole.clone(),
            ..Written::default()
        };
        let settled = Settled {
            tokens: prompt,
            prompt: prompt.len(),
            states: &[],
        };
        self.settle(&settled)?;
        while written.ids.len() < longest {
            let barred = repeated(&written.ids, self.rules.no_repeat);
            let logits = self.logits()?;
            let Some(&(id, log_probability)) = likeliest(logits, &barred, 1).first() else {
                break;
            };
            written
                .confidence
                .push(confidence(logits, id, log_probability));
            let state = self.hidden_state()?;
            written.hidden_states.extend_from_slice(state);
            written.ids.push(id);
            written.ended = self.rules.end_tokens.contains(&id);
            if written.ended {
                break;
            }
            if written.ids.len() < longest {
                self.run(&[id], None)?;
            }
        }
        Ok(written)
    }
}

/// How sure a choice was.
fn confidence(logits: &[f32], id: u32, log_probability: f32) -> [f32; 3] {
    let log_sum = logits[id as usize] - log_probability;
    let (mut other, mut entropy) = (f32::NEG_INFINITY, 0.0f32);
    for (token, &logit) in (0..).zip(logits) {
        let log_p = logit - log_sum;
        if token != id {
            other = other.max(log_p);
        }
        if log_p > f32::NEG_INFINITY {
            entropy -= log_p * log_p.exp();
        }
    }
    [log_probability, log_probability - other, entropy]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confidence_is_of_the_whole_vocabulary() {
        let logits = [0.0f32, 0.0, 0.0, 0.0];
        let quarter = 0.25f32.ln();
        let [log_p, margin, entropy] = confidence(&logits, 2, quarter);
        assert_eq!(log_p, quarter);
        assert!(margin.abs() < 1e-6 && (entropy + quarter).abs() < 1e-6);
        let [_, margin, entropy] = confidence(&[8.0, 0.0], 0, -3.353e-4);
        assert!((margin - 8.0).abs() < 1e-3 && entropy < 0.01);
    }
}
