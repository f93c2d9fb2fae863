//! The sync MCU on Arm's MPS2 board with the Cortex-M4 image AN386, as QEMU has it.
//!
//! QEMU's board has no lines to the outside and no inertial sensor. So the outputs are the board's two LEDs,
//! whose register QEMU can trace, the PPS is a second timer on the same clock, and the sensor is a model of
//! its registers behind the same bus trait. All else is what a board in a vehicle runs.
#![no_std]
#![no_main]

mod registers;

use core::cell::RefCell;
use cortex_m_rt::entry;
use critical_section::{CriticalSection, Mutex};
use defmt_semihosting as _;
use drafthorse_bmi160_model::Bmi160Model;
use drafthorse_board::{FIRMWARE, Shared};
use drafthorse_sync::{Clock, Epoch, Interrupts, Origin, Station, Ticks, Triggers};
use registers::{Alarm, Counter, FaultLine, Led, Pps, Serial, Watchdog};
use semihosting as _;

/// Timers run at the system clock.
const HZ: u32 = 25_000_000;
/// What QEMU's interrupts may be late under load, and the stamps with them.
const PPS_TOLERANCE_NS: u64 = 2_000_000;

static TICKS: Mutex<RefCell<Ticks>> = Mutex::new(RefCell::new(Ticks::new(HZ)));
static OUTPUTS: Shared<Led, 2> = Shared::new();

/// The free-running timer. It wraps after 171 s.
struct McuClock;

impl Clock for McuClock {
    fn now_ns(&self) -> u64 {
        critical_section::with(|cs| TICKS.borrow_ref_mut(cs).now_ns(Counter::count()))
    }
}

fn set_alarm(_: CriticalSection<'_>, at_ns: u64) {
    let wait_ns = at_ns.saturating_sub(McuClock.now_ns());
    Alarm::ring_in((wait_ns * u64::from(HZ)).div_ceil(1_000_000_000) as u32);
}

#[entry]
fn main() -> ! {
    let session = drafthorse_board::begin();
    defmt::info!("session {}", session.number);
    let origin = Origin {
        session: session.number,
        firmware: FIRMWARE,
        after_watchdog: session.after_watchdog,
    };
    Counter::start();
    let triggers = Triggers::new([Led::new(0), Led::new(1)], Epoch::new(PPS_TOLERANCE_NS));
    OUTPUTS.install(Interrupts::new(triggers));
    Serial::start();
    Pps::start(HZ);
    let mut watchdog = Watchdog::start(HZ / 2);
    let sensor = Bmi160Model::new(|| McuClock.now_ns());
    let station = Station::new(origin, sensor, FaultLine::new());
    registers::enable_interrupts();
    drafthorse_board::run(
        station,
        &OUTPUTS,
        &McuClock,
        set_alarm,
        &mut Serial,
        &mut watchdog,
    )
}

/// A byte arrived.
fn on_serial() {
    let now = McuClock.now_ns();
    critical_section::with(|cs| {
        while let Some(byte) = Serial::receive() {
            OUTPUTS.with(cs, |outputs| outputs.byte(byte, now));
        }
    });
}

fn on_alarm() {
    Alarm::stop();
    OUTPUTS.ring(&McuClock, set_alarm);
}

fn on_pps() {
    let now = McuClock.now_ns();
    Pps::acknowledge();
    critical_section::with(|cs| OUTPUTS.with(cs, |outputs| outputs.pps(now)));
    OUTPUTS.ring(&McuClock, set_alarm);
}

/// The watchdog was not fed.
fn on_watchdog() -> ! {
    drafthorse_board::ended_by_watchdog();
    cortex_m::peripheral::SCB::sys_reset()
}
