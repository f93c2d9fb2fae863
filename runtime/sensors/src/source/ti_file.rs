//! `ti:FILE`: a recorded TI mmWave byte stream.
//!
//! The stream carries no time of day. Stamps count from 0: by frame number where `?fps=` gives the
//! radar's frame rate, else by the header's counter of 200 MHz processor cycles, carried over each
//! time it wraps (after 21 s).

use super::{
    ReadOutcome, Source, SourceError,
    faults::FaultLog,
    ti_packets::{SKIPPED, TiPackets},
};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_wire::ti;
use std::{fs::File, io::Read, path::PathBuf, time::Duration};

const PIECE: usize = 4096;
/// A cycle of the 200 MHz processor.
const CYCLE_NS: u64 = 5;

/// Reads packet after packet.
pub(super) struct TiFile {
    path: PathBuf,
    file: File,
    sensor: SensorId,
    size: u64,
    taken: u64,
    piece: Vec<u8>,
    packets: TiPackets,
    time: PacketTime,
    last_ns: u64,
    sequence: u32,
    ended: bool,
    faults: FaultLog,
}

impl TiFile {
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
            piece: vec![0; PIECE],
            packets: TiPackets::default(),
            time: PacketTime::new(uri.number("fps")?),
            last_ns: 0,
            sequence: 0,
            ended: false,
            faults: FaultLog::new(sensor),
        };
        source.advance()?;
        if source.packets.is_empty() {
            return Err(SourceError::Format {
                path: source.path,
                expected: "a TI mmWave recording",
                why: "it holds no whole packet that begins with TI's magic word".to_owned(),
            });
        }
        Ok(source)
    }

    /// Reads on until there is a packet, or the file is over.
    fn advance(&mut self) -> Result<(), SourceError> {
        while self.packets.is_empty() && !self.ended {
            let read = self.file.read(&mut self.piece);
            let read = read.map_err(SourceError::read(&self.path))?;
            self.taken += read as u64;
            self.packets
                .push(self.piece.get(..read).unwrap_or_default());
            if read == 0 {
                self.ended = true;
                self.packets.finish();
            }
        }
        Ok(())
    }
}

impl Source for TiFile {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        self.advance()?;
        let skipped = self.packets.take_skipped();
        self.faults
            .note(FaultKind::Undecodable, self.last_ns, skipped, SKIPPED);
        if !self.packets.pop(&mut into.data) {
            return Ok(ReadOutcome::End);
        }
        if let Ok(header) = ti::header(&into.data) {
            self.last_ns = self.time.of(header.frame, header.cpu_cycles);
        }
        into.sensor = self.sensor;
        into.format = RawFormat::TiTlv;
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

/// Time since the first packet.
struct PacketTime {
    period_ns: Option<f64>,
    first_frame: Option<u32>,
    last_cycles: Option<u32>,
    cycles: u64,
}

impl PacketTime {
    fn new(frames_per_second: Option<f64>) -> Self {
        Self {
            period_ns: frames_per_second.map(|rate| 1e9 / rate),
            first_frame: None,
            last_cycles: None,
            cycles: 0,
        }
    }

    fn of(&mut self, frame: u32, cycles: u32) -> u64 {
        if let Some(period_ns) = self.period_ns {
            let first = *self.first_frame.get_or_insert(frame);
            return (f64::from(frame.wrapping_sub(first)) * period_ns).round() as u64;
        }
        let last = self.last_cycles.replace(cycles).unwrap_or(cycles);
        self.cycles += u64::from(cycles.wrapping_sub(last));
        self.cycles * CYCLE_NS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cycle_counter_is_carried_over_its_wrap() {
        let mut time = PacketTime::new(None);
        assert_eq!(time.of(1, u32::MAX - 9_999_999), 0);
        assert_eq!(time.of(2, 10_000_000), 100_000_000);
        assert_eq!(time.of(3, 30_000_000), 200_000_000);
    }

    #[test]
    fn the_frame_rate_spaces_frames_by_their_number() {
        let mut time = PacketTime::new(Some(20.0));
        assert_eq!(time.of(7, 0), 0);
        assert_eq!(time.of(9, 0), 100_000_000);
    }
}
