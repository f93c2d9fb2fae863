//! What each call says of the link and of the target behind it.

use super::action::Failure;
use super::backoff::nanoseconds;
use super::machine::{Call, Engine, Kind};
use crate::link::{LinkState, Sample};

/// A spool begins to be sent within this after the link is back.
const TOGETHER_NS: u64 = 2_000_000_000;
/// A target that asks for more patience than this gets so much.
const PATIENCE_NS: u64 = 300_000_000_000;

impl Engine {
    /// Link and pauses after a failure.
    pub(super) fn fault_of(&mut self, call: &Call, failure: &Failure, bytes: u64) {
        match failure {
            Failure::Unanswered => {
                if call.kind != Kind::Probe {
                    self.counts.unanswered += 1;
                }
                self.saw(call, bytes, false);
            }
            Failure::Busy { after_ns } => {
                self.saw(call, bytes, true);
                self.busy += 1;
                let pause = self.jitter.pause_ns(self.busy);
                // Half of it more at most: not all that were sent away come back at the same moment.
                let hint = after_ns.unwrap_or(0).min(PATIENCE_NS);
                let wait = (hint + self.jitter.up_to_ns(hint / 2)).max(pause);
                let until = self.now_ns.saturating_add(wait);
                self.busy_until_ns = self.busy_until_ns.max(until);
            }
            Failure::NotLetIn => {
                let was = self.link.state();
                self.link.refused(self.now_ns);
                self.link_went_from(was);
            }
            Failure::Faulty(_) | Failure::Refused(_) => self.saw(call, bytes, true),
        }
    }

    pub(super) fn saw(&mut self, call: &Call, bytes: u64, answered: bool) {
        let was = self.link.state();
        self.link.saw(Sample {
            at_ns: self.now_ns,
            took_ns: self.now_ns.saturating_sub(call.since_ns),
            bytes,
            answered,
            verdict: call.kind != Kind::Probe,
        });
        if answered {
            let quiet = nanoseconds(self.settings.probe);
            self.probe_at_ns = self.now_ns.saturating_add(quiet);
        }
        self.link_went_from(was);
    }

    fn link_went_from(&mut self, was: LinkState) {
        match (was, self.link.state()) {
            (LinkState::Poor | LinkState::Up, LinkState::Down) => {
                self.probes_failed = 1;
                let pause = self.jitter.pause_ns(1);
                self.probe_at_ns = self.now_ns.saturating_add(pause);
            }
            (LinkState::Unknown | LinkState::Down, LinkState::Poor | LinkState::Up) => {
                // All vehicles of a cell may have been without it: they do not all send their spools at once.
                let wait = self.jitter.up_to_ns(TOGETHER_NS);
                self.spooled_at_ns = self.now_ns.saturating_add(wait);
                self.spooled_failed = 0;
            }
            _ => {}
        }
    }
}
