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
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::catalog::Channel;
use crate::error::ReadError;
use record::Found;
pub(crate) use record::{Record, RecordReader};
use segment::SegmentReader;
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
}

/// Where and why the reading of a segment stopped before its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The segment's file.
    pub path: PathBuf,
    /// The segment's number.
    pub segment: u32,
    /// Bytes of the file that are whole.
    pub offset: u64,
    /// Bytes after them, which were not read.
    pub bytes_after: u64,
    /// What is wrong there.
    pub reason: String,
    /// Whether messages may be missing: not when only the closing summary is damaged.
    pub messages_lost: bool,
}

/// Metadata records by name.
pub type Metadata = BTreeMap<String, BTreeMap<String, String>>;

/// A log being read.
pub struct LogReader {
    segments: Vec<Segment>,
    next_segment: usize,
    open: Option<SegmentReader>,
    metadata: Metadata,
    damages: Vec<Damage>,
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
        Self::over(segments(path.as_ref())?)
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
            metadata: Metadata::new(),
            damages: Vec::new(),
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
            metadata: Metadata::new(),
            damages: Vec::new(),
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
                return Ok(self.open.as_ref().and_then(|open| open.message(number)));
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
        let current = self.next_segment.saturating_sub(1);
        let segment = self.segments.get(current).cloned().unwrap_or_default();
        let Some(found) = open.damage() else { return };
        let Found {
            offset,
            bytes_after,
            reason,
            messages_lost,
        } = found.clone();
        self.damages.push(Damage {
            path: segment.path,
            segment: segment.number,
            offset,
            bytes_after,
            reason: reason.to_owned(),
            messages_lost,
        });
    }
}
