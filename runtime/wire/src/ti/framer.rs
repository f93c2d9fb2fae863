//! From a byte stream in arbitrary pieces to whole packets.

use super::{HEADER_BYTES, MAGIC, MAX_PACKET_BYTES, header};

/// Cuts a byte stream into packets and resynchronises on the magic word.
///
/// A packet whose header is impossible, or inside whose claimed length another magic word begins, is
/// skipped to the next magic word. Memory is bounded by one packet and one piece.
#[derive(Clone, Debug, Default)]
pub struct TiFramer {
    /// Bytes not yet given out; begins with the magic word or with a part of it.
    pending: Vec<u8>,
    /// Bytes of `pending` in which no further magic word begins.
    searched: usize,
    skipped: u64,
}

/// Bytes taken from the caller's piece at a time.
const STEP: usize = 4096;

impl TiFramer {
    /// A framer at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes skipped so far because they belonged to no whole packet.
    #[must_use]
    pub fn skipped_bytes(&self) -> u64 {
        self.skipped
    }

    /// Bytes held back for a packet that is not whole yet.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending.len()
    }

    /// Takes the next piece of the stream and calls `on_packet` with each packet that is now whole.
    pub fn push(&mut self, piece: &[u8], mut on_packet: impl FnMut(&[u8])) {
        for step in piece.chunks(STEP) {
            self.pending.extend_from_slice(step);
            while self.advance(&mut on_packet) {}
        }
    }

    /// The stream has ended: what is held back counts as skipped.
    pub fn finish(&mut self) {
        self.skip(self.pending.len());
    }

    /// Gives out or skips something; false where more bytes are needed.
    fn advance(&mut self, on_packet: &mut impl FnMut(&[u8])) -> bool {
        let start = find_magic(&self.pending, 0);
        if start > 0 {
            self.skip(start);
        }
        if self.pending.len() < HEADER_BYTES {
            return false;
        }
        let Ok(header) = header(&self.pending) else {
            self.skip(1);
            return true;
        };
        let length = (header.packet_bytes as usize).min(MAX_PACKET_BYTES);
        let from = self.searched.max(1);
        let until = self.pending.len().min(length);
        let next = find_magic(self.pending.get(..until).unwrap_or_default(), from);
        if next + MAGIC.len() <= until {
            self.skip(next);
            return true;
        }
        self.searched = next;
        let Some(packet) = self.pending.get(..length) else {
            return false;
        };
        on_packet(packet);
        self.pending.drain(..length);
        self.searched = 0;
        true
    }

    fn skip(&mut self, bytes: usize) {
        self.pending.drain(..bytes);
        self.skipped += bytes as u64;
        self.searched = 0;
    }
}

/// Where the magic word, or the part of it at the very end, begins; the length where it does not.
fn find_magic(bytes: &[u8], from: usize) -> usize {
    (from..bytes.len())
        .find(|&at| {
            let rest = bytes.get(at..).unwrap_or_default();
            let seen = rest.len().min(MAGIC.len());
            rest.get(..seen) == MAGIC.get(..seen)
        })
        .unwrap_or(bytes.len().max(from))
}
