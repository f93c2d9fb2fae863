//! The sync MCU on an STM32F446, wired as on ST's Nucleo board (docs/firmware.md has the pins).
//!
//! One 32-bit timer at 90 MHz is the clock: it stamps the PPS and an input by capture, to 11 ns, and its
//! first channel is the alarm.
#![no_std]
#![no_main]

mod timer;

use core::cell::RefCell;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{entry, exception};
use critical_section::{CriticalSection, Mutex};
use defmt_rtt as _;
use drafthorse_board::{FIRMWARE, Port, Shared, SparedBus};
use drafthorse_sync::{Clock, Epoch, Interrupts, Origin, Station, Triggers};
use panic_probe as _;
use stm32f4xx_hal::gpio::{ErasedPin, Output, Pull, PushPull};
use stm32f4xx_hal::i2c::{I2c, Mode};
use stm32f4xx_hal::pac::{self, CorePeripherals, Interrupt, NVIC, Peripherals, USART1, interrupt};
use stm32f4xx_hal::prelude::*;
use stm32f4xx_hal::rcc;
use stm32f4xx_hal::serial::{Rx, Serial, Tx, config::Config};
use stm32f4xx_hal::watchdog::IndependentWatchdog;
use timer::{HZ, Timer};

/// Captured by hardware: what the crystal may do between two edges.
const PPS_TOLERANCE_NS: u64 = 20_000;
const BAUD: u32 = 921_600;
const WATCHDOG_MS: u32 = 500;
/// Half a bit at 100 kHz.
const HALF_BIT_CYCLES: u32 = 900;

type Pin = ErasedPin<Output<PushPull>>;

static OUTPUTS: Shared<Pin, 4> = Shared::new();
static TIMER: Mutex<RefCell<Option<Timer>>> = Mutex::new(RefCell::new(None));
static RECEIVER: Mutex<RefCell<Option<Rx<USART1>>>> = Mutex::new(RefCell::new(None));

struct McuClock;

impl Clock for McuClock {
    fn now_ns(&self) -> u64 {
        with_timer(Timer::now_ns).unwrap_or_default()
    }
}

fn with_timer<R>(f: impl FnOnce(&mut Timer) -> R) -> Option<R> {
    critical_section::with(|cs| TIMER.borrow_ref_mut(cs).as_mut().map(f))
}

fn set_alarm(_: CriticalSection<'_>, at_ns: u64) {
    with_timer(|timer| timer.ring_at(at_ns));
}

struct Sender(Tx<USART1>);

impl Port for Sender {
    fn is_ready(&mut self) -> bool {
        self.0.is_tx_empty()
    }

    fn send(&mut self, byte: u8) {
        // It is ready, so that it cannot block.
        let _ = self.0.write(byte);
    }
}

struct Watchdog(IndependentWatchdog);

impl drafthorse_sync::Watchdog for Watchdog {
    fn feed(&mut self) {
        self.0.feed();
    }
}

#[entry]
fn main() -> ! {
    let (Some(board), Some(mut core)) = (Peripherals::take(), CorePeripherals::take()) else {
        defmt::panic!("the peripherals are taken");
    };
    let session = drafthorse_board::begin();
    let after_watchdog = board.RCC.csr().read().wdgrstf().bit_is_set();
    board.RCC.csr().modify(|_, w| w.rmvf().set_bit());
    defmt::info!("session {}", session.number);
    // The Nucleo's debugger gives the 8 MHz of its crystal.
    let clocks = rcc::Config::hse(8.MHz())
        .bypass_hse_oscillator()
        .sysclk(180.MHz())
        .pclk1(45.MHz())
        .pclk2(90.MHz());
    let mut rcc = board.RCC.freeze(clocks);
    defmt::assert_eq!(rcc.clocks.timclk1().raw(), HZ);
    let a = board.GPIOA.split(&mut rcc);
    let b = board.GPIOB.split(&mut rcc);
    let c = board.GPIOC.split(&mut rcc);

    let pins: [Pin; 4] = [
        c.pc0.into_push_pull_output().erase(),
        c.pc1.into_push_pull_output().erase(),
        c.pc2.into_push_pull_output().erase(),
        c.pc3.into_push_pull_output().erase(),
    ];
    let triggers = Triggers::new(pins, Epoch::new(PPS_TOLERANCE_NS));
    OUTPUTS.install(Interrupts::new(triggers));
    let captures = (a.pa1.into_alternate(), b.pb10.into_alternate());
    let timer = Timer::start(board.TIM2, captures, &mut rcc);
    critical_section::with(|cs| TIMER.borrow_ref_mut(cs).replace(timer));

    let serial = Serial::<_, u8>::new(
        board.USART1,
        (a.pa9, a.pa10),
        Config::default().baudrate(BAUD.bps()),
        &mut rcc,
    );
    let Ok(serial) = serial else {
        defmt::panic!("the serial port does not go at {} baud", BAUD);
    };
    let (sender, mut receiver) = serial.split();
    receiver.listen();
    critical_section::with(|cs| RECEIVER.borrow_ref_mut(cs).replace(receiver));
    let fast = Mode::fast(400.kHz(), stm32f4xx_hal::i2c::DutyCycle::Ratio2to1);
    let (mut scl, sda) = (b.pb8.into_open_drain_output(), b.pb9.into_input());
    scl.set_internal_resistor(Pull::Up);
    let sda = sda.internal_resistor(Pull::Up);
    scl.set_high();
    // A sensor that was read when this side was reset holds its line until the byte is over (I2C-bus specification, 3.1.16).
    for _ in 0..9 {
        cortex_m::asm::delay(HALF_BIT_CYCLES);
        if sda.is_high() {
            break;
        }
        scl.set_low();
        cortex_m::asm::delay(HALF_BIT_CYCLES);
        scl.set_high();
    }
    let bus = I2c::new(board.I2C1, (scl, sda), fast, &mut rcc);

    let origin = Origin {
        session: session.number,
        firmware: FIRMWARE,
        after_watchdog,
    };
    let station = Station::new(
        origin,
        SparedBus::new(bus, after_watchdog),
        c.pc4.into_push_pull_output(),
    );
    let mut watchdog = IndependentWatchdog::new(board.IWDG);
    watchdog.start(WATCHDOG_MS.millis());
    core.SYST.set_clock_source(SystClkSource::Core);
    core.SYST.set_reload(180_000 - 1);
    core.SYST.clear_current();
    core.SYST.enable_counter();
    core.SYST.enable_interrupt();
    enable_interrupts();
    drafthorse_board::run(
        station,
        &OUTPUTS,
        &McuClock,
        set_alarm,
        &mut Sender(sender),
        &mut Watchdog(watchdog),
    )
}

#[expect(unsafe_code, reason = "an interrupt is let in")]
fn enable_interrupts() {
    for interrupt in [Interrupt::TIM2, Interrupt::USART1] {
        // SAFETY: what the handlers share is made by now, and is only touched under critical sections.
        unsafe { NVIC::unmask(interrupt) };
    }
}

/// Only wakes the processor.
#[exception]
fn SysTick() {}

/// A byte arrived.
#[interrupt]
fn USART1() {
    let now = McuClock.now_ns();
    critical_section::with(|cs| {
        if let Some(receiver) = RECEIVER.borrow_ref_mut(cs).as_mut()
            && let Ok(byte) = receiver.read()
        {
            OUTPUTS.with(cs, |outputs| outputs.byte(byte, now));
        }
    });
}

/// The alarm, the PPS, or the input.
#[interrupt]
fn TIM2() {
    let captured = with_timer(Timer::captured).unwrap_or_default();
    critical_section::with(|cs| {
        OUTPUTS.with(cs, |outputs| {
            if let Some(at_ns) = captured.pps_ns {
                outputs.pps(at_ns);
            }
            if let Some(at_ns) = captured.input_ns {
                outputs.input(0, at_ns);
            }
        });
    });
    OUTPUTS.ring(&McuClock, set_alarm);
}

/// The names of the chip's registers, for the timer.
type Registers = pac::TIM2;
