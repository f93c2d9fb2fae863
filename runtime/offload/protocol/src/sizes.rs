use prost::Message;

use crate::inference::ModelInferRequest;

/// Bytes of a request's parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Coded image tokens.
    pub tokens: usize,
    /// Which image tokens are kept.
    pub kept: usize,
    /// Draft: lengths, ids and confidences.
    pub draft: usize,
    /// The whole message, with names, shapes, id and prompt, as gRPC carries it (without HTTP/2 and TLS).
    pub message: usize,
}

impl Sizes {
    /// The parts of a message with raw contents.
    #[must_use]
    pub fn of(message: &ModelInferRequest) -> Self {
        let mut sizes = Self {
            message: message.encoded_len(),
            ..Self::default()
        };
        for (input, raw) in message.inputs.iter().zip(&message.raw_input_contents) {
            match input.name.as_str() {
                "tokens" => sizes.tokens += raw.len(),
                "kept" => sizes.kept += raw.len(),
                "draft_lengths" | "draft" | "draft_confidence" => sizes.draft += raw.len(),
                _ => {}
            }
        }
        sizes
    }
}
