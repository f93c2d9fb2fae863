//! The two models' tensors as tables: what a server says of them, and what a generated configuration lists.

/// Model that verifies drafts.
pub const VERIFY_MODEL: &str = "scene_verify";
/// Model that writes without a draft.
pub const GENERATE_MODEL: &str = "scene_generate";

/// One tensor of a model; its shape is `[1, n]` with the n that [`TensorSpecification::length`] says, -1 where it varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TensorSpecification {
    /// The tensor's name.
    pub name: &'static str,
    /// The protocol's name of its elements' type.
    pub datatype: &'static str,
    /// Elements behind the batch dimension of 1.
    pub length: i64,
}

const fn of(name: &'static str, datatype: &'static str, length: i64) -> TensorSpecification {
    TensorSpecification {
        name,
        datatype,
        length,
    }
}

/// Inputs of `scene_verify`.
pub const VERIFY_INPUTS: [TensorSpecification; 8] = [
    of("block_id", "BYTES", 1),
    of("prompt", "UINT16", -1),
    of("code", "BYTES", 1),
    of("kept", "UINT8", -1),
    of("tokens", "UINT8", -1),
    of("draft_lengths", "UINT16", -1),
    of("draft", "UINT16", -1),
    of("draft_confidence", "UINT8", -1),
];

/// Inputs of `scene_generate`: those of `scene_verify` without the draft.
pub const GENERATE_INPUTS: [TensorSpecification; 5] = [
    VERIFY_INPUTS[0],
    VERIFY_INPUTS[1],
    VERIFY_INPUTS[2],
    VERIFY_INPUTS[3],
    VERIFY_INPUTS[4],
];

/// Outputs of `scene_verify`.
pub const VERIFY_OUTPUTS: [TensorSpecification; 5] = [
    of("accepted", "UINT16", -1),
    of("lengths", "UINT16", -1),
    of("correction", "UINT16", -1),
    of("score", "FP32", -1),
    of("ended", "UINT8", -1),
];

/// Outputs of `scene_generate`: those of `scene_verify` without `accepted`.
pub const GENERATE_OUTPUTS: [TensorSpecification; 4] = [
    VERIFY_OUTPUTS[1],
    VERIFY_OUTPUTS[2],
    VERIFY_OUTPUTS[3],
    VERIFY_OUTPUTS[4],
];
