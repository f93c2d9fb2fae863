//! What the governor is told each second.

use serde::Serialize;

/// How a lane did since the last reading.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LaneLoad {
    /// Steps later than the deadline, and messages that found no room.
    pub late: u32,
    /// Steps.
    pub steps: u32,
}

/// The state of board and lanes at an instant. What a board does not tell is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Reading {
    /// When, ns on any clock that only goes forward.
    pub at_ns: u64,
    /// Share of the processors' time that was used, by anybody.
    pub busy: Option<f64>,
    /// Degrees Celsius below the temperature at which the board slows itself down, of the zone that is nearest to it.
    pub headroom_c: Option<f64>,
    /// Power drawn, as a share of what the power mode allows.
    pub power: Option<f64>,
    /// The lanes.
    pub lanes: Vec<LaneLoad>,
}

/// Why a knob was turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A lane is late.
    Late,
    /// The processors have no time left.
    Busy,
    /// The board is about to slow down for its temperature.
    Hot,
    /// More power is drawn than the power mode allows.
    Power,
    /// There is room again.
    Room,
}

impl Reason {
    /// The name as in logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Busy => "busy",
            Self::Hot => "hot",
            Self::Power => "power",
            Self::Room => "room",
        }
    }

    /// As words for a person.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Late => "a lane is late",
            Self::Busy => "the processors are busy",
            Self::Hot => "the board is hot",
            Self::Power => "the board draws too much power",
            Self::Room => "there is room again",
        }
    }
}
