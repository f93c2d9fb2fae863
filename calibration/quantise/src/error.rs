//! What can go wrong between a float model and its quantised artefact.

use drafthorse_engine::EngineError;
use drafthorse_onnx::OnnxError;

/// Why a model cannot be quantised. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// The engine that runs the samples refuses.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file is no model.
    #[error("the model cannot be quantised because {0}")]
    Model(#[from] OnnxError),
    /// A file without a network.
    #[error("the model has no graph; give a whole ONNX file")]
    NoGraph,
    /// The operator set has no per-channel scales.
    #[error("the model uses ONNX operators of version {found}; export it with version 13 or newer")]
    OldOperators {
        /// Its version; 0 where it names none.
        found: i64,
    },
    /// An option names a node that does not exist.
    #[error("there is no node `{node}` that could be {what}; name one that exists")]
    UnknownNode {
        /// The name that was given.
        node: String,
        /// What the option would have done with it.
        what: &'static str,
    },
    /// Nothing of the model can be quantised that way.
    #[error("nothing of the model would be quantised: it has no {what} left; {instead}")]
    Nothing {
        /// What would be.
        what: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// No samples.
    #[error("there are no samples; give at least one set of inputs")]
    NoSamples,
    /// A sample does not have one tensor for each input.
    #[error(
        "sample {sample} has {given} tensors where the model has {needed} inputs; give one each"
    )]
    Sample {
        /// Which, from 0.
        sample: usize,
        /// Tensors that it has.
        given: usize,
        /// Inputs of the model.
        needed: usize,
    },
    /// A value is infinite or not a number.
    #[error("`{value}` is not finite in sample {sample}; leave that sample out or mend the model")]
    NotFinite {
        /// The value.
        value: String,
        /// The sample, from 0.
        sample: usize,
    },
    /// A value was to be observed but is no 32-bit float.
    #[error(
        "`{value}` cannot be observed because the engine gives no 32-bit floats for it; leave its nodes out"
    )]
    NotFloat {
        /// The value.
        value: String,
    },
    /// A value is to be quantised but its range was not observed.
    #[error("no range of `{value}` is known; observe all values of the plan first")]
    NoRange {
        /// The value.
        value: String,
    },
    /// A setting without sense.
    #[error("{what} is {given}; give {instead}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// What was given.
        given: String,
        /// What is allowed.
        instead: &'static str,
    },
    /// A node that this rewrite does not know how to keep right.
    #[error("the node `{node}` {why}; {instead}")]
    Node {
        /// The node.
        node: String,
        /// What is wrong with it.
        why: &'static str,
        /// What to do.
        instead: &'static str,
    },
    /// Correlations of inputs that cannot be factored.
    #[error(
        "the inputs of `{node}` give no usable correlations; give more samples or more damping"
    )]
    Singular {
        /// The node.
        node: String,
    },
    /// The reference and the artefact do not give the same outputs.
    #[error(
        "the artefact gives {found} outputs where the reference gives {needed}; compare files of one model"
    )]
    Outputs {
        /// Outputs of the artefact.
        found: usize,
        /// Outputs of the reference.
        needed: usize,
    },
}
