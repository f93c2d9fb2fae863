//! What can go wrong between a picture and words.

use drafthorse_engine::EngineError;
use std::path::PathBuf;

/// Why a model cannot be loaded, or a picture not be described. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// A file that every model has is not there.
    #[error("{folder} is no vision-language model: there is no {}; fetch the whole model, or name the precision that is there", wanted.join(" and no "))]
    Missing {
        /// The model's folder.
        folder: PathBuf,
        /// Every path that was looked for, inside the folder.
        wanted: Vec<String>,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A JSON file does not say what it has to.
    #[error("{path} is not as expected: {why}")]
    Config {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A model of a kind that is not known here.
    #[error("{path} says model_type `{found}`, which is not known here; known are {known}")]
    UnknownArchitecture {
        /// The config.json.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What could be loaded.
        known: String,
    },
    /// A graph that is not as the layout has it.
    #[error("{graph} {what}")]
    Graph {
        /// Which.
        graph: String,
        /// What is wrong.
        what: String,
    },
    /// The tokenizer fails, or lacks a word that prompts are made of.
    #[error("the tokenizer {path} {what}")]
    Tokenizer {
        /// The tokenizer.json.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A question in words that the model was not taught.
    #[error(
        "the model does not know {}; ask in words that it was taught with (of the scene model docs/scene-vlm.md lists its questions)",
        quoted(unknown)
    )]
    Words {
        /// Those that it does not know.
        unknown: Vec<String>,
    },
    /// A picture that cannot be shown to the model.
    #[error("a picture of {width}x{height} px {why}")]
    Picture {
        /// Pixels a row.
        width: u32,
        /// Rows.
        height: u32,
        /// What is wrong with it.
        why: String,
    },
    /// Indices of kept tokens that are none.
    #[error("kept tokens have to be ascending and below {tokens}: {why}")]
    Kept {
        /// Tokens there are.
        tokens: usize,
        /// What is wrong.
        why: String,
    },
    /// Features that do not fit the prompt or the decoder.
    #[error("{features} of {width} values do not fit {places} places of {wanted} values")]
    Features {
        /// Rows given.
        features: usize,
        /// Values a row.
        width: usize,
        /// Places in the prompt.
        places: usize,
        /// Values that the decoder takes.
        wanted: usize,
    },
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

fn quoted(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    quoted.join(", ")
}
