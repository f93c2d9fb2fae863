//! Checks of one sensor's stamps against its own past.

use super::{Header, seconds};
use drafthorse_core::{FaultKind, RawFormat};
use serde::{Deserialize, Serialize};

/// What the stamps of a sensor were so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SensorClock {
    streams: Vec<Stream>,
    /// Receive stamp of the last message.
    pub(super) received_ns: Option<u64>,
    /// Last trusted capture stamp, offset applied.
    pub(super) aligned_ns: Option<i64>,
    /// Reported as silent.
    pub(super) stalled: bool,
    /// Reported as behind another sensor.
    pub(super) lags: bool,
}

/// One of the interleaved message streams of a sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stream {
    id: u16,
    trusted: Stamps,
    /// The previous message's stamps, where they were not trusted.
    suspect: Option<Stamps>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stamps {
    captured_ns: u64,
    received_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// In order.
    Good,
    /// In order with the message before it, whose jump is herewith taken as the new time.
    Rebased,
    /// Not to be used.
    Faulty(FaultKind, String),
}

/// A sensor has a handful of streams; malformed identifiers must not grow the state.
const MAX_STREAMS: usize = 8;

impl SensorClock {
    /// Judges the next message of this sensor.
    ///
    /// One stamp off is a fault and the next is compared with the last trusted one. Where the next
    /// goes on from the odd one, the clock was set, and the new time is trusted from there: a
    /// clock that is set costs one fault, not one a message.
    pub(super) fn check(&mut self, header: &Header, jump_limit_ns: u64) -> Verdict {
        let now = Stamps {
            captured_ns: header.captured_ns,
            received_ns: header.received_ns,
        };
        self.received_ns = Some(now.received_ns);
        let known = self.streams.iter().position(|s| s.id == header.stream);
        let Some(index) = known else {
            if self.streams.len() >= MAX_STREAMS {
                self.streams.remove(0);
            }
            self.streams.push(Stream {
                id: header.stream,
                trusted: now,
                suspect: None,
            });
            return match future(now, jump_limit_ns) {
                Some(words) => Verdict::Faulty(FaultKind::ClockJump, words),
                None => Verdict::Good,
            };
        };
        let stream = &mut self.streams[index];
        let Some((kind, words)) = stream.trusted.step(now, header.format, jump_limit_ns) else {
            stream.trusted = now;
            stream.suspect = None;
            return Verdict::Good;
        };
        let goes_on = stream
            .suspect
            .is_some_and(|suspect| suspect.step(now, header.format, jump_limit_ns).is_none());
        if goes_on {
            stream.trusted = now;
            stream.suspect = None;
            return Verdict::Rebased;
        }
        stream.suspect = Some(now);
        Verdict::Faulty(kind, words)
    }
}

impl Stamps {
    /// What is wrong with `now` coming after `self`.
    fn step(self, now: Self, format: RawFormat, jump_limit_ns: u64) -> Option<(FaultKind, String)> {
        let (before, after) = (self.captured_ns, now.captured_ns);
        if after < before {
            let back = seconds(before - after);
            return Some((
                FaultKind::ClockBackwards,
                format!("capture stamp {back:.3} s before its predecessor"),
            ));
        }
        if after == before && format != RawFormat::CanFrame {
            return Some((
                FaultKind::ClockDuplicate,
                format!("capture stamp {after} ns twice"),
            ));
        }
        let passed = now.received_ns.saturating_sub(self.received_ns);
        let excess = (after - before).saturating_sub(passed);
        if excess > jump_limit_ns {
            let ahead = seconds(excess);
            return Some((
                FaultKind::ClockJump,
                format!("capture stamp jumped {ahead:.3} s ahead of the time passed"),
            ));
        }
        future(now, jump_limit_ns)
            .filter(|_| future(self, jump_limit_ns).is_none())
            .map(|words| (FaultKind::ClockJump, words))
    }
}

/// A capture after its own receipt.
fn future(stamps: Stamps, limit_ns: u64) -> Option<String> {
    let ahead = stamps.captured_ns.saturating_sub(stamps.received_ns);
    let words = || {
        let ahead = seconds(ahead);
        format!("capture stamp {ahead:.3} s after its receipt")
    };
    (ahead > limit_ns).then(words)
}
