//! One classic CAN frame and its 16-byte form.

use thiserror::Error;

const EXTENDED: u32 = 0x8000_0000;
const REMOTE: u32 = 0x4000_0000;
const ERROR: u32 = 0x2000_0000;
const EXTENDED_MASK: u32 = 0x1FFF_FFFF;
const STANDARD_MASK: u32 = 0x7FF;

/// A classic CAN frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CanFrame {
    /// Identifier without flags: 11 or 29 bits; the error class mask of an error frame.
    pub id: u32,
    /// 29-bit identifier.
    pub extended: bool,
    /// Remote transmission request; carries no data.
    pub remote: bool,
    /// Error frame made up by the controller; carries no bus data.
    pub error: bool,
    /// Data bytes, 0 to 8.
    pub len: u8,
    /// Data; zero from `len` on.
    pub data: [u8; 8],
}

/// Why bytes are not a `struct can_frame`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CanFrameError {
    /// Not 16 bytes.
    #[error("a CAN frame has 16 bytes and this message has {0}")]
    WrongLength(usize),
    /// More than eight data bytes.
    #[error("a classic CAN frame holds at most 8 bytes and this one claims {0}")]
    TooLong(u8),
    /// An identifier above 11 bits without the extended flag.
    #[error("identifier {0:#x} has more than 11 bits and no extended flag")]
    IdTooLarge(u32),
}

impl CanFrame {
    /// The data bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.data.get(..usize::from(self.len)).unwrap_or(&self.data)
    }

    /// Linux `struct can_frame` with a little-endian identifier: the bytes of
    /// `RawFormat::CanFrame`.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 16] {
        let mut id = self.id & EXTENDED_MASK;
        for (flag, bit) in [
            (self.extended, EXTENDED),
            (self.remote, REMOTE),
            (self.error, ERROR),
        ] {
            if flag {
                id |= bit;
            }
        }
        let mut bytes = [0; 16];
        let (head, data) = bytes.split_at_mut(8);
        for (slot, byte) in head.iter_mut().zip(id.to_le_bytes()) {
            *slot = byte;
        }
        if let Some(slot) = head.get_mut(4) {
            *slot = self.len.min(8);
        }
        data.copy_from_slice(&self.data);
        bytes
    }

    /// Reads what [`CanFrame::to_bytes`] writes. Bytes after the data are ignored.
    ///
    /// # Errors
    /// Wrong size, more than eight data bytes, or an identifier that contradicts its flags.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CanFrameError> {
        let wrong = CanFrameError::WrongLength(bytes.len());
        let bytes: &[u8; 16] = bytes.try_into().map_err(|_| wrong)?;
        let [i0, i1, i2, i3, len, _, _, _, data @ ..] = *bytes;
        if len > 8 {
            return Err(CanFrameError::TooLong(len));
        }
        let word = u32::from_le_bytes([i0, i1, i2, i3]);
        let mut frame = Self {
            id: word & EXTENDED_MASK,
            extended: word & EXTENDED != 0,
            remote: word & REMOTE != 0,
            error: word & ERROR != 0,
            len,
            data,
        };
        if !frame.extended && !frame.error && frame.id > STANDARD_MASK {
            return Err(CanFrameError::IdTooLarge(frame.id));
        }
        for byte in frame.data.iter_mut().skip(usize::from(len)) {
            *byte = 0;
        }
        Ok(frame)
    }
}
