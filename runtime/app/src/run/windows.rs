//! Triggers: which windows of a run are kept, and why.

use crate::config::RecordSettings;
use crate::record_policy::RecordPolicy;
use drafthorse_record::messages::drafthorse as message;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Faults of one kind and sensor that are no further apart are one event, ns.
const ONE_EVENT_NS: u64 = 10_000_000_000;

/// Why a window is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A keyframe.
    Keyframe,
    /// An event of the traffic, told by the cues of the radar.
    Event,
    /// The onset of a fault.
    Fault,
    /// A note of the driver's.
    Note,
}

impl Reason {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyframe => "keyframe",
            Self::Event => "event",
            Self::Fault => "fault",
            Self::Note => "note",
        }
    }
}

/// Makes windows of triggers, as the policy says.
pub(super) struct Windows {
    policy: RecordPolicy,
    faults: bool,
    pre_ns: u64,
    post_ns: u64,
    /// When each kind of fault of each sensor was last told.
    told: Mutex<HashMap<(String, String), u64>>,
    kept: AtomicU64,
}

impl Windows {
    pub(super) fn new(settings: &RecordSettings) -> Self {
        let ns = |s: f64| (s * 1e9) as u64;
        Self {
            policy: settings.policy,
            faults: settings.windows.faults,
            pre_ns: ns(settings.windows.pre_roll_s),
            post_ns: ns(settings.windows.post_roll_s),
            told: Mutex::default(),
            kept: AtomicU64::new(0),
        }
    }

    /// How many windows were kept.
    pub(super) fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Whether keyframes are what is kept.
    pub(super) fn keeps_keyframes(&self) -> bool {
        self.policy == RecordPolicy::Keyframes
    }

    /// The window that a trigger asks for; none where the policy does not want it.
    pub(super) fn of(
        &self,
        at_ns: u64,
        reason: Reason,
        detail: &str,
    ) -> Option<message::KeptWindow> {
        let is_wanted = match (self.policy, reason) {
            (RecordPolicy::All, _) => false,
            (_, Reason::Note) => true,
            (RecordPolicy::Keyframes, reason) => reason == Reason::Keyframe,
            (RecordPolicy::Events, Reason::Fault) => self.faults,
            (RecordPolicy::Events, reason) => reason == Reason::Event,
        };
        if !is_wanted {
            return None;
        }
        self.kept.fetch_add(1, Ordering::Relaxed);
        Some(message::KeptWindow {
            at_ns,
            from_ns: at_ns.saturating_sub(self.pre_ns),
            to_ns: at_ns.saturating_add(self.post_ns),
            reason: reason.name().to_owned(),
            detail: detail.to_owned(),
        })
    }

    /// Whether a fault is the first of its kind and sensor, or the first after a while.
    pub(super) fn is_onset(&self, fault: &message::Fault, at_ns: u64) -> bool {
        if self.policy != RecordPolicy::Events || !self.faults {
            return false;
        }
        let kind = (fault.kind.clone(), fault.sensor.clone());
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let before = told.insert(kind, at_ns);
        before.is_none_or(|before| at_ns.abs_diff(before) > ONE_EVENT_NS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(policy: RecordPolicy) -> Windows {
        Windows::new(&RecordSettings {
            policy,
            ..RecordSettings::default()
        })
    }

    #[test]
    fn each_policy_has_its_reasons() {
        use Reason::{Event, Fault, Keyframe, Note};
        let wanted = |policy| {
            let windows = windows(policy);
            [Keyframe, Event, Fault, Note].map(|reason| windows.of(0, reason, "").is_some())
        };
        assert_eq!(wanted(RecordPolicy::All), [false; 4]);
        assert_eq!(wanted(RecordPolicy::Keyframes), [true, false, false, true]);
        assert_eq!(wanted(RecordPolicy::Events), [false, true, true, true]);
    }

    #[test]
    fn a_fault_that_goes_on_is_one_event() {
        let windows = windows(RecordPolicy::Events);
        let fault = |sensor: &str| message::Fault {
            kind: "undecodable".to_owned(),
            sensor: sensor.to_owned(),
            ..message::Fault::default()
        };
        let onsets = (0..600u64).filter(|tenth| {
            // A minute of faults, with a pause of eleven seconds.
            let is_pause = (200..310).contains(tenth);
            !is_pause && windows.is_onset(&fault("front"), tenth * 100_000_000)
        });
        assert_eq!(onsets.collect::<Vec<_>>(), [0, 310]);
        assert!(windows.is_onset(&fault("rear"), 60_000_000_000));
    }
}
