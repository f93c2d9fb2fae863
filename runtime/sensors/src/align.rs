//! Clock alignment: checks of every stamp, and pairing of cameras with radars by capture time.
//!
//! A pure fold over message headers: no clock is read, nothing depends on threads or on the order
//! in which *different* sensors' messages arrive within the pairing horizon, and the whole state
//! can be written into a checkpoint and taken up again. Bytes are never looked at here.
//!
//! # Pairing
//! Per camera, a frame and a radar cycle are a pair when each is the other's nearest in capture
//! time (sensor offsets applied) and they are no farther apart than the tolerance. The frame looks
//! at the cycles of all radars; a cycle may serve several cameras, but only one frame of each. Ties
//! go to the earlier stamp, then to the sensor configured first. A decision is taken once no
//! better candidate can come: every sensor of the other side has sent a later stamp, or the
//! horizon has passed. Each frame and each cycle gets exactly one kind of outcome.
//!
//! A radar cycle is a message, with two exceptions: the CAN frames of one radar that follow its
//! first within 10 ms are one cycle, and so are an ARS548's detection and object list of one
//! measurement. The outcome names the cycle's first message. An ARS548's status takes no part, nor does the
//! sync microcontroller.

mod config;
mod pairing;
mod stamps;

pub use config::AlignConfig;
pub use pairing::Pairing;

use crate::sync::SyncRecord;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use pairing::{Item, Pairer};
use serde::{Deserialize, Serialize};
use stamps::{SensorClock, Verdict};

/// What alignment needs to know of a sensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignSensor {
    /// The sensor.
    pub id: SensorId,
    /// Its configured name, for the words of a fault.
    pub name: String,
    /// Whether it is a camera (a radar or CAN otherwise).
    pub is_camera: bool,
    /// Whether its silence is a fault (live sources).
    pub stall_check: bool,
    /// Added to its capture stamps before they are compared with other sensors', ns.
    pub offset_ns: i64,
}

/// The part of a raw message that alignment looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which sensor.
    pub sensor: SensorId,
    /// Its message count.
    pub sequence: u32,
    /// Capture stamp, ns on the vehicle clock.
    pub captured_ns: u64,
    /// Receive stamp, ns on the vehicle clock.
    pub received_ns: u64,
    /// What the bytes are.
    pub format: RawFormat,
    /// Which of the sensor's interleaved message streams it belongs to: an ARS548's method
    /// (336 detections, 329 objects, 380 status), or a line of the sync microcontroller
    /// ([`SyncRecord::stream`]); 0 for all others.
    pub stream: u16,
}

impl Header {
    /// The header of a message.
    #[must_use]
    pub fn of(message: &RawMessage) -> Self {
        let stream = match (message.format, message.data.get(2..4)) {
            (RawFormat::Ars548, Some(&[high, low])) => u16::from_be_bytes([high, low]),
            (RawFormat::Sync, _) => {
                SyncRecord::decode(&message.data).map_or(0, |record| record.stream())
            }
            _ => 0,
        };
        Self {
            sensor: message.sensor,
            sequence: message.sequence,
            captured_ns: message.captured_ns,
            received_ns: message.received_ns,
            format: message.format,
            stream,
        }
    }

    fn takes_part(&self) -> bool {
        match self.format {
            RawFormat::Ars548 => self.stream != STATUS_METHOD,
            format => format != RawFormat::Sync,
        }
    }
}

const STATUS_METHOD: u16 = 380;

/// What one step of alignment found. Cleared by each step, so that it can be reused.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alignment {
    /// Pairing outcomes that became certain.
    pub pairings: Vec<Pairing>,
    /// Stamps out of order, sensors that lag, stall or recover.
    pub faults: Vec<Fault>,
}

impl Alignment {
    fn clear(&mut self) {
        self.pairings.clear();
        self.faults.clear();
    }
}

/// The fold. Serialise it to take a checkpoint; a restored one goes on exactly alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aligner {
    config: AlignConfig,
    sensors: Vec<AlignSensor>,
    clocks: Vec<SensorClock>,
    pairer: Pairer,
    /// First receive stamp or tick: silence is counted from here before a sensor's first message.
    started_ns: Option<u64>,
}

impl Aligner {
    /// An aligner of those sensors; messages of others are ignored.
    #[must_use]
    pub fn new(config: &AlignConfig, sensors: &[AlignSensor]) -> Self {
        Self {
            config: config.clone(),
            sensors: sensors.to_vec(),
            clocks: vec![SensorClock::default(); sensors.len()],
            pairer: Pairer::new(config, sensors),
            started_ns: None,
        }
    }

    /// Takes the next message's header, in the order of the log.
    pub fn observe(&mut self, header: &Header, out: &mut Alignment) {
        out.clear();
        let Some(index) = self.sensors.iter().position(|s| s.id == header.sensor) else {
            return;
        };
        self.started_ns.get_or_insert(header.received_ns);
        self.note_recovery(index, header, out);
        let verdict = self.clocks[index].check(header, self.config.jump_limit_ns());
        if let Verdict::Faulty(kind, ref words) = verdict {
            let detail = format!("{}: {words}", self.sensors[index].name);
            out.faults.push(fault(kind, header, detail));
        }
        let trusted = !matches!(verdict, Verdict::Faulty(..));
        let aligned_ns = self.aligned(index, header.captured_ns);
        if trusted {
            let first = self.clocks[index].aligned_ns.replace(aligned_ns).is_none();
            self.check_lag(index, header, out);
            if first {
                self.check_left_behind(index, header, out);
            }
        }
        if header.takes_part() {
            let item = Item::of(header, aligned_ns);
            let rebased = verdict == Verdict::Rebased;
            self.pairer.add(index, item, trusted, rebased, out);
        }
    }

    /// Tells the time on the vehicle clock (on the receive stamps' axis): finds stalled sensors
    /// and decides what has waited for the horizon.
    pub fn tick(&mut self, at_ns: u64, out: &mut Alignment) {
        out.clear();
        let started_ns = *self.started_ns.get_or_insert(at_ns);
        let limit_ns = self.config.stall_after_ns();
        for (sensor, clock) in self.sensors.iter().zip(&mut self.clocks) {
            let since = clock.received_ns.unwrap_or(started_ns);
            let silent_ns = at_ns.saturating_sub(since);
            if !sensor.stall_check || clock.stalled || silent_ns <= limit_ns {
                continue;
            }
            clock.stalled = true;
            out.faults.push(Fault {
                kind: FaultKind::SensorStalled,
                sensor: Some(sensor.id),
                at_ns,
                count: 1,
                detail: format!(
                    "{}: no message for {:.1} s",
                    sensor.name,
                    seconds(silent_ns)
                ),
            });
        }
        self.pairer.expire(at_ns, out);
    }

    /// Decides all that is still undecided, at the end of a run.
    pub fn finish(&mut self, out: &mut Alignment) {
        out.clear();
        self.pairer.finish(out);
    }

    /// Messages waiting for their outcome.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.pairer.pending()
    }

    fn aligned(&self, index: usize, captured_ns: u64) -> i64 {
        let captured = i64::try_from(captured_ns).unwrap_or(i64::MAX);
        captured.saturating_add(self.sensors[index].offset_ns)
    }

    fn note_recovery(&mut self, index: usize, header: &Header, out: &mut Alignment) {
        let (sensor, clock) = (&self.sensors[index], &mut self.clocks[index]);
        if std::mem::take(&mut clock.stalled) {
            let since = clock.received_ns.or(self.started_ns).unwrap_or_default();
            let silent_ns = header.received_ns.saturating_sub(since);
            let name = &sensor.name;
            let detail = format!("{name}: messages again after {:.1} s", seconds(silent_ns));
            out.faults
                .push(fault(FaultKind::SensorRecovered, header, detail));
        }
    }

    /// A sensor that begins far ahead shows that those before it lag, even if they say no more.
    fn check_left_behind(&mut self, index: usize, header: &Header, out: &mut Alignment) {
        let limit_ns = i64::try_from(self.config.lag_limit_ns()).unwrap_or(i64::MAX);
        let Some(own_ns) = self.clocks[index].aligned_ns else {
            return;
        };
        for other in 0..self.clocks.len() {
            let Some(other_ns) = self.clocks[other].aligned_ns else {
                continue;
            };
            let lag_ns = own_ns.saturating_sub(other_ns);
            if self.config.unrelated || self.clocks[other].lags || lag_ns <= limit_ns {
                continue;
            }
            self.clocks[other].lags = true;
            out.faults.push(Fault {
                sensor: Some(self.sensors[other].id),
                ..fault(
                    FaultKind::SensorLag,
                    header,
                    self.lag_words(other, lag_ns, index),
                )
            });
        }
    }

    fn lag_words(&self, behind: usize, lag_ns: i64, ahead: usize) -> String {
        format!(
            "{}: {:.1} s behind {}",
            self.sensors[behind].name,
            seconds(lag_ns.unsigned_abs()),
            self.sensors[ahead].name
        )
    }

    /// Compares the sensor with the one that is farthest ahead; once an episode.
    fn check_lag(&mut self, index: usize, header: &Header, out: &mut Alignment) {
        if self.config.unrelated {
            return;
        }
        let Some(own_ns) = self.clocks[index].aligned_ns else {
            return;
        };
        let others = (0..self.clocks.len()).filter(|&o| o != index);
        let ahead = others
            .filter_map(|o| self.clocks[o].aligned_ns.map(|ns| (ns, o)))
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((ahead_ns, ahead)) = ahead else {
            return;
        };
        let lag_ns = ahead_ns.saturating_sub(own_ns);
        let lags = lag_ns > i64::try_from(self.config.lag_limit_ns()).unwrap_or(i64::MAX);
        if lags && !self.clocks[index].lags {
            let detail = self.lag_words(index, lag_ns, ahead);
            out.faults.push(fault(FaultKind::SensorLag, header, detail));
        }
        self.clocks[index].lags = lags;
    }
}

fn fault(kind: FaultKind, header: &Header, detail: String) -> Fault {
    Fault {
        kind,
        sensor: Some(header.sensor),
        at_ns: header.received_ns,
        count: 1,
        detail,
    }
}

fn seconds(ns: u64) -> f64 {
    ns as f64 * 1e-9
}
