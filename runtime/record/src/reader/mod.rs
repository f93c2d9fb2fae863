//! Reads logs, whole or damaged: a file or the segments of a folder, in file order.
//!
//! Files are read with plain buffered reads, never mapped, so that a file that is cut while it is
//! read cannot stop the process.

mod chunk;
mod ending;
mod record;
mod segment;
mod segments;
mod source;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::catalog::Channel;
use crate::dropped::Dropped;
use crate::error::ReadError;
use record::Found;
pub(crate) use record::{Record, RecordReader};
use segment::SegmentReader;
pub(crate) use segments::list;
pub use segments::{Segment, segments};
pub(crate) use source::Source;

/// One message of a log.
#[derive(Debug, Clone, Copy)]
pub struct LogMessage<'a> {
    /// The channel, with its schema.
    pub channel: &'a Channel,
    /// The message's number as its sensor counts.
    pub sequence: u32,
    /// When it was received (our logs) or recorded (others), in nanoseconds.
    pub log_time_ns: u64,
    /// When it was captured (our logs) or published (others), in nanoseconds.
    pub publish_time_ns: u64,
    /// The encoded message.
    pub data: &'a [u8],
    /// Number of the segment it is in.
    pub segment: u32,
    /// Messages between this one and the one read before it are missing: a segment is missing, or
    /// broke off in the middle. What is folded over messages must begin anew.
    pub after_gap: bool,
}

/// Where and why the reading of a segment stopped before its end, or which segments are missing
/// beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The segment's file.
    pub path: PathBuf,
    /// The segment's number.
    pub segment: u32,
    /// How many segments are missing before or after it; 0 where the damage is in the file itself.
    pub missing_segments: u32,
    /// Bytes of the file that are whole.
    pub offset: u64,
    /// Bytes after them, which were not read.
    pub bytes_after: u64,
    /// What is wrong there.
    pub reason: String,
    /// Whether messages may be missing: not when only the closing summary is damaged.
    pub messages_lost: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.bytes_after {
            0 => write!(f, "{path}: {}", self.reason),
            bytes => write!(
                f,
                "{path} is whole up to byte {}; {bytes} bytes after that cannot be read ({})",
                self.offset, self.reason
            ),
        }
    }
}

/// Metadata records by name.
pub type Metadata = BTreeMap<String, BTreeMap<String, String>>;

/// A log being read.
pub struct LogReader {
    segments: Vec<Segment>,
    next_segment: usize,
    open: Option<SegmentReader>,
    /// The segments were found in a folder: all of the log should be there.
    found: bool,
    metadata: Metadata,
    damages: Vec<Damage>,
    dropped: Vec<Dropped>,
    /// Messages are missing after the one read last.
    gap: bool,
    ended: bool,
}

impl LogReader {
    /// Opens a file, a folder that holds the segments of one log, or one log of a folder that
    /// holds several (`FOLDER/NAME`, without segment number). Metadata records and channels that
    /// lie before the first message are known at once.
    ///
    /// # Errors
    /// When there is no log. Damage is no error: see [`LogReader::damage`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        let path = path.as_ref();
        let mut reader = Self::over(segments(path)?)?;
        reader.found = !path.is_file();
        Ok(reader)
    }

    /// Opens these files as the segments of one log, in this order.
    ///
    /// # Errors
    /// When the first of them cannot be read.
    pub fn over(segments: Vec<Segment>) -> Result<Self, ReadError> {
        let mut reader = Self {
            segments,
            next_segment: 0,
            open: None,
            found: false,
            metadata: Metadata::new(),
            damages: Vec::new(),
            dropped: Vec::new(),
            gap: false,
            ended: false,
        };
        reader.open_next()?;
        Ok(reader)
    }

    /// Reads a log from memory.
    ///
    /// # Errors
    /// When the bytes do not begin like a log.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ReadError> {
        let segment = Segment::default();
        let open = SegmentReader::from_bytes(bytes)?;
        let mut reader = Self {
            segments: vec![segment],
            next_segment: 1,
            open: Some(open),
            found: false,
            metadata: Metadata::new(),
            damages: Vec::new(),
            dropped: Vec::new(),
            gap: false,
            ended: false,
        };
        reader.prime()?;
        Ok(reader)
    }

    /// The next message in file order; `None` at the end, or where damage ends the last segment.
    /// A damaged segment is left at its damage and the next one read.
    ///
    /// # Errors
    /// When the operating system fails to read.
    #[allow(clippy::should_implement_trait)] // messages borrow from the reader
    pub fn next(&mut self) -> Result<Option<LogMessage<'_>>, ReadError> {
        while !self.ended {
            let Some(open) = &mut self.open else {
                break;
            };
            let found = open.advance()?;
            open.take_metadata(&mut self.metadata);
            if found {
                let number = self.segment_number();
                let after_gap = std::mem::take(&mut self.gap);
                let open = self.open.as_ref();
                return Ok(open.and_then(|open| open.message(number, after_gap)));
            }
            self.close();
            self.open_next()?;
        }
        Ok(None)
    }

    /// The first damage met so far.
    pub fn damage(&self) -> Option<&Damage> {
        self.damages.first()
    }

    /// All damage met so far, at most one a segment.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// Whether messages are missing after the one read last; at the end of the log, whether it
    /// lacks its own end.
    pub fn is_at_gap(&self) -> bool {
        self.gap
    }

    /// What was not kept on purpose, as far as met, see [`crate::Selection`]: no damage, though messages
    /// are missing there.
    pub fn dropped(&self) -> &[Dropped] {
        &self.dropped
    }

    /// Metadata records met so far.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Channels of the current segment, at the end of the last one, defined so far, by number.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.open.iter().flat_map(SegmentReader::channels)
    }

    /// The log's segments.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    fn segment_number(&self) -> u32 {
        let current = self.next_segment.saturating_sub(1);
        self.segments
            .get(current)
            .map_or(0, |segment| segment.number)
    }

    fn open_next(&mut self) -> Result<(), ReadError> {
        let Some(segment) = self.segments.get(self.next_segment) else {
            self.ended = true;
            return Ok(());
        };
        if let Some(before) = self.next_segment.checked_sub(1) {
            let before = self.segments[before].number;
            let last_gap = self.dropped.last().map_or(0, |gap| gap.last_segment);
            let before = before.max(last_gap);
            self.damages.extend(missing_between(before, segment));
            self.gap |= before.checked_add(1) != Some(segment.number);
        }
        self.open = Some(SegmentReader::open(&segment.path)?);
        self.next_segment += 1;
        self.prime()
    }

    /// Reads up to the first message without taking it.
    fn prime(&mut self) -> Result<(), ReadError> {
        if let Some(open) = &mut self.open {
            open.fill()?;
            open.take_metadata(&mut self.metadata);
        }
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = &self.open else {
            return;
        };
        self.gap |= open.is_recovered_part();
        if let Some(dropped) = open.dropped() {
            self.gap = true;
            self.dropped.push(dropped.clone());
        }
        let current = self.next_segment.saturating_sub(1);
        let segment = self.segments.get(current).cloned().unwrap_or_default();
        let is_last = self.next_segment == self.segments.len();
        if let Some(next) = open.continued_in().filter(|_| is_last && self.found) {
            self.gap = true;
            self.damages.extend(missing_after(&segment, next));
        }
        let Some(found) = open.damage() else { return };
        let Found {
            offset,
            bytes_after,
            reason,
            messages_lost,
        } = found.clone();
        self.gap |= messages_lost;
        self.damages.push(Damage {
            path: segment.path,
            segment: segment.number,
            missing_segments: 0,
            offset,
            bytes_after,
            reason: reason.to_owned(),
            messages_lost,
        });
    }
}

/// The segments that should lie between that of number `before` and `next`, as damage; none where they
/// wait in the ring.
pub(crate) fn missing_between(before: u32, next: &Segment) -> Option<Damage> {
    let first = before.checked_add(1)?;
    let last = next.number.checked_sub(1)?;
    if first > last || (first..=last).all(|number| next.waits_beside(number)) {
        return None;
    }
    Some(Damage {
        path: next.path.clone(),
        segment: next.number,
        missing_segments: next.number - first,
        offset: 0,
        bytes_after: 0,
        reason: match first == last {
            true => format!("segment {first} before it is missing"),
            false => format!("segments {first} to {last} before it are missing"),
        },
        messages_lost: true,
    })
}

/// The segment `next` in which the log says that it goes on, as damage; none where it waits in the ring.
pub(crate) fn missing_after(last: &Segment, next: u32) -> Option<Damage> {
    let damage = Damage {
        path: last.path.clone(),
        segment: last.number,
        missing_segments: 1,
        offset: 0,
        bytes_after: 0,
        reason: format!("the log goes on in segment {next}, which is missing"),
        messages_lost: true,
    };
    (!last.waits_beside(next)).then_some(damage)
}
