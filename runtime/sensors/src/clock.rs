//! The vehicle clock: system time (`CLOCK_REALTIME`), disciplined by PTP or NTP, and its state.
//!
//! The state has two views: the kernel's own (`adjtimex`) and that of the program which disciplines
//! the clock, chrony or ptp4l, asked where it is installed. The parsers of their answers are pure.

mod chrony;
mod kernel;
mod program;
mod ptp4l;

pub use chrony::{ChronyTracking, parse_tracking};
pub use kernel::{KernelClock, kernel_clock};
pub use ptp4l::{PtpStatus, parse_time_status};

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What keeps the vehicle clock right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Discipline {
    /// Nothing known.
    #[default]
    None,
    /// Network time protocol.
    Ntp,
    /// Precision time protocol.
    Ptp,
}

impl Discipline {
    /// The name used in logs and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Ntp => "ntp",
            Self::Ptp => "ptp",
        }
    }
}

/// State of the vehicle clock at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    /// The kernel believes the clock to be disciplined.
    pub kernel_synchronised: bool,
    /// Offset the kernel is still slewing away, ns.
    pub kernel_offset_ns: i64,
    /// The kernel's bound on the error, ns.
    pub kernel_max_error_ns: u64,
    /// What disciplines it.
    pub discipline: Discipline,
    /// The program that says so and its reference, as in `chrony 169.254.1.1`; empty if none.
    pub source: String,
    /// Offset from that source, ns: positive where the vehicle clock is ahead.
    pub source_offset_ns: i64,
}

/// Nanoseconds since 1970 on the vehicle clock (`CLOCK_REALTIME`).
#[must_use]
pub fn vehicle_clock_ns() -> u64 {
    crate::os::realtime_ns()
}

/// Longest time that a program asked for its state may take.
const PATIENCE: Duration = Duration::from_millis(300);

/// Asks the kernel, then ptp4l and chrony where they are installed.
///
/// Takes up to 0.6 s where their programs do not answer: ask on a thread of its own.
#[must_use]
pub fn observe_clock() -> ClockState {
    let ptp = program::output("pmc", &["-u", "-b", "0", "GET TIME_STATUS_NP"], PATIENCE);
    let ptp = ptp.and_then(|text| parse_time_status(&text));
    let chrony = program::output("chronyc", &["-c", "tracking"], PATIENCE);
    let chrony = chrony.and_then(|text| parse_tracking(&text));
    state_of(kernel_clock(), ptp, chrony)
}

/// Joins the three views. ptp4l counts where it has a grandmaster, chrony where it has a reference;
/// a kernel that is synchronised by nobody known counts as NTP.
#[must_use]
pub fn state_of(
    kernel: Option<KernelClock>,
    ptp: Option<PtpStatus>,
    chrony: Option<ChronyTracking>,
) -> ClockState {
    let kernel = kernel.unwrap_or_default();
    let mut state = ClockState {
        kernel_synchronised: kernel.synchronised,
        kernel_offset_ns: kernel.offset_ns,
        kernel_max_error_ns: kernel.max_error_ns,
        ..ClockState::default()
    };
    if let Some(ptp) = ptp.filter(|p| p.grandmaster_present) {
        state.discipline = Discipline::Ptp;
        state.source = format!("ptp4l {}", ptp.grandmaster);
        state.source_offset_ns = ptp.master_offset_ns;
    } else if let Some(chrony) = chrony.filter(|c| c.synchronised) {
        state.discipline = if chrony.is_ptp {
            Discipline::Ptp
        } else {
            Discipline::Ntp
        };
        state.source = format!("chrony {}", chrony.reference);
        state.source_offset_ns = chrony.offset_ns;
    } else if kernel.synchronised {
        state.discipline = Discipline::Ntp;
        state.source = "kernel".to_owned();
        state.source_offset_ns = kernel.offset_ns;
    }
    state
}
