//! The one thread that writes: chunks as they fill up, and a sync once per flush interval.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::chunk::ChunkBuffer;
use super::report::Report;
use super::state::{Job, State};
use super::status::StopReason;
use super::{Shared, lock, segment_path};
use crate::config::{RecordConfig, SyncPolicy};
use crate::error::RecordError;
use crate::metadata::encode_continued;
use crate::retention::Quota;
use crate::ring::{Contents, Ring};
use crate::segment::SegmentWriter;
use crate::storage::Disk;

pub(super) struct IoThread {
    pub(super) shared: Arc<Shared>,
    quota: Option<Quota>,
    /// Where closed segments wait, if not all of them are kept.
    ring: Option<Ring>,
    /// Bytes of the segments before this one.
    earlier_bytes: u64,
    /// What a flush has cost lately; flushes begin so much before they are due.
    flush_cost: Duration,
    /// Jobs still to be done before the sync that is due.
    before_sync: Option<usize>,
    /// What callers have not been told yet.
    report: Report,
}

enum Step {
    Job(Job),
    Sync,
    /// Callers have written much themselves, past the quota.
    CheckQuota,
    /// A caller's own write has failed.
    Failed(std::io::Error),
    Finish,
}

impl IoThread {
    /// Takes over writing; the first segment is open.
    pub(super) fn new(shared: Arc<Shared>, ring: Option<Ring>) -> Result<Self, RecordError> {
        let config = &shared.config;
        let free = shared.disk.free_space(&config.dir);
        let free = free.map_err(|error| RecordError::io("look at", &config.dir, error))?;
        let bytes = lock(&shared.segment).offset();
        let mut state = lock(&shared.state);
        if ring.is_none() {
            state.written.files.push(segment_path(config, 0));
        }
        state.written.free_space = free;
        state.written.bytes = bytes;
        drop(state);
        let quota = config.quota_bytes.map(|most| Quota::new(&config.dir, most));
        Ok(Self {
            quota,
            ring,
            earlier_bytes: 0,
            flush_cost: Duration::ZERO,
            before_sync: None,
            report: Report::default(),
            shared,
        })
    }

    /// Works until the recording is finished or has failed.
    pub(super) fn run(&mut self) {
        self.look_at_space();
        self.enforce_quota();
        let failed = loop {
            let done = match self.next_step() {
                Step::Job(job) => self.perform(job),
                Step::Sync => self.sync(),
                Step::CheckQuota => {
                    self.enforce_quota();
                    Ok(())
                }
                Step::Failed(error) => Err(error),
                Step::Finish => break lock(&self.shared.segment).finish(self.is_durable()).err(),
            };
            if let Err(error) = done {
                break Some(error);
            }
        };
        if let Some(error) = failed {
            self.fail(&error);
        }
        if let Err(error) = self.end_ring() {
            let path = self.shared.config.dir.display();
            tracing::error!("what waits in {path}/ring was not decided on: {error}");
        }
        self.count_bytes();
        self.settle(&mut self.shared.clone().lock_for_io());
    }

    /// Tells callers what was done.
    fn settle(&mut self, state: &mut State) {
        let report = std::mem::take(&mut self.report);
        state.settle(report, self.shared.config.free_space_floor_bytes);
        self.shared.space.notify_all();
    }

    /// Waits for something to do.
    fn next_step(&mut self) -> Step {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock_for_io();
        self.settle(&mut state);
        state.io_busy = false;
        let (mut state, step) = self.choose(&shared, state);
        state.io_busy = true;
        if let Step::Job(Job::Chunk(chunk)) = &step {
            // What is being written is neither queued nor current: keep its age in sight.
            let written = &mut state.written;
            written.unsynced_since = written.unsynced_since.or(chunk.first_append);
        }
        step
    }

    /// The next thing to do, and the lock given back.
    fn choose<'a>(
        &mut self,
        shared: &'a Shared,
        mut state: MutexGuard<'a, State>,
    ) -> (MutexGuard<'a, State>, Step) {
        let interval = shared.config.flush_interval;
        let patience = interval - self.flush_cost.min(interval / 2);
        loop {
            if let Some(error) = state.failed.take() {
                return (state, Step::Failed(error));
            }
            let ending = !state.is_open();
            let due = state.oldest_waiting().map(|since| since + patience);
            let now = Instant::now();
            let is_due = due.is_some_and(|due| due <= now) || state.urgent;
            if self.before_sync.is_none() && is_due {
                state.urgent = false;
                state.seal();
                self.before_sync = Some(state.queue.len());
            }
            if self.before_sync == Some(0) {
                return (state, Step::Sync);
            }
            if let Some(job) = state.queue.pop_front() {
                self.before_sync = self.before_sync.map(|left| left - 1);
                return (state, Step::Job(job));
            }
            if self.quota.is_some() && state.take_unchecked() {
                return (state, Step::CheckQuota);
            }
            if ending {
                if state.current.is_empty() {
                    return (state, Step::Finish);
                }
                state.seal();
                continue;
            }
            let work = &shared.work;
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
            Job::Chunk(chunk) => self.write_chunk(chunk)?,
            Job::Metadata(record) => lock(&self.shared.segment).metadata(&record)?,
            Job::Rotate {
                segment,
                closed,
                metadata,
            } => self.rotate(segment, closed, &metadata)?,
            Job::Keep {
                from_ns,
                to_ns,
                segment,
            } => self.keep(from_ns, to_ns, segment)?,
        }
        self.count_bytes();
        self.enforce_quota();
        Ok(())
    }

    fn write_chunk(&mut self, mut chunk: ChunkBuffer) -> std::io::Result<()> {
        let length = chunk.len();
        let mut segment = lock(&self.shared.segment);
        let written = segment.chunk(&mut chunk.bytes, &chunk.summed, &[]);
        drop(segment);
        self.report.failed = written.is_err();
        self.report.chunk = Some((chunk, length));
        self.look_at_space();
        written?;
        self.ring.as_ref().map_or(Ok(()), Ring::bound_memory)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        let begun = Instant::now();
        self.ring.as_ref().map_or(Ok(()), Ring::bound_memory)?;
        if self.is_durable() {
            lock(&self.shared.segment).sync()?;
        }
        let took = begun.elapsed();
        // Remember slow syncs for a while: half-life of a few flushes.
        self.flush_cost = took.max(self.flush_cost.mul_f64(0.8));
        self.before_sync = None;
        self.report.synced = Some(took);
        Ok(())
    }

    fn rotate(
        &mut self,
        segment: u32,
        closed: Contents,
        metadata: &[Vec<u8>],
    ) -> std::io::Result<()> {
        let mut current = lock(&self.shared.segment);
        current.metadata(&encode_continued(segment))?;
        current.finish(self.is_durable())?;
        self.earlier_bytes += current.offset();
        let config = &self.shared.config;
        let disk = self.shared.disk.as_ref();
        let mut ring = self.ring.as_mut();
        if let Some(ring) = &mut ring {
            ring.close(closed, current.offset());
        }
        *current = open_segment(config, disk, ring, segment, metadata)?;
        drop(current);
        if let Some(ring) = &mut self.ring {
            ring.decide()?;
        }
        let path = segment_path(config, segment);
        let mut state = self.shared.lock_for_io();
        state.written.unsynced_since = None;
        match &self.ring {
            Some(ring) => state.written.note(ring),
            None => state.written.files.push(path),
        }
        drop(state);
        if let Some(quota) = &mut self.quota {
            quota.look_again();
        }
        Ok(())
    }

    fn keep(&mut self, from_ns: u64, to_ns: u64, segment: u32) -> std::io::Result<()> {
        let Some(ring) = &mut self.ring else {
            return Ok(());
        };
        ring.keep(from_ns, to_ns, segment)?;
        self.shared.lock_for_io().written.note(ring);
        if let Some(quota) = &mut self.quota {
            quota.look_again();
        }
        Ok(())
    }

    /// Hands the last segment, which is ended, to the ring.
    fn end_ring(&mut self) -> std::io::Result<()> {
        let Some(ring) = &mut self.ring else {
            return Ok(());
        };
        let closed = lock(&self.shared.state).contents();
        let bytes = lock(&self.shared.segment).offset();
        ring.close(closed, bytes);
        let ended = ring.finish();
        self.shared.lock_for_io().written.note(ring);
        ended
    }

    fn is_durable(&self) -> bool {
        self.shared.config.sync == SyncPolicy::Interval
    }

    fn count_bytes(&mut self) {
        let bytes = self.earlier_bytes + lock(&self.shared.segment).offset();
        self.report.bytes = Some(bytes);
    }

    fn look_at_space(&mut self) {
        let shared = &self.shared;
        self.report.free = shared.disk.free_space(&shared.config.dir).ok();
    }

    fn enforce_quota(&mut self) {
        let Some(quota) = &mut self.quota else { return };
        let offset = lock(&self.shared.segment).offset();
        let (current, length) = match &self.ring {
            Some(ring) => {
                let open = ring.open_file();
                let written = open.as_ref().map_or(0, |_| offset);
                (open.unwrap_or_default(), ring.disk_bytes() + written)
            }
            None => {
                let files = &self.shared.lock_for_io().written.files;
                (files.last().cloned().unwrap_or_default(), offset)
            }
        };
        let evicted = quota.enforce(&current, length);
        if !evicted.is_empty() {
            self.shared.lock_for_io().written.evicted.extend(evicted);
        }
    }

    /// Gives up: everything not written is lost, what is written gets an end if possible.
    fn fail(&mut self, error: &std::io::Error) {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock_for_io();
        self.settle(&mut state);
        state.stop(StopReason::WriteFailed(error.to_string()));
        state.abandon();
        drop(state);
        self.shared.space.notify_all();
        let mut segment = lock(&self.shared.segment);
        let cut = segment.cut_back();
        let ended = cut.and_then(|()| segment.finish(self.is_durable()));
        if let Err(error) = ended {
            tracing::error!("the log has no end after a failed write: {error}");
        }
    }
}

/// Creates a segment, durable with its name before anything is appended to it.
pub(super) fn open_segment(
    config: &RecordConfig,
    disk: &dyn Disk,
    ring: Option<&mut Ring>,
    segment: u32,
    metadata: &[Vec<u8>],
) -> std::io::Result<SegmentWriter> {
    let is_in_log = ring.is_none();
    let storage = match ring {
        Some(ring) => ring.begin(segment)?,
        None => disk.create(&segment_path(config, segment))?,
    };
    let mut writer = SegmentWriter::new(storage, config.compression, "")?;
    for record in metadata {
        writer.metadata(record)?;
    }
    if config.sync == SyncPolicy::Interval {
        writer.sync()?;
        if is_in_log {
            disk.sync_dir(&config.dir)?;
        }
    }
    Ok(writer)
}
