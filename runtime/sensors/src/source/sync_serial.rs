//! `sync:DEVICE`: the sync microcontroller on a serial port.
//!
//! Its messages are stamped on the vehicle clock by its own stamps and what exchanges of time say of its
//! clock. The port is opened again when it vanishes.

use super::{ReadOutcome, Source, SourceError, faults::FaultLog, retry::Retry};
use crate::sync::{Event, SyncLink};
use crate::uri::{SourceUri, output, pulses};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_link::Trigger;
use serialport::{SerialPort, TTYPort};
use std::{
    io::{self, Read, Write},
    time::{Duration, Instant},
};

const BAUD: u32 = 921_600;
const PIECE: usize = 512;
/// How long a pulse is, where its period is at least twice that.
const WIDTH_NS: u32 = 1_000_000;

/// A serial port that comes and goes.
pub(super) struct SyncSerial {
    device: String,
    name: String,
    baud: u32,
    sensor: SensorId,
    clock: fn() -> u64,
    port: Option<TTYPort>,
    retry: Retry,
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
        let triggers: Vec<_> = uri.options().iter().filter_map(trigger).collect();
        // Any number does that the session before this one had not.
        let session = clock() as u16;
        Ok(Self {
            device: uri.target().to_owned(),
            name: format!("the serial port {}", uri.target()),
            baud,
            sensor,
            clock,
            port: None,
            retry: Retry::every(Duration::from_millis(500)),
            link: SyncLink::new(baud, &triggers, session),
            piece: vec![0; PIECE],
            out: Vec::with_capacity(PIECE),
            sequence: 0,
            faults: FaultLog::new(sensor),
            missing: 0,
            dropped: 0,
        })
    }

    fn failed(&mut self, error: &dyn std::fmt::Display) {
        self.port = None;
        let at = (self.clock)();
        self.retry.failed(&mut self.faults, at, &self.name, error);
    }

    /// Sends what is due and reads one piece, or tries to open the port.
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
        self.out.clear();
        self.link.send((self.clock)(), &mut self.out);
        if !self.out.is_empty()
            && let Err(error) = port.write_all(&self.out)
        {
            return self.failed(&error);
        }
        let until_send = self.link.next_send_ns().saturating_sub((self.clock)());
        let wait = timeout.min(Duration::from_nanos(until_send));
        let wait = wait.max(Duration::from_millis(1));
        if port.timeout() != wait && port.set_timeout(wait).is_err() {
            return self.failed(&"its timeout cannot be set");
        }
        match port.read(&mut self.piece) {
            Ok(0) => self.failed(&"it was closed"),
            Ok(read) => {
                let received_ns = (self.clock)();
                let piece = self.piece.get(..read).unwrap_or_default();
                self.link.receive(piece, received_ns);
                self.tell(received_ns);
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) => {}
            Err(error) => self.failed(&error),
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

/// What an option says of an output; it was checked with the URI.
fn trigger((key, value): &(String, String)) -> Option<Trigger> {
    let (rate_millihz, phase_ns) = pulses(value)?;
    let half_period_ns = 500_000_000_000 / u64::from(rate_millihz);
    Some(Trigger {
        output: output(key)?,
        rate_millihz,
        phase_ns,
        width_ns: half_period_ns.min(u64::from(WIDTH_NS)) as u32,
    })
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
            is_last = left.is_zero() || self.port.is_none();
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
