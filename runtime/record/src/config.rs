//! What a recording is told: where to write, how durable, how large, and its channels.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::RecordError;

/// The longest flush interval that [`RecordConfig`] accepts.
pub const MAX_FLUSH_INTERVAL: Duration = Duration::from_secs(10);

/// When written bytes are forced onto the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SyncPolicy {
    /// Written and `fdatasync`ed once per flush interval. Survives a power cut.
    #[default]
    Interval,
    /// Written once per flush interval and left to the kernel. Survives a killed process only.
    Never,
}

/// How chunks are compressed. A chunk that compression would not shrink is stored as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Chunks are stored as they are.
    None,
    /// LZ4 frames: fast, for logs that hold text, points and protobuf beside pictures.
    #[default]
    Lz4,
    /// Zstandard at its fast default level: smaller, several times slower than LZ4.
    Zstd,
}

/// What an append does while the disk cannot keep up and every buffer is waiting for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// The caller waits (file mode: nothing is lost, the disk sets the pace).
    #[default]
    Block,
    /// The batch is dropped and its messages counted as lost (live mode: the caller never waits).
    Drop,
}

/// Where and how a [`crate::Recorder`] writes. Start from [`RecordConfig::new`].
#[derive(Debug, Clone)]
pub struct RecordConfig {
    /// Folder of the segments; created when absent. May hold logs of earlier runs.
    pub dir: PathBuf,
    /// Name of the run: segments are `{prefix}-0000.mcap`, `{prefix}-0001.mcap` and so on.
    pub prefix: String,
    /// A message is on the disk at most this long, and one `fdatasync`, after its append; where an
    /// `fdatasync` takes longer than this, two of them.
    pub flush_interval: Duration,
    /// When written bytes are forced onto the disk.
    pub sync: SyncPolicy,
    /// How chunks are compressed.
    pub compression: Compression,
    /// Size, before compression, at which a chunk is closed.
    pub chunk_bytes: usize,
    /// A new segment is begun after this many bytes, counted before compression so that the same
    /// messages always break at the same place.
    pub rotate_bytes: Option<u64>,
    /// A new segment is begun once a segment spans this much log time.
    pub rotate_after: Option<Duration>,
    /// Most bytes that all logs of `dir` may take together; the oldest are evicted.
    pub quota_bytes: Option<u64>,
    /// Keeps only what windows touch; everything where absent.
    pub selection: Option<Selection>,
    /// Recording stops cleanly when the file system has less than this left.
    pub free_space_floor_bytes: u64,
    /// What happens when the disk cannot keep up.
    pub when_full: WhenFull,
    /// Most bytes that may wait for the disk in live mode ([`WhenFull::Drop`]). With
    /// [`WhenFull::Block`] about three chunks wait: a deeper queue would only leave the caches.
    pub buffer_bytes: usize,
}

impl RecordConfig {
    /// A durable recording of `prefix` in `dir`: flushed and synced every 500 ms, LZ4, chunks of
    /// 1 MiB, no rotation, no quota, a free-space floor of 256 MiB, callers wait for the disk.
    pub fn new(dir: impl Into<PathBuf>, prefix: impl Into<String>) -> Self {
        Self {
            dir: dir.into(),
            prefix: prefix.into(),
            flush_interval: Duration::from_millis(500),
            sync: SyncPolicy::default(),
            compression: Compression::default(),
            chunk_bytes: 1 << 20,
            rotate_bytes: None,
            rotate_after: None,
            quota_bytes: None,
            selection: None,
            free_space_floor_bytes: 256 << 20,
            when_full: WhenFull::default(),
            buffer_bytes: 64 << 20,
        }
    }

    /// Refuses what cannot be recorded with.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        if self.flush_interval > MAX_FLUSH_INTERVAL || self.flush_interval.is_zero() {
            return Err(RecordError::FlushInterval(self.flush_interval));
        }
        if !(1 << 10..=256 << 20).contains(&self.chunk_bytes) {
            return Err(RecordError::ChunkBytes(self.chunk_bytes));
        }
        if self.prefix.is_empty() || self.prefix.contains(['/', '\0']) {
            return Err(RecordError::Prefix(self.prefix.clone()));
        }
        Ok(())
    }

    /// Most bytes that may wait for the I/O thread.
    pub(crate) fn queue_bytes(&self) -> usize {
        match self.when_full {
            WhenFull::Block => self.chunk_bytes * 3,
            WhenFull::Drop => self.buffer_bytes.max(self.chunk_bytes * 2),
        }
    }
}

/// How a recorder keeps windows of log time alone, see [`crate::Batch::keep`]. Segments wait in a ring
/// until it is decided, and are kept or dropped whole: [`RecordConfig::rotate_after`] should be a few
/// seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// How long after its end a segment waits for a window to touch it, in log time.
    pub undecided: Duration,
    /// Bytes of waiting segments that may be in memory alone, and so are lost at a power cut before a
    /// window touches them. Past it segments are written to the disk while they wait; with 0 all are,
    /// as durable as any log.
    pub memory_bytes: u64,
    /// Nothing comes after this recording: at its end what still waits is dropped. Else it stays on the
    /// disk for the next recorder in the folder.
    pub decides_at_end: bool,
}

/// What is known of a channel before its first message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChannelSpec {
    /// Topic, such as `/tracks`.
    pub topic: String,
    /// Full name of the message type, such as `drafthorse.Tracks`.
    pub schema_name: String,
    /// Encoding of `schema_data`, such as `protobuf`; empty when there is no schema.
    pub schema_encoding: String,
    /// The schema itself, for protobuf a serialised `FileDescriptorSet`.
    pub schema_data: Vec<u8>,
    /// Encoding of the messages, such as `protobuf`.
    pub message_encoding: String,
    /// Free key-value pairs, such as the role of the channel.
    pub metadata: BTreeMap<String, String>,
}

/// A channel of one [`crate::Recorder`], the same in each of its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub(crate) u16);

impl ChannelId {
    /// The channel's number in the file.
    pub fn get(self) -> u16 {
        self.0
    }
}
