//! What the self-test found and chose.

use drafthorse_engine::{Agreement, Precision};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The outcome of a model's self-test on a machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// The model.
    pub model: String,
    /// What the outcome holds for: hash of the manifest and its references, backends with versions and
    /// settings, threads, and the processor.
    pub key: String,
    /// All that was tried, best first: what passed by its time, then what did not.
    pub trials: Vec<Trial>,
}

/// A file of a model on a backend.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The backend.
    pub backend: String,
    /// Its version.
    pub version: String,
    /// The file.
    pub file: PathBuf,
    /// Its precision.
    pub precision: Precision,
    /// How it went.
    pub verdict: Verdict,
}

/// How a trial went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All references were reproduced, or there are none.
    Passed {
        /// How well; absent where there are no references, so that nothing was verified.
        agreement: Option<Agreement>,
        /// Median time of a run, ms.
        median_ms: f64,
    },
    /// The references were not reproduced within the model's tolerance.
    Differs {
        /// By how much.
        agreement: Agreement,
    },
    /// It could not be loaded or run.
    Failed {
        /// Why.
        why: String,
    },
}

impl Choice {
    /// The trials that passed, fastest first: the first is taken, the others step in for it.
    pub fn usable(&self) -> impl Iterator<Item = &Trial> {
        let passed = |trial: &&Trial| matches!(trial.verdict, Verdict::Passed { .. });
        self.trials.iter().filter(passed)
    }

    /// Sorts the trials: what passed by its time, then what did not, in the order tried.
    pub(crate) fn rank(&mut self) {
        let time = |trial: &Trial| match trial.verdict {
            Verdict::Passed { median_ms, .. } => median_ms,
            _ => f64::INFINITY,
        };
        self.trials.sort_by(|a, b| time(a).total_cmp(&time(b)));
    }
}
