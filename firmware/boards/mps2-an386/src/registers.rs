//! The board's registers that are used (Arm application note AN386, and the technical reference manual of
//! the CMSDK), each peripheral with what it can do.
#![allow(unsafe_code)]

use core::convert::Infallible;
use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{NVIC, SYST, syst::SystClkSource};
use embedded_hal::digital::{ErrorType, OutputPin};

const TIMER0: usize = 0x4000_0000;
const TIMER1: usize = 0x4000_1000;
const DUAL_TIMER: usize = 0x4000_2000;
const UART0: usize = 0x4000_4000;
const WATCHDOG: usize = 0x4000_8000;
const GPIO0: usize = 0x4001_0000;
const FPGAIO: usize = 0x4002_8000;

fn read(address: usize) -> u32 {
    // SAFETY: all addresses here are aligned registers of the board, which are always there; reading the
    // ones that are read has no effect but that of the UART's data register, which is meant.
    unsafe { (address as *const u32).read_volatile() }
}

fn write(address: usize, value: u32) {
    // SAFETY: as above; none of them gives a device access to memory.
    unsafe { (address as *mut u32).write_volatile(value) }
}

/// The free-running timer: counts down from the highest count, for ever.
pub(crate) struct Counter;

impl Counter {
    pub(crate) fn start() {
        write(TIMER0 + 0x8, u32::MAX);
        write(TIMER0 + 0x4, u32::MAX);
        write(TIMER0, 1);
    }

    /// Ticks since the start, wrapping.
    pub(crate) fn count() -> u32 {
        !read(TIMER0 + 0x4)
    }
}

/// The timer that rings once.
pub(crate) struct Alarm;

impl Alarm {
    pub(crate) fn ring_in(ticks: u32) {
        write(TIMER1, 0);
        write(TIMER1 + 0x8, u32::MAX);
        write(TIMER1 + 0x4, ticks.max(1));
        write(TIMER1, 0b1001);
    }

    pub(crate) fn stop() {
        write(TIMER1, 0);
        write(TIMER1 + 0xC, 1);
    }
}

/// The first of the dual timer's two, in the place of a receiver of satellites: rings each second.
pub(crate) struct Pps;

impl Pps {
    pub(crate) fn start(hz: u32) {
        write(DUAL_TIMER, hz - 1);
        // Enabled, periodic, with interrupt, 32 bits.
        write(DUAL_TIMER + 0x8, 0b1110_0010);
    }

    pub(crate) fn acknowledge() {
        write(DUAL_TIMER + 0xC, 1);
    }
}

/// The first UART.
pub(crate) struct Serial;

impl Serial {
    /// At 921,600 baud, as near as 25 MHz come: 925,926.
    pub(crate) fn start() {
        write(UART0 + 0x10, 27);
        // Sends and receives, with an interrupt for what came.
        write(UART0 + 0x8, 0b1011);
    }

    pub(crate) fn receive() -> Option<u8> {
        write(UART0 + 0xC, 0b10);
        let is_full = read(UART0 + 0x4) & 2 != 0;
        is_full.then(|| read(UART0) as u8)
    }
}

impl drafthorse_board::Port for Serial {
    fn is_ready(&mut self) -> bool {
        read(UART0 + 0x4) & 1 == 0
    }

    fn send(&mut self, byte: u8) {
        write(UART0, u32::from(byte));
    }
}

/// Bites unless it is fed within a time.
pub(crate) struct Watchdog {
    ticks: u32,
}

impl Watchdog {
    /// Its first expiry is the interrupt that cannot be masked; its second, where that did not help, resets.
    pub(crate) fn start(ticks: u32) -> Self {
        write(WATCHDOG + 0xC00, 0x1ACC_E551);
        write(WATCHDOG, ticks);
        write(WATCHDOG + 0x8, 0b11);
        Self { ticks }
    }
}

impl drafthorse_sync::Watchdog for Watchdog {
    fn feed(&mut self) {
        write(WATCHDOG + 0xC, 1);
        write(WATCHDOG, self.ticks);
    }
}

/// One of the two LEDs.
pub(crate) struct Led {
    bit: u32,
}

impl Led {
    pub(crate) fn new(number: u32) -> Self {
        Self { bit: 1 << number }
    }
}

impl ErrorType for Led {
    type Error = Infallible;
}

impl OutputPin for Led {
    fn set_low(&mut self) -> Result<(), Infallible> {
        write(FPGAIO, read(FPGAIO) & !self.bit);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        write(FPGAIO, read(FPGAIO) | self.bit);
        Ok(())
    }
}

/// Pin 0 of the first GPIO block, which QEMU does not have and ignores.
pub(crate) struct FaultLine;

impl FaultLine {
    pub(crate) fn new() -> Self {
        write(GPIO0 + 0x10, 1);
        Self
    }
}

impl ErrorType for FaultLine {
    type Error = Infallible;
}

impl OutputPin for FaultLine {
    fn set_low(&mut self) -> Result<(), Infallible> {
        write(GPIO0 + 0x4, 0);
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        write(GPIO0 + 0x4, 1);
        Ok(())
    }
}

/// Interrupts of the board that are used.
#[derive(Clone, Copy)]
enum Irq {
    Uart0Rx = 0,
    Timer1 = 9,
    DualTimer = 10,
}

// SAFETY: these are the numbers of the board's interrupts, and of no other.
unsafe impl InterruptNumber for Irq {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Lets the interrupts come, and the main loop wake a thousand times a second.
pub(crate) fn enable_interrupts() {
    for irq in [Irq::Uart0Rx, Irq::Timer1, Irq::DualTimer] {
        // SAFETY: what the handlers share is made by now, and is only touched under critical sections.
        unsafe { NVIC::unmask(irq) };
    }
    if let Some(mut core) = cortex_m::Peripherals::take() {
        tick(&mut core.SYST);
    }
}

fn tick(timer: &mut SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(25_000 - 1);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// Only wakes the processor.
#[cortex_m_rt::exception]
fn SysTick() {}

/// The watchdog's first expiry.
#[cortex_m_rt::exception]
unsafe fn NonMaskableInt() -> ! {
    crate::on_watchdog()
}

/// The board's interrupts; the vector table has one entry for all that has no name.
#[cortex_m_rt::exception]
unsafe fn DefaultHandler(number: i16) {
    const UART0_RX: i16 = Irq::Uart0Rx as i16;
    const TIMER1: i16 = Irq::Timer1 as i16;
    const DUAL_TIMER: i16 = Irq::DualTimer as i16;
    match number {
        UART0_RX => crate::on_serial(),
        TIMER1 => crate::on_alarm(),
        DUAL_TIMER => crate::on_pps(),
        other => panic!("interrupt {other} has no handler"),
    }
}
