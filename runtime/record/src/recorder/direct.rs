//! Large messages written straight from the caller's memory, without the I/O thread.

use std::sync::PoisonError;
use std::time::Instant;

use super::batch::{Batch, MAX_MESSAGE_BYTES};
use super::state::State;
use super::{Shared, lock};
use crate::config::{ChannelId, Compression, WhenFull};

/// Data from this size on is worth a chunk of its own.
const DIRECT_BYTES: usize = 256 << 10;
/// Bytes after which the I/O thread checks the quota again.
const CHECK_QUOTA_BYTES: u64 = 16 << 20;

impl Shared {
    /// Whether callers may write themselves at all: they would wait for the disk anyhow.
    fn lets_callers_write(&self, length: usize) -> bool {
        (DIRECT_BYTES..=MAX_MESSAGE_BYTES).contains(&length)
            && self.config.when_full == WhenFull::Block
            && self.config.compression == Compression::None
    }

    /// Begins a batch for one message. Should it be large and the queue full, the queue is let
    /// run dry: a caller that is faster than the disk would else never find the disk idle again.
    pub(super) fn begin_alone(&self, length: usize) -> Batch<'_> {
        if self.lets_callers_write(length) {
            let mut state = self.lock_behind_io();
            let mut waits = false;
            while state.is_open() && !state.is_idle() {
                if state.current.len() >= state.chunk_bytes && state.has_room() {
                    state.seal();
                    self.work.notify_one();
                }
                waits |= state.queued_bytes + state.current.len() + length > state.queue_limit;
                if !waits {
                    break;
                }
                state = self
                    .space
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
        }
        self.begin_batch()
    }
}

impl Batch<'_> {
    /// Appends the only message of this batch.
    pub(super) fn append_alone(
        &mut self,
        channel: ChannelId,
        sequence: u32,
        log_time_ns: u64,
        publish_time_ns: u64,
        data: &[u8],
    ) {
        let direct = self.shared.lets_callers_write(data.len()) && self.state.is_idle();
        if !direct || self.refuses(channel) {
            self.append(channel, sequence, log_time_ns, publish_time_ns, data);
            return;
        }
        let start = self.state.current.bytes.len();
        self.state.current.open_message(
            channel.0,
            sequence,
            log_time_ns,
            publish_time_ns,
            data.len(),
        );
        self.account(start, data.len(), log_time_ns);
        self.write_current(data);
    }

    /// Writes the current chunk, whose last message's data is `tail`.
    fn write_current(&mut self, tail: &[u8]) {
        let state = &mut *self.state;
        let chunk = &mut state.current;
        let mut segment = lock(&self.shared.segment);
        let before = segment.offset();
        let written = segment.chunk(&mut chunk.bytes, &chunk.summed, tail);
        let bytes = segment.offset() - before;
        drop(segment);
        let (messages, since) = (chunk.messages, chunk.first_append);
        chunk.reset();
        self.start_over();
        let state = &mut *self.state;
        match written {
            Ok(_) => {
                state.written.bytes += bytes;
                state.unchecked_bytes += bytes;
                let config = &self.shared.config;
                if let Ok(free) = self.shared.disk.free_space(&config.dir) {
                    state.note_free_space(free, config.free_space_floor_bytes);
                }
                let first = state.written.unsynced_since.is_none();
                if first {
                    state.written.unsynced_since = since.or_else(|| Some(Instant::now()));
                }
                let quota = config.quota_bytes.is_some();
                if first || !state.is_open() || quota && state.unchecked_bytes >= CHECK_QUOTA_BYTES
                {
                    self.shared.work.notify_one();
                }
            }
            Err(error) => {
                state.lose(messages);
                state.failed = Some(error);
                self.shared.work.notify_one();
            }
        }
    }
}

impl State {
    /// Nothing waits for the I/O thread, nor is it doing anything.
    fn is_idle(&self) -> bool {
        self.queue.is_empty() && !self.io_busy
    }

    /// Whether enough was written past the I/O thread for it to check the quota.
    pub(super) fn take_unchecked(&mut self) -> bool {
        let due = self.unchecked_bytes >= CHECK_QUOTA_BYTES;
        if due {
            self.unchecked_bytes = 0;
        }
        due
    }
}
