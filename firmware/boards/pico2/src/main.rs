//! The sync MCU on an RP2350, wired as on a Raspberry Pi Pico 2 (docs/firmware.md has the pins).
//!
//! The clock is the chip's 64-bit timer, which counts microseconds; the PPS and an input are stamped by their
//! interrupt. One core is used.
#![no_std]
#![no_main]

use core::cell::RefCell;
use cortex_m::peripheral::{NVIC, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use defmt_rtt as _;
use drafthorse_board::{FIRMWARE, Port, Shared, SparedBus};
use drafthorse_sync::{Clock, Epoch, Interrupts, Origin, Station, Triggers};
use hal::Clock as _;
use hal::fugit::{MicrosDurationU32, RateExtU32};
use hal::gpio::bank0::{Gpio0, Gpio1, Gpio10, Gpio11};
use hal::gpio::{
    DynPinId, FunctionI2C, FunctionSioInput, FunctionSioOutput, FunctionUart,
    Interrupt as GpioInterrupt, Pin, PullDown, PullNone, PullUp,
};
use hal::pac::{self, Peripherals, interrupt};
use hal::timer::{Alarm as _, Alarm0, CopyableTimer0, Instant};
use hal::uart::{DataBits, Enabled, StopBits, UartConfig, UartPeripheral};
use panic_probe as _;
use rp235x_hal as hal;

/// Tells the boot ROM what this is.
#[expect(unsafe_code, reason = "a section of the linker's is named")]
#[unsafe(link_section = ".start_block")]
#[used]
static IMAGE: hal::block::ImageDef = hal::block::ImageDef::secure_exe();

const CRYSTAL_HZ: u32 = 12_000_000;
/// The timer's microsecond, the interrupt's beginning, and what the crystal may do between two edges.
const PPS_TOLERANCE_NS: u64 = 40_000;
const BAUD: u32 = 921_600;
const WATCHDOG_MS: u32 = 500;

type Output = Pin<DynPinId, FunctionSioOutput, PullDown>;
type Input<I> = Pin<I, FunctionSioInput, PullDown>;
type SerialPins = (
    Pin<Gpio0, FunctionUart, PullNone>,
    Pin<Gpio1, FunctionUart, PullUp>,
);

static OUTPUTS: Shared<Output, 4> = Shared::new();
static DEVICES: Mutex<RefCell<Option<Devices>>> = Mutex::new(RefCell::new(None));

/// What interrupts use, and the main loop under a critical section.
struct Devices {
    timer: hal::Timer<CopyableTimer0>,
    alarm: Alarm0<CopyableTimer0>,
    serial: UartPeripheral<Enabled, pac::UART0, SerialPins>,
    pps: Input<Gpio10>,
    input: Input<Gpio11>,
}

fn with_devices<R>(f: impl FnOnce(&mut Devices) -> R) -> Option<R> {
    critical_section::with(|cs| DEVICES.borrow_ref_mut(cs).as_mut().map(f))
}

struct McuClock;

impl Clock for McuClock {
    fn now_ns(&self) -> u64 {
        let now = with_devices(|devices| devices.timer.get_counter().ticks());
        now.unwrap_or_default() * 1_000
    }
}

fn set_alarm(_: CriticalSection<'_>, at_ns: u64) {
    with_devices(|devices| {
        // Not before its time: the next microsecond. The soonest is two ahead, which is never missed.
        let at_us = at_ns.div_ceil(1_000);
        let soonest = devices.timer.get_counter().ticks() + 2;
        let at = Instant::from_ticks(at_us.max(soonest));
        // It refuses only what is more than an hour ahead, and this is a second at most.
        let _ = devices.alarm.schedule_at(at);
    });
}

struct Sender;

impl Port for Sender {
    fn is_ready(&mut self) -> bool {
        with_devices(|devices| devices.serial.uart_is_writable()) == Some(true)
    }

    fn send(&mut self, byte: u8) {
        // It is ready, so that it cannot block.
        with_devices(|devices| devices.serial.write_raw(&[byte]).is_ok());
    }
}

struct Watchdog(hal::Watchdog);

impl drafthorse_sync::Watchdog for Watchdog {
    fn feed(&mut self) {
        self.0.feed();
    }
}

#[hal::entry]
fn main() -> ! {
    let (Some(mut board), Some(mut core)) = (Peripherals::take(), cortex_m::Peripherals::take())
    else {
        defmt::panic!("the peripherals are taken");
    };
    let session = drafthorse_board::begin();
    let after_watchdog = board.WATCHDOG.reason().read().timer().bit_is_set();
    defmt::info!("session {}", session.number);
    let mut watchdog = hal::Watchdog::new(board.WATCHDOG);
    let clocks = hal::clocks::init_clocks_and_plls(
        CRYSTAL_HZ,
        board.XOSC,
        board.CLOCKS,
        board.PLL_SYS,
        board.PLL_USB,
        &mut board.RESETS,
        &mut watchdog,
    );
    let Ok(clocks) = clocks else {
        defmt::panic!("the crystal does not swing");
    };
    let mut timer = hal::Timer::new_timer0(board.TIMER0, &mut board.RESETS, &clocks);
    let Some(mut alarm) = timer.alarm_0() else {
        defmt::panic!("the alarm is taken");
    };
    alarm.enable_interrupt();
    let sio = hal::Sio::new(board.SIO);
    let pins = hal::gpio::Pins::new(
        board.IO_BANK0,
        board.PADS_BANK0,
        sio.gpio_bank0,
        &mut board.RESETS,
    );

    let outputs: [Output; 4] = [
        pins.gpio2.into_push_pull_output().into_dyn_pin(),
        pins.gpio3.into_push_pull_output().into_dyn_pin(),
        pins.gpio4.into_push_pull_output().into_dyn_pin(),
        pins.gpio5.into_push_pull_output().into_dyn_pin(),
    ];
    let triggers = Triggers::new(outputs, Epoch::new(PPS_TOLERANCE_NS));
    OUTPUTS.install(Interrupts::new(triggers));
    let pps: Input<Gpio10> = pins.gpio10.into_pull_down_input();
    let input: Input<Gpio11> = pins.gpio11.into_pull_down_input();
    pps.set_interrupt_enabled(GpioInterrupt::EdgeHigh, true);
    input.set_interrupt_enabled(GpioInterrupt::EdgeHigh, true);

    let serial_pins: SerialPins = (pins.gpio0.reconfigure(), pins.gpio1.reconfigure());
    let config = UartConfig::new(BAUD.Hz(), DataBits::Eight, None, StopBits::One);
    let serial = UartPeripheral::new(board.UART0, serial_pins, &mut board.RESETS)
        .enable(config, clocks.peripheral_clock.freq());
    let Ok(mut serial) = serial else {
        defmt::panic!("the serial port does not go at {} baud", BAUD);
    };
    // Without its queue each byte has an interrupt of its own, and so its own stamp.
    serial.set_fifos(false);
    serial.enable_rx_interrupt();
    let bus = hal::I2C::i2c0(
        board.I2C0,
        pins.gpio8.reconfigure::<FunctionI2C, PullUp>(),
        pins.gpio9.reconfigure::<FunctionI2C, PullUp>(),
        400.kHz(),
        &mut board.RESETS,
        clocks.system_clock.freq(),
    );
    critical_section::with(|cs| {
        DEVICES.borrow_ref_mut(cs).replace(Devices {
            timer,
            alarm,
            serial,
            pps,
            input,
        });
    });

    let origin = Origin {
        session: session.number,
        firmware: FIRMWARE,
        after_watchdog,
    };
    let station = Station::new(
        origin,
        SparedBus::new(bus, after_watchdog),
        pins.gpio6.into_push_pull_output(),
    );
    watchdog.start(MicrosDurationU32::millis(WATCHDOG_MS));
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST
        .set_reload(clocks.system_clock.freq().to_Hz() / 1_000 - 1);
    core.SYST.clear_current();
    core.SYST.enable_counter();
    core.SYST.enable_interrupt();
    enable_interrupts();
    drafthorse_board::run(
        station,
        &OUTPUTS,
        &McuClock,
        set_alarm,
        &mut Sender,
        &mut Watchdog(watchdog),
    )
}

#[expect(unsafe_code, reason = "interrupts are let in")]
fn enable_interrupts() {
    for interrupt in [
        pac::Interrupt::TIMER0_IRQ_0,
        pac::Interrupt::UART0_IRQ,
        pac::Interrupt::IO_IRQ_BANK0,
    ] {
        // SAFETY: what the handlers share is made by now, and is only touched under critical sections.
        unsafe { NVIC::unmask(interrupt) };
    }
}

/// Only wakes the processor.
#[exception]
fn SysTick() {}

#[interrupt]
fn TIMER0_IRQ_0() {
    with_devices(|devices| devices.alarm.clear_interrupt());
    OUTPUTS.ring(&McuClock, set_alarm);
}

/// A byte arrived.
#[interrupt]
fn UART0_IRQ() {
    let now = McuClock.now_ns();
    let mut byte = [0];
    let read = with_devices(|devices| devices.serial.read_raw(&mut byte).is_ok());
    if read == Some(true) {
        critical_section::with(|cs| OUTPUTS.with(cs, |outputs| outputs.byte(byte[0], now)));
    }
}

/// The PPS or the input rose.
#[interrupt]
fn IO_IRQ_BANK0() {
    let now = McuClock.now_ns();
    let rose = with_devices(|devices| {
        let pps = devices.pps.interrupt_status(GpioInterrupt::EdgeHigh);
        let input = devices.input.interrupt_status(GpioInterrupt::EdgeHigh);
        // Only what was seen: an edge that comes now has its own turn.
        if pps {
            devices.pps.clear_interrupt(GpioInterrupt::EdgeHigh);
        }
        if input {
            devices.input.clear_interrupt(GpioInterrupt::EdgeHigh);
        }
        (pps, input)
    });
    let (pps, input) = rose.unwrap_or_default();
    critical_section::with(|cs| {
        OUTPUTS.with(cs, |outputs| {
            if pps {
                outputs.pps(now);
            }
            if input {
                outputs.input(0, now);
            }
        });
    });
    OUTPUTS.ring(&McuClock, set_alarm);
}
