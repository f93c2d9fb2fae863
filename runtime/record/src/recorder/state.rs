//! What the lock protects: the chunk being filled, the queue to the I/O thread, and counts.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::chunk::ChunkBuffer;
use super::definitions::Definitions;
use super::status::{RecordSummary, RecorderStatus, StopReason};
use crate::config::RecordConfig;
use crate::ring::{Contents, DroppedTotals, Ring};

/// Work for the I/O thread, in order.
pub(super) enum Job {
    Chunk(ChunkBuffer),
    /// A whole metadata record.
    Metadata(Vec<u8>),
    /// End the segment, which holds `closed`, and begin the next with these metadata records.
    Rotate {
        segment: u32,
        closed: Contents,
        metadata: Vec<Vec<u8>>,
    },
    /// Keep a span of log time, as segment `segment` says.
    Keep {
        from_ns: u64,
        to_ns: u64,
        segment: u32,
    },
}

pub(super) struct State {
    pub(super) current: ChunkBuffer,
    pub(super) queue: VecDeque<Job>,
    /// Bytes of the chunks queued or being written.
    pub(super) queued_bytes: usize,
    pub(super) queue_limit: usize,
    pub(super) chunk_bytes: usize,
    spares: Vec<ChunkBuffer>,
    pub(super) definitions: Definitions,
    /// Message records to repeat in each segment.
    pub(super) latched: Vec<u8>,
    /// Metadata records to repeat in each segment, by name.
    pub(super) metadata: BTreeMap<String, Vec<u8>>,
    pub(super) segment: u32,
    /// Bytes of records in the segment, before compression, its indexes included.
    pub(super) segment_bytes: u64,
    /// First and latest log time in the segment.
    pub(super) segment_span_ns: Option<(u64, u64)>,
    /// Smallest log time in the segment, and how many messages it holds.
    pub(super) segment_least_ns: u64,
    pub(super) segment_messages: u64,
    /// What was appended is to be on the disk at once.
    pub(super) urgent: bool,
    pub(super) finishing: bool,
    pub(super) stopped: Option<StopReason>,
    pub(super) messages: u64,
    pub(super) lost: u64,
    /// The I/O thread is doing something, or has yet to begin or has ended.
    pub(super) io_busy: bool,
    /// Bytes written past the I/O thread since it last checked the quota.
    pub(super) unchecked_bytes: u64,
    /// A caller's own write has failed.
    pub(super) failed: Option<std::io::Error>,
    /// The I/O thread's view of itself.
    pub(super) written: Written,
}

/// What the I/O thread reports.
#[derive(Default)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// When the oldest written but unsynced message was appended.
    pub(super) unsynced_since: Option<Instant>,
    pub(super) worst_sync: Duration,
    pub(super) free_space: u64,
    pub(super) files: Vec<PathBuf>,
    pub(super) evicted: Vec<PathBuf>,
    pub(super) dropped: DroppedTotals,
}

impl Written {
    /// Takes over what the ring has decided.
    pub(super) fn note(&mut self, ring: &Ring) {
        self.files = ring.files();
        self.dropped = ring.totals();
    }
}

impl State {
    pub(super) fn new(config: &RecordConfig) -> Self {
        let capacity = buffer_capacity(config.chunk_bytes);
        let spares = (0..3).map(|_| ChunkBuffer::with_capacity(capacity));
        let most = config.queue_bytes() / config.chunk_bytes + 4;
        let mut all = Vec::with_capacity(most);
        all.extend(spares);
        Self {
            current: ChunkBuffer::with_capacity(capacity),
            queue: VecDeque::with_capacity(most + 16),
            queued_bytes: 0,
            queue_limit: config.queue_bytes(),
            chunk_bytes: config.chunk_bytes,
            spares: all,
            definitions: Definitions::default(),
            latched: Vec::new(),
            metadata: BTreeMap::new(),
            segment: 0,
            segment_bytes: 0,
            segment_span_ns: None,
            segment_least_ns: u64::MAX,
            segment_messages: 0,
            urgent: false,
            finishing: false,
            stopped: None,
            messages: 0,
            lost: 0,
            io_busy: true,
            unchecked_bytes: 0,
            failed: None,
            written: Written::default(),
        }
    }

    /// Whether appends are still taken.
    pub(super) fn is_open(&self) -> bool {
        self.stopped.is_none() && !self.finishing
    }

    /// Whether the current chunk may be queued without exceeding the limit.
    pub(super) fn has_room(&self) -> bool {
        self.queued_bytes == 0 || self.queued_bytes + self.current.len() <= self.queue_limit
    }

    pub(super) fn push(&mut self, job: Job) {
        if self.is_open() {
            self.queue.push_back(job);
        }
    }

    /// Queues the current chunk, if it holds anything, and begins another.
    pub(super) fn seal(&mut self) {
        if self.current.is_empty() {
            return;
        }
        let capacity = buffer_capacity(self.chunk_bytes);
        let fresh = self.spares.pop();
        let fresh = fresh.unwrap_or_else(|| ChunkBuffer::with_capacity(capacity));
        let full = std::mem::replace(&mut self.current, fresh);
        self.queued_bytes += full.len();
        self.queue.push_back(Job::Chunk(full));
    }

    /// Takes back the memory of a chunk that is written and was queued with `length` bytes.
    pub(super) fn recycle(&mut self, mut chunk: ChunkBuffer, length: usize) {
        self.queued_bytes -= length;
        let most = self.queue_limit / self.chunk_bytes + 2;
        let oversized = chunk.bytes.capacity() > self.queue_limit;
        if self.spares.len() < most && !oversized {
            chunk.reset();
            self.spares.push(chunk);
        }
    }

    /// What the current segment holds.
    pub(super) fn contents(&self) -> Contents {
        let latest = self.segment_span_ns.map(|(_, latest)| latest);
        Contents {
            span_ns: latest.map(|latest| (self.segment_least_ns, latest)),
            messages: self.segment_messages,
        }
    }

    /// Begins the next segment: what is known goes first into it.
    pub(super) fn rotate(&mut self) {
        self.seal();
        let closed = self.contents();
        self.segment += 1;
        self.segment_bytes = 0;
        self.segment_span_ns = None;
        self.segment_least_ns = u64::MAX;
        self.segment_messages = 0;
        let metadata = self.metadata.values().cloned().collect();
        self.queue.push_back(Job::Rotate {
            segment: self.segment,
            closed,
            metadata,
        });
        self.current
            .bytes
            .extend_from_slice(&self.definitions.records);
        self.current.bytes.extend_from_slice(&self.latched);
    }

    /// When the oldest message was appended that is not on the disk.
    pub(super) fn oldest_waiting(&self) -> Option<Instant> {
        let queued = || {
            self.queue.iter().find_map(|job| match job {
                Job::Chunk(chunk) => chunk.first_append,
                _ => None,
            })
        };
        let written = self.written.unsynced_since;
        written.or_else(queued).or(self.current.first_append)
    }

    /// Stops taking appends.
    pub(super) fn stop(&mut self, reason: StopReason) {
        if self.stopped.is_none() {
            tracing::error!("{reason}");
            self.stopped = Some(reason);
        }
    }

    /// Gives up what has not been written: it is lost.
    pub(super) fn abandon(&mut self) {
        self.seal();
        for job in std::mem::take(&mut self.queue) {
            if let Job::Chunk(chunk) = job {
                self.lose(chunk.messages);
            }
        }
        self.queued_bytes = 0;
    }

    /// Messages taken earlier turn out to be lost.
    pub(super) fn lose(&mut self, messages: u64) {
        self.messages -= messages;
        self.lost += messages;
    }

    pub(super) fn status(&self) -> RecorderStatus {
        let oldest = self.oldest_waiting();
        RecorderStatus {
            bytes: self.written.bytes,
            messages: self.messages,
            lost_messages: self.lost,
            segment: self.segment,
            oldest_unsynced: oldest.map_or(Duration::ZERO, |at| at.elapsed()),
            worst_sync: self.written.worst_sync,
            stopped: self.stopped.clone(),
            free_space_bytes: self.written.free_space,
        }
    }

    pub(super) fn summary(&self) -> RecordSummary {
        let evicted = &self.written.evicted;
        let files = self.written.files.iter();
        RecordSummary {
            files: files
                .filter(|file| !evicted.contains(file))
                .cloned()
                .collect(),
            bytes: self.written.bytes,
            messages: self.messages,
            lost_messages: self.lost,
            evicted: evicted.clone(),
            dropped: self.written.dropped,
            stopped: self.stopped.clone(),
        }
    }
}

/// A chunk closes once it is full, so its last batch reaches past the limit; its indexes are
/// appended to it as well.
fn buffer_capacity(chunk_bytes: usize) -> usize {
    chunk_bytes + chunk_bytes / 2 + 4096
}
