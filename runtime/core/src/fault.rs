//! What went wrong, typed, for the log.

use crate::raw::SensorId;
use serde::{Deserialize, Serialize};

/// Kinds of fault. Each is counted by kind and sensor in the run's summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// A capture stamp earlier than its predecessor of the same sensor.
    ClockBackwards,
    /// The same capture stamp twice from one sensor.
    ClockDuplicate,
    /// A capture stamp far ahead of its predecessor or of the receive stamp.
    ClockJump,
    /// A sensor's stamps lag another sensor's by more than the declared limit.
    SensorLag,
    /// The vehicle clock has no discipline (no PTP or NTP source).
    ClockUndisciplined,
    /// No message for longer than the declared time.
    SensorStalled,
    /// The device or stream ended or vanished.
    SensorLost,
    /// The device or stream came back.
    SensorRecovered,
    /// Bytes that could not be decoded.
    Undecodable,
    /// Well-formed message with values outside the sensor's declared range.
    OutOfRange,
    /// The sensor's message counter skipped or repeated.
    CounterGap,
    /// Pictures of a triggered camera and the pulses do not belong together.
    TriggerMismatch,
    /// A checksum did not match.
    ChecksumMismatch,
    /// The sensor sends no checksum or counter; reported once.
    Unprotected,
    /// IP fragments of a datagram were missing.
    FragmentLost,
    /// A message was dropped because its lane was busy.
    Dropped,
    /// The recorder could not keep up or could not write.
    RecordLoss,
    /// The disk's free-space floor was reached; recording stopped.
    DiskFull,
    /// A lane broke off; its sensors are recorded and no longer perceived.
    LaneFailed,
    /// An engine failed and another runs the network now.
    NetworkHandedOver,
    /// No engine could run a network on an input.
    NetworkFailed,
}

impl FaultKind {
    /// The name used in logs and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ClockBackwards => "clock_backwards",
            Self::ClockDuplicate => "clock_duplicate",
            Self::ClockJump => "clock_jump",
            Self::SensorLag => "sensor_lag",
            Self::ClockUndisciplined => "clock_undisciplined",
            Self::SensorStalled => "sensor_stalled",
            Self::SensorLost => "sensor_lost",
            Self::SensorRecovered => "sensor_recovered",
            Self::Undecodable => "undecodable",
            Self::OutOfRange => "out_of_range",
            Self::CounterGap => "counter_gap",
            Self::TriggerMismatch => "trigger_mismatch",
            Self::ChecksumMismatch => "checksum_mismatch",
            Self::Unprotected => "unprotected",
            Self::FragmentLost => "fragment_lost",
            Self::Dropped => "dropped",
            Self::RecordLoss => "record_loss",
            Self::DiskFull => "disk_full",
            Self::LaneFailed => "lane_failed",
            Self::NetworkHandedOver => "network_handed_over",
            Self::NetworkFailed => "network_failed",
        }
    }
}

/// One fault: what, where, when, how many, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// The sensor it concerns; `None` for the whole system.
    pub sensor: Option<SensorId>,
    /// When it was noticed, ns on the vehicle clock.
    pub at_ns: u64,
    /// How many messages or items it concerns.
    pub count: u64,
    /// One plain sentence.
    pub detail: String,
}
