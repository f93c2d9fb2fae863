//! The kernel's own view of the system clock.

use crate::os;

/// What `adjtimex` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelClock {
    /// The kernel believes the clock to be disciplined.
    pub synchronised: bool,
    /// Offset still being slewed away, ns.
    pub offset_ns: i64,
    /// Bound on the error, ns.
    pub max_error_ns: u64,
}

/// Asks the kernel; `None` where it does not let us.
#[must_use]
pub fn kernel_clock() -> Option<KernelClock> {
    let (state, timex) = os::adjtimex()?;
    let in_ns = timex.status & libc::STA_NANO != 0;
    Some(KernelClock {
        synchronised: state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0,
        offset_ns: timex.offset.saturating_mul(if in_ns { 1 } else { 1_000 }),
        max_error_ns: u64::try_from(timex.maxerror)
            .unwrap_or_default()
            .saturating_mul(1_000),
    })
}
