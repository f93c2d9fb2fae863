//! What can go wrong between a model's file and its answer.

use drafthorse_onnx::OnnxError;
use std::io;
use std::path::PathBuf;

/// Why a model cannot be loaded or run. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// No library of that engine was found.
    #[error("{backend} is not here: {why}; {instead}")]
    Absent {
        /// The backend.
        backend: &'static str,
        /// Where was looked and what was found.
        why: String,
        /// What to do.
        instead: &'static str,
    },
    /// A library is too old.
    #[error("{path} is {backend} {found}, which is too old: {needed} or newer is needed")]
    TooOld {
        /// The backend.
        backend: &'static str,
        /// The library.
        path: PathBuf,
        /// Its version.
        found: String,
        /// The oldest that serves.
        needed: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {error}")]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A model's reference cannot be read.
    #[error(
        "cannot read the reference {path}: {error}; put back the vectors that came with the model (input_0.pb ..., output_0.pb ...) or write new ones (docs/models.md shows how); without them nothing proves an engine right"
    )]
    Reference {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {error}")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// A file is not the one that was declared.
    #[error(
        "{path} is not the file that was declared: its SHA-256 is {found}, declared is {declared}; `drafthorse models pull` fetches it again where it has a url; if the file is the one that is meant, write its SHA-256 into model.toml"
    )]
    Hash {
        /// Which.
        path: PathBuf,
        /// What model.toml says.
        declared: String,
        /// What it has.
        found: String,
    },
    /// A file is no model.
    #[error("{model} is not a model that can be run: {why}")]
    NotAModel {
        /// Which.
        model: String,
        /// What is wrong with it.
        why: OnnxError,
    },
    /// The backend is known to get such graphs wrong.
    #[error("{backend} does not run {model}: the node `{node}` {why}")]
    Refused {
        /// The backend.
        backend: &'static str,
        /// Which model.
        model: String,
        /// The node.
        node: String,
        /// What is wrong with it there.
        why: String,
    },
    /// The backend cannot load the model.
    #[error("{backend} cannot load {model}: {why}")]
    Load {
        /// The backend.
        backend: &'static str,
        /// Which model.
        model: String,
        /// What it says.
        why: String,
    },
    /// An input or output that cannot be used.
    #[error("`{port}` of {model} {what}")]
    Port {
        /// Which model.
        model: String,
        /// The input or output.
        port: String,
        /// What is wrong.
        what: String,
    },
    /// A tensor that does not fit an input.
    #[error("{given} does not fit the input {port}")]
    Shape {
        /// The input.
        port: String,
        /// Type and shape that were given.
        given: String,
    },
    /// A run failed.
    #[error("{backend} failed: {why}")]
    Failed {
        /// The backend.
        backend: &'static str,
        /// What it says.
        why: String,
    },
    /// A state that cannot go back to what was asked.
    #[error("the state {state} cannot go back: {why}")]
    Keep {
        /// Its input.
        state: String,
        /// What is in the way.
        why: String,
    },
    /// Another engine has taken over, without the state.
    #[error("{why}; {to} has taken over, and its state begins anew: give it the sequence again")]
    StateLost {
        /// What runs now.
        to: String,
        /// Why the one before failed.
        why: String,
    },
    /// A model.toml that cannot be used.
    #[error("{path} is not valid: {why}")]
    Manifest {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A built engine that is not used.
    #[error("the engine {path} is not used: {why}; `drafthorse engine build` makes it anew")]
    Cache {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: CacheFault,
    },
    /// Whoever asked for a build has ended it.
    #[error("the build of {model} for {backend} was cancelled")]
    Cancelled {
        /// The backend.
        backend: &'static str,
        /// Which model.
        model: String,
    },
}

/// Why a built engine is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CacheFault {
    /// There is none.
    #[error("it has not been built")]
    Missing,
    /// The file is something else, or of another format.
    #[error("it is no engine file of this program")]
    Foreign,
    /// The file ends too early.
    #[error("it is cut: {held} bytes are left of {needed}")]
    Truncated {
        /// Bytes there.
        held: u64,
        /// Bytes that it had.
        needed: u64,
    },
    /// Its bytes are not those that were written.
    #[error("its bytes do not fit its checksum")]
    Corrupt,
    /// It was built for something else.
    #[error("it was built for {field} `{found}` and not `{wanted}`")]
    Stale {
        /// What differs.
        field: String,
        /// What it was built for.
        found: String,
        /// What is wanted here.
        wanted: String,
    },
    /// The file is whole, and the library refuses the engine in it.
    #[error("the library does not take it: {0}")]
    Rejected(String),
}
