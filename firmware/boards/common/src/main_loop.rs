//! The main loop of every board.

use crate::shared::Shared;
use critical_section::CriticalSection;
use drafthorse_sync::{Clock, Station, Watchdog};
use embedded_hal::digital::OutputPin;
use embedded_hal::i2c::I2c;

/// The sending half of the serial port to the host.
pub trait Port {
    /// Whether it takes a byte now.
    fn is_ready(&mut self) -> bool;
    /// Takes a byte where it is ready.
    fn send(&mut self, byte: u8);
}

/// Runs for ever. `set_alarm` has the interrupt of the alarm come at a time of the clock, at once where
/// it is past. Something must wake the processor each millisecond.
pub fn run<I2C: I2c, F: OutputPin, P: OutputPin, const OUTPUTS: usize>(
    mut station: Station<I2C, F>,
    shared: &Shared<P, OUTPUTS>,
    clock: &impl Clock,
    set_alarm: fn(CriticalSection<'_>, u64),
    port: &mut impl Port,
    watchdog: &mut impl Watchdog,
) -> ! {
    shared.ring(clock, set_alarm);
    loop {
        let now = clock.now_ns();
        let is_changed = critical_section::with(|cs| {
            let exchanged = shared.with(cs, |interrupts| station.exchange(interrupts, now));
            exchanged.unwrap_or_default()
        });
        if is_changed {
            shared.ring(clock, set_alarm);
        }
        station.work(clock, watchdog);
        let mut is_sending = false;
        while port.is_ready() {
            let Some(byte) = station.next_byte(clock.now_ns()) else {
                break;
            };
            port.send(byte);
            is_sending = true;
        }
        // While it sends it looks again at once: a byte takes 11 us.
        if is_sending {
            continue;
        }
        critical_section::with(|cs| {
            // An interrupt that comes now wakes the processor all the same, and runs after this.
            let is_idle = shared.with(cs, |interrupts| interrupts.is_idle());
            if is_idle == Some(true) {
                cortex_m::asm::wfi();
            }
        });
    }
}
