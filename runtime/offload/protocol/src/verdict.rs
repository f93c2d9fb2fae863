//! The target's answer, to and from the protocol's message.

use serde::{Deserialize, Serialize};

use crate::block::{ids_below, length};
use crate::error::shortened;
use crate::inference::{ModelInferResponse, model_infer_response::InferOutputTensor};
use crate::tensor::{Tensors, Written, at_most};
use crate::{
    BlockId, ContractError, Draft, GENERATE_MODEL, GENERATE_OUTPUTS, TargetShape,
    TensorSpecification, VERIFY_MODEL, VERIFY_OUTPUTS, VerifyRequest, limits,
};

/// What the target says of one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameVerdict {
    /// Draft tokens that are right, from the first on; 0 where there was no draft.
    pub accepted: u16,
    /// The target's own tokens behind these.
    pub correction: Vec<u16>,
    /// Mean ln p that the target gives to the whole text that results.
    pub score: f32,
    /// Whether the target ended by itself, not at a limit.
    pub ended: bool,
}

impl FrameVerdict {
    /// The whole text: the right part of the draft, then the correction.
    #[must_use]
    pub fn text(&self, draft: &Draft) -> Vec<u16> {
        let right = usize::from(self.accepted).min(draft.tokens.len());
        [&draft.tokens[..right], &self.correction].concat()
    }

    /// Whether the draft stands as it was.
    #[must_use]
    pub fn confirms(&self, draft: &Draft) -> bool {
        usize::from(self.accepted) == draft.tokens.len() && self.correction.is_empty()
    }
}

/// The target's answer to a block: one verdict a frame.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// In the order of the block's frames.
    pub frames: Vec<FrameVerdict>,
}

impl Verdict {
    /// Whether every draft stands as it was.
    #[must_use]
    pub fn confirms(&self, drafts: &[Draft]) -> bool {
        self.frames.len() == drafts.len()
            && self.frames.iter().zip(drafts).all(|(f, d)| f.confirms(d))
    }

    /// The answer of `scene_verify`, contents raw.
    #[must_use]
    pub fn to_verified(&self, block: &BlockId) -> ModelInferResponse {
        let mut tensors = Written::default();
        tensors.u16s(self.frames.iter().map(|f| f.accepted));
        self.write(&mut tensors);
        message(VERIFY_MODEL, &VERIFY_OUTPUTS, block, tensors)
    }

    /// The answer of `scene_generate`, contents raw.
    #[must_use]
    pub fn to_generated(&self, block: &BlockId) -> ModelInferResponse {
        let mut tensors = Written::default();
        self.write(&mut tensors);
        message(GENERATE_MODEL, &GENERATE_OUTPUTS, block, tensors)
    }

    /// The answer of `scene_verify` to `request`.
    ///
    /// # Errors
    /// What of the message is not as the contract has it or does not belong to the request.
    pub fn from_verified(
        message: &ModelInferResponse,
        request: &VerifyRequest,
        target: &TargetShape,
    ) -> Result<Self, ContractError> {
        let frames = request.scene.frames.len();
        let tensors = opened(message, VERIFY_MODEL, &request.scene.block)?;
        let accepted = tensors.u16s("accepted", frames)?;
        length("accepted", "elements", frames, accepted.len())?;
        for (place, (&n, draft)) in accepted.iter().zip(&request.drafts).enumerate() {
            if usize::from(n) > draft.tokens.len() {
                return Err(ContractError::Range {
                    tensor: "accepted",
                    place,
                    got: i64::from(n),
                });
            }
        }
        Self::read(&tensors, &accepted, target)
    }

    /// The answer of `scene_generate` to a request about `block` with so many `frames`.
    ///
    /// # Errors
    /// What of the message is not as the contract has it or does not belong to the request.
    pub fn from_generated(
        message: &ModelInferResponse,
        block: &BlockId,
        frames: usize,
        target: &TargetShape,
    ) -> Result<Self, ContractError> {
        let tensors = opened(message, GENERATE_MODEL, block)?;
        Self::read(&tensors, &vec![0; frames], target)
    }

    fn write(&self, tensors: &mut Written) {
        let frames = || self.frames.iter();
        tensors.u16s(frames().map(|f| u16::try_from(f.correction.len()).unwrap_or(u16::MAX)));
        tensors.u16s(frames().flat_map(|f| f.correction.iter().copied()));
        tensors.f32s(frames().map(|f| f.score));
        tensors.u8s(frames().map(|f| u8::from(f.ended)).collect());
    }

    fn read(
        tensors: &Tensors<'_>,
        accepted: &[u16],
        target: &TargetShape,
    ) -> Result<Self, ContractError> {
        let frames = accepted.len();
        let lengths = tensors.u16s("lengths", frames)?;
        length("lengths", "elements", frames, lengths.len())?;
        for &n in &lengths {
            at_most("tokens of a text", usize::from(n), limits::MAX_TEXT)?;
        }
        let correction = tensors.u16s("correction", frames * limits::MAX_TEXT)?;
        let all = lengths.iter().map(|&n| usize::from(n)).sum();
        length("correction", "elements", all, correction.len())?;
        ids_below(target.vocabulary(), "correction", &correction)?;
        let score = tensors.f32s("score", frames)?;
        length("score", "elements", frames, score.len())?;
        let ended = tensors.u8s("ended", frames)?;
        length("ended", "elements", frames, ended.len())?;
        if let Some(place) = ended.iter().position(|&e| e > 1) {
            return Err(ContractError::Range {
                tensor: "ended",
                place,
                got: i64::from(ended[place]),
            });
        }
        let mut from = 0;
        let frames = (0..frames).map(|i| {
            let of = from..from + usize::from(lengths[i]);
            from = of.end;
            FrameVerdict {
                accepted: accepted[i],
                correction: correction[of].to_vec(),
                score: score[i],
                ended: ended[i] == 1,
            }
        });
        Ok(Self {
            frames: frames.collect(),
        })
    }
}

fn message(
    model: &str,
    outputs: &[TensorSpecification],
    block: &BlockId,
    tensors: Written,
) -> ModelInferResponse {
    let outputs = outputs.iter().zip(&tensors.lengths);
    ModelInferResponse {
        model_name: model.to_owned(),
        model_version: "1".to_owned(),
        id: block.as_str().to_owned(),
        outputs: outputs
            .map(|(output, &length)| InferOutputTensor {
                name: output.name.to_owned(),
                datatype: output.datatype.to_owned(),
                shape: vec![1, length],
                ..Default::default()
            })
            .collect(),
        raw_output_contents: tensors.raw,
        ..Default::default()
    }
}

/// The answer's tensors. Outputs that the contract lacks are passed over, so that a target may say more. The id may be
/// left out, as servers do that answer from a cache; another block's is an error.
fn opened<'a>(
    message: &'a ModelInferResponse,
    model: &'static str,
    block: &BlockId,
) -> Result<Tensors<'a>, ContractError> {
    if message.model_name != model {
        return Err(ContractError::Model {
            wanted: model,
            got: shortened(&message.model_name),
        });
    }
    if !message.id.is_empty() && message.id != block.as_str() {
        return Err(ContractError::OtherBlock {
            wanted: block.as_str().to_owned(),
            got: shortened(&message.id),
        });
    }
    at_most("outputs", message.outputs.len(), 64)?;
    Tensors::of_response(&message.outputs, &message.raw_output_contents)
}
