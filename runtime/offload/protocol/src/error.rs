use crate::limits;

/// What is wrong with a message or with what should become one. Names that came from outside are cut to
/// 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContractError {
    /// The target's own figures are beyond the contract's limits.
    #[error("a target with {what} {got} does not fit the contract, which allows {least} to {most}")]
    Target {
        /// Which figure.
        what: &'static str,
        /// Its value.
        got: usize,
        /// The least that is allowed.
        least: usize,
        /// The most that is allowed.
        most: usize,
    },
    /// A block's id is empty, too long, or not of printable ASCII without spaces.
    #[error(
        "a block's id must be 1 to {} printable ASCII characters without spaces",
        limits::MAX_BLOCK_ID
    )]
    BlockId,
    /// The message is for another model.
    #[error("the message is for model `{got}`, not for `{wanted}`")]
    Model {
        /// The model that was asked for here.
        wanted: &'static str,
        /// What the message names.
        got: String,
    },
    /// A tensor is not there.
    #[error("tensor `{0}` is missing")]
    Missing(&'static str),
    /// A tensor is there twice.
    #[error("tensor `{0}` is there twice")]
    Twice(String),
    /// The model has no such input.
    #[error("the model has no input `{0}`")]
    Unknown(String),
    /// A tensor's elements are of another type.
    #[error("tensor `{tensor}` must be {wanted}, not `{got}`")]
    Datatype {
        /// The tensor.
        tensor: &'static str,
        /// Its type in the contract.
        wanted: &'static str,
        /// Its type in the message.
        got: String,
    },
    /// A shape is not `[1, n]`.
    #[error("tensor `{tensor}` must have the shape [1, n], not {got}")]
    Shape {
        /// The tensor.
        tensor: &'static str,
        /// Its shape in the message.
        got: String,
    },
    /// More than the contract allows.
    #[error("{what}: {got} are more than the {most} that are allowed")]
    TooMany {
        /// What of.
        what: &'static str,
        /// How many.
        got: usize,
        /// The limit.
        most: usize,
    },
    /// A message has raw contents, but not one for each tensor.
    #[error("{tensors} tensors with {raw} raw contents")]
    RawContents {
        /// Tensors of the message.
        tensors: usize,
        /// Raw contents beside them.
        raw: usize,
    },
    /// A tensor holds more or fewer elements or bytes than its shape or the other tensors say.
    #[error("tensor `{tensor}` holds {got} {unit}, where {wanted} belong")]
    Length {
        /// The tensor.
        tensor: &'static str,
        /// Elements or bytes.
        unit: &'static str,
        /// What belongs there.
        wanted: usize,
        /// What is there.
        got: usize,
    },
    /// A value is outside its range.
    #[error("tensor `{tensor}`, element {place}: {got} is outside its range")]
    Range {
        /// The tensor.
        tensor: &'static str,
        /// Index of the element.
        place: usize,
        /// The value.
        got: i64,
    },
    /// A number is infinite or not a number.
    #[error("tensor `{tensor}`, element {place}: not a finite number")]
    NotFinite {
        /// The tensor.
        tensor: &'static str,
        /// Index of the number.
        place: usize,
    },
    /// The token code is none of the contract's.
    #[error("token code `{0}` is none of f16, int8 and fsq")]
    Code(String),
    /// The target has no finite scalar code.
    #[error("the target has no finite scalar code: send f16 or int8")]
    NoFsq,
    /// A block has no frame.
    #[error("a block needs at least one frame")]
    NoFrames,
    /// A frame holds no image token.
    #[error("frame {0} keeps no image token")]
    NoTokens(usize),
    /// The verdict is for another block.
    #[error("the answer is for block `{got}`, not for `{wanted}`")]
    OtherBlock {
        /// The block that was asked about.
        wanted: String,
        /// The block that the answer names.
        got: String,
    },
}

/// A name from outside, short enough for a message.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
