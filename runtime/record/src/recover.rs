//! Rewrites the whole part of a damaged log as a complete one.
//!
//! Everything before the first damage is kept: chunks are checked, packed anew with fresh indexes,
//! and closed with a summary. Messages that a foreign log holds outside chunks are put into chunks.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::config::Compression;
use crate::dropped::Dropped;
use crate::error::{ReadError, RecoverError};
use crate::format::{CHUNK_PREFIX, Fields, op, put_bytes, put_record, put_u64};
use crate::metadata::{self, PART_METADATA};
use crate::reader::{Record, RecordReader, Source, missing_after, missing_between, segments};
use crate::segment::{SegmentWriter, Summed};
use crate::storage::{Disk, FileSystem, Storage};

/// Loose records are gathered into chunks of about this size.
const GATHER_BYTES: usize = 1 << 20;

/// What was kept and what was lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RecoverReport {
    /// Messages kept.
    pub messages: u64,
    /// Chunks written.
    pub chunks: u64,
    /// Bytes of the input that are whole.
    pub kept_bytes: u64,
    /// Bytes of the input after its first damage.
    pub lost_bytes: u64,
    /// Where the first damage is.
    pub first_damage_offset: Option<u64>,
    /// What it is.
    pub first_damage: Option<String>,
    /// Log time of the last message kept, in nanoseconds.
    pub last_good_log_time_ns: Option<u64>,
    /// Nothing was damaged.
    pub complete: bool,
    /// The segment in which the log goes on.
    #[serde(skip)]
    continued_in: Option<u32>,
    /// The last segment that was dropped in the place of this one.
    #[serde(skip)]
    dropped_to: Option<u32>,
}

/// Recovers a log into a new one: a file into a file, or each segment of a folder into a file of
/// the same name in the folder `output`, which is created.
///
/// # Errors
/// When the input cannot be read at all, or the output exists or cannot be written.
pub fn recover(
    input: impl AsRef<Path>,
    output: impl AsRef<Path>,
) -> Result<RecoverReport, RecoverError> {
    let (input, output) = (input.as_ref(), output.as_ref());
    let failed = |reason| write_error(output, reason);
    if input.is_file() {
        let dir = output.parent().filter(|dir| !dir.as_os_str().is_empty());
        fs::create_dir_all(dir.unwrap_or(Path::new("."))).map_err(failed)?;
        return recover_file(input, output);
    }
    let segments = segments(input)?;
    fs::create_dir_all(output).map_err(failed)?;
    let mut whole = RecoverReport {
        complete: true,
        ..RecoverReport::default()
    };
    let mut before = None;
    for segment in &segments {
        if let Some(missing) = before.and_then(|before| missing_between(before, segment)) {
            whole.note_missing(missing.to_string());
        }
        let name = segment.path.file_name().unwrap_or_default();
        let report = recover_file(&segment.path, &output.join(name))?;
        before = report.dropped_to.or(Some(segment.number));
        whole.add(report);
    }
    if let Some((last, next)) = segments.last().zip(whole.continued_in)
        && let Some(missing) = missing_after(last, next)
    {
        whole.note_missing(missing.to_string());
    }
    Ok(whole)
}

fn recover_file(input: &Path, output: &Path) -> Result<RecoverReport, RecoverError> {
    let source = Source::open(input)?;
    let failed = |reason| write_error(output, reason);
    let storage = FileSystem.create(output).map_err(failed)?;
    let report = recover_into(source, storage);
    match report {
        Ok(report) => Ok(report),
        Err(error) => {
            // A half-written output would be taken for a recovered log.
            let _ = fs::remove_file(output);
            Err(match error {
                Trouble::Read(error) => error.into(),
                Trouble::Write(error) => failed(error),
            })
        }
    }
}

/// Rewrites everything whole in `source`.
pub(crate) fn recover_into(
    source: Source,
    storage: Box<dyn Storage>,
) -> Result<RecoverReport, Trouble> {
    let mut reader = RecordReader::new(source, true)?;
    let mut output = Output {
        writer: SegmentWriter::new(storage, Compression::Lz4, reader.profile())?,
        buffer: vec![0; CHUNK_PREFIX],
        report: RecoverReport::default(),
    };
    while let Some(record) = reader.next()? {
        match record {
            Record::Chunk => {
                output.flush()?;
                output.buffer.extend_from_slice(reader.chunk_records());
                output.flush()?;
            }
            Record::Message => output.gather(op::MESSAGE, reader.body())?,
            Record::Definition(opcode) => output.gather(opcode, reader.body())?,
            Record::Metadata(name, entries) => {
                output.report.continued_in = metadata::continued_in(&name, &entries);
                let dropped = Dropped::read(&name, &entries);
                output.report.dropped_to = dropped.map(|dropped| dropped.last_segment);
                output.writer.metadata(&metadata::encode(&name, &entries))?;
            }
            Record::Attachment => output.attachment(reader.body())?,
        }
    }
    output.flush()?;
    let damage = reader.damage();
    if let Some(found) = damage.filter(|found| found.messages_lost) {
        let entries = BTreeMap::from([
            ("whole_bytes".to_owned(), found.offset.to_string()),
            ("lost_bytes".to_owned(), found.bytes_after.to_string()),
            ("reason".to_owned(), found.reason.to_owned()),
        ]);
        let record = metadata::encode(PART_METADATA, &entries);
        output.writer.metadata(&record)?;
    }
    output.writer.finish(true)?;
    let mut report = output.report;
    report.lost_bytes = damage.map_or(0, |found| found.bytes_after);
    report.kept_bytes = reader.length() - report.lost_bytes;
    report.first_damage_offset = damage.map(|found| found.offset);
    report.first_damage = damage.map(|found| found.reason.to_owned());
    report.complete = damage.is_none();
    Ok(report)
}

/// The log being written, with room for records that must be gathered into chunks.
struct Output {
    writer: SegmentWriter,
    buffer: Vec<u8>,
    report: RecoverReport,
}

impl Output {
    fn gather(&mut self, opcode: u8, body: &[u8]) -> io::Result<()> {
        put_record(&mut self.buffer, opcode, |out| out.extend_from_slice(body));
        match self.buffer.len() >= GATHER_BYTES {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Writes what was gathered as a chunk.
    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.len() > CHUNK_PREFIX {
            let totals = self
                .writer
                .chunk(&mut self.buffer, &Summed::default(), &[])?;
            self.buffer.truncate(CHUNK_PREFIX);
            self.report.chunks += 1;
            self.report.messages += totals.messages;
            if totals.messages > 0 {
                let last = &mut self.report.last_good_log_time_ns;
                *last = (*last).max(Some(totals.end_ns));
            }
        }
        Ok(())
    }

    /// Copies an attachment; one that is malformed is left out.
    fn attachment(&mut self, body: &[u8]) -> io::Result<()> {
        let mut fields = Fields(body);
        let parsed = (|| {
            let times = (fields.u64()?, fields.u64()?);
            Some((times, fields.bytes()?, fields.bytes()?, fields.u64()?))
        })();
        let Some(((log_ns, create_ns), name, media_type, size)) = parsed else {
            return Ok(());
        };
        let mut record = Vec::new();
        put_record(&mut record, op::ATTACHMENT, |out| {
            out.extend_from_slice(body);
        });
        let mut index = Vec::new();
        let place = [self.writer.offset(), record.len() as u64];
        for value in place.into_iter().chain([log_ns, create_ns, size]) {
            put_u64(&mut index, value);
        }
        put_bytes(&mut index, name);
        put_bytes(&mut index, media_type);
        self.writer.indexed(op::ATTACHMENT_INDEX, index, &record)
    }
}

impl RecoverReport {
    /// A segment of the input is missing: nothing can be kept of it.
    fn note_missing(&mut self, what: String) {
        self.complete = false;
        if self.first_damage.is_none() {
            self.first_damage_offset = Some(self.kept_bytes);
            self.first_damage = Some(what);
        }
    }

    /// Adds the report of a further segment.
    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.chunks += other.chunks;
        if self.first_damage.is_none() {
            let kept = self.kept_bytes;
            self.first_damage_offset = other.first_damage_offset.map(|offset| kept + offset);
            self.first_damage = other.first_damage;
        }
        self.kept_bytes += other.kept_bytes;
        self.lost_bytes += other.lost_bytes;
        let last = &mut self.last_good_log_time_ns;
        *last = (*last).max(other.last_good_log_time_ns);
        self.complete &= other.complete;
        self.continued_in = other.continued_in;
    }
}

pub(crate) enum Trouble {
    Read(ReadError),
    Write(io::Error),
}

impl From<ReadError> for Trouble {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Write(error)
    }
}

fn write_error(path: &Path, reason: io::Error) -> RecoverError {
    let path = path.to_owned();
    match reason.kind() {
        io::ErrorKind::AlreadyExists => RecoverError::Exists(path),
        _ => RecoverError::Write { path, reason },
    }
}
