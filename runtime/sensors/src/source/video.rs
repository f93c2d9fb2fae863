//! `video:FILE`: H.264 in an MP4 file, as Annex B access units.
//!
//! A picture's stamp is its presentation time from the first picture on, plus the delay that an
//! edit list puts before it. Streams whose pictures are shown in another order than they are
//! decoded in (B-frames) are refused: live cameras do not send them, and a log of them would have
//! stamps that run backwards.

mod demux;

use super::{ReadOutcome, Source, SourceError, faults::FaultLog};
use crate::uri::SourceUri;
use demux::{Demuxed, Unit};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::PathBuf,
    time::Duration,
};

/// Gives access unit after access unit.
pub(super) struct Video {
    path: PathBuf,
    file: File,
    sensor: SensorId,
    stream: Demuxed,
    next: usize,
    unit: Vec<u8>,
    sequence: u32,
    faults: FaultLog,
}

impl Video {
    pub(super) fn open(uri: &SourceUri, sensor: SensorId) -> Result<Self, SourceError> {
        let path = uri.path().to_owned();
        let mut file = File::open(&path).map_err(SourceError::read(&path))?;
        let stream = demux::demux(&path, &mut file)?;
        Ok(Self {
            path,
            file,
            sensor,
            stream,
            next: 0,
            unit: Vec::new(),
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }

    /// Reads the unit's bytes; `None` where the file ends before.
    fn load(&mut self, unit: Unit) -> Result<Option<()>, SourceError> {
        self.unit.resize(unit.bytes, 0);
        let seek = self.file.seek(SeekFrom::Start(unit.offset));
        match seek.and_then(|_| self.file.read_exact(&mut self.unit)) {
            Ok(()) => Ok(Some(())),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(SourceError::read(&self.path)(error)),
        }
    }
}

impl Source for Video {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        while let Some(unit) = self.stream.units.get(self.next).copied() {
            self.next += 1;
            if self.load(unit)?.is_none() {
                let left = (self.stream.units.len() - self.next + 1) as u64;
                let detail = "pictures missing: the file ends before them";
                self.faults
                    .note(FaultKind::Undecodable, unit.time_ns, left, detail);
                self.next = self.stream.units.len();
                break;
            }
            into.data.clear();
            if !self.stream.annex_b(&self.unit, &mut into.data) {
                let detail = "a picture whose NAL lengths do not fit it was left out";
                self.faults
                    .note(FaultKind::Undecodable, unit.time_ns, 1, detail);
                continue;
            }
            into.sensor = self.sensor;
            into.format = RawFormat::H264;
            into.captured_ns = unit.time_ns;
            into.received_ns = unit.time_ns;
            into.sequence = self.sequence;
            self.sequence = self.sequence.wrapping_add(1);
            return Ok(ReadOutcome::Message);
        }
        Ok(ReadOutcome::End)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        Some(self.next as f64 / self.stream.units.len().max(1) as f64)
    }
}
