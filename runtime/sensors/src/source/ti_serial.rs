//! `ti+serial:DEVICE`: a TI mmWave radar on a serial port.
//!
//! A packet is stamped when its last byte was read. The port is opened again when it vanishes.

use super::{
    ReadOutcome, Source, SourceError,
    faults::FaultLog,
    retry::Retry,
    ti_packets::{SKIPPED, TiPackets},
};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use serialport::{SerialPort, TTYPort};
use std::{
    io::{self, Read},
    time::Duration,
};

/// Baud rate of the data port in TI's demonstrations.
const BAUD: u32 = 921_600;
const PIECE: usize = 4096;

/// A serial port that comes and goes.
pub(super) struct TiSerial {
    device: String,
    name: String,
    baud: u32,
    sensor: SensorId,
    clock: fn() -> u64,
    port: Option<TTYPort>,
    retry: Retry,
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
        Ok(Self {
            device: uri.target().to_owned(),
            name: format!("the serial port {}", uri.target()),
            baud: uri.number("baud")?.unwrap_or(BAUD),
            sensor,
            clock,
            port: None,
            retry: Retry::every(Duration::from_millis(500)),
            piece: vec![0; PIECE],
            packets: TiPackets::default(),
            received_ns: 0,
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }

    fn failed(&mut self, error: &dyn std::fmt::Display) {
        self.port = None;
        self.packets.finish();
        let at = (self.clock)();
        self.retry.failed(&mut self.faults, at, &self.name, error);
    }

    /// Reads one piece, or tries to open the port.
    fn advance(&mut self, timeout: Duration) {
        let Some(port) = &mut self.port else {
            if !self.retry.due(timeout) {
                return;
            }
            match serialport::new(&self.device, self.baud).open_native() {
                Ok(port) => {
                    self.port = Some(port);
                    let at = (self.clock)();
                    self.retry.found(&mut self.faults, at, &self.name);
                }
                Err(error) => self.failed(&error),
            }
            return;
        };
        let timeout = timeout.max(Duration::from_millis(1));
        if port.timeout() != timeout && port.set_timeout(timeout).is_err() {
            return self.failed(&"its timeout cannot be set");
        }
        match port.read(&mut self.piece) {
            Ok(0) => self.failed(&"it was closed"),
            Ok(read) => {
                self.received_ns = (self.clock)();
                self.packets
                    .push(self.piece.get(..read).unwrap_or_default());
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => self.failed(&error),
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
