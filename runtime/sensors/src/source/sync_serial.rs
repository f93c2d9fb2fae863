//! `sync:DEVICE`: the sync microcontroller on a serial port.
//!
//! Its messages are stamped on the vehicle clock by its own stamps and what exchanges of time say of its
//! clock. The port is opened again when it vanishes.

use super::serial::{Got, Serial};
use super::{ReadOutcome, Source, SourceError, faults::FaultLog};
use crate::sync::{Event, SyncLink, triggers_of};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use std::time::{Duration, Instant};

const BAUD: u32 = 921_600;
const PIECE: usize = 512;

/// The microcontroller's end of a serial port.
pub(super) struct SyncSerial {
    sensor: SensorId,
    clock: fn() -> u64,
    port: Serial,
    link: SyncLink,
    piece: Vec<u8>,
    out: Vec<u8>,
    sequence: u32,
    faults: FaultLog,
    missing: u32,
    dropped: u32,
}

impl SyncSerial {
    pub(super) fn open(
        uri: &SourceUri,
        sensor: SensorId,
        clock: fn() -> u64,
    ) -> Result<Self, SourceError> {
        let baud = uri.number("baud")?.unwrap_or(BAUD);
        let triggers: Vec<_> = triggers_of(uri).collect();
        // Any number does that the session before this one had not.
        let session = clock() as u16;
        Ok(Self {
            sensor,
            clock,
            port: Serial::new(uri.target(), baud, clock),
            link: SyncLink::new(baud, &triggers, session),
            piece: vec![0; PIECE],
            out: Vec::with_capacity(PIECE),
            sequence: 0,
            faults: FaultLog::new(sensor),
            missing: 0,
            dropped: 0,
        })
    }

    /// Sends what is due and reads one piece, or tries to open the port.
    fn advance(&mut self, timeout: Duration) {
        if !self.port.is_open() {
            self.port.open(timeout, &mut self.faults);
            return;
        }
        self.out.clear();
        self.link.send((self.clock)(), &mut self.out);
        if !self.port.write(&self.out, &mut self.faults) {
            return;
        }
        let until_send = self.link.next_send_ns().saturating_sub((self.clock)());
        let wait = timeout.min(Duration::from_nanos(until_send));
        if let Got::Bytes(read) = self.port.read(&mut self.piece, wait, &mut self.faults) {
            let received_ns = (self.clock)();
            let piece = self.piece.get(..read).unwrap_or_default();
            self.link.receive(piece, received_ns);
            self.tell(received_ns);
        }
    }

    /// Makes faults of what happened.
    fn tell(&mut self, at_ns: u64) {
        for event in self.link.take_events() {
            let (kind, words) = match event {
                Event::Restarted => (
                    FaultKind::SensorRecovered,
                    "the sync microcontroller started anew; its outputs are declared again".into(),
                ),
                Event::ClockSet => (
                    FaultKind::ClockJump,
                    "the vehicle clock was set, or the sync microcontroller's; stamps begin anew"
                        .into(),
                ),
                Event::Refused(trigger, why) => (
                    FaultKind::OutOfRange,
                    format!(
                        "output {} of the sync microcontroller refuses its pulses ({why:?}); correct \
                         out{0}= in its source",
                        trigger.output
                    ),
                ),
                Event::Version(error) => (FaultKind::Undecodable, error.to_string()),
            };
            self.faults.note(kind, at_ns, 1, &words);
        }
        let counts = self.link.counts();
        for (now, before, kind, words) in [
            (
                counts.frames_missing,
                &mut self.missing,
                FaultKind::CounterGap,
                "frames of the sync microcontroller were lost or damaged on the line",
            ),
            (
                counts.records_dropped,
                &mut self.dropped,
                FaultKind::Dropped,
                "messages of the sync microcontroller came before its clock was known, or were not read \
                 in time",
            ),
        ] {
            self.faults
                .note(kind, at_ns, u64::from(now.saturating_sub(*before)), words);
            *before = now;
        }
    }
}

impl Source for SyncSerial {
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        let end = Instant::now() + timeout;
        let mut is_last = false;
        let stamped = loop {
            if let Some(stamped) = self.link.pop() {
                break stamped;
            }
            if is_last {
                return Ok(ReadOutcome::Idle);
            }
            let left = end.saturating_duration_since(Instant::now());
            is_last = left.is_zero() || !self.port.is_open();
            self.advance(left);
        };
        stamped.record.encode(&mut into.data);
        into.sensor = self.sensor;
        into.format = RawFormat::Sync;
        into.captured_ns = stamped.captured_ns;
        into.received_ns = stamped.received_ns;
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
