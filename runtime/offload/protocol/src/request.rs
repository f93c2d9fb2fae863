//! Requests to and from the protocol's message.

use bytes::Bytes;

use crate::block::length;
use crate::error::shortened;
use crate::inference::{ModelInferRequest, model_infer_request::InferInputTensor};
use crate::tensor::{Tensors, Written, at_most};
use crate::{
    BlockId, Code, ContractError, Draft, Frame, GENERATE_INPUTS, GENERATE_MODEL, GenerateRequest,
    Kept, Scene, TargetShape, TensorSpecification, VERIFY_INPUTS, VERIFY_MODEL, VerifyRequest,
    limits,
};

impl VerifyRequest {
    /// The message for `scene_verify`, contents raw. Check the request first: what does not fit the contract is written
    /// as it is and refused on the other side.
    #[must_use]
    pub fn to_message(&self) -> ModelInferRequest {
        let mut tensors = self.scene.write();
        let drafts = || self.drafts.iter();
        tensors.u16s(drafts().map(|d| u16::try_from(d.tokens.len()).unwrap_or(u16::MAX)));
        tensors.u16s(drafts().flat_map(|d| d.tokens.iter().copied()));
        tensors.u8s(
            drafts()
                .flat_map(|d| d.confidence.iter().copied())
                .collect(),
        );
        message(VERIFY_MODEL, &VERIFY_INPUTS, &self.scene.block, tensors)
    }

    /// The request that a message holds, checked.
    ///
    /// # Errors
    /// What of the message is not as the contract has it.
    pub fn from_message(
        message: &ModelInferRequest,
        target: &TargetShape,
    ) -> Result<Self, ContractError> {
        let tensors = opened(message, VERIFY_MODEL, &VERIFY_INPUTS)?;
        let scene = Scene::read(&tensors, target)?;
        let lengths = tensors.u16s("draft_lengths", limits::MAX_FRAMES)?;
        length(
            "draft_lengths",
            "elements",
            scene.frames.len(),
            lengths.len(),
        )?;
        let most = limits::MAX_FRAMES * limits::MAX_DRAFT;
        let ids = tensors.u16s("draft", most)?;
        let confidence = tensors.u8s("draft_confidence", most)?;
        let all = lengths.iter().map(|&n| usize::from(n)).sum();
        length("draft", "elements", all, ids.len())?;
        length("draft_confidence", "elements", all, confidence.len())?;
        let mut from = 0;
        let drafts = lengths.iter().map(|&n| {
            let of = from..from + usize::from(n);
            from = of.end;
            Draft {
                tokens: ids[of.clone()].to_vec(),
                confidence: confidence[of].to_vec(),
            }
        });
        let request = Self {
            drafts: drafts.collect(),
            scene,
        };
        request.check(target)?;
        Ok(request)
    }
}

impl GenerateRequest {
    /// The message for `scene_generate`, contents raw.
    #[must_use]
    pub fn to_message(&self) -> ModelInferRequest {
        let tensors = self.scene.write();
        message(GENERATE_MODEL, &GENERATE_INPUTS, &self.scene.block, tensors)
    }

    /// The request that a message holds, checked.
    ///
    /// # Errors
    /// What of the message is not as the contract has it.
    pub fn from_message(
        message: &ModelInferRequest,
        target: &TargetShape,
    ) -> Result<Self, ContractError> {
        let tensors = opened(message, GENERATE_MODEL, &GENERATE_INPUTS)?;
        let scene = Scene::read(&tensors, target)?;
        scene.check(target)?;
        Ok(Self { scene })
    }
}

impl Scene {
    fn write(&self) -> Written {
        let mut tensors = Written::default();
        tensors.element(self.block.as_str());
        tensors.u16s(self.prompt.iter().copied());
        tensors.element(self.code.name());
        tensors.u8s(joined(self.frames.iter().map(|f| f.kept.bits())));
        tensors.u8s(joined(self.frames.iter().map(|f| &f.tokens[..])));
        tensors
    }

    /// What the tensors hold; sizes that the tensors say of each other are right then, [`Scene::check`] does the rest.
    fn read(tensors: &Tensors<'_>, target: &TargetShape) -> Result<Self, ContractError> {
        let block = tensors.element("block_id", limits::MAX_BLOCK_ID)?;
        let block = str::from_utf8(block).map_err(|_| ContractError::BlockId)?;
        let code = tensors.element("code", 16)?;
        let code: Code = String::from_utf8_lossy(code).parse()?;
        let prompt = tensors.u16s("prompt", limits::MAX_PROMPT)?;

        let each = target.kept_bytes();
        let kept = tensors.u8s("kept", limits::MAX_FRAMES * each)?;
        let frames = kept.chunks_exact(each);
        let rest = frames.remainder().len();
        length("kept", "bytes", kept.len() - rest, kept.len())?;
        let tokens = tensors.u8s("tokens", limits::MAX_TOKEN_BYTES)?;
        let size = target.token_bytes(code)?;
        let mut from = 0;
        let frames = frames.enumerate().map(|(i, bits)| {
            let kept = Kept::from_bits(bits, target.image_tokens(), i)?;
            let end = from + kept.count() * size;
            if end > tokens.len() {
                return Err(ContractError::Length {
                    tensor: "tokens",
                    unit: "bytes",
                    wanted: end,
                    got: tokens.len(),
                });
            }
            let tokens = tokens.slice(from..end);
            from = end;
            Ok(Frame { kept, tokens })
        });
        let frames = frames.collect::<Result<_, _>>()?;
        length("tokens", "bytes", from, tokens.len())?;
        Ok(Self {
            block: BlockId::new(block)?,
            prompt,
            code,
            frames,
        })
    }
}

fn joined<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Bytes {
    parts.flatten().copied().collect()
}

fn message(
    model: &str,
    inputs: &[TensorSpecification],
    block: &BlockId,
    tensors: Written,
) -> ModelInferRequest {
    let inputs = inputs.iter().zip(&tensors.lengths);
    ModelInferRequest {
        model_name: model.to_owned(),
        id: block.as_str().to_owned(),
        inputs: inputs
            .map(|(input, &length)| InferInputTensor {
                name: input.name.to_owned(),
                datatype: input.datatype.to_owned(),
                shape: vec![1, length],
                ..Default::default()
            })
            .collect(),
        raw_input_contents: tensors.raw,
        ..Default::default()
    }
}

fn opened<'a>(
    message: &'a ModelInferRequest,
    model: &'static str,
    inputs: &[TensorSpecification],
) -> Result<Tensors<'a>, ContractError> {
    if message.model_name != model {
        return Err(ContractError::Model {
            wanted: model,
            got: shortened(&message.model_name),
        });
    }
    at_most("inputs", message.inputs.len(), inputs.len())?;
    let tensors = Tensors::of_request(&message.inputs, &message.raw_input_contents)?;
    tensors.only(inputs)?;
    Ok(tensors)
}
