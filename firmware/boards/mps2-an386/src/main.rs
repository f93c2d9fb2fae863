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
use drafthorse_sync::{Clock, Epoch, Interrupts, Origin, Station, Ticks, Triggers};
use registers::{Alarm, Counter, FaultLine, Led, Pps, Serial, Watchdog};
use semihosting as _;

/// Timers run at the system clock.
const HZ: u32 = 25_000_000;
/// What QEMU's interrupts may be late under load, and the stamps with them.
const PPS_TOLERANCE_NS: u64 = 2_000_000;

type Outputs = Interrupts<Led, 2>;

static TICKS: Mutex<RefCell<Ticks>> = Mutex::new(RefCell::new(Ticks::new(HZ)));
static OUTPUTS: Mutex<RefCell<Option<Outputs>>> = Mutex::new(RefCell::new(None));

/// The free-running timer. It wraps after 171 s; the alarm rings at least each second.
struct McuClock;

impl Clock for McuClock {
    fn now_ns(&self) -> u64 {
        critical_section::with(|cs| TICKS.borrow_ref_mut(cs).now_ns(Counter::count()))
    }
}

/// The longest time without an alarm, ns.
const LONGEST_SLEEP_NS: u64 = 1_000_000_000;

fn with<R>(cs: CriticalSection<'_>, f: impl FnOnce(&mut Outputs) -> R) -> Option<R> {
    OUTPUTS.borrow_ref_mut(cs).as_mut().map(f)
}

/// Does what is due and sets the alarm for what comes next.
fn run_triggers() {
    critical_section::with(|cs| {
        let next = with(cs, |outputs| outputs.alarm(&McuClock)).flatten();
        let now = McuClock.now_ns();
        let sleep = next.map_or(LONGEST_SLEEP_NS, |at| at.saturating_sub(now));
        let ticks = sleep.min(LONGEST_SLEEP_NS) * u64::from(HZ) / 1_000_000_000;
        Alarm::ring_in(ticks as u32);
    });
}

#[entry]
fn main() -> ! {
    let origin = Origin {
        session: drafthorse_session::next(),
        firmware: [0, 1, 0],
        after_watchdog: Watchdog::was_the_reset(),
    };
    defmt::info!("session {}", origin.session);
    Counter::start();
    let triggers = Triggers::new([Led::new(0), Led::new(1)], Epoch::new(PPS_TOLERANCE_NS));
    critical_section::with(|cs| OUTPUTS.borrow_ref_mut(cs).replace(Interrupts::new(triggers)));
    Serial::start();
    Pps::start(HZ);
    let mut watchdog = Watchdog::start(HZ / 2);
    let mut station = Station::new(
        origin,
        Bmi160Model::new(|| McuClock.now_ns()),
        FaultLine::new(),
    );
    registers::enable_interrupts();
    run_triggers();
    loop {
        let now = McuClock.now_ns();
        let is_changed = critical_section::with(|cs| {
            with(cs, |outputs| station.exchange(outputs, now)).unwrap_or_default()
        });
        if is_changed {
            run_triggers();
        }
        station.work(&McuClock, &mut watchdog);
        while Serial::is_ready()
            && let Some(byte) = station.next_byte(McuClock.now_ns())
        {
            Serial::send(byte);
        }
        critical_section::with(|cs| {
            // An interrupt that comes now wakes the processor all the same, and runs after this.
            if with(cs, |outputs| outputs.is_idle()).unwrap_or_default() {
                cortex_m::asm::wfi();
            }
        });
    }
}

/// A byte arrived.
fn on_serial() {
    let now = McuClock.now_ns();
    critical_section::with(|cs| {
        while let Some(byte) = Serial::receive() {
            with(cs, |outputs| outputs.byte(byte, now));
        }
    });
}

fn on_alarm() {
    Alarm::stop();
    run_triggers();
}

fn on_pps() {
    let now = McuClock.now_ns();
    Pps::acknowledge();
    critical_section::with(|cs| with(cs, |outputs| outputs.pps(now)));
    run_triggers();
}
