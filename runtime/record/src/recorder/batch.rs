//! Appending: the lock held for a batch of messages.

use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use super::Shared;
use super::state::{Job, State};
use crate::config::{ChannelId, WhenFull};
use crate::format::MESSAGE_PREFIX;

/// The largest message that a log takes.
pub(super) const MAX_MESSAGE_BYTES: usize = 1 << 30;
/// A message's entry in its chunk's index.
const INDEX_ENTRY_BYTES: u64 = 16;

/// The recorder's lock, held while messages are appended. All messages of one batch lie together
/// in one chunk of one segment, so after a crash either all or none of them are there. Hold it
/// shortly: every other caller waits.
pub struct Batch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) state: MutexGuard<'a, State>,
    /// Messages are counted as lost instead of appended.
    refused: bool,
    /// Where the last whole message begins and ends in the current chunk.
    last: (usize, usize),
}

impl Shared {
    pub(super) fn begin_batch(&self) -> Batch<'_> {
        let mut state = self.lock_behind_io();
        let mut refused = !state.is_open();
        while !refused && state.current.len() >= self.config.chunk_bytes {
            if state.has_room() {
                state.seal();
                self.work.notify_one();
            } else if self.config.when_full == WhenFull::Drop {
                refused = true;
            } else {
                state = self
                    .space
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                refused = !state.is_open();
            }
        }
        if !refused && self.rotation_is_due(&state) {
            state.rotate();
            self.work.notify_one();
        }
        let end = state.current.bytes.len();
        Batch {
            shared: self,
            state,
            refused,
            last: (end, end),
        }
    }

    fn rotation_is_due(&self, state: &State) -> bool {
        let Some((first, latest)) = state.segment_span_ns else {
            return false;
        };
        let full = |limit| state.segment_bytes >= limit;
        let long = |limit: std::time::Duration| u128::from(latest - first) >= limit.as_nanos();
        self.config.rotate_bytes.is_some_and(full) || self.config.rotate_after.is_some_and(long)
    }
}

impl Batch<'_> {
    /// Appends one message: `sequence` as the sensor counts, both times in nanoseconds on the
    /// vehicle clock. When recording has stopped, or the disk is too slow in live mode, the
    /// message is counted as lost instead.
    pub fn append(
        &mut self,
        channel: ChannelId,
        sequence: u32,
        log_time_ns: u64,
        publish_time_ns: u64,
        data: &[u8],
    ) {
        if self.refuses(channel) || data.len() > MAX_MESSAGE_BYTES {
            self.state.lost += 1;
            return;
        }
        let chunk = &mut self.state.current;
        let start = chunk.bytes.len();
        chunk.bytes.reserve(MESSAGE_PREFIX + data.len());
        chunk.open_message(
            channel.0,
            sequence,
            log_time_ns,
            publish_time_ns,
            data.len(),
        );
        chunk.put_data(data);
        self.account(start, 0, log_time_ns);
    }

    /// Appends one message that `encode` writes by appending to the buffer it is given, which
    /// holds other messages before it: it must not touch those. Should it panic, the message is
    /// left out and the log stays whole. Times as in [`Batch::append`].
    pub fn append_with(
        &mut self,
        channel: ChannelId,
        sequence: u32,
        log_time_ns: u64,
        publish_time_ns: u64,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        if self.refuses(channel) {
            self.state.lost += 1;
            return;
        }
        let chunk = &mut self.state.current;
        let start = chunk.bytes.len();
        chunk.open_message(channel.0, sequence, log_time_ns, publish_time_ns, 0);
        let body = chunk.bytes.len();
        encode(&mut chunk.bytes);
        assert!(
            chunk.bytes.len() >= body,
            "an encoder must only append to its buffer"
        );
        chunk.close_message(start);
        self.account(start, 0, log_time_ns);
    }

    /// Number of the segment that this batch goes to.
    pub fn segment(&self) -> u32 {
        self.state.segment
    }

    /// Whether the messages of this batch are counted as lost instead of appended.
    pub fn is_refused(&self) -> bool {
        self.refused
    }

    /// Keeps every message from `from_ns` to `to_ns` of log time, both inclusive, recorded already or yet to
    /// come, and the segment of this batch, which should say why. What of that waits in memory is
    /// written to the disk at once. Without a [`crate::Selection`] everything is kept anyhow.
    pub fn keep(&mut self, from_ns: u64, to_ns: u64) {
        if self.shared.config.selection.is_none() {
            return;
        }
        let segment = self.state.segment;
        self.state.push(Job::Keep {
            from_ns,
            to_ns,
            segment,
        });
        self.state.urgent = true;
        self.shared.work.notify_one();
    }

    /// Repeats the last message at the start of each later segment.
    pub(super) fn latch_last(&mut self) {
        let (start, end) = self.last;
        let state = &mut *self.state;
        state
            .latched
            .extend_from_slice(&state.current.bytes[start..end]);
    }

    pub(super) fn refuses(&self, channel: ChannelId) -> bool {
        let known = (1..=self.state.definitions.channels).contains(&channel.0);
        self.refused || !known
    }

    /// The current chunk is empty again.
    pub(super) fn start_over(&mut self) {
        let end = self.state.current.bytes.len();
        self.last = (end, end);
    }

    /// Counts the message whose record begins at `start` and, but for `apart` bytes of data that
    /// are elsewhere, reaches to the end.
    #[inline]
    pub(super) fn account(&mut self, start: usize, apart: usize, log_time_ns: u64) {
        let state = &mut *self.state;
        let end = state.current.bytes.len();
        state.current.messages += 1;
        if state.current.first_append.is_none() {
            state.current.first_append = Some(Instant::now());
            // The I/O thread may be asleep without a deadline.
            if state.queue.is_empty() && state.written.unsynced_since.is_none() {
                self.shared.work.notify_one();
            }
        }
        state.messages += 1;
        state.segment_messages += 1;
        state.segment_least_ns = state.segment_least_ns.min(log_time_ns);
        state.segment_bytes += (end - start + apart) as u64 + INDEX_ENTRY_BYTES;
        state.segment_span_ns = Some(match state.segment_span_ns {
            None => (log_time_ns, log_time_ns),
            Some((first, latest)) => (first, latest.max(log_time_ns)),
        });
        self.last = (start, end);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let state = &mut *self.state;
        if self.refused {
            return;
        }
        if std::thread::panicking() {
            // An encoder panicked: take back what it left.
            state.current.bytes.truncate(self.last.1);
        }
        if state.current.len() >= state.chunk_bytes && state.has_room() {
            state.seal();
            self.shared.work.notify_one();
        }
    }
}
