use bytes::Bytes;

use crate::tensor::at_most;
use crate::{Code, ContractError, Kept, TargetShape, decode_f16, decode_int8, limits};

/// Name of a block, unique among all blocks of all vehicles: 1 to 64 printable ASCII characters without spaces.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockId(String);

impl BlockId {
    /// # Errors
    /// [`ContractError::BlockId`] where the name is not of that form.
    pub fn new(name: impl Into<String>) -> Result<Self, ContractError> {
        let name = name.into();
        let fits = (1..=limits::MAX_BLOCK_ID).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_graphic());
        if fits {
            Ok(Self(name))
        } else {
            Err(ContractError::BlockId)
        }
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for BlockId {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(&self.0)
    }
}

/// One picture of a block: which image tokens are kept, and these, coded, in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Which tokens there are.
    pub kept: Kept,
    /// Their bytes in the block's code.
    pub tokens: Bytes,
}

/// The pictures of a block and the question about each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scene {
    /// The block.
    pub block: BlockId,
    /// Token ids behind the image, the same for every frame.
    pub prompt: Vec<u16>,
    /// How the frames' tokens are coded.
    pub code: Code,
    /// 1 to 8 pictures.
    pub frames: Vec<Frame>,
}

impl Scene {
    /// Sizes, places and ids against the target and the limits; the coded tokens are looked at when they are decoded.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, target: &TargetShape) -> Result<(), ContractError> {
        if self.frames.is_empty() {
            return Err(ContractError::NoFrames);
        }
        at_most("frames", self.frames.len(), limits::MAX_FRAMES)?;
        at_most("prompt tokens", self.prompt.len(), limits::MAX_PROMPT)?;
        ids_below(target.vocabulary(), "prompt", &self.prompt)?;
        let size = target.token_bytes(self.code)?;
        let mut bytes = 0;
        for (i, frame) in self.frames.iter().enumerate() {
            length(
                "kept",
                "image tokens",
                target.image_tokens(),
                frame.kept.of(),
            )?;
            if frame.kept.count() == 0 {
                return Err(ContractError::NoTokens(i));
            }
            let wanted = frame.kept.count() * size;
            length("tokens", "bytes", wanted, frame.tokens.len())?;
            bytes += frame.tokens.len();
        }
        at_most("bytes of tokens", bytes, limits::MAX_TOKEN_BYTES)
    }

    /// Features f32 [n, W] of a frame's n kept tokens, row-major; for [`Code::Fsq`] see [`Scene::indices`].
    ///
    /// # Errors
    /// Where the bytes are not those of the code, or the code is the finite scalar one.
    pub fn features(&self, frame: &Frame, target: &TargetShape) -> Result<Vec<f32>, ContractError> {
        match self.code {
            Code::F16 => decode_f16(&frame.tokens),
            Code::Int8 => decode_int8(&frame.tokens, target.width()),
            Code::Fsq => Err(ContractError::Code(self.code.name().to_owned())),
        }
    }

    /// Level indices u8 [n, D] of a frame's n kept tokens in the finite scalar code, row-major, for its decoder graph.
    ///
    /// # Errors
    /// Where the bytes are not those of the code, or the code is another one.
    pub fn indices(&self, frame: &Frame, target: &TargetShape) -> Result<Vec<u8>, ContractError> {
        match (self.code, target.fsq()) {
            (Code::Fsq, Some(code)) => code.unpack(&frame.tokens),
            (Code::Fsq, None) => Err(ContractError::NoFsq),
            _ => Err(ContractError::Code(self.code.name().to_owned())),
        }
    }
}

/// What the drafter wrote for one frame.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Token ids, the end token included where the draft ended.
    pub tokens: Vec<u16>,
    /// How sure it was of each: see [`confidence_of`].
    pub confidence: Vec<u8>,
}

/// A token's probability as it travels: min(255, round(-16 ln p)) of `ln_p`. Certainty is 0.
#[must_use]
pub fn confidence_of(ln_p: f32) -> u8 {
    // A number that is none becomes 0 in the cast; such a token is as unlikely as can be said.
    if ln_p.is_nan() {
        return 255;
    }
    (-16.0 * ln_p).round().clamp(0.0, 255.0) as u8
}

/// What `scene_verify` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyRequest {
    /// Pictures and prompt.
    pub scene: Scene,
    /// One draft a frame.
    pub drafts: Vec<Draft>,
}

impl VerifyRequest {
    /// Sizes, places and ids against the target and the limits.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, target: &TargetShape) -> Result<(), ContractError> {
        self.scene.check(target)?;
        let frames = self.scene.frames.len();
        length("draft_lengths", "drafts", frames, self.drafts.len())?;
        for draft in &self.drafts {
            at_most(
                "draft tokens of a frame",
                draft.tokens.len(),
                limits::MAX_DRAFT,
            )?;
            ids_below(target.vocabulary(), "draft", &draft.tokens)?;
            length(
                "draft_confidence",
                "elements",
                draft.tokens.len(),
                draft.confidence.len(),
            )?;
        }
        Ok(())
    }
}

/// What `scene_generate` is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerateRequest {
    /// Pictures and prompt.
    pub scene: Scene,
}

pub(crate) fn length(
    tensor: &'static str,
    unit: &'static str,
    wanted: usize,
    got: usize,
) -> Result<(), ContractError> {
    if wanted == got {
        return Ok(());
    }
    Err(ContractError::Length {
        tensor,
        unit,
        wanted,
        got,
    })
}

pub(crate) fn ids_below(
    vocabulary: usize,
    tensor: &'static str,
    ids: &[u16],
) -> Result<(), ContractError> {
    match ids.iter().position(|&id| usize::from(id) >= vocabulary) {
        None => Ok(()),
        Some(place) => Err(ContractError::Range {
            tensor,
            place,
            got: i64::from(ids[place]),
        }),
    }
}
