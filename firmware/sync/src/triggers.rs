//! Pulses on the outputs, at declared rates and phases.

use crate::clock::Clock;
use crate::epoch::{Epoch, Pps};
use core::ops::RangeInclusive;
use drafthorse_link::{Edge, Line, Refusal, Trigger};
use embedded_hal::digital::OutputPin;

/// The rates an output goes at: once in a hundred seconds to a thousand times a second.
pub const RATES_MILLIHZ: RangeInclusive<u32> = 10..=1_000_000;
/// The shortest pulse.
pub const MIN_WIDTH_NS: u32 = 10_000;
/// A pulse that begins this much after its time is late.
pub const LATE_NS: u64 = 100_000;

/// A thousand seconds: what a rate in millihertz divides.
const NS_PER_KS: u64 = 1_000_000_000_000;

/// The outputs, and what each does.
#[derive(Debug)]
pub struct Triggers<P, const OUTPUTS: usize> {
    outputs: [Output<P>; OUTPUTS],
    epoch: Epoch,
    late: u32,
    failed: bool,
}

#[derive(Debug)]
struct Output<P> {
    pin: P,
    plan: Option<Plan>,
    low_at_mcu_ns: Option<u64>,
    count: u32,
}

/// Where an output is in its pulses. Times are exact: a period's fraction of a nanosecond is carried on.
#[derive(Clone, Copy, Debug)]
struct Plan {
    trigger: Trigger,
    next_epoch_ns: u64,
    /// What is left of `next_epoch_ns`, in parts of 1 / rate.
    fraction: u64,
}

impl<P: OutputPin, const OUTPUTS: usize> Triggers<P, OUTPUTS> {
    /// Outputs that do nothing yet.
    pub fn new(pins: [P; OUTPUTS], epoch: Epoch) -> Self {
        let outputs = pins.map(|pin| Output {
            pin,
            plan: None,
            low_at_mcu_ns: None,
            count: 0,
        });
        Self {
            outputs,
            epoch,
            late: 0,
            failed: false,
        }
    }

    /// Declares what an output does from now on. One that does so already goes on undisturbed.
    ///
    /// # Errors
    /// Why not; the output goes on as before.
    pub fn declare(&mut self, trigger: Trigger, now_mcu_ns: u64) -> Result<(), Refusal> {
        let output = self.outputs.get_mut(usize::from(trigger.output));
        let output = output.ok_or(Refusal::NoOutput)?;
        if output.plan.is_some_and(|plan| plan.trigger == trigger) {
            return Ok(());
        }
        if trigger.rate_millihz == 0 {
            output.plan = None;
            return Ok(());
        }
        check(&trigger)?;
        output.count = 0;
        output.plan = Some(Plan::after(trigger, self.epoch.at(now_mcu_ns)));
        Ok(())
    }

    /// Takes an edge of the PPS.
    pub fn pps(&mut self, at_mcu_ns: u64) -> Pps {
        let taken = self.epoch.pps(at_mcu_ns);
        if taken == Pps::Locked {
            let now = self.epoch.at(at_mcu_ns);
            for plan in self.outputs.iter_mut().filter_map(|o| o.plan.as_mut()) {
                *plan = Plan::after(plan.trigger, now);
            }
        }
        taken
    }

    /// Does what is due and hands on the edges that came of it; when to come back, if ever.
    pub fn run(&mut self, clock: &impl Clock, mut on: impl FnMut(Edge)) -> Option<u64> {
        let mut next: Option<u64> = None;
        for (index, output) in (0..).zip(&mut self.outputs) {
            let now = clock.now_ns();
            if output.low_at_mcu_ns.is_some_and(|at| at <= now) {
                output.low_at_mcu_ns = None;
                self.failed |= output.pin.set_low().is_err();
            }
            if let Some(plan) = &mut output.plan {
                let due = self.epoch.mcu_ns(plan.next_epoch_ns);
                if due <= now {
                    // Still high: the pulse before came so late that this one has no room.
                    let is_free = output.low_at_mcu_ns.is_none();
                    if is_free {
                        self.failed |= output.pin.set_high().is_err();
                        let rose = clock.now_ns();
                        output.low_at_mcu_ns = Some(rose + u64::from(plan.trigger.width_ns));
                        on(Edge {
                            line: Line::Trigger(index),
                            count: output.count,
                            at_mcu_ns: rose,
                        });
                        output.count = output.count.wrapping_add(1);
                        self.late += u32::from(rose - due > LATE_NS);
                    } else {
                        self.late += 1;
                    }
                    plan.step();
                    while self.epoch.mcu_ns(plan.next_epoch_ns) <= now {
                        plan.step();
                        self.late += 1;
                    }
                }
            }
            let rise = output.plan.map(|p| self.epoch.mcu_ns(p.next_epoch_ns));
            for at in [rise, output.low_at_mcu_ns].into_iter().flatten() {
                next = Some(next.map_or(at, |next| next.min(at)));
            }
        }
        next
    }

    /// How long the earliest thing to do has been waiting: more than a moment where nobody runs this.
    #[must_use]
    pub fn overdue_ns(&self, now_mcu_ns: u64) -> u64 {
        let rises = self.outputs.iter().filter_map(|output| output.plan);
        let rises = rises.map(|plan| self.epoch.mcu_ns(plan.next_epoch_ns));
        let falls = self.outputs.iter().filter_map(|o| o.low_at_mcu_ns);
        let first = rises.chain(falls).min();
        first.map_or(0, |first| now_mcu_ns.saturating_sub(first))
    }

    /// Pulses that came late or not at all.
    #[must_use]
    pub fn late(&self) -> u32 {
        self.late
    }

    /// Whether an output could not be set, ever.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Seconds of the PPS.
    #[must_use]
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Whether any output is to pulse.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.outputs.iter().any(|output| output.plan.is_some())
    }
}

fn check(trigger: &Trigger) -> Result<(), Refusal> {
    if !RATES_MILLIHZ.contains(&trigger.rate_millihz) {
        return Err(Refusal::Rate);
    }
    let period_ns = NS_PER_KS / u64::from(trigger.rate_millihz);
    if u64::from(trigger.phase_ns) >= period_ns {
        return Err(Refusal::Phase);
    }
    // As much low as the shortest high: what listens must see both.
    let longest = period_ns - u64::from(MIN_WIDTH_NS);
    if trigger.width_ns < MIN_WIDTH_NS || u64::from(trigger.width_ns) > longest {
        return Err(Refusal::Width);
    }
    Ok(())
}

impl Plan {
    /// The first pulse after an epoch time: pulse k is k periods and the phase after 0.
    fn after(trigger: Trigger, epoch_ns: u64) -> Self {
        let rate = u128::from(trigger.rate_millihz);
        let since = (epoch_ns + 1).saturating_sub(u64::from(trigger.phase_ns));
        let k = (u128::from(since) * rate).div_ceil(u128::from(NS_PER_KS));
        let parts = k * u128::from(NS_PER_KS);
        Self {
            trigger,
            next_epoch_ns: (parts / rate) as u64 + u64::from(trigger.phase_ns),
            fraction: (parts % rate) as u64,
        }
    }

    /// One period on.
    fn step(&mut self) {
        let rate = u64::from(self.trigger.rate_millihz);
        self.next_epoch_ns += NS_PER_KS / rate;
        self.fraction += NS_PER_KS % rate;
        if self.fraction >= rate {
            self.fraction -= rate;
            self.next_epoch_ns += 1;
        }
    }
}
