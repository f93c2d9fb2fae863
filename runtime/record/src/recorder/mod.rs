//! The recorder: callers append into the current chunk under one lock; one I/O thread checksums,
//! compresses, writes and syncs chunks behind their back.

mod batch;
mod chunk;
mod definitions;
mod direct;
mod io_thread;
mod report;
mod state;
mod status;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use batch::Batch;
pub use status::{RecordSummary, RecorderStatus, StopReason};

use crate::config::{ChannelId, ChannelSpec, RecordConfig};
use crate::error::RecordError;
use crate::metadata;
use crate::ring::{self, Ring};
use crate::segment::SegmentWriter;
use crate::storage::{Disk, FileSystem};
use io_thread::IoThread;
use state::{Job, State};

/// A recording in progress. Clones share it. Dropping the last clone finishes the log.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Inner>,
}

struct Inner {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and the I/O thread share.
struct Shared {
    config: RecordConfig,
    state: Mutex<State>,
    /// The current segment. Whoever wants both locks takes that of the state first.
    segment: Mutex<SegmentWriter>,
    disk: Arc<dyn Disk>,
    /// There is something to do for the I/O thread.
    work: Condvar,
    /// A buffer has become free, or recording has stopped.
    space: Condvar,
    /// The I/O thread is waiting for the lock: callers let it go first.
    io_waits: AtomicBool,
}

/// Times that a caller steps back for the I/O thread before it sleeps, and then goes on anyhow:
/// the scheduler may favour the caller so much that waiting longer would be for nothing.
const STEPS_BACK: usize = 64;
const STEP_ASIDE: Duration = Duration::from_micros(100);

/// A lock whose holder cannot leave anything half done (see `Batch`), so poisoning means nothing.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets callers go on when the I/O thread ends, however it ends.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        if std::thread::panicking() {
            state.stop(StopReason::WriteFailed(
                "the recording thread failed".to_owned(),
            ));
            state.abandon();
        }
        self.0.space.notify_all();
    }
}

impl Recorder {
    /// Creates the folder if need be and the first segment in it, durable unless the
    /// configuration says never to sync, and starts the I/O thread.
    ///
    /// # Errors
    /// When the configuration is not usable or the segment cannot be created.
    pub fn create(config: RecordConfig) -> Result<Self, RecordError> {
        Self::create_on(config, Arc::new(FileSystem))
    }

    /// Like [`Recorder::create`], on another disk than the file system's.
    ///
    /// # Errors
    /// The same.
    pub fn create_on(config: RecordConfig, disk: Arc<dyn Disk>) -> Result<Self, RecordError> {
        config.check()?;
        std::fs::create_dir_all(&config.dir)
            .map_err(|error| RecordError::io("create the folder", &config.dir, error))?;
        let mut ring = match config.selection {
            Some(selection) => Some(Ring::open(&config, selection, Arc::clone(&disk))?),
            None => match Ring::release(&config, Arc::clone(&disk)) {
                // That run decides on its own.
                Ok(()) | Err(RecordError::Busy(_)) => None,
                Err(error) => return Err(error),
            },
        };
        let segment = io_thread::open_segment(&config, disk.as_ref(), ring.as_mut(), 0, &[])
            .map_err(|error| RecordError::io("create", &segment_path(&config, 0), error))?;
        let shared = Arc::new(Shared {
            segment: Mutex::new(segment),
            disk,
            state: Mutex::new(State::new(&config)),
            config,
            work: Condvar::new(),
            space: Condvar::new(),
            io_waits: AtomicBool::new(false),
        });
        let mut io = IoThread::new(Arc::clone(&shared), ring)?;
        let thread = std::thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || {
                let _ending = Ending(Arc::clone(&io.shared));
                io.run();
            })
            .map_err(|e| RecordError::io("start a thread for", &shared.config.dir, e))?;
        Ok(Self {
            inner: Arc::new(Inner {
                shared,
                thread: Mutex::new(Some(thread)),
            }),
        })
    }

    /// Defines a channel, in this segment and at the start of each later one. The same
    /// specification twice gives the same channel.
    ///
    /// # Errors
    /// When the log has no numbers left.
    pub fn add_channel(&self, spec: &ChannelSpec) -> Result<ChannelId, RecordError> {
        let mut state = lock(&self.inner.shared.state);
        let state = &mut *state;
        state.definitions.add(spec, &mut state.current.bytes)
    }

    /// Writes a metadata record into this segment and at the start of each later one. A second
    /// record of the same name replaces the first in later segments.
    pub fn add_metadata(&self, name: &str, entries: &BTreeMap<String, String>) {
        let record = metadata::encode(name, entries);
        let mut state = lock(&self.inner.shared.state);
        state.metadata.insert(name.to_owned(), record.clone());
        state.push(Job::Metadata(record));
        self.inner.shared.work.notify_one();
    }

    /// Appends a message that stays valid, such as a calibration, and repeats it at the start of
    /// each later segment. Repeats do not count as messages.
    pub fn latch(&self, channel: ChannelId, log_time_ns: u64, publish_time_ns: u64, data: &[u8]) {
        let mut batch = self.batch();
        batch.append(channel, 0, log_time_ns, publish_time_ns, data);
        batch.latch_last();
    }

    /// Takes the lock for a batch of messages. See [`Batch`] for what holds for it.
    pub fn batch(&self) -> Batch<'_> {
        self.inner.shared.begin_batch()
    }

    /// Appends one message as a batch of its own, see [`Batch::append`]. Large data that is not
    /// to be compressed is written without being copied first when the caller would otherwise
    /// wait for the disk anyhow ([`crate::WhenFull::Block`]) and the I/O thread is idle.
    pub fn append(
        &self,
        channel: ChannelId,
        sequence: u32,
        log_time_ns: u64,
        publish_time_ns: u64,
        data: &[u8],
    ) {
        let mut batch = self.inner.shared.begin_alone(data.len());
        batch.append_alone(channel, sequence, log_time_ns, publish_time_ns, data);
    }

    /// How the recording stands.
    pub fn status(&self) -> RecorderStatus {
        lock(&self.inner.shared.state).status()
    }

    /// Writes everything out, ends the last segment and waits for it to be on the disk. Later
    /// appends count as lost; a second call gives the same summary.
    ///
    /// # Errors
    /// None at present: what kept recording from finishing stands in the summary.
    pub fn finish(&self) -> Result<RecordSummary, RecordError> {
        Ok(self.inner.finish())
    }
}

impl Inner {
    fn finish(&self) -> RecordSummary {
        lock(&self.shared.state).finishing = true;
        self.shared.work.notify_all();
        self.shared.space.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // How it ended stands in the state, see `Ending`.
            let _ = thread.join();
        }
        lock(&self.shared.state).summary()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Shared {
    /// The lock for callers. They may hold it nearly all of the time at full rate, and a mutex
    /// is not fair, so they step back while the I/O thread waits; the flush interval depends on it.
    fn lock_behind_io(&self) -> MutexGuard<'_, State> {
        for step in 0..=STEPS_BACK {
            if !self.io_waits.load(Ordering::Relaxed) {
                break;
            }
            if step < STEPS_BACK {
                std::thread::yield_now();
            } else {
                std::thread::sleep(STEP_ASIDE);
            }
        }
        lock(&self.state)
    }

    /// The lock for the I/O thread.
    fn lock_for_io(&self) -> MutexGuard<'_, State> {
        self.io_waits.store(true, Ordering::Relaxed);
        let state = lock(&self.state);
        self.io_waits.store(false, Ordering::Relaxed);
        state
    }
}

/// Path of a segment.
fn segment_path(config: &RecordConfig, segment: u32) -> PathBuf {
    config.dir.join(ring::file_name(&config.prefix, segment))
}
