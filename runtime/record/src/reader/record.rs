//! Reads one file record by record, each checked before it is given out, up to the first damage.

use std::io::{ErrorKind, Read as _, Seek as _};

use super::chunk::{self, Records};
use super::ending;
use super::source::Source;
use crate::catalog::Catalog;
use crate::error::ReadError;
use crate::format::{Fields, LIBRARY_NAME, MAGIC, MESSAGE_PREFIX, PREFIX, op};
use crate::metadata;
use crate::survey::Survey;

/// Where and why reading stopped early.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) offset: u64,
    pub(crate) bytes_after: u64,
    pub(crate) reason: &'static str,
    pub(crate) messages_lost: bool,
}

/// What lies at the top level of a file's data.
#[derive(Debug)]
pub(crate) enum Record {
    /// A chunk; see [`RecordReader::chunk_records`].
    Chunk,
    /// A message outside any chunk; see [`RecordReader::body`].
    Message,
    /// A schema or channel outside any chunk; see [`RecordReader::body`].
    Definition(u8),
    /// A metadata record, without its checksum.
    Metadata(String, std::collections::BTreeMap<String, String>),
    /// An attachment; see [`RecordReader::body`], which is empty unless asked for.
    Attachment,
}

/// What a record turns out to be, or why it is damage.
enum Outcome {
    Give(Record),
    Skip,
    End,
}

/// Reads records up to the end of the data, or to damage.
pub(crate) struct RecordReader {
    source: Source,
    /// Offset of the next record.
    offset: u64,
    own: bool,
    profile: String,
    catalog: Catalog,
    survey: Survey,
    body: Vec<u8>,
    unpacked: Vec<u8>,
    records: Records,
    /// The message indexes that must follow the last chunk of our own logs, as far as not seen.
    awaited: Vec<u8>,
    awaited_at: usize,
    want_attachments: bool,
    done: bool,
    damage: Option<Found>,
}

impl RecordReader {
    /// Checks the magic and reads the header.
    pub(crate) fn new(source: Source, want_attachments: bool) -> Result<Self, ReadError> {
        let mut reader = Self {
            source,
            offset: 0,
            own: false,
            profile: String::new(),
            catalog: Catalog::default(),
            survey: Survey::default(),
            body: Vec::new(),
            unpacked: Vec::new(),
            records: Records::Unpacked,
            awaited: Vec::new(),
            awaited_at: 0,
            want_attachments,
            done: false,
            damage: None,
        };
        reader.begin()?;
        Ok(reader)
    }

    fn begin(&mut self) -> Result<(), ReadError> {
        let head = self.source.length.min(MAGIC.len() as u64);
        if !self.read_body(head)? {
            return Ok(());
        }
        // A file created just before a power cut may be empty or full of zeros: ours, but lost.
        let lost = MAGIC.starts_with(&self.body) || self.body.iter().all(|&byte| byte == 0);
        if self.body != MAGIC {
            if !lost {
                return Err(ReadError::NotMcap(self.source.path.clone()));
            }
            self.stop("the file does not begin like a log: it was never written to the disk");
            return Ok(());
        }
        self.offset = MAGIC.len() as u64;
        let Some((opcode, length)) = self.read_prefix()? else {
            return Ok(());
        };
        if opcode != op::HEADER {
            self.stop("the file has no header");
            return Ok(());
        }
        if !self.read_body(length)? {
            return Ok(());
        }
        let mut fields = Fields(&self.body);
        let (Some(profile), Some(library)) = (fields.text(), fields.text()) else {
            self.stop("the file's header is malformed");
            return Ok(());
        };
        self.own = library.starts_with(LIBRARY_NAME);
        self.profile = profile.to_owned();
        self.offset += PREFIX as u64 + length;
        Ok(())
    }

    /// The next record of interest; `None` at the end of the data or at damage.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, ReadError> {
        while !self.done {
            let Some((opcode, length)) = self.read_prefix()? else {
                break;
            };
            let after = self.offset + PREFIX as u64 + length;
            let skipped = opcode >= 0x80 || (opcode == op::ATTACHMENT && !self.want_attachments);
            if skipped {
                let skipped = self.source.bytes.seek_relative(length.cast_signed());
                skipped.map_err(|error| ReadError::io(&self.source.path, error))?;
                self.body.clear();
            } else if !self.read_body(length)? {
                break;
            }
            match self.take(opcode) {
                Ok(Outcome::Give(record)) => {
                    self.offset = after;
                    return Ok(Some(record));
                }
                Ok(Outcome::Skip) => self.offset = after,
                Ok(Outcome::End) => {
                    self.offset = after;
                    self.done = true;
                    self.check_ending()?;
                }
                Err(reason) => self.stop(reason),
            }
        }
        Ok(None)
    }

    fn take(&mut self, opcode: u8) -> Result<Outcome, &'static str> {
        if opcode == op::MESSAGE_INDEX {
            return self.take_index().map(|()| Outcome::Skip);
        }
        if self.awaited_at < self.awaited.len() {
            return Err("a chunk's message indexes are missing");
        }
        match opcode {
            op::CHUNK => self.take_chunk().map(Outcome::Give),
            op::METADATA => metadata::decode(&self.body, self.own)
                .map(|(name, entries)| Outcome::Give(Record::Metadata(name, entries))),
            op::ATTACHMENT => Ok(Outcome::Give(Record::Attachment)),
            op::DATA_END if self.body.len() == 4 => Ok(Outcome::End),
            op::SCHEMA | op::CHANNEL if !self.own => {
                self.catalog.define(opcode, &self.body)?;
                Ok(Outcome::Give(Record::Definition(opcode)))
            }
            op::MESSAGE if !self.own => self.take_message().map(Outcome::Give),
            0x10.. if !self.own => Ok(Outcome::Skip),
            _ => Err("there is a record that does not belong there"),
        }
    }

    fn take_chunk(&mut self) -> Result<Record, &'static str> {
        self.records = chunk::open(
            &self.body,
            self.own,
            &mut self.unpacked,
            &mut self.survey,
            &mut self.catalog,
        )?;
        self.awaited.clear();
        self.awaited_at = 0;
        if self.own {
            self.survey.put_indexes(&mut self.awaited, |_, _| ());
        }
        Ok(Record::Chunk)
    }

    fn take_index(&mut self) -> Result<(), &'static str> {
        if !self.own {
            return Ok(());
        }
        let mut awaited = Fields(&self.awaited[self.awaited_at..]);
        match awaited.record() {
            Some((op::MESSAGE_INDEX, body)) if body == self.body => {
                self.awaited_at += PREFIX + body.len();
                Ok(())
            }
            _ => Err("a message index disagrees with its chunk"),
        }
    }

    fn take_message(&self) -> Result<Record, &'static str> {
        if self.body.len() < MESSAGE_PREFIX - PREFIX {
            return Err("a message record is too short");
        }
        match self
            .catalog
            .has_channel(u16::from_le_bytes([self.body[0], self.body[1]]))
        {
            true => Ok(Record::Message),
            false => Err("a message names a channel that the log does not define"),
        }
    }

    /// Opcode and length of the next record, whose whole body the file has.
    fn read_prefix(&mut self) -> Result<Option<(u8, u64)>, ReadError> {
        if self.done {
            return Ok(None);
        }
        if self.offset == self.source.length {
            self.stop("the file has no end: it was cut, or is still being written");
            return Ok(None);
        }
        if self.offset + PREFIX as u64 > self.source.length {
            self.stop("the file ends inside a record");
            return Ok(None);
        }
        if !self.read_body(PREFIX as u64)? {
            return Ok(None);
        }
        let mut fields = Fields(&self.body);
        let (opcode, length) = (fields.u8().unwrap_or(0), fields.u64().unwrap_or(u64::MAX));
        if opcode == 0 {
            self.stop("there are zeros where a record should begin");
            return Ok(None);
        }
        if length > self.source.length - self.offset - PREFIX as u64 {
            self.stop("the file ends inside a record");
            return Ok(None);
        }
        Ok(Some((opcode, length)))
    }

    /// Reads `length` bytes, which the file had when it was opened, into the body.
    fn read_body(&mut self, length: u64) -> Result<bool, ReadError> {
        self.body.clear();
        let bytes = &mut self.source.bytes;
        match bytes.take(length).read_to_end(&mut self.body) {
            Ok(read) if read as u64 == length => Ok(true),
            Ok(_) => {
                self.stop("the file was cut while it was read");
                Ok(false)
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                self.stop("the file was cut while it was read");
                Ok(false)
            }
            Err(error) => Err(ReadError::io(&self.source.path, error)),
        }
    }

    fn check_ending(&mut self) -> Result<(), ReadError> {
        let left = self.source.length - self.offset;
        let checked = ending::check(&mut self.source.bytes, self.offset, left);
        let checked = checked.map_err(|error| ReadError::io(&self.source.path, error))?;
        if let Err(reason) = checked {
            self.stop(reason);
            if let Some(found) = &mut self.damage {
                found.messages_lost = false;
            }
        }
        Ok(())
    }

    fn stop(&mut self, reason: &'static str) {
        self.done = true;
        self.damage = Some(Found {
            offset: self.offset,
            bytes_after: self.source.length - self.offset,
            reason,
            messages_lost: true,
        });
    }

    /// Why reading stopped early, if it did.
    pub(crate) fn damage(&self) -> Option<&Found> {
        self.damage.as_ref()
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(crate) fn profile(&self) -> &str {
        &self.profile
    }

    /// Bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.source.length
    }

    /// Body of the last record.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Records of the last chunk.
    pub(crate) fn chunk_records(&self) -> &[u8] {
        match &self.records {
            Records::Stored(range) => self.body.get(range.clone()).unwrap_or_default(),
            Records::Unpacked => &self.unpacked,
        }
    }
}
