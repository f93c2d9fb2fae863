//! Our side of the ten-stage chain: the lane's own queue, stage clock, staging and log, with the
//! least work in each stage. The peer's side and what its tasks do stand in `tests/peers/cu29`.

use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::queue::{LaneQueue, Policy};
use crate::pipeline::staged::{Cause, Staged};
use crate::pipeline::stages::StageClock;
use crate::run::LogWriter;
use anyhow::{Context, Result, ensure};
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const WARM_UP: usize = 10_000;
const NAMES: [&str; 10] = [
    "source", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "sink",
];

/// The message between stages: a value and the nanosecond at which the chain was entered.
#[derive(Clone, Copy, Default)]
struct Payload {
    value: u64,
    entered_ns: u64,
}

trait Stage {
    fn run(&mut self, input: &Payload, output: &mut Payload);
}

struct Source;
struct Add(u64);
struct Sink {
    value: AtomicU64,
    latency_ns: AtomicU64,
    began: Instant,
}

impl Stage for Source {
    fn run(&mut self, input: &Payload, output: &mut Payload) {
        output.value = input.value;
        output.entered_ns = input.entered_ns;
    }
}

impl Stage for Add {
    fn run(&mut self, input: &Payload, output: &mut Payload) {
        output.value = input.value.wrapping_add(self.0);
        output.entered_ns = input.entered_ns;
    }
}

impl Stage for Sink {
    fn run(&mut self, input: &Payload, output: &mut Payload) {
        *output = *input;
        self.value.store(input.value, Ordering::Relaxed);
        let now_ns = self.began.elapsed().as_nanos() as u64;
        self.latency_ns
            .store(now_ns.saturating_sub(input.entered_ns), Ordering::Relaxed);
    }
}

/// Median of the whole chain, hand-off to the lane included, ns. With a log, each stage's message
/// is staged and appended, one batch an iteration.
pub(super) fn chain10_p50_ns(iterations: usize, log: Option<(&LogWriter, Channel)>) -> Result<f64> {
    let began = Instant::now();
    let mut stages: Vec<Box<dyn Stage>> = vec![Box::new(Source)];
    for _ in 0..8 {
        stages.push(Box::new(Add(3)));
    }
    stages.push(Box::new(Sink {
        value: AtomicU64::new(0),
        latency_ns: AtomicU64::new(0),
        began,
    }));
    let queue = LaneQueue::new(&[4], Policy::NeverDrop, |_| Payload::default());
    let mut messages = [Payload::default(); 10];
    let mut clock = StageClock::default();
    let mut staged = Staged::default();
    let mut held = None;
    let mut times = Vec::with_capacity(iterations);
    for i in 0..(WARM_UP + iterations) as u64 {
        let start = Instant::now();
        let entered_ns = (start - began).as_nanos() as u64;
        let entered = Payload {
            value: i,
            entered_ns,
        };
        queue.put(0, |slot| *slot = entered, |_| ());
        queue.take(&mut held, Duration::ZERO);
        let taken = held.as_ref().context("the lane's queue lost a message")?;
        clock.start();
        let mut input = taken.item;
        for ((stage, output), name) in stages.iter_mut().zip(&mut messages).zip(NAMES) {
            stage.run(black_box(&input), output);
            clock.end(name);
            input = *output;
        }
        if let Some((log, channel)) = log {
            staged.clear();
            let cause = Cause::at(entered_ns);
            for message in &messages {
                staged.push(channel, cause, |buf| {
                    buf.extend_from_slice(&message.value.to_le_bytes());
                    buf.extend_from_slice(&message.entered_ns.to_le_bytes());
                });
            }
            let mut batch = log.batch();
            log.append_staged(&mut batch, &staged);
        }
        let ns = start.elapsed().as_nanos() as u64;
        ensure!(
            input.value == i.wrapping_add(24),
            "the chain gave {} instead of {}",
            input.value,
            i + 24
        );
        if i >= WARM_UP as u64 {
            times.push(ns);
        }
    }
    times.sort_unstable();
    Ok(times[times.len() / 2] as f64)
}

/// Median of one put and one take on the lane's queue, and of the same on a bounded channel of the
/// standard library, ns.
pub(super) fn handoff_p50_ns(iterations: usize) -> (f64, f64) {
    const BURST: u32 = 64;
    let queue = LaneQueue::new(&[4], Policy::NeverDrop, |_| Payload::default());
    let (sender, receiver) = std::sync::mpsc::sync_channel::<Payload>(4);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut held, mut received) = (None, Payload::default());
    for _ in 0..iterations / BURST as usize {
        let start = Instant::now();
        for _ in 0..BURST {
            queue.put(0, |slot| *slot = black_box(received), |_| ());
            queue.take(&mut held, Duration::ZERO);
            black_box(&held);
        }
        ours.push(start.elapsed() / BURST);
        let start = Instant::now();
        for _ in 0..BURST {
            if sender.send(black_box(received)).is_ok() {
                received = receiver.recv().unwrap_or_default();
            }
        }
        theirs.push(start.elapsed() / BURST);
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times[times.len() / 2].as_nanos() as f64
    };
    (median(&mut ours), median(&mut theirs))
}

/// A log of one channel for the logged chain.
pub(super) fn log(dir: &std::path::Path) -> Result<(LogWriter, Channel)> {
    let plan = super::pipeline::empty_plan();
    let channels = Channels::new(&plan);
    let mut config = drafthorse_record::RecordConfig::new(dir, "chain");
    config.compression = drafthorse_record::Compression::None;
    config.free_space_floor_bytes = 0;
    let recorder = drafthorse_record::Recorder::create(config)?;
    Ok((LogWriter::new(recorder, &channels)?, Channel::HEALTH))
}
