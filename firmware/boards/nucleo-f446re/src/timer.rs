//! The timer TIM2: clock, alarm and captures (reference manual RM0390, chapter 17).

use crate::Registers;
use drafthorse_sync::Ticks;
use stm32f4xx_hal::gpio::alt::tim2;
use stm32f4xx_hal::rcc::{Enable, Rcc, Reset};

/// Twice the peripheral bus's clock.
pub(crate) const HZ: u32 = 90_000_000;

/// The pins that are captured: the input on channel 2, the PPS on channel 3.
pub(crate) type Pins = (tim2::Ch2, tim2::Ch3);

/// The running timer.
pub(crate) struct Timer {
    registers: Registers,
    ticks: Ticks,
    _pins: Pins,
}

/// Edges since the last look.
#[derive(Clone, Copy, Default)]
pub(crate) struct Captured {
    pub(crate) pps_ns: Option<u64>,
    pub(crate) input_ns: Option<u64>,
}

impl Timer {
    pub(crate) fn start(
        registers: Registers,
        pins: (impl Into<tim2::Ch2>, impl Into<tim2::Ch3>),
        rcc: &mut Rcc,
    ) -> Self {
        Registers::enable(rcc);
        Registers::reset(rcc);
        registers.psc().write(|w| w.psc().set(0));
        registers.arr().write(|w| w.arr().set(u32::MAX));
        // Channels 2 and 3 capture their own pin, with the shortest filter but one; channel 1 compares.
        registers.ccmr1_input().write(|w| w.cc2s().ti2());
        registers.ccmr1_input().modify(|_, w| w.ic2f().fck_int_n4());
        registers.ccmr2_input().write(|w| w.cc3s().ti3());
        registers.ccmr2_input().modify(|_, w| w.ic3f().fck_int_n4());
        registers
            .ccer()
            .write(|w| w.cc2e().set_bit().cc3e().set_bit());
        registers
            .dier()
            .write(|w| w.cc1ie().set_bit().cc2ie().set_bit().cc3ie().set_bit());
        registers.cr1().write(|w| w.cen().set_bit());
        Self {
            registers,
            ticks: Ticks::new(HZ),
            _pins: (pins.0.into(), pins.1.into()),
        }
    }

    pub(crate) fn now_ns(&mut self) -> u64 {
        let count = self.registers.cnt().read().cnt().bits();
        self.ticks.now_ns(count)
    }

    /// Has the interrupt come at a time, or at once.
    pub(crate) fn ring_at(&mut self, at_ns: u64) {
        let count = self.ticks.count_at(at_ns);
        self.registers.ccr1().write(|w| w.ccr().set(count));
        // A comparison that was past when it was set would come after a whole wrap.
        if self.now_ns() >= at_ns {
            self.registers.egr().write(|w| w.cc1g().set_bit());
        }
    }

    /// What was captured since the last look; the interrupt is over.
    pub(crate) fn captured(&mut self) -> Captured {
        let status = self.registers.sr().read();
        // The other flags are written as ones, which leave them as they are.
        self.registers.sr().modify(|_, w| w.cc1if().clear_bit());
        // Reading a capture clears its flag.
        let pps = status.cc3if().bit_is_set();
        let pps = pps.then(|| self.registers.ccr3().read().ccr().bits());
        let input = status.cc2if().bit_is_set();
        let input = input.then(|| self.registers.ccr2().read().ccr().bits());
        // After the captures: one that is later than the count would be taken for one before the last wrap.
        self.now_ns();
        Captured {
            pps_ns: pps.map(|count| self.ticks.captured_ns(count)),
            input_ns: input.map(|count| self.ticks.captured_ns(count)),
        }
    }
}
