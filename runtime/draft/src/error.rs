//! What can go wrong between a picture and a draft.

use drafthorse_vision::VisionError;
use std::path::PathBuf;

/// Why nothing is drafted or verified. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// A file that is needed is not there.
    #[error("{folder} has no {wanted}: {why}")]
    Missing {
        /// The model's folder.
        folder: PathBuf,
        /// What was looked for in it.
        wanted: String,
        /// What it is for, and what to do.
        why: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A config.json that does not say what it has to.
    #[error("{path} is not as expected: {why}")]
    Config {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A drafter that was made for another target.
    #[error(
        "the drafter {drafter} does not fit the target {target}: {why}; take the one that was trained for it"
    )]
    Unfit {
        /// The drafter's name.
        drafter: String,
        /// The target's folder.
        target: PathBuf,
        /// What differs.
        why: String,
    },
    /// Image tokens that do not fit.
    #[error("the image tokens do not fit: {0}")]
    Seen(String),
    /// A token that no vocabulary has.
    #[error("there is no token {token}: the vocabulary ends before {words}")]
    Token {
        /// Which.
        token: u32,
        /// How many there are.
        words: usize,
    },
    /// A text that is longer than the drafter was made for.
    #[error("position {position} is past the {most} places that the drafter was made for")]
    Long {
        /// The position.
        position: i64,
        /// Places there are.
        most: usize,
    },
    /// A drafter beside the target was given words without the target's hidden states.
    #[error(
        "{states} hidden states were given for {words} words that the drafter beside the target has not seen"
    )]
    States {
        /// Rows given.
        states: usize,
        /// Rows needed.
        words: usize,
    },
    /// A graph or its engine.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

impl From<drafthorse_engine::EngineError> for DraftError {
    fn from(error: drafthorse_engine::EngineError) -> Self {
        Self::Vision(error.into())
    }
}
