//! `ti+serial:DEVICE`: a TI mmWave radar on a serial port.
//!
//! A packet is stamped when its last byte was read. The port is opened again when it vanishes.

use super::{
    ReadOutcome, Source, SourceError,
    faults::FaultLog,
    serial::{Got, Serial},
    ti_packets::{SKIPPED, TiPackets},
};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use std::time::Duration;

/// Baud rate of the data port in TI's demonstrations.
const BAUD: u32 = 921_600;
const PIECE: usize = 4096;

/// The radar's end of a serial port.
pub(super) struct TiSerial {
    sensor: SensorId,
    clock: fn() -> u64,
    port: Serial,
    piece: Vec<u8>,
    packets: TiPackets,
    received_ns: u64,
    sequence: u32,
    faults: FaultLog,
}

impl TiSerial {
    pub(super) fn open(
        uri: &SourceUri,
        sensor: SensorId,
        clock: fn() -> u64,
    ) -> Result<Self, SourceError> {
        let baud = uri.number("baud")?.unwrap_or(BAUD);
        Ok(Self {
            sensor,
            clock,
            port: Serial::new(uri.target(), baud, clock),
            piece: vec![0; PIECE],
            packets: TiPackets::default(),
            received_ns: 0,
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }

    /// Reads one piece, or tries to open the port.
    fn advance(&mut self, timeout: Duration) {
        if !self.port.is_open() {
            self.port.open(timeout, &mut self.faults);
            return;
        }
        match self.port.read(&mut self.piece, timeout, &mut self.faults) {
            Got::Bytes(read) => {
                self.received_ns = (self.clock)();
                self.packets
                    .push(self.piece.get(..read).unwrap_or_default());
            }
            Got::Nothing => {}
            Got::Lost => self.packets.finish(),
        }
    }
}

impl Source for TiSerial {
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        if self.packets.is_empty() {
            self.advance(timeout);
            let skipped = self.packets.take_skipped();
            let at = self.received_ns;
            self.faults
                .note(FaultKind::Undecodable, at, skipped, SKIPPED);
        }
        if !self.packets.pop(&mut into.data) {
            return Ok(ReadOutcome::Idle);
        }
        into.sensor = self.sensor;
        into.format = RawFormat::TiTlv;
        into.captured_ns = self.received_ns;
        into.received_ns = self.received_ns;
        into.sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        None
    }
}
