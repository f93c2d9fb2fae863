//! What the main loop and the interrupts share.

use core::cell::RefCell;
use critical_section::{CriticalSection, Mutex};
use drafthorse_sync::{Clock, Interrupts};
use embedded_hal::digital::OutputPin;

/// The longest time without an alarm, ns: the counters that clocks are made of wrap, and are looked at then.
const LONGEST_SLEEP_NS: u64 = 1_000_000_000;

/// The state of the outputs, for a `static`. Until it is installed interrupts do nothing.
pub struct Shared<P, const OUTPUTS: usize>(Mutex<RefCell<Option<Interrupts<P, OUTPUTS>>>>);

impl<P: OutputPin, const OUTPUTS: usize> Default for Shared<P, OUTPUTS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: OutputPin, const OUTPUTS: usize> Shared<P, OUTPUTS> {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(RefCell::new(None)))
    }

    /// From now on interrupts do something.
    pub fn install(&self, interrupts: Interrupts<P, OUTPUTS>) {
        critical_section::with(|cs| self.0.borrow_ref_mut(cs).replace(interrupts));
    }

    /// Does something with it.
    pub fn with<R>(
        &self,
        cs: CriticalSection<'_>,
        f: impl FnOnce(&mut Interrupts<P, OUTPUTS>) -> R,
    ) -> Option<R> {
        self.0.borrow_ref_mut(cs).as_mut().map(f)
    }

    /// Does what is due, and has the board's alarm set for what comes next.
    pub fn ring(&self, clock: &impl Clock, set_alarm: impl FnOnce(CriticalSection<'_>, u64)) {
        critical_section::with(|cs| {
            let next = self
                .with(cs, |interrupts| interrupts.alarm(clock))
                .flatten();
            let latest = clock.now_ns() + LONGEST_SLEEP_NS;
            set_alarm(cs, next.map_or(latest, |next| next.min(latest)));
        });
    }
}
