//! What the I/O thread has done since it last held the lock, taken over all at once: under load
//! each time that it must wait for the lock costs as much as the work itself.

use std::time::Duration;

use super::chunk::ChunkBuffer;
use super::state::State;
use super::status::StopReason;

#[derive(Default)]
pub(super) struct Report {
    /// A chunk that was written, or not, and the length it was queued with.
    pub(super) chunk: Option<(ChunkBuffer, usize)>,
    /// That chunk was not written.
    pub(super) failed: bool,
    /// Bytes of all segments.
    pub(super) bytes: Option<u64>,
    /// Bytes left in the file system.
    pub(super) free: Option<u64>,
    /// Everything written is on the disk, after a sync of this duration.
    pub(super) synced: Option<Duration>,
}

impl State {
    /// Takes over what the I/O thread has done; stops recording below the free-space floor.
    pub(super) fn settle(&mut self, report: Report, floor_bytes: u64) {
        if let Some(bytes) = report.bytes {
            self.written.bytes = bytes;
        }
        if let Some((chunk, length)) = report.chunk {
            if report.failed {
                self.lose(chunk.messages);
            }
            self.recycle(chunk, length);
        }
        if let Some(took) = report.synced {
            self.written.unsynced_since = None;
            self.written.worst_sync = self.written.worst_sync.max(took);
        }
        if let Some(free) = report.free {
            self.note_free_space(free, floor_bytes);
        }
    }

    /// Stops recording when the disk is about to be full.
    pub(super) fn note_free_space(&mut self, free: u64, floor_bytes: u64) {
        self.written.free_space = free;
        if free < floor_bytes {
            self.stop(StopReason::DiskFloor { free });
        }
    }
}
