//! Pulses against their definition: pulse k of an output is k periods and the phase after a second's
//! beginning.
#![allow(clippy::unwrap_used)]

use drafthorse_link::{Edge, Refusal, Trigger};
use drafthorse_sync::{Clock, Epoch, Pps, Ticks, Triggers};
use embedded_hal::digital::{ErrorType, OutputPin};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

const S: u64 = 1_000_000_000;

#[derive(Default)]
struct Now(Cell<u64>);

impl Clock for Now {
    fn now_ns(&self) -> u64 {
        self.0.get()
    }
}

/// A pin that notes when it changed.
#[derive(Clone)]
struct Pin {
    clock: Rc<Now>,
    changes: Rc<RefCell<Vec<(u64, bool)>>>,
}

impl ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.changes.borrow_mut().push((self.clock.now_ns(), false));
        Ok(())
    }
    fn set_high(&mut self) -> Result<(), Infallible> {
        self.changes.borrow_mut().push((self.clock.now_ns(), true));
        Ok(())
    }
}

struct Bench {
    clock: Rc<Now>,
    pins: [Pin; 2],
    triggers: Triggers<Pin, 2>,
    edges: Vec<Edge>,
}

impl Bench {
    fn new() -> Self {
        let clock = Rc::new(Now::default());
        let pin = || Pin {
            clock: Rc::clone(&clock),
            changes: Rc::default(),
        };
        let pins = [pin(), pin()];
        Self {
            triggers: Triggers::new(pins.clone(), Epoch::new(20_000)),
            pins,
            clock,
            edges: Vec::new(),
        }
    }

    /// An alarm that rings up to `delay` late, until `end`.
    fn until(&mut self, end: u64, mut delay: impl FnMut() -> u64) {
        loop {
            let edges = &mut self.edges;
            let next = self.triggers.run(&*self.clock, |edge| edges.push(edge));
            match next {
                Some(at) if at <= end => {
                    self.clock.0.set(at.max(self.clock.now_ns()) + delay());
                }
                _ => break,
            }
        }
        self.clock.0.set(end.max(self.clock.now_ns()));
    }

    fn times(&self) -> Vec<u64> {
        self.edges.iter().map(|edge| edge.at_mcu_ns).collect()
    }
}

fn trigger(output: u8, rate_millihz: u32, phase_ns: u32, width_ns: u32) -> Trigger {
    Trigger {
        output,
        rate_millihz,
        phase_ns,
        width_ns,
    }
}

proptest! {
    #[test]
    fn pulses_are_where_arithmetic_puts_them(
        rate in 10_000..1_000_000_u32,
        phase in any::<prop::sample::Index>(),
        begin in 0..100 * S,
    ) {
        let period = 1_000_000_000_000.0 / f64::from(rate);
        let trigger = trigger(1, rate, phase.index(period as usize) as u32, 20_000);
        let mut bench = Bench::new();
        bench.clock.0.set(begin);
        bench.triggers.declare(trigger, begin).unwrap();
        bench.until(begin + 3 * S, || 0);
        let (rate, phase) = (u128::from(rate), u128::from(trigger.phase_ns));
        // By definition and without carrying anything on.
        let expected: Vec<u64> = (0..)
            .map(|k| (k * 1_000_000_000_000 / rate + phase) as u64)
            .skip_while(|at| *at <= begin)
            .take_while(|at| *at <= begin + 3 * S)
            .collect();
        prop_assert_eq!(bench.times(), &expected[..]);
        let changes = bench.pins[1].changes.borrow();
        for pulse in changes.chunks_exact(2) {
            prop_assert_eq!((pulse[0].1, pulse[1]), (true, (pulse[0].0 + 20_000, false)));
        }
        prop_assert_eq!(bench.triggers.late(), 0);
    }

    /// However late the alarm rings: a pulse never begins before its time, none is made up, each is as long
    /// as declared, and what did not come in time is counted.
    #[test]
    fn a_late_alarm_loses_pulses_and_says_so(
        rates in [20_000..900_000_u32, 20_000..900_000_u32],
        mut delays in prop::collection::vec(0..40_000_000_u64, 1..50),
    ) {
        let mut bench = Bench::new();
        for (output, rate) in (0..).zip(rates) {
            bench.triggers.declare(trigger(output, rate, 0, 100_000), 0).unwrap();
        }
        bench.until(5 * S, || { delays.rotate_left(1); delays[0] });
        let end = bench.clock.now_ns();
        let mut due = 0;
        for (output, rate) in rates.into_iter().enumerate() {
            due += (u128::from(end) * u128::from(rate) / 1_000_000_000_000) as u64;
            let changes = bench.pins[output].changes.borrow();
            prop_assert!(changes.windows(2).all(|two| two[0].1 != two[1].1));
            for pulse in changes.chunks_exact(2) {
                prop_assert!(pulse[1].0 >= pulse[0].0 + 100_000);
            }
        }
        for (output, rate) in (0..).zip(rates) {
            let line = drafthorse_link::Line::Trigger(output);
            let mine: Vec<_> = bench.edges.iter().filter(|edge| edge.line == line).collect();
            for (i, edge) in mine.iter().enumerate() {
                prop_assert_eq!(edge.count as usize, i);
                let earliest = ((i as u128 + 1) * 1_000_000_000_000 / u128::from(rate)) as u64;
                prop_assert!(edge.at_mcu_ns >= earliest);
            }
        }
        let pulses = bench.edges.len() as u64;
        prop_assert!(pulses <= due);
        prop_assert!(pulses + u64::from(bench.triggers.late()) >= due);
    }

    /// A crystal that is off, and a PPS with jitter: pulses keep their phase in the PPS's seconds.
    #[test]
    fn pulses_follow_the_pps(
        ppm in -200.0..200.0_f64,
        first in 0..S,
        jitter in prop::collection::vec(0..2_000_u64, 40),
    ) {
        let mut bench = Bench::new();
        bench.triggers.declare(trigger(0, 30_000, 5_000_000, 1_000_000), 0).unwrap();
        let mcu = |true_ns: u64| (true_ns as f64 * (1.0 + ppm * 1e-6)) as u64;
        let mut taken = Vec::new();
        for (second, jitter) in (0..).zip(jitter) {
            let edge = mcu(first + second * S);
            bench.until(edge, || 0);
            taken.push(bench.triggers.pps(edge + jitter));
        }
        prop_assert_eq!(taken[0], Pps::Refused);
        prop_assert_eq!(taken[1], Pps::Locked);
        prop_assert!(taken[2..].iter().all(|pps| *pps == Pps::Followed));
        let settled = mcu(first + 15 * S);
        let mut last = None;
        for at in bench.times().into_iter().filter(|at| *at > settled) {
            let since = (at as f64 / (1.0 + ppm * 1e-6)) - first as f64 - 5e6;
            let period = 1e9 / 30.0;
            let k = (since / period).round();
            let off = since - k * period;
            prop_assert!(off.abs() < 6_000.0, "{off} ns off at {ppm} ppm");
            if let Some(last) = last {
                prop_assert_eq!(k - last, 1.0);
            }
            last = Some(k);
        }
    }

    #[test]
    fn epoch_time_goes_there_and_back(
        edges in prop::collection::vec(0..4_000_000_000_u64, 1..20),
        at in 0..10_000 * S,
    ) {
        let mut epoch = Epoch::new(30_000);
        let mut edge = 0;
        for step in edges {
            edge += step;
            epoch.pps(edge);
        }
        let back = epoch.mcu_ns(epoch.at(at));
        // A mapping of a different rate both ways: whole nanoseconds, and ppm of ppm of the distance.
        prop_assert!(back.abs_diff(at) <= 2 + at.abs_diff(edge) / 5_000_000, "{back} {at}");
    }

    #[test]
    fn a_counter_that_wraps_is_a_clock_that_does_not(
        hz in 1_000_000..200_000_000_u32,
        steps in prop::collection::vec(0..u64::from(u32::MAX), 1..40),
    ) {
        let mut ticks = Ticks::new(hz);
        let mut total = 0_u64;
        for step in steps {
            total += step;
            let ns = (u128::from(total) * 1_000_000_000 / u128::from(hz)) as u64;
            prop_assert_eq!(ticks.now_ns(total as u32), ns);
            let earlier = total.saturating_sub(step.min(1 << 31));
            let ns = (u128::from(earlier) * 1_000_000_000 / u128::from(hz)) as u64;
            prop_assert_eq!(ticks.captured_ns(earlier as u32), ns);
            // A comparison set for that time comes at that count: not before, when nothing would be due.
            prop_assert_eq!(ticks.count_at(ns), earlier as u32);
            prop_assert_eq!(ticks.count_at(ns + 1), (earlier as u32).wrapping_add(1));
        }
    }
}

#[test]
fn false_edges_of_the_pps_are_refused_and_a_new_one_is_taken() {
    let mut epoch = Epoch::new(20_000);
    let mut pps = |at: u64| epoch.pps(at);
    assert_eq!([pps(S / 2), pps(3 * S / 2)], [Pps::Refused, Pps::Locked]);
    assert_eq!(pps(5 * S / 2), Pps::Followed);
    // A spike, then the true edge; two missing; then another receiver with another phase.
    assert_eq!(pps(5 * S / 2 + 1_000_000), Pps::Refused);
    assert_eq!(pps(7 * S / 2), Pps::Followed);
    assert_eq!(pps(13 * S / 2), Pps::Followed);
    assert_eq!(pps(7 * S), Pps::Refused);
    assert_eq!(pps(8 * S), Pps::Locked);
    assert_eq!(epoch.refused(), 3);
    assert!(!epoch.is_lost(10 * S) && epoch.is_lost(11 * S));
}

#[test]
fn what_cannot_be_done_is_refused_and_changes_nothing() {
    let mut bench = Bench::new();
    let good = trigger(0, 30_000, 33_333_332, 100_000);
    bench.triggers.declare(good, 0).unwrap();
    let refusals = [
        (trigger(2, 30_000, 0, 100_000), Refusal::NoOutput),
        (trigger(0, 9, 0, 100_000), Refusal::Rate),
        (trigger(0, 1_000_001, 0, 100_000), Refusal::Rate),
        (trigger(0, 30_000, 33_333_333, 100_000), Refusal::Phase),
        (trigger(0, 30_000, 0, 9_999), Refusal::Width),
        (trigger(0, 30_000, 0, 33_323_334), Refusal::Width),
    ];
    for (bad, why) in refusals {
        assert_eq!(bench.triggers.declare(bad, 0), Err(why), "{bad:?}");
    }
    bench.until(S, || 0);
    assert_eq!(bench.edges.len(), 30);
    // The same again does not begin anew; nothing ends it.
    bench.triggers.declare(good, S).unwrap();
    bench.until(2 * S, || 0);
    assert_eq!(bench.edges.last().map(|edge| edge.count), Some(59));
    bench.triggers.declare(trigger(0, 0, 0, 0), 2 * S).unwrap();
    bench.until(3 * S, || 0);
    assert_eq!(bench.edges.len(), 60);
    let ends_low = bench.pins[0].changes.borrow().last().copied();
    assert!(ends_low.is_some_and(|(_, high)| !high));
}
