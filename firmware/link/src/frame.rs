//! Messages to frames, and a byte stream to messages.

use crate::cobs::{stuff, unstuff};
use crate::crc::crc32;
use crate::message::{FrameError, Message};

/// The longest frame with its closing zero, bytes; a slice of this size holds any.
pub const MAX_FRAME_BYTES: usize = 64;
/// The longest contents: stuffing adds one byte, the closing zero another.
const MAX_CONTENTS: usize = MAX_FRAME_BYTES - 2;
const CRC_BYTES: usize = 4;

/// The slice is too short for the frame; [`MAX_FRAME_BYTES`] always suffice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeError;

impl core::fmt::Display for EncodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "the slice is too short for a frame; give it {MAX_FRAME_BYTES} bytes"
        )
    }
}

impl core::error::Error for EncodeError {}

/// Writes a message as a frame with its closing zero; the bytes written.
///
/// # Errors
/// [`EncodeError`] where `out` is too short.
pub fn encode(message: &Message, out: &mut [u8]) -> Result<usize, EncodeError> {
    write(message, out).ok_or(EncodeError)
}

fn write(message: &Message, out: &mut [u8]) -> Option<usize> {
    let mut contents = [0; MAX_CONTENTS];
    let length = message.write(&mut contents)?;
    let crc = crc32(contents.get(..length)?).to_le_bytes();
    contents
        .get_mut(length..length + CRC_BYTES)?
        .copy_from_slice(&crc);
    let stuffed = stuff(contents.get(..length + CRC_BYTES)?, out)?;
    *out.get_mut(stuffed)? = 0;
    Some(stuffed + 1)
}

/// Turns a byte stream in arbitrary pieces into messages, with a fixed buffer.
#[derive(Clone, Debug)]
pub struct Decoder {
    frame: [u8; MAX_FRAME_BYTES],
    length: usize,
    /// The frame outgrew the buffer; bytes are dropped up to the next zero.
    overflown: bool,
    refused: u32,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder at an unknown place in the stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            frame: [0; MAX_FRAME_BYTES],
            length: 0,
            overflown: false,
            refused: 0,
        }
    }

    /// Frames refused so far, also those of which the beginning was missed.
    #[must_use]
    pub fn refused(&self) -> u32 {
        self.refused
    }

    /// Takes one byte; at the end of a frame its message, or why it was refused.
    pub fn push(&mut self, byte: u8) -> Option<Result<Message, FrameError>> {
        if byte != 0 {
            match self.frame.get_mut(self.length) {
                Some(slot) => {
                    *slot = byte;
                    self.length += 1;
                }
                None => self.overflown = true,
            }
            return None;
        }
        let (length, overflown) = (self.length, self.overflown);
        (self.length, self.overflown) = (0, false);
        // Zeros between frames are idle line.
        if length == 0 {
            return None;
        }
        let result = match self.frame.get_mut(..length) {
            Some(frame) if !overflown => read(frame),
            _ => Err(FrameError::Malformed),
        };
        if result.is_err() {
            self.refused = self.refused.saturating_add(1);
        }
        Some(result)
    }

    /// Takes a piece of the stream and hands on each message or refusal in it.
    pub fn push_all(&mut self, bytes: &[u8], mut on: impl FnMut(Result<Message, FrameError>)) {
        for byte in bytes {
            if let Some(result) = self.push(*byte) {
                on(result);
            }
        }
    }
}

fn read(frame: &mut [u8]) -> Result<Message, FrameError> {
    let length = unstuff(frame).ok_or(FrameError::Malformed)?;
    let contents = frame.get(..length).ok_or(FrameError::Malformed)?;
    let (body, crc) = contents
        .split_last_chunk::<CRC_BYTES>()
        .ok_or(FrameError::Malformed)?;
    if crc32(body) != u32::from_le_bytes(*crc) {
        return Err(FrameError::Checksum);
    }
    Message::read(body)
}
