//! The one thread that writes: chunks as they fill up, and a sync once per flush interval.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use super::chunk::ChunkBuffer;
use super::state::Job;
use super::status::StopReason;
use super::{Shared, lock};
use crate::config::SyncPolicy;
use crate::error::RecordError;
use crate::retention::Quota;
use crate::segment::SegmentWriter;
use crate::storage::Disk;

pub(super) struct IoThread {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    segment: SegmentWriter,
    quota: Option<Quota>,
    /// Bytes of the segments before this one.
    earlier_bytes: u64,
    /// When the oldest written but unsynced message was appended.
    unsynced_since: Option<Instant>,
    /// What a flush has cost lately; flushes begin so much before they are due.
    flush_cost: Duration,
    /// Chunks still to be written before the sync that is due.
    before_sync: Option<usize>,
}

enum Step {
    Job(Job),
    Sync,
    Finish,
}

impl IoThread {
    /// Opens the first segment.
    pub(super) fn start(shared: Arc<Shared>, disk: Arc<dyn Disk>) -> Result<Self, RecordError> {
        let config = &shared.config;
        let path = shared.segment_path(0);
        let segment = open_segment(&shared, disk.as_ref(), 0, &[])
            .map_err(|error| RecordError::io("create", &path, error))?;
        let free = disk.free_space(&config.dir);
        let free = free.map_err(|error| RecordError::io("look at", &config.dir, error))?;
        let mut state = lock(&shared.state);
        state.written.files.push(path);
        state.written.free_space = free;
        state.written.bytes = segment.offset();
        drop(state);
        let quota = config.quota_bytes.map(|most| Quota::new(&config.dir, most));
        Ok(Self {
            segment,
            disk,
            quota,
            earlier_bytes: 0,
            unsynced_since: None,
            flush_cost: Duration::ZERO,
            before_sync: None,
            shared,
        })
    }

    /// Works until the recording is finished or has failed.
    pub(super) fn run(&mut self) {
        let mut failed = None;
        self.guard_space();
        self.enforce_quota();
        loop {
            let done = match self.next_step() {
                Step::Job(job) => self.perform(job),
                Step::Sync => self.sync(),
                Step::Finish => break,
            };
            if let Err(error) = done {
                failed = Some(error);
                break;
            }
        }
        if let Some(error) = failed {
            self.fail(&error);
        } else if let Err(error) = self.segment.finish(self.is_durable()) {
            self.fail(&error);
        }
        self.report();
        self.shared.space.notify_all();
    }

    /// Waits for something to do.
    fn next_step(&mut self) -> Step {
        let mut state = self.shared.lock_for_io();
        let interval = self.shared.config.flush_interval;
        let patience = interval - self.flush_cost.min(interval / 2);
        loop {
            let ending = !state.is_open();
            let due = state.oldest_waiting().map(|since| since + patience);
            let now = Instant::now();
            if self.before_sync.is_none() && due.is_some_and(|due| due <= now) {
                state.seal();
                self.before_sync = Some(state.queue.len());
            }
            if self.before_sync == Some(0) {
                return Step::Sync;
            }
            if let Some(job) = state.queue.pop_front() {
                self.before_sync = self.before_sync.map(|left| left - 1);
                return Step::Job(job);
            }
            if ending {
                if state.current.is_empty() {
                    return Step::Finish;
                }
                state.seal();
                continue;
            }
            let work = &self.shared.work;
            state = match due {
                Some(due) => {
                    let (state, _) = work
                        .wait_timeout(state, due - now)
                        .unwrap_or_else(PoisonError::into_inner);
                    state
                }
                None => work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn perform(&mut self, job: Job) -> std::io::Result<()> {
        match job {
            Job::Chunk(chunk) => return self.write_chunk(chunk),
            Job::Metadata(record) => self.segment.metadata(&record)?,
            Job::Rotate { segment, metadata } => self.rotate(segment, &metadata)?,
        }
        self.report();
        Ok(())
    }

    fn write_chunk(&mut self, mut chunk: ChunkBuffer) -> std::io::Result<()> {
        // Whatever is being written is neither queued nor current: keep its age in sight.
        if self.unsynced_since.is_none() {
            self.unsynced_since = chunk.first_append;
            self.shared.lock_for_io().written.unsynced_since = chunk.first_append;
        }
        let length = chunk.len();
        let written = self.segment.chunk(&mut chunk.bytes);
        let mut state = self.shared.lock_for_io();
        state.written.bytes = self.earlier_bytes + self.segment.offset();
        if written.is_err() {
            state.lose(chunk.messages);
        }
        state.recycle(chunk, length);
        drop(state);
        self.shared.space.notify_all();
        written?;
        self.guard_space();
        self.enforce_quota();
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        let begun = Instant::now();
        if self.is_durable() {
            self.segment.sync()?;
        }
        let took = begun.elapsed();
        // Remember slow syncs for a while: half-life of a few flushes.
        self.flush_cost = took.max(self.flush_cost.mul_f64(0.8));
        self.before_sync = None;
        self.unsynced_since = None;
        let mut state = self.shared.lock_for_io();
        state.written.unsynced_since = None;
        state.written.worst_sync = state.written.worst_sync.max(took);
        Ok(())
    }

    fn rotate(&mut self, segment: u32, metadata: &[Vec<u8>]) -> std::io::Result<()> {
        self.segment.finish(self.is_durable())?;
        self.earlier_bytes += self.segment.offset();
        self.unsynced_since = None;
        let path = self.shared.segment_path(segment);
        self.segment = open_segment(&self.shared, self.disk.as_ref(), segment, metadata)?;
        let mut state = self.shared.lock_for_io();
        state.written.unsynced_since = None;
        state.written.files.push(path);
        drop(state);
        if let Some(quota) = &mut self.quota {
            quota.look_again();
        }
        self.enforce_quota();
        Ok(())
    }

    fn is_durable(&self) -> bool {
        self.shared.config.sync == SyncPolicy::Interval
    }

    /// Tells callers how much is written.
    fn report(&self) {
        let mut state = self.shared.lock_for_io();
        state.written.bytes = self.earlier_bytes + self.segment.offset();
    }

    /// Stops recording when the disk is about to be full.
    fn guard_space(&self) {
        let config = &self.shared.config;
        let Ok(free) = self.disk.free_space(&config.dir) else {
            return;
        };
        let mut state = self.shared.lock_for_io();
        state.written.free_space = free;
        if free < config.free_space_floor_bytes {
            state.stop(StopReason::DiskFloor { free });
            self.shared.space.notify_all();
        }
    }

    fn enforce_quota(&mut self) {
        let Some(quota) = &mut self.quota else { return };
        let files = &self.shared.lock_for_io().written.files.clone();
        let Some(current) = files.last() else { return };
        let evicted = quota.enforce(current, self.segment.offset());
        if !evicted.is_empty() {
            self.shared.lock_for_io().written.evicted.extend(evicted);
        }
    }

    /// Gives up: everything not written is lost, what is written gets an end if possible.
    fn fail(&mut self, error: &std::io::Error) {
        let mut state = self.shared.lock_for_io();
        state.stop(StopReason::WriteFailed(error.to_string()));
        state.abandon();
        drop(state);
        self.shared.space.notify_all();
        let ended = self
            .segment
            .cut_back()
            .and_then(|()| self.segment.finish(self.is_durable()));
        if let Err(error) = ended {
            tracing::error!("the log has no end after a failed write: {error}");
        }
    }
}

/// Creates a segment, durable with its name before anything is appended to it.
fn open_segment(
    shared: &Shared,
    disk: &dyn Disk,
    segment: u32,
    metadata: &[Vec<u8>],
) -> std::io::Result<SegmentWriter> {
    let config = &shared.config;
    let storage = disk.create(&shared.segment_path(segment))?;
    let mut writer = SegmentWriter::new(storage, config.compression, "")?;
    for record in metadata {
        writer.metadata(record)?;
    }
    if config.sync == SyncPolicy::Interval {
        writer.sync()?;
        disk.sync_dir(&config.dir)?;
    }
    Ok(writer)
}
