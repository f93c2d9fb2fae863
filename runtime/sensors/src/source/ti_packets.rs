//! TI packets cut from a byte stream, waiting to be read.

use drafthorse_wire::ti::TiFramer;
use std::collections::VecDeque;

/// A framer and the packets it gave, in two buffers that are reused.
#[derive(Default)]
pub(super) struct TiPackets {
    framer: TiFramer,
    bytes: Vec<u8>,
    lengths: VecDeque<usize>,
    used: usize,
    reported: u64,
}

impl TiPackets {
    /// Takes the next piece of the stream.
    pub(super) fn push(&mut self, piece: &[u8]) {
        if self.lengths.is_empty() {
            self.bytes.clear();
            self.used = 0;
        }
        let (bytes, lengths) = (&mut self.bytes, &mut self.lengths);
        self.framer.push(piece, |packet| {
            bytes.extend_from_slice(packet);
            lengths.push_back(packet.len());
        });
    }

    /// Whether no packet waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Moves the oldest packet into `into`; false where there is none.
    pub(super) fn pop(&mut self, into: &mut Vec<u8>) -> bool {
        let Some(length) = self.lengths.pop_front() else {
            return false;
        };
        into.clear();
        let packet = self.bytes.get(self.used..self.used + length);
        into.extend_from_slice(packet.unwrap_or_default());
        self.used += length;
        true
    }

    /// The stream broke off: a packet that is not whole is skipped.
    pub(super) fn finish(&mut self) {
        self.framer.finish();
    }

    /// Bytes skipped since the last call.
    pub(super) fn take_skipped(&mut self) -> u64 {
        let skipped = self.framer.skipped_bytes() - self.reported;
        self.reported += skipped;
        skipped
    }
}

/// What is said of skipped bytes.
pub(super) const SKIPPED: &str = "bytes skipped that belong to no whole TI packet";
