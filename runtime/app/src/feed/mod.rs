//! Sources brought together: URIs become feeds of stamped raw messages, and the configuration
//! becomes the plan. Sources that need several rooms (a log, a synthetic drive) are composed here.

pub mod can;
mod log;
mod resolve;
mod synth;

pub(crate) use log::{format_of, plan, raw_of, sensor_of};
pub use resolve::{Resolved, check, first_stamp, keyframes_of, known_sensors, resolve, sensors};
pub use synth::SynthOptions;
pub(crate) use synth::sample_scans;

use crate::guard;
use drafthorse_core::{Fault, FaultKind, GroundTruth, RawFormat, RawMessage, SensorId};
use drafthorse_sensors::{ReadOutcome, Source};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Ground truth on its way beside the messages.
pub type SharedTruth = Arc<Mutex<Vec<GroundTruth>>>;

/// One source with the message it has read last.
pub struct Feed {
    source: Box<dyn Source>,
    truth: Option<SharedTruth>,
    /// Added to capture and receive stamps, by sensor.
    shifts: Vec<Shift>,
    message: RawMessage,
    full: bool,
    ended: bool,
    /// The source could not go on.
    failed: bool,
    /// What was lost before the run began.
    early_faults: Vec<Fault>,
}

/// What is added to a sensor's stamps, ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// The sensor's own offset: capture only.
    pub captured_ns: i64,
    /// Between the time base of a recording and that of the run: capture and receipt.
    pub base_ns: i64,
}

impl Feed {
    pub(crate) fn new(source: Box<dyn Source>, sensor: SensorId, format: RawFormat) -> Self {
        Self {
            source,
            truth: None,
            shifts: Vec::new(),
            message: RawMessage::empty(sensor, format),
            full: false,
            ended: false,
            failed: false,
            early_faults: Vec::new(),
        }
    }

    /// The message read last, until the next is read.
    pub fn head(&self) -> Option<&RawMessage> {
        self.full.then_some(&self.message)
    }

    /// The same, whose stamps may be corrected.
    pub fn head_mut(&mut self) -> Option<&mut RawMessage> {
        self.full.then_some(&mut self.message)
    }

    /// Part of the recording that was read, 0 to 1.
    pub fn progress(&self) -> Option<f64> {
        if self.ended {
            return Some(1.0);
        }
        self.source.progress()
    }

    /// Whether the source broke off with an error.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// The sensor this feed stands for in faults (the first, where it has several).
    pub fn sensor(&self) -> SensorId {
        self.message.sensor
    }

    /// Reads the next message; `false` once there will be no more. What was lost on the way is
    /// appended to `faults`.
    pub fn read(&mut self, timeout: Duration, faults: &mut Vec<Fault>) -> bool {
        self.full = false;
        if self.ended {
            return false;
        }
        let Self {
            source, message, ..
        } = self;
        let read = match guard::catch(|| source.read(message, timeout)) {
            Ok(read) => read.map_err(|error| error.to_string()),
            // Whatever state it is in: it is not asked again.
            Err(why) => {
                faults.push(self.break_off(format!("{why}; this is a fault of this program")));
                return false;
            }
        };
        match read {
            Ok(ReadOutcome::Message) => {
                self.full = true;
                self.shift();
            }
            Ok(ReadOutcome::Idle) => {}
            Ok(ReadOutcome::End) => self.ended = true,
            Err(why) => faults.push(self.break_off(why)),
        }
        self.source.take_faults(faults);
        !self.ended
    }

    /// Ends the source, which cannot go on; gives the fault that says so.
    fn break_off(&mut self, why: String) -> Fault {
        self.ended = true;
        self.failed = true;
        Fault {
            kind: FaultKind::SensorLost,
            sensor: Some(self.message.sensor),
            at_ns: match self.message.received_ns {
                0 => drafthorse_sensors::vehicle_clock_ns(),
                last => last,
            },
            count: 1,
            detail: why,
        }
    }

    /// Hands over what was lost before the run began.
    pub fn take_faults(&mut self, out: &mut Vec<Fault>) {
        out.append(&mut self.early_faults);
    }

    /// Moves all stamps, also those of the message at hand, by `base_ns`.
    fn rebase(&mut self, base_ns: i64) {
        for shift in &mut self.shifts {
            shift.base_ns = base_ns;
        }
        let message = &mut self.message;
        message.captured_ns = message.captured_ns.saturating_add_signed(base_ns);
        message.received_ns = message.received_ns.saturating_add_signed(base_ns);
    }

    /// Reads on until there is a message or the recording ends.
    pub fn advance(&mut self, faults: &mut Vec<Fault>) {
        while self.read(Duration::from_secs(1), faults) && !self.full {}
    }

    /// Hands over the ground truth that goes with the message read last.
    pub fn take_truth(&self, mut take: impl FnMut(&GroundTruth)) {
        if let Some(truth) = &self.truth {
            let mut waiting = truth.lock().unwrap_or_else(PoisonError::into_inner);
            for truth in waiting.drain(..) {
                take(&truth);
            }
        }
    }

    fn shift(&mut self) {
        let Some(shift) = self.shifts.get(usize::from(self.message.sensor.0)) else {
            return;
        };
        let message = &mut self.message;
        message.captured_ns = message
            .captured_ns
            .saturating_add_signed(shift.captured_ns.saturating_add(shift.base_ns));
        message.received_ns = message.received_ns.saturating_add_signed(shift.base_ns);
    }
}
