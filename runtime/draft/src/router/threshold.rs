//! Which score is good enough.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// A score that is good enough, or how often one is to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Threshold {
    /// Scores of `tau` and more.
    Fixed {
        /// The least that is good enough.
        tau: f64,
    },
    /// So many of the last blocks: the running quantile of their scores.
    AcceptRate {
        /// Share of the blocks that is to be accepted, 0 to 1.
        rate: f64,
        /// What is good enough until enough blocks were seen.
        tau: f64,
    },
}

/// Scores that a quantile is of.
const WINDOW: usize = 256;
/// Fewer say nothing.
const LEAST: usize = 20;

/// The last scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Running {
    scores: VecDeque<f64>,
}

impl Running {
    /// What is good enough now.
    pub(super) fn tau(&self, threshold: &Threshold) -> f64 {
        match *threshold {
            Threshold::Fixed { tau } => tau,
            Threshold::AcceptRate { tau, .. } if self.scores.len() < LEAST => tau,
            Threshold::AcceptRate { rate, .. } => {
                let mut sorted: Vec<f64> = self.scores.iter().copied().collect();
                sorted.sort_unstable_by(f64::total_cmp);
                let accepted = (rate.clamp(0.0, 1.0) * sorted.len() as f64).round() as usize;
                match accepted {
                    // Above every score.
                    0 => f64::INFINITY,
                    _ => sorted[sorted.len() - accepted],
                }
            }
        }
    }

    /// A block was scored.
    pub(super) fn take(&mut self, threshold: &Threshold, score: f64) {
        if matches!(threshold, Threshold::AcceptRate { .. }) {
            if self.scores.len() == WINDOW {
                self.scores.pop_front();
            }
            self.scores.push_back(score);
        }
    }
}
