//! Events of a drive: a cue rises to its threshold and stays there. Hysteresis keeps one event from being
//! told twice: the next of its kind begins only after the cue has been low for a while.

use crate::cues::Cues;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a cue is an event; without unit, as the cue.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// An event begins at this level. Above 2, the most that a cue can be, never.
    pub begins: f32,
    /// An event is over below this.
    pub ends: f32,
}

/// Thresholds of the cues. Births and losses of tracks are no event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EventConfig {
    /// The vehicle's own deceleration, against 6 m/s².
    pub braking: Threshold,
    /// Hard braking of somebody ahead: 0 up to 2 m/s², 1 from 5 m/s² on.
    pub leader_braking: Threshold,
    /// Deceleration that a conflict asks for, against 6 m/s².
    pub conflict: Threshold,
    /// How soon a conflict would be a collision: 1 at a second, 0 from 4 s on.
    pub urgency: Threshold,
    /// The same of somebody who has just come into the vehicle's path.
    pub entry: Threshold,
    /// How long a cue must stay at its threshold, s: a single scan may err.
    pub holds_s: f64,
    /// How long it must be low before another event of its kind, s.
    pub quiet_s: f64,
}

impl Default for EventConfig {
    fn default() -> Self {
        let at = |begins: f32| Threshold {
            begins,
            ends: 0.5 * begins,
        };
        Self {
            braking: at(0.6),
            leader_braking: at(0.6),
            conflict: at(0.5),
            urgency: at(0.5),
            entry: at(0.3),
            holds_s: 0.1,
            quiet_s: 2.0,
        }
    }
}

impl EventConfig {
    fn thresholds(&self) -> [Threshold; KINDS.len()] {
        [
            self.braking,
            self.leader_braking,
            self.conflict,
            self.urgency,
            self.entry,
        ]
    }

    fn check(&self) -> Result<(), EventConfigError> {
        for (kind, threshold) in KINDS.into_iter().zip(self.thresholds()) {
            let Threshold { begins, ends } = threshold;
            let can_be = ends > 0.0 && ends <= begins && begins.is_finite();
            if !can_be {
                return Err(EventConfigError::Threshold {
                    cue: kind.name(),
                    begins,
                    ends,
                });
            }
        }
        for (name, value) in [("holds_s", self.holds_s), ("quiet_s", self.quiet_s)] {
            if !(0.0..=3600.0).contains(&value) {
                return Err(EventConfigError::Duration { name, value });
            }
        }
        Ok(())
    }
}

/// A setting of the events cannot be.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum EventConfigError {
    /// A threshold.
    #[error("an event of {cue} cannot begin at {begins} and end below {ends}: 0 < ends <= begins")]
    Threshold {
        /// Whose.
        cue: &'static str,
        /// Where it would begin.
        begins: f32,
        /// Where it would end.
        ends: f32,
    },
    /// A duration.
    #[error("{name} = {value} is no duration for events; choose 0 to 3600")]
    Duration {
        /// The setting.
        name: &'static str,
        /// What it was.
        value: f64,
    },
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The vehicle brakes hard.
    Braking,
    /// Somebody ahead brakes hard.
    LeaderBraking,
    /// A conflict asks for hard braking.
    Conflict,
    /// A collision is near in time.
    Urgency,
    /// Somebody has come into the vehicle's path, close.
    Entry,
}

const KINDS: [EventKind; 5] = [
    EventKind::Braking,
    EventKind::LeaderBraking,
    EventKind::Conflict,
    EventKind::Urgency,
    EventKind::Entry,
];

impl EventKind {
    /// The name of its cue.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Braking => "braking",
            Self::LeaderBraking => "leader_braking",
            Self::Conflict => "conflict",
            Self::Urgency => "urgency",
            Self::Entry => "entry",
        }
    }

    fn cue(self, cues: &Cues) -> f32 {
        match self {
            Self::Braking => cues.braking,
            Self::LeaderBraking => cues.leader_braking,
            Self::Conflict => cues.conflict,
            Self::Urgency => cues.urgency,
            Self::Entry => cues.entry,
        }
    }
}

/// Something happened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Capture stamp of the first scan at the threshold, ns.
    pub begin_ns: u64,
    /// The cue when the event was sure.
    pub level: f32,
}

/// Where a kind of event stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum State {
    Low,
    /// At the threshold since then, not sure yet.
    High {
        since_ns: u64,
    },
    /// Told; low since then, if it is.
    Told {
        low_since_ns: Option<u64>,
    },
}

/// Finds events in cues in order of capture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    thresholds: [Threshold; KINDS.len()],
    holds_ns: u64,
    quiet_ns: u64,
    states: [State; KINDS.len()],
}

impl Events {
    /// A search with these settings.
    ///
    /// # Errors
    /// A threshold that ends above where it begins, or is not above 0; a duration that cannot be.
    pub fn new(config: &EventConfig) -> Result<Self, EventConfigError> {
        config.check()?;
        Ok(Self {
            thresholds: config.thresholds(),
            holds_ns: (config.holds_s * 1e9) as u64,
            quiet_ns: (config.quiet_s * 1e9) as u64,
            states: [State::Low; KINDS.len()],
        })
    }

    /// Takes the cues of the scan captured at `captured_ns`; `found` gets the events that are sure with it.
    pub fn scan(&mut self, captured_ns: u64, cues: &Cues, mut found: impl FnMut(Event)) {
        for (index, kind) in KINDS.into_iter().enumerate() {
            let level = kind.cue(cues);
            let Threshold { begins, ends } = self.thresholds[index];
            let passed = |since_ns: u64| captured_ns.saturating_sub(since_ns);
            let state = &mut self.states[index];
            if *state == State::Low && level >= begins {
                *state = State::High {
                    since_ns: captured_ns,
                };
            }
            *state = match *state {
                State::High { .. } if level < begins => State::Low,
                State::High { since_ns } if passed(since_ns) >= self.holds_ns => {
                    found(Event {
                        kind,
                        begin_ns: since_ns,
                        level,
                    });
                    State::Told { low_since_ns: None }
                }
                State::Told { .. } if level >= ends => State::Told { low_since_ns: None },
                State::Told { low_since_ns } => {
                    let since_ns = low_since_ns.unwrap_or(captured_ns);
                    match passed(since_ns) >= self.quiet_ns {
                        true => State::Low,
                        false => State::Told {
                            low_since_ns: Some(since_ns),
                        },
                    }
                }
                state => state,
            };
        }
    }
}
