use crate::{Code, ContractError, FsqCode, limits};

/// What both sides know of the target's model; messages are read and checked against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetShape {
    image_tokens: usize,
    width: usize,
    vocabulary: usize,
    fsq: Option<FsqCode>,
}

impl TargetShape {
    /// A target with `image_tokens` (T) a picture before pruning, each `width` (W) numbers, token ids below `vocabulary`,
    /// and a finite scalar code where one was trained for it.
    ///
    /// # Errors
    /// Where a figure is 0 or beyond the limits of the contract.
    pub fn new(
        image_tokens: usize,
        width: usize,
        vocabulary: usize,
        fsq: Option<FsqCode>,
    ) -> Result<Self, ContractError> {
        within("image tokens", image_tokens, 1, limits::MAX_IMAGE_TOKENS)?;
        within("width", width, 1, limits::MAX_WIDTH)?;
        within("vocabulary", vocabulary, 1, 1 << 16)?;
        Ok(Self {
            image_tokens,
            width,
            vocabulary,
            fsq,
        })
    }

    /// Image tokens of one picture before pruning (T).
    #[must_use]
    pub fn image_tokens(&self) -> usize {
        self.image_tokens
    }

    /// Numbers of an image token (W).
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Token ids are below this.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.vocabulary
    }

    /// The finite scalar code, where the target has one.
    #[must_use]
    pub fn fsq(&self) -> Option<FsqCode> {
        self.fsq
    }

    /// Bytes of one frame's bits in `kept`.
    #[must_use]
    pub fn kept_bytes(&self) -> usize {
        self.image_tokens.div_ceil(8)
    }

    /// Bytes of one token in a code.
    ///
    /// # Errors
    /// [`ContractError::NoFsq`] where the target has no such code.
    pub fn token_bytes(&self, code: Code) -> Result<usize, ContractError> {
        match code {
            Code::F16 => Ok(2 * self.width),
            Code::Int8 => Ok(4 + self.width),
            Code::Fsq => Ok(self.fsq.ok_or(ContractError::NoFsq)?.token_bytes()),
        }
    }
}

pub(crate) fn within(
    what: &'static str,
    got: usize,
    least: usize,
    most: usize,
) -> Result<(), ContractError> {
    if (least..=most).contains(&got) {
        return Ok(());
    }
    Err(ContractError::Target {
        what,
        got,
        least,
        most,
    })
}
