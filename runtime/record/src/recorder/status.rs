//! What a recorder says of itself.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use crate::ring::DroppedTotals;

/// Why recording stopped before it was finished.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
pub enum StopReason {
    /// The file system has less space left than the configured floor.
    #[error("recording stopped: only {free} bytes are free on its disk; make room and start again")]
    DiskFloor {
        /// Bytes that were left.
        free: u64,
    },
    /// A write or sync failed.
    #[error("recording stopped: {0}; check the disk and start again")]
    WriteFailed(String),
}

/// How a recording stands.
#[derive(Debug, Clone, Serialize)]
pub struct RecorderStatus {
    /// Bytes written to all segments.
    pub bytes: u64,
    /// Messages taken so far.
    pub messages: u64,
    /// Messages refused or lost: the disk was too slow ([`crate::WhenFull::Drop`]), or recording
    /// had stopped or failed.
    pub lost_messages: u64,
    /// Number of the current segment.
    pub segment: u32,
    /// Age of the oldest message that is not yet on the disk; zero when all are.
    pub oldest_unsynced: Duration,
    /// The longest that a sync has taken.
    pub worst_sync: Duration,
    /// Why recording stopped, if it did.
    pub stopped: Option<StopReason>,
    /// Bytes left in the file system when last looked at.
    pub free_space_bytes: u64,
}

/// What a finished recording left behind.
#[derive(Debug, Clone, Serialize)]
pub struct RecordSummary {
    /// The segments that are still there, in order, and gap files where segments were dropped because
    /// no window touched them.
    pub files: Vec<PathBuf>,
    /// Bytes written to all segments, evicted ones included.
    pub bytes: u64,
    /// Messages in them.
    pub messages: u64,
    /// Messages refused or lost.
    pub lost_messages: u64,
    /// Logs that were removed for the quota, of this run and earlier ones.
    pub evicted: Vec<PathBuf>,
    /// What was dropped because no window touched it; counted in `bytes` and `messages` as well.
    pub dropped: DroppedTotals,
    /// Why recording stopped early, if it did.
    pub stopped: Option<StopReason>,
}
