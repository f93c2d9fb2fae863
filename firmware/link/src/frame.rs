//! One frame: its contents to bytes and back.

use crate::message::Message;
use crc::{CRC_32_ISO_HDLC, Crc};
use postcard::experimental::max_size::MaxSize;
use serde::{Deserialize, Serialize};

/// Version of the frames' layout; a receiver refuses any other. It stays the first byte of all.
pub const VERSION: u8 = 2;

/// The longest frame with its closing zero, bytes.
pub const MAX_FRAME_BYTES: usize = 80;
/// The longest contents: stuffing adds one byte to so few, the closing zero another.
const MAX_CONTENTS_BYTES: usize = MAX_FRAME_BYTES - 2;
const CRC_BYTES: usize = 4;
const _: () = assert!(Frame::POSTCARD_MAX_SIZE + CRC_BYTES <= MAX_CONTENTS_BYTES);

/// CRC-32 as Ethernet has it.
pub(crate) const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// The contents of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Frame {
    /// Always [`VERSION`].
    version: u8,
    /// The sender's session: another number after each of its starts.
    pub session: u16,
    /// Count of the sender's frames in its session, from 0; wraps.
    pub sequence: u16,
    /// What is said.
    pub message: Message,
}

/// Why the bytes between two zeros were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The stuffing is impossible, or there are too few bytes or too many.
    Malformed,
    /// The checksum does not match.
    Checksum,
    /// Another version of the layout.
    Version(u8),
    /// The checksum matches and the contents are no message of this version.
    Contents,
}

impl core::fmt::Display for FrameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => f.write_str("the bytes between two zeros are not a frame"),
            Self::Checksum => f.write_str("a frame's checksum does not match"),
            Self::Version(version) => write!(
                f,
                "a frame has layout version {version} and this side speaks {VERSION}; \
                 update the side that is behind"
            ),
            Self::Contents => f.write_str("a frame holds no known message"),
        }
    }
}

impl core::error::Error for FrameError {}

/// Numbers messages and turns them into frames.
#[derive(Clone, Debug)]
pub struct Encoder {
    session: u16,
    sequence: u16,
}

impl Encoder {
    /// The first frame of a session.
    #[must_use]
    pub const fn new(session: u16) -> Self {
        Self {
            session,
            sequence: 0,
        }
    }

    /// The next frame, with its closing zero.
    pub fn encode<'a>(
        &mut self,
        message: &Message,
        out: &'a mut [u8; MAX_FRAME_BYTES],
    ) -> &'a [u8] {
        let frame = Frame {
            version: VERSION,
            session: self.session,
            sequence: self.sequence,
            message: *message,
        };
        self.sequence = self.sequence.wrapping_add(1);
        // The assertion above says that every frame fits, so that this is never empty.
        let length = write(&frame, out).unwrap_or_default();
        out.get(..length).unwrap_or_default()
    }
}

fn write(frame: &Frame, out: &mut [u8; MAX_FRAME_BYTES]) -> Option<usize> {
    let mut contents = [0; MAX_CONTENTS_BYTES];
    let length = postcard::to_slice(frame, &mut contents).ok()?.len();
    let crc = CRC.checksum(contents.get(..length)?).to_le_bytes();
    let end = length + CRC_BYTES;
    contents.get_mut(length..end)?.copy_from_slice(&crc);
    let stuffed = cobs::try_encode(contents.get(..end)?, out).ok()?;
    *out.get_mut(stuffed)? = 0;
    Some(stuffed + 1)
}

/// The frame in the bytes before a zero, which are overwritten.
pub(crate) fn read(stuffed: &mut [u8]) -> Result<Frame, FrameError> {
    let length = cobs::decode_in_place(stuffed).map_err(|_| FrameError::Malformed)?;
    let contents = stuffed.get(..length).ok_or(FrameError::Malformed)?;
    let (body, crc) = contents
        .split_last_chunk::<CRC_BYTES>()
        .ok_or(FrameError::Malformed)?;
    if CRC.checksum(body) != u32::from_le_bytes(*crc) {
        return Err(FrameError::Checksum);
    }
    match body.first() {
        Some(&VERSION) => {}
        Some(&other) => return Err(FrameError::Version(other)),
        None => return Err(FrameError::Malformed),
    }
    match postcard::take_from_bytes(body) {
        Ok((frame, [])) => Ok(frame),
        _ => Err(FrameError::Contents),
    }
}
