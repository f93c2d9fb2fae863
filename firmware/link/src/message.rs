//! What is said over the link.
//!
//! Times ending in `mcu_ns` are of the microcontroller's clock: nanoseconds since it started, unrelated to
//! any other clock and meaningless in another of its sessions.

use postcard::experimental::max_size::MaxSize;
use serde::{Deserialize, Serialize};

/// One message of the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Message {
    /// From the host: what time is it there?
    TimeRequest {
        /// When the host sent it, ns of the host's clock; comes back unchanged.
        host_ns: u64,
    },
    /// From the host: pulses on an output from now on, or none.
    Declare(Trigger),
    /// To the host: its time and the microcontroller's.
    TimeReply(TimeReply),
    /// To the host: an output does as declared now.
    Declared(Trigger),
    /// To the host: an output does not do as declared, and goes on as before.
    Refused {
        /// Which output.
        output: u8,
        /// Why.
        why: Refusal,
    },
    /// To the host: a line rose.
    Edge(Edge),
    /// To the host: a sample of the inertial sensor.
    Imu(Imu),
    /// To the host: how the microcontroller is, every second.
    Status(Status),
}

/// The microcontroller's time beside the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TimeReply {
    /// The host's own stamp.
    pub host_ns: u64,
    /// When the last byte of the request arrived.
    pub received_mcu_ns: u64,
    /// When the first byte of this reply was sent.
    pub sent_mcu_ns: u64,
}

/// What an output does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Trigger {
    /// Which output, from 0.
    pub output: u8,
    /// Pulses in a thousand seconds; 0 for none.
    pub rate_millihz: u32,
    /// First pulse after the beginning of a second: of the PPS where there is one, else of the
    /// microcontroller's clock. Less than a period.
    pub phase_ns: u32,
    /// How long a pulse is high. Less than a period.
    pub width_ns: u32,
}

/// Why a declaration was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Refusal {
    /// There is no such output.
    NoOutput,
    /// Faster than the outputs go, or slower than once in a hundred seconds.
    Rate,
    /// The phase is not within a period.
    Phase,
    /// The pulse is shorter than the outputs go, or not shorter than its period.
    Width,
}

/// A line rose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Edge {
    /// Which.
    pub line: Line,
    /// Count of its edges in this session, from 0; of a trigger's since it was declared.
    pub count: u32,
    /// When.
    pub at_mcu_ns: u64,
}

/// A line of the microcontroller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Line {
    /// An output that triggers a camera or a radar.
    Trigger(u8),
    /// The pulse per second of a receiver of satellites.
    Pps,
    /// An input that only is stamped: a camera's strobe, a radar's cycle.
    Input(u8),
}

/// A sample of the inertial sensor in its own axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Imu {
    /// When the sensor measured.
    pub at_mcu_ns: u64,
    /// Specific force along x, y, z, micrometres per second squared.
    pub force_umps2: [i32; 3],
    /// Turn rate about x, y, z, microradians per second.
    pub turn_rate_uradps: [i32; 3],
}

/// The microcontroller's report on itself. Counts are of this session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Status {
    /// Firmware: major, minor, patch.
    pub firmware: [u8; 3],
    /// Now.
    pub at_mcu_ns: u64,
    /// What is wrong now.
    pub faults: Faults,
    /// The watchdog ended the session before this one.
    pub after_watchdog: bool,
    /// Frames it refused.
    pub frames_refused: u32,
    /// Messages that found no room to wait for the line.
    pub messages_dropped: u32,
    /// Pulses that came late or not at all.
    pub triggers_late: u32,
    /// Edges of the PPS that were no second after their predecessor.
    pub pps_refused: u32,
}

/// What may be wrong with the microcontroller, one bit each. Any of them raises its fault line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, MaxSize)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Faults(pub u8);

impl Faults {
    /// The host has not been heard for two seconds.
    pub const HOST_SILENT: Self = Self(1);
    /// Outputs are triggered and the PPS was lost: their phases drift with the microcontroller's clock.
    pub const PPS_LOST: Self = Self(1 << 1);
    /// The inertial sensor does not answer, or is another one.
    pub const IMU: Self = Self(1 << 2);
    /// A trigger was late within the last second.
    pub const TRIGGER_LATE: Self = Self(1 << 3);
    /// An output could not be set.
    pub const OUTPUT: Self = Self(1 << 4);

    /// Whether all of those are there.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Adds or removes some.
    pub fn set(&mut self, other: Self, wrong: bool) {
        match wrong {
            true => self.0 |= other.0,
            false => self.0 &= !other.0,
        }
    }
}
