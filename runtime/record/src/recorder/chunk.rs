//! The chunk that callers are filling.

use std::time::Instant;

use crate::format::{CHUNK_PREFIX, MESSAGE_PREFIX, PREFIX, op};
use crate::segment::Summed;

/// Data from this size on is summed while it is copied: it passes the cache once, and the I/O
/// thread, which limits how fast large messages are recorded, is spared it.
const SUM_AT_ONCE_BYTES: usize = 64 << 10;
/// Piece that is copied and then summed while it is in the nearest cache.
const PIECE_BYTES: usize = 16 << 10;

/// Records in the making, with room before them for the chunk's own header.
#[derive(Debug)]
pub(super) struct ChunkBuffer {
    pub(super) bytes: Vec<u8>,
    pub(super) summed: Summed,
    /// Messages that callers appended, without repeats of latched ones.
    pub(super) messages: u64,
    /// When the first of them came.
    pub(super) first_append: Option<Instant>,
}

impl ChunkBuffer {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        let mut bytes = Vec::with_capacity(capacity + CHUNK_PREFIX);
        bytes.resize(CHUNK_PREFIX, 0);
        Self {
            bytes,
            summed: Summed::default(),
            messages: 0,
            first_append: None,
        }
    }

    /// Ready for other records, with its memory kept.
    pub(super) fn reset(&mut self) {
        self.bytes.clear();
        self.bytes.resize(CHUNK_PREFIX, 0);
        self.summed = Summed::default();
        self.messages = 0;
        self.first_append = None;
    }

    /// Bytes of records.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - CHUNK_PREFIX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends everything of a message record but its data, which is `length` bytes long.
    #[inline]
    pub(super) fn open_message(
        &mut self,
        channel: u16,
        sequence: u32,
        log_time_ns: u64,
        publish_time_ns: u64,
        length: usize,
    ) {
        let mut head = [0; MESSAGE_PREFIX];
        head[0] = op::MESSAGE;
        let record = (MESSAGE_PREFIX - PREFIX + length) as u64;
        head[1..9].copy_from_slice(&record.to_le_bytes());
        head[9..11].copy_from_slice(&channel.to_le_bytes());
        head[11..15].copy_from_slice(&sequence.to_le_bytes());
        head[15..23].copy_from_slice(&log_time_ns.to_le_bytes());
        head[23..31].copy_from_slice(&publish_time_ns.to_le_bytes());
        self.bytes.extend_from_slice(&head);
    }

    /// Appends the data of a message.
    #[inline]
    pub(super) fn put_data(&mut self, data: &[u8]) {
        if data.len() < SUM_AT_ONCE_BYTES {
            self.bytes.extend_from_slice(data);
            return;
        }
        let Summed { crc, end } = &mut self.summed;
        crc.update(&self.bytes[*end..]);
        for piece in data.chunks(PIECE_BYTES) {
            self.bytes.extend_from_slice(piece);
            crc.update(piece);
        }
        *end = self.bytes.len();
    }

    /// Corrects the length of the record that begins at `start` and reaches to the end.
    pub(super) fn close_message(&mut self, start: usize) {
        let length = (self.bytes.len() - start - PREFIX) as u64;
        self.bytes[start + 1..start + PREFIX].copy_from_slice(&length.to_le_bytes());
    }
}
