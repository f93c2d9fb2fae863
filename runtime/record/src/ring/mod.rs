//! The ring: closed segments wait beside the log until it is decided whether a window touches them.
//!
//! They lie in the folder `ring` of the log's folder, or in memory up to a bound. One that a window
//! touches is moved among the log's files; one that has waited long enough is dropped, and a gap file
//! ([`crate::Dropped`]) says so in its place. What a process leaves in the ring, the next one takes
//! over: its windows stay open, and windows reach back into it. One that was killed had perhaps not found out
//! yet what had happened last, so all that waited then is kept.

mod adopt;
mod held;
mod saved;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use window::Window;

use crate::config::{RecordConfig, Selection, SyncPolicy};
use crate::dropped::Dropped;
use crate::error::RecordError;
use crate::reader::{LogReader, Metadata};
use crate::storage::{Disk, Storage};
use held::{Held, OpenBytes};
use saved::Saved;

/// Folder of the ring in the log's folder.
const FOLDER: &str = "ring";
/// File in it that the process holds locked which uses the ring.
const LOCK: &str = "lock";
const GAP_DRAFT: &str = "gap.draft";

/// Name of a segment's file.
pub(crate) fn file_name(log: &str, number: u32) -> String {
    format!("{log}-{number:04}.mcap")
}

/// Whether a segment of the log in folder `dir` still waits in the ring.
pub(crate) fn holds(dir: &Path, log: &str, number: u32) -> bool {
    dir.join(FOLDER).join(file_name(log, number)).exists()
}

/// What a closed segment holds, as its writer counted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Contents {
    /// Smallest and largest log time; none without messages.
    pub(crate) span_ns: Option<(u64, u64)>,
    pub(crate) messages: u64,
}

/// What was dropped so far in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct DroppedTotals {
    /// Segments that no window touched.
    pub segments: u64,
    /// Messages in them.
    pub messages: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

pub(crate) struct Ring {
    dir: PathBuf,
    place: PathBuf,
    log: String,
    disk: Arc<dyn Disk>,
    durable: bool,
    selection: Selection,
    /// Most that the ring's clock goes on by for one segment: stamps may jump.
    segment_ns: u64,
    /// Held until the ring is dropped.
    _lock: File,
    windows: Vec<Window>,
    /// Oldest first.
    held: Vec<Held>,
    open: Option<(u32, OpenBytes)>,
    /// What was last dropped of each log, and what that log says of itself.
    gaps: BTreeMap<String, (Dropped, Metadata)>,
    /// Log time that has passed in closed segments, whatever their stamps jump.
    clock_ns: u64,
    /// Span of the segment that was closed last.
    last_span_ns: Option<(u64, u64)>,
    last_bytes: u64,
    files: BTreeSet<PathBuf>,
    totals: DroppedTotals,
}

impl Ring {
    /// Opens the ring beside a log, with what an earlier process has left in it.
    ///
    /// # Errors
    /// When another process uses it, or the folder cannot be written.
    pub(crate) fn open(
        config: &RecordConfig,
        selection: Selection,
        disk: Arc<dyn Disk>,
    ) -> Result<Self, RecordError> {
        let place = config.dir.join(FOLDER);
        let failed = |error| RecordError::io("use the ring", &place, error);
        std::fs::create_dir_all(&place).map_err(failed)?;
        let lock = File::create(place.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RecordError::Busy(config.dir.clone())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let ns = |d: std::time::Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let mut ring = Self {
            dir: config.dir.clone(),
            place: place.clone(),
            log: config.prefix.clone(),
            disk,
            durable: config.sync == SyncPolicy::Interval,
            segment_ns: ns(config.rotate_after.unwrap_or(selection.undecided)),
            selection,
            _lock: lock,
            windows: Vec::new(),
            held: Vec::new(),
            open: None,
            gaps: BTreeMap::new(),
            clock_ns: 0,
            last_span_ns: None,
            last_bytes: 0,
            files: BTreeSet::new(),
            totals: DroppedTotals::default(),
        };
        ring.adopt().map_err(failed)?;
        Ok(ring)
    }

    /// Moves everything that an earlier process has left in the ring into the log's folder: what goes
    /// on there keeps everything. Nothing is done where there is no ring.
    pub(crate) fn release(config: &RecordConfig, disk: Arc<dyn Disk>) -> Result<(), RecordError> {
        if !config.dir.join(FOLDER).is_dir() {
            return Ok(());
        }
        let selection = Selection {
            undecided: std::time::Duration::MAX,
            memory_bytes: 0,
            decides_at_end: false,
        };
        let mut ring = Self::open(config, selection, disk)?;
        let held = std::mem::take(&mut ring.held);
        ring.windows.clear();
        let moved = ring.keep_all(held).and_then(|()| ring.save());
        moved.map_err(|error| RecordError::io("empty the ring", &ring.place, error))
    }

    fn path(&self, log: &str, number: u32) -> PathBuf {
        self.place.join(file_name(log, number))
    }

    /// Begins the file of the next segment.
    pub(crate) fn begin(&mut self, number: u32) -> io::Result<Box<dyn Storage>> {
        let bytes = if self.next_fits_in_memory() {
            OpenBytes::in_memory()
        } else {
            let file = self.disk.create(&self.path(&self.log, number))?;
            if self.durable {
                self.disk.sync_dir(&self.place)?;
            }
            OpenBytes::in_file(file)
        };
        self.open = Some((number, bytes.clone()));
        Ok(Box::new(bytes))
    }

    fn next_fits_in_memory(&self) -> bool {
        let most = self.selection.memory_bytes;
        let now_ns = self.last_span_ns.map_or(0, |(_, to)| to);
        let is_wanted = self.windows.iter().any(|window| window.to_ns >= now_ns);
        most > 0 && !is_wanted && self.memory_bytes() + self.last_bytes <= most
    }

    fn memory_bytes(&self) -> u64 {
        let held = self.held.iter().filter_map(|held| held.memory.as_ref());
        let open = self.open.iter().map(|(_, bytes)| bytes.memory_bytes());
        held.map(|bytes| bytes.len() as u64).chain(open).sum()
    }

    /// Bytes of closed segments that wait on the disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let on_disk = self.held.iter().filter(|held| held.memory.is_none());
        on_disk.map(|held| held.bytes).sum()
    }

    /// The segment being written, where it is on the disk.
    pub(crate) fn open_file(&self) -> Option<PathBuf> {
        let (number, bytes) = self.open.as_ref()?;
        (!bytes.is_in_memory()).then(|| self.path(&self.log, *number))
    }

    /// The files of this log that were kept, and its gap files, in order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.files.iter().cloned().collect()
    }

    pub(crate) fn totals(&self) -> DroppedTotals {
        self.totals
    }

    /// Keeps every segment that overlaps a span of log time, closed or to come, and `segment`, in which
    /// the log says why. Once this returns the window outlives the process, and so does every
    /// segment that it touches, as far as the open one was synced.
    pub(crate) fn keep(&mut self, from_ns: u64, to_ns: u64, segment: u32) -> io::Result<()> {
        self.windows.push(Window {
            from_ns,
            to_ns,
            log: self.log.clone(),
            segment,
        });
        self.save()?;
        self.spill_open()?;
        self.settle(false)
    }

    fn spill_open(&self) -> io::Result<()> {
        let Some((number, bytes)) = &self.open else {
            return Ok(());
        };
        if bytes.is_in_memory() {
            let path = self.path(&self.log, *number);
            bytes.spill(self.disk.as_ref(), &path, self.durable)?;
            if self.durable {
                self.disk.sync_dir(&self.place)?;
            }
        }
        Ok(())
    }

    /// Brings the open segment to the disk where memory holds too much.
    pub(crate) fn bound_memory(&self) -> io::Result<()> {
        match self.memory_bytes() > self.selection.memory_bytes {
            true => self.spill_open(),
            false => Ok(()),
        }
    }

    /// The open segment is ended, `bytes` long. [`Ring::decide`] is called once the next has begun, so that
    /// a kill finds the log without an open segment for as short a time as can be.
    pub(crate) fn close(&mut self, contents: Contents, bytes: u64) {
        let Some((number, place)) = self.open.take() else {
            return;
        };
        // A segment without messages lies where the one before it ended.
        let last_ns = self.last_span_ns.map_or(0, |(_, to)| to);
        let span_ns = contents.span_ns.unwrap_or((last_ns, last_ns));
        self.last_bytes = bytes;
        self.push(Held {
            log: self.log.clone(),
            number,
            from_ns: span_ns.0,
            to_ns: span_ns.1,
            messages: contents.messages,
            bytes,
            memory: place.take(),
            followed_ns: None,
        });
    }

    /// Keeps and drops what can be decided.
    pub(crate) fn decide(&mut self) -> io::Result<()> {
        self.settle(false)?;
        self.save()
    }

    /// Adds a closed segment, and lets the clock go on to its beginning.
    fn push(&mut self, held: Held) {
        if let Some((before, _)) = self.last_span_ns {
            let passed = held.from_ns.saturating_sub(before);
            self.clock_ns = self.clock_ns.saturating_add(passed.min(self.segment_ns));
        }
        self.last_span_ns = Some((held.from_ns, held.to_ns));
        if let Some(last) = self.held.last_mut() {
            last.followed_ns.get_or_insert(self.clock_ns);
        }
        self.held.push(held);
    }

    fn is_old(&self, held: &Held) -> bool {
        let undecided = self.selection.undecided.as_nanos();
        held.followed_ns
            .is_some_and(|followed| u128::from(self.clock_ns - followed) >= undecided)
    }

    /// Decides on every segment that can be decided; `finally` on all.
    fn settle(&mut self, finally: bool) -> io::Result<()> {
        let (mut wanted, mut old, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for held in std::mem::take(&mut self.held) {
            if self.windows.iter().any(|window| window.touches(&held)) {
                wanted.push(held);
            } else if finally || self.is_old(&held) {
                old.push(held);
            } else {
                rest.push(held);
            }
        }
        self.held = rest;
        self.keep_all(wanted)?;
        self.drop_all(old)?;
        self.forget_windows();
        Ok(())
    }

    /// Forgets windows that nothing to come can lie in.
    fn forget_windows(&mut self) {
        let Some((begun_ns, _)) = self.last_span_ns else {
            return;
        };
        let open = self.open.as_ref().map(|(number, _)| *number);
        let (log, windows) = (&self.log, &mut self.windows);
        windows.retain(|window| {
            let is_told_in_open = window.log == *log && Some(window.segment) == open;
            window.to_ns >= begun_ns || is_told_in_open
        });
    }

    /// Moves segments among the log's files.
    fn keep_all(&mut self, wanted: Vec<Held>) -> io::Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let disk = Arc::clone(&self.disk);
        for held in wanted {
            let from = self.path(&held.log, held.number);
            if let Some(bytes) = &held.memory {
                held::write(disk.as_ref(), &from, bytes, self.durable)?;
            }
            let to = self.dir.join(file_name(&held.log, held.number));
            disk.rename(&from, &to)?;
            if held.log == self.log {
                self.files.insert(to);
            }
        }
        if self.durable {
            disk.sync_dir(&self.dir)?;
            disk.sync_dir(&self.place)?;
        }
        Ok(())
    }

    /// Drops segments; a gap file says so for each run of them.
    fn drop_all(&mut self, mut old: Vec<Held>) -> io::Result<()> {
        while !old.is_empty() {
            let follows = |pair: &[Held]| {
                pair[0].log == pair[1].log && pair[0].number.checked_add(1) == Some(pair[1].number)
            };
            let run = old.windows(2).take_while(|pair| follows(pair)).count() + 1;
            let rest = old.split_off(run);
            self.drop_run(&old)?;
            old = rest;
        }
        Ok(())
    }

    /// Drops segments of one log that follow each other.
    fn drop_run(&mut self, run: &[Held]) -> io::Result<()> {
        let Some(first) = run.first() else {
            return Ok(());
        };
        let log = &first.log;
        let mut dropped = first.as_dropped();
        run[1..]
            .iter()
            .for_each(|held| dropped.add(&held.as_dropped()));
        self.totals.segments += u64::from(dropped.segments());
        self.totals.messages += dropped.messages;
        self.totals.bytes += dropped.bytes;
        match self.gaps.get_mut(log) {
            Some((gap, _)) if gap.last_segment.checked_add(1) == Some(dropped.first_segment) => {
                gap.add(&dropped);
            }
            _ => {
                let metadata = self.metadata_of(first);
                self.gaps.insert(log.clone(), (dropped, metadata));
            }
        }
        self.save()?;
        self.write_gap(log)?;
        for held in run.iter().filter(|held| held.memory.is_none()) {
            self.disk.remove(&self.path(log, held.number))?;
        }
        Ok(())
    }

    /// Writes the file of the gap that was last made or grew in a log.
    fn write_gap(&mut self, log: &str) -> io::Result<()> {
        let Some((gap, metadata)) = self.gaps.get(log) else {
            return Ok(());
        };
        let path = self.dir.join(file_name(log, gap.first_segment));
        let draft = self.place.join(GAP_DRAFT);
        gap.write(metadata, self.disk.as_ref(), &draft, &path, self.durable)?;
        if log == self.log {
            self.files.insert(path);
        }
        Ok(())
    }

    /// What a segment's log says of itself.
    fn metadata_of(&self, held: &Held) -> Metadata {
        let reader = match &held.memory {
            Some(bytes) => LogReader::from_bytes(bytes.clone()),
            None => LogReader::open(self.path(&held.log, held.number)),
        };
        reader.map_or_else(|_| Metadata::new(), |reader| reader.metadata().clone())
    }

    /// The recording ends: what still waits is dropped, or stays on the disk for the next process.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        if self.selection.decides_at_end {
            self.settle(true)?;
            self.windows.clear();
            return self.save_as(true);
        }
        self.settle(false)?;
        let disk = Arc::clone(&self.disk);
        for index in 0..self.held.len() {
            if let Some(bytes) = self.held[index].memory.take() {
                let path = self.path(&self.log, self.held[index].number);
                held::write(disk.as_ref(), &path, &bytes, self.durable)?;
            }
        }
        self.save_as(true)
    }

    /// Writes down what survives this process, should it be killed.
    fn save(&self) -> io::Result<()> {
        self.save_as(false)
    }

    fn save_as(&self, ended: bool) -> io::Result<()> {
        let on_disk = self.held.iter().filter(|held| held.memory.is_none());
        let saved = Saved {
            windows: self.windows.clone(),
            held: on_disk.cloned().collect(),
            dropped: self
                .gaps
                .iter()
                .map(|(log, (gap, _))| (log.clone(), gap.clone()))
                .collect(),
            ended,
        };
        saved.save(self.disk.as_ref(), &self.place, self.durable)
    }
}
