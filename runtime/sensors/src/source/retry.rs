//! When to try a vanished device again, and what to say about it.

use super::{ReadOutcome, faults::FaultLog};
use drafthorse_core::FaultKind;
use std::{
    thread,
    time::{Duration, Instant},
};

/// State of a device that comes and goes.
#[derive(Debug)]
pub(super) struct Retry {
    pause: Duration,
    next: Option<Instant>,
    lost: bool,
}

impl Retry {
    /// A device that is tried at once, and after each failure every `pause`.
    pub(super) fn every(pause: Duration) -> Self {
        Self {
            pause,
            next: None,
            lost: false,
        }
    }

    /// Whether it is time to try; sleeps for at most `timeout` where it is not.
    pub(super) fn due(&mut self, timeout: Duration) -> bool {
        let Some(next) = self.next else {
            return true;
        };
        thread::sleep(next.saturating_duration_since(Instant::now()).min(timeout));
        next <= Instant::now()
    }

    /// The device works: says so where it was lost.
    pub(super) fn found(&mut self, faults: &mut FaultLog, at_ns: u64, what: &str) {
        self.next = None;
        if std::mem::take(&mut self.lost) {
            let detail = format!("{what} is back");
            faults.note(FaultKind::SensorRecovered, at_ns, 1, &detail);
        }
    }

    /// The device is gone or cannot be opened: says so once.
    pub(super) fn failed(
        &mut self,
        faults: &mut FaultLog,
        at_ns: u64,
        what: &str,
        error: &dyn std::fmt::Display,
    ) -> ReadOutcome {
        self.next = Some(Instant::now() + self.pause);
        if !std::mem::replace(&mut self.lost, true) {
            let detail = format!("{what} is lost, waiting for it: {error}");
            faults.note(FaultKind::SensorLost, at_ns, 1, &detail);
        }
        ReadOutcome::Idle
    }
}
