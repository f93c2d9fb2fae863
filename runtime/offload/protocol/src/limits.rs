//! What one block may hold at most, whatever the target. A message beyond is refused before anything is made of it.

/// Frames of a block.
pub const MAX_FRAMES: usize = 8;
/// Characters of a block's id.
pub const MAX_BLOCK_ID: usize = 64;
/// Prompt tokens.
pub const MAX_PROMPT: usize = 512;
/// Draft tokens of one frame.
pub const MAX_DRAFT: usize = 512;
/// Tokens that the target writes for one frame.
pub const MAX_TEXT: usize = 2048;
/// Image tokens of one frame, before pruning.
pub const MAX_IMAGE_TOKENS: usize = 16_384;
/// Numbers of one image token.
pub const MAX_WIDTH: usize = 16_384;
/// Dimensions of a token in the finite scalar code.
pub const MAX_DIMENSIONS: usize = 1024;
/// Bytes of the coded tokens of a block.
pub const MAX_TOKEN_BYTES: usize = 7 << 20;
/// Bytes of a whole message on the wire; what a server or client should set as its decoding limit. KServe's own
/// front ends refuse more than 8 MiB.
pub const MAX_MESSAGE_BYTES: usize = 8 << 20;
