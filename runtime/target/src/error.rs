use drafthorse_draft::DraftError;
use drafthorse_engine::EngineError;
use drafthorse_protocol::ContractError;
use std::path::PathBuf;

/// Why the target has no answer.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// The request is not as the contract has it.
    #[error(transparent)]
    Contract(#[from] ContractError),
    /// Prompt and text do not fit behind the image.
    #[error(
        "the target has {positions} positions: {image} image tokens, a prompt of {prompt} and a text of up to {text} do not fit"
    )]
    TooLong {
        /// Positions there are.
        positions: usize,
        /// Of which the image takes those.
        image: usize,
        /// The prompt's.
        prompt: usize,
        /// Those of the longest text.
        text: usize,
    },
    /// The caller's deadline passed before the answer was there.
    #[error("the deadline has passed")]
    Late,
    /// The model panicked.
    #[error("the target has failed on this block: see its log")]
    Panicked,
    /// A file of the model is missing or says what cannot be.
    #[error("{path}: {why}")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A model of a kind that is no target here.
    #[error(
        "{0} is no target: scene models are (model_type drafthorse-scene-vlm), which put one picture before the words"
    )]
    NotATarget(PathBuf),
    /// No engine here runs the model.
    #[error("no engine runs the target: {0}")]
    NoEngine(String),
    /// The model, or the engine that runs it.
    #[error(transparent)]
    Model(#[from] DraftError),
    /// The engine that runs the narrow code.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
