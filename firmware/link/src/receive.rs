//! A byte stream to frames, and a count of what was lost on the way.

use crate::frame::{Frame, FrameError, MAX_FRAME_BYTES, read};

/// What a receiver got and did not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Frames taken.
    pub accepted: u32,
    /// Frames refused, also those of which the beginning was missed.
    pub refused: u32,
    /// Frames that the sequence numbers of a session leave out, refused ones among them.
    pub missing: u32,
    /// Changes of the sender's session.
    pub restarts: u32,
}

/// Turns a byte stream in arbitrary pieces into frames, with a fixed buffer.
#[derive(Clone, Debug)]
pub struct Decoder {
    stuffed: [u8; MAX_FRAME_BYTES],
    length: usize,
    /// The frame outgrew the buffer; bytes are dropped up to the next zero.
    overflown: bool,
    last: Option<(u16, u16)>,
    frame_bytes: usize,
    counts: Counts,
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
            stuffed: [0; MAX_FRAME_BYTES],
            length: 0,
            overflown: false,
            last: None,
            frame_bytes: 0,
            counts: Counts {
                accepted: 0,
                refused: 0,
                missing: 0,
                restarts: 0,
            },
        }
    }

    /// What came and what did not, so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Length of the last frame on the line with its closing zero, bytes.
    #[must_use]
    pub fn frame_bytes(&self) -> usize {
        self.frame_bytes
    }

    /// Takes one byte; at the end of a frame its contents, or why it was refused.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame, FrameError>> {
        if byte != 0 {
            match self.stuffed.get_mut(self.length) {
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
        self.frame_bytes = length + 1;
        let result = match self.stuffed.get_mut(..length) {
            Some(stuffed) if !overflown => read(stuffed),
            _ => Err(FrameError::Malformed),
        };
        match &result {
            Ok(frame) => self.count(frame),
            Err(_) => self.counts.refused = self.counts.refused.saturating_add(1),
        }
        Some(result)
    }

    /// Takes a piece of the stream and hands on each frame or refusal in it.
    pub fn push_all(&mut self, bytes: &[u8], mut on: impl FnMut(Result<Frame, FrameError>)) {
        for byte in bytes {
            if let Some(result) = self.push(*byte) {
                on(result);
            }
        }
    }

    fn count(&mut self, frame: &Frame) {
        let counts = &mut self.counts;
        counts.accepted = counts.accepted.saturating_add(1);
        let before = self.last.replace((frame.session, frame.sequence));
        match before {
            None => {}
            Some((session, sequence)) if session == frame.session => {
                let step = frame.sequence.wrapping_sub(sequence);
                let missing = u32::from(step.wrapping_sub(1));
                counts.missing = counts.missing.saturating_add(missing);
            }
            Some(_) => counts.restarts = counts.restarts.saturating_add(1),
        }
    }
}
