//! `ars548:FILE`: UDP payloads of an ARS548, back to back.

use super::{ReadOutcome, Source, SourceError, faults::FaultLog};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_wire::ars548::{self, DETECTION_LIST_BYTES, OBJECT_LIST_BYTES, STATUS_BYTES};
use std::{
    fs::File,
    io::{self, Read},
    path::PathBuf,
    time::Duration,
};

const PIECE: usize = 4 * DETECTION_LIST_BYTES;

/// Reads payload after payload; skips what is none to the next header.
pub(super) struct Ars548File {
    path: PathBuf,
    file: File,
    sensor: SensorId,
    size: u64,
    taken: u64,
    buffer: Vec<u8>,
    /// Bytes of `buffer` already used.
    used: usize,
    last_ns: u64,
    sequence: u32,
    faults: FaultLog,
}

impl Ars548File {
    pub(super) fn open(uri: &SourceUri, sensor: SensorId) -> Result<Self, SourceError> {
        let path = uri.path().to_owned();
        let file = File::open(&path).map_err(SourceError::read(&path))?;
        let size = file.metadata().map_err(SourceError::read(&path))?.len();
        let mut source = Self {
            path,
            file,
            sensor,
            size,
            taken: 0,
            buffer: Vec::with_capacity(PIECE),
            used: 0,
            last_ns: 0,
            sequence: 0,
            faults: FaultLog::new(sensor),
        };
        source.fill()?;
        if source.plausible() != Some(true) {
            let expected = expected_length(&source.buffer).unwrap_or(source.buffer.len());
            let first = source.buffer.get(..expected).unwrap_or(&source.buffer);
            let why = match ars548::stamp(first) {
                Err(error) => error.to_string(),
                Ok(_) => "it ends too early".to_owned(),
            };
            return Err(SourceError::Format {
                path: source.path,
                expected: "a raw ARS548 payload",
                why,
            });
        }
        Ok(source)
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Makes at least one longest payload available, or all that is left of the file.
    fn fill(&mut self) -> Result<(), SourceError> {
        if self.rest().len() >= DETECTION_LIST_BYTES {
            return Ok(());
        }
        self.buffer.drain(..self.used);
        self.used = 0;
        let wanted = PIECE - self.buffer.len();
        let mut piece = io::Read::take(&mut self.file, wanted as u64);
        let read = piece.read_to_end(&mut self.buffer);
        read.map_err(SourceError::read(&self.path))?;
        Ok(())
    }

    /// Whether a whole payload begins here; `None` where nothing is left.
    fn plausible(&self) -> Option<bool> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let whole = expected_length(rest).is_some_and(|length| rest.len() >= length);
        Some(whole)
    }
}

/// Payload length by service, method and length field; `None` where they do not agree.
fn expected_length(bytes: &[u8]) -> Option<usize> {
    let &[0, 0, m0, m1, l0, l1, l2, l3, ..] = bytes else {
        return None;
    };
    let length = match u16::from_be_bytes([m0, m1]) {
        ars548::METHOD_DETECTIONS => DETECTION_LIST_BYTES,
        ars548::METHOD_OBJECTS => OBJECT_LIST_BYTES,
        ars548::METHOD_STATUS => STATUS_BYTES,
        _ => return None,
    };
    let field = u32::from_be_bytes([l0, l1, l2, l3]) as usize;
    (field + 8 == length).then_some(length)
}

impl Source for Ars548File {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        let mut skipped = 0;
        loop {
            self.fill()?;
            match self.plausible() {
                Some(true) => break,
                Some(false) => {
                    self.used += 1;
                    skipped += 1;
                }
                None => {
                    self.taken += skipped;
                    self.note_skipped(skipped);
                    return Ok(ReadOutcome::End);
                }
            }
        }
        self.taken += skipped;
        self.note_skipped(skipped);
        let length = expected_length(self.rest()).unwrap_or_default();
        let payload = self.buffer.get(self.used..self.used + length);
        into.data.clear();
        into.data.extend_from_slice(payload.unwrap_or_default());
        self.used += length;
        self.taken += length as u64;
        if let Ok(stamp) = ars548::stamp(&into.data) {
            self.last_ns = stamp.ns;
        }
        into.sensor = self.sensor;
        into.format = RawFormat::Ars548;
        into.captured_ns = self.last_ns;
        into.received_ns = self.last_ns;
        into.sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        Some(self.taken as f64 / self.size.max(1) as f64)
    }
}

impl Ars548File {
    fn note_skipped(&mut self, bytes: u64) {
        let detail = "bytes of the file skipped that are no ARS548 payload";
        self.faults
            .note(FaultKind::Undecodable, self.last_ns, bytes, detail);
    }
}
