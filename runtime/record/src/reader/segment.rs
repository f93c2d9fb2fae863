//! Messages of one file, in file order.

use std::ops::Range;
use std::path::Path;

use super::record::{Found, Record, RecordReader};
use super::source::Source;
use super::{LogMessage, Metadata};
use crate::catalog::Channel;
use crate::dropped::Dropped;
use crate::error::ReadError;
use crate::format::{Fields, MESSAGE_PREFIX, PREFIX, op};
use crate::metadata::{self, PART_METADATA};

/// Bytes of a message record's body before its data.
const HEAD: usize = MESSAGE_PREFIX - PREFIX;

pub(super) struct SegmentReader {
    records: RecordReader,
    metadata: Metadata,
    /// What recovery could keep of a damaged file, see [`PART_METADATA`].
    recovered_part: bool,
    /// The segment in which the log goes on.
    continued_in: Option<u32>,
    /// What was dropped in the place of this file.
    dropped: Option<Dropped>,
    /// Where the next record of the current chunk begins; absent outside chunks.
    at: Option<usize>,
    /// Bodies of the message that `advance` will give, and of the one it has given.
    next: Option<Body>,
    current: Option<Body>,
}

/// Where a message record's body lies.
#[derive(Clone)]
enum Body {
    Chunk(Range<usize>),
    Loose,
}

impl SegmentReader {
    pub(super) fn open(path: &Path) -> Result<Self, ReadError> {
        Self::new(Source::open(path)?)
    }

    pub(super) fn from_bytes(bytes: Vec<u8>) -> Result<Self, ReadError> {
        Self::new(Source::memory(bytes))
    }

    fn new(source: Source) -> Result<Self, ReadError> {
        Ok(Self {
            records: RecordReader::new(source, false)?,
            metadata: Metadata::new(),
            recovered_part: false,
            continued_in: None,
            dropped: None,
            at: None,
            next: None,
            current: None,
        })
    }

    /// Goes to the next message; `false` at the end or at damage.
    pub(super) fn advance(&mut self) -> Result<bool, ReadError> {
        let found = self.fill()?;
        self.current = self.next.take();
        Ok(found)
    }

    /// Reads on until the next message is known.
    pub(super) fn fill(&mut self) -> Result<bool, ReadError> {
        while self.next.is_none() {
            if self.next_in_chunk() {
                break;
            }
            match self.records.next()? {
                None => return Ok(false),
                Some(Record::Chunk) => self.at = Some(0),
                Some(Record::Message) => self.next = Some(Body::Loose),
                Some(Record::Metadata(name, entries)) => {
                    self.recovered_part |= name == PART_METADATA;
                    if let Some(segment) = metadata::continued_in(&name, &entries) {
                        self.continued_in = Some(segment);
                    } else if let Some(dropped) = Dropped::read(&name, &entries) {
                        self.dropped = Some(dropped);
                    } else {
                        self.metadata.insert(name, entries);
                    }
                }
                Some(Record::Definition(_) | Record::Attachment) => {}
            }
        }
        Ok(true)
    }

    /// Finds the next message of the current chunk, if there is one.
    fn next_in_chunk(&mut self) -> bool {
        let records = self.records.chunk_records();
        while let Some(at) = self.at {
            let rest = records.get(at..).unwrap_or_default();
            let Some((opcode, body)) = Fields(rest).record() else {
                self.at = None;
                break;
            };
            let begin = at + PREFIX;
            self.at = Some(begin + body.len());
            if opcode == op::MESSAGE {
                self.next = Some(Body::Chunk(begin..begin + body.len()));
                return true;
            }
        }
        false
    }

    /// The message that `advance` went to.
    pub(super) fn message(&self, segment: u32, after_gap: bool) -> Option<LogMessage<'_>> {
        let body = match self.current.clone()? {
            Body::Chunk(range) => self.records.chunk_records().get(range)?,
            Body::Loose => self.records.body(),
        };
        let mut fields = Fields(body);
        Some(LogMessage {
            channel: self.records.catalog().channel(fields.u16()?)?,
            sequence: fields.u32()?,
            log_time_ns: fields.u64()?,
            publish_time_ns: fields.u64()?,
            data: body.get(HEAD..)?,
            segment,
            after_gap,
        })
    }

    pub(super) fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.records.catalog().channels()
    }

    pub(super) fn damage(&self) -> Option<&Found> {
        self.records.damage()
    }

    /// Whether the file says of itself that its original held more, once it is read to its end.
    pub(super) fn is_recovered_part(&self) -> bool {
        self.recovered_part
    }

    /// The segment in which the log goes on, once the file is read to its end.
    pub(super) fn continued_in(&self) -> Option<u32> {
        self.continued_in
    }

    /// What was dropped in the place of this file, once it is read to its end.
    pub(super) fn dropped(&self) -> Option<&Dropped> {
        self.dropped.as_ref()
    }

    /// Moves the metadata met since the last call.
    pub(super) fn take_metadata(&mut self, all: &mut Metadata) {
        if !self.metadata.is_empty() {
            all.append(&mut self.metadata);
        }
    }
}
