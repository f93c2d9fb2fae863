//! `can+candump:FILE?map=NAME`: CAN frames in a candump log.

use super::{ReadOutcome, Source, SourceError, can_map, faults::FaultLog};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_wire::can::{CanMap, CandumpError, parse_line};
use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    time::Duration,
};

/// No line of a candump log is this long.
const MAX_LINE: usize = 1024;

/// Gives the frames that the mapping wants, with the log's exact stamps.
pub(super) struct Candump {
    path: PathBuf,
    file: BufReader<File>,
    sensor: SensorId,
    map: CanMap,
    interface: Option<String>,
    size: u64,
    taken: u64,
    line: Vec<u8>,
    last_ns: u64,
    sequence: u32,
    faults: FaultLog,
}

impl Candump {
    pub(super) fn open(uri: &SourceUri, sensor: SensorId) -> Result<Self, SourceError> {
        let path = uri.path().to_owned();
        let file = File::open(&path).map_err(SourceError::read(&path))?;
        let size = file.metadata().map_err(SourceError::read(&path))?.len();
        let mut source = Self {
            path,
            file: BufReader::new(file),
            sensor,
            map: can_map(uri.option("map").unwrap_or_default())?,
            interface: uri.option("iface").map(str::to_owned),
            size,
            taken: 0,
            line: Vec::with_capacity(MAX_LINE),
            last_ns: 0,
            sequence: 0,
            faults: FaultLog::new(sensor),
        };
        source.check_first_line()?;
        Ok(source)
    }

    /// A file whose first line with text is no line of a log is no log.
    fn check_first_line(&mut self) -> Result<(), SourceError> {
        let head = self.file.fill_buf();
        let head = head.map_err(SourceError::read(&self.path))?;
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = lines.find(|line| !line.trim_ascii().is_empty());
        let why = match first.map(parse_line) {
            None => "it is empty".to_owned(),
            Some(Err(error)) if !is_other_frame(error) => error.to_string(),
            Some(_) => return Ok(()),
        };
        Err(SourceError::Format {
            path: self.path.clone(),
            expected: "a candump -l log",
            why,
        })
    }

    /// The next line into `self.line`; false at the end of the file.
    fn next_line(&mut self) -> Result<bool, SourceError> {
        self.line.clear();
        loop {
            let mut piece = (&mut self.file).take(MAX_LINE as u64);
            let read = piece.read_until(b'\n', &mut self.line);
            let read = read.map_err(SourceError::read(&self.path))?;
            self.taken += read as u64;
            // What follows in an endless line is thrown away; its beginning does not parse.
            if read < MAX_LINE || self.line.ends_with(b"\n") {
                return Ok(read > 0);
            }
            self.line.clear();
            self.line.push(b'?');
        }
    }
}

/// A well-formed line that is no classic data frame.
fn is_other_frame(error: CandumpError) -> bool {
    matches!(error, CandumpError::FdFrame | CandumpError::ErrorFrame)
}

impl Source for Candump {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        while self.next_line()? {
            let line = match parse_line(&self.line) {
                Ok(Some(line)) => line,
                Ok(None) => continue,
                Err(error) => {
                    let detail = error.to_string();
                    self.faults
                        .note(FaultKind::Undecodable, self.last_ns, 1, &detail);
                    continue;
                }
            };
            self.last_ns = line.ns;
            let wanted = match self.interface.as_deref() {
                Some(only) => only == line.interface && self.map.accepts(None, &line.frame),
                None => self.map.accepts(Some(line.interface), &line.frame),
            };
            if !wanted {
                continue;
            }
            into.data.clear();
            into.data.extend_from_slice(&line.frame.to_bytes());
            into.sensor = self.sensor;
            into.format = RawFormat::CanFrame;
            into.captured_ns = line.ns;
            into.received_ns = line.ns;
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
        Some(self.taken as f64 / self.size.max(1) as f64)
    }
}
