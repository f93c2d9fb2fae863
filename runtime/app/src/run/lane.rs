//! A lane's thread: takes the next message, runs the step, appends what followed from it.

use super::knobs::Share;
use super::lanes::LaneHandle;
use super::shared::Shared;
use crate::pipeline::camera::CameraLane;
use crate::pipeline::channels::{Channel, gives_points};
use crate::pipeline::network::NetworkStage;
use crate::pipeline::queue::Taken;
use crate::pipeline::radar::RadarLane;
use crate::pipeline::radar_network::RadarNetwork;
use crate::pipeline::staged::{Cause, Staged};
use crate::pipeline::stages::StageClock;
use crate::plan::RADAR_LANE;
use crate::summary::{Latencies, Summary};
use anyhow::Result;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_record::messages::{drafthorse as message, encode_lane_latency};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A raw message waiting for its lane.
pub(crate) struct Queued {
    pub(crate) raw: RawMessage,
    /// Log segment the raw message is in; none where the log has lost it.
    pub(crate) segment: Option<u32>,
    /// When it was handed over.
    pub(crate) arrived: Instant,
}

impl Queued {
    pub(crate) fn empty(sensor: SensorId, format: RawFormat) -> Self {
        Self {
            raw: RawMessage::empty(sensor, format),
            segment: Some(0),
            arrived: Instant::now(),
        }
    }
}

/// What a lane does with its messages: a pure fold, see [`crate::pipeline`].
pub trait LaneLogic: Send {
    /// Takes one raw message; stages what follows from it, without its costly part where that is to be spared.
    fn step(&mut self, raw: &RawMessage, spared: bool, clock: &mut StageClock, out: &mut Staged);
    /// No more input comes.
    fn finish(&mut self, clock: &mut StageClock, out: &mut Staged);
    /// The whole state, where the lane can be taken up in the middle.
    ///
    /// # Errors
    /// Where the state cannot be serialised.
    fn checkpoint(&self) -> Result<Option<Vec<u8>>>;
    /// Goes on from such a state.
    ///
    /// # Errors
    /// Where the bytes are no state of this lane.
    fn restore(&mut self, state: &[u8]) -> Result<()>;
    /// In a replay: takes what the world outside answered to the next step.
    ///
    /// # Errors
    /// Where the bytes are no such answer.
    fn take_recorded(&mut self, _channel: Channel, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }
    /// Adds the lane's counts.
    fn summarise(&self, summary: &mut Summary);
}

impl LaneLogic for RadarLane {
    fn step(&mut self, raw: &RawMessage, spared: bool, clock: &mut StageClock, out: &mut Staged) {
        RadarLane::step(self, raw, spared, clock, out);
    }
    fn finish(&mut self, clock: &mut StageClock, out: &mut Staged) {
        RadarLane::finish(self, clock, out);
    }
    fn checkpoint(&self) -> Result<Option<Vec<u8>>> {
        RadarLane::checkpoint(self).map(Some)
    }
    fn restore(&mut self, state: &[u8]) -> Result<()> {
        RadarLane::restore(self, state)
    }
    fn take_recorded(&mut self, channel: Channel, bytes: &[u8]) -> Result<()> {
        RadarLane::take_recorded(self, channel, bytes)
    }
    fn summarise(&self, summary: &mut Summary) {
        summary.scans += self.counts.scans;
        summary.tracks += self.counts.tracks;
        summary.most_tracks = summary.most_tracks.max(self.counts.most_tracks);
        summary.add_spared(RADAR_LANE, self.counts.spared);
        summary.add_faults(&self.faults);
        summary.add_faults(&self.events);
        summary.add_networks(self.networks().map(RadarNetwork::summary));
    }
}

impl LaneLogic for CameraLane {
    fn step(&mut self, raw: &RawMessage, spared: bool, clock: &mut StageClock, out: &mut Staged) {
        CameraLane::step(self, raw, spared, clock, out);
    }
    fn finish(&mut self, _clock: &mut StageClock, _out: &mut Staged) {}
    fn checkpoint(&self) -> Result<Option<Vec<u8>>> {
        CameraLane::checkpoint(self)
    }
    fn restore(&mut self, state: &[u8]) -> Result<()> {
        CameraLane::restore(self, state)
    }
    fn take_recorded(&mut self, channel: Channel, bytes: &[u8]) -> Result<()> {
        CameraLane::take_recorded(self, channel, bytes)
    }
    fn summarise(&self, summary: &mut Summary) {
        summary.frames += self.frames;
        summary.add_spared(self.name(), self.spared);
        summary.add_faults(&self.faults);
        summary.add_faults(&self.events);
        summary.add_networks(self.networks().map(NetworkStage::summary));
    }
}

/// What a lane leaves behind.
pub(crate) struct LaneOutcome {
    pub(crate) logic: Box<dyn LaneLogic>,
    pub(crate) latencies: Latencies,
}

/// A lane that ends, also by a panic, takes nothing any more: nobody shall wait for it.
struct CloseQueue<'a>(&'a LaneHandle);

impl Drop for CloseQueue<'_> {
    fn drop(&mut self) {
        self.0.queue.close();
    }
}

/// The running lane.
pub(crate) struct LaneThread<'a> {
    shared: &'a Shared,
    handle: &'a LaneHandle,
    logic: Box<dyn LaneLogic>,
    latencies: Latencies,
    clock: StageClock,
    staged: Staged,
    step: message::LaneStep,
    checkpointed_segment: u32,
    last: Cause,
    /// Of each sensor's messages, those whose costly part is not spared.
    shares: Vec<Share>,
    /// The log has lost something of this lane since its last recorded state.
    lost: bool,
    lost_messages: u64,
}

impl<'a> LaneThread<'a> {
    pub(crate) fn new(
        shared: &'a Shared,
        handle: &'a LaneHandle,
        logic: Box<dyn LaneLogic>,
    ) -> Self {
        Self {
            shared,
            handle,
            logic,
            latencies: Latencies::default(),
            clock: StageClock::default(),
            staged: Staged::default(),
            step: message::LaneStep {
                lane: handle.name.clone(),
                ..Default::default()
            },
            checkpointed_segment: 0,
            last: Cause::at(shared.first_ns),
            shares: vec![Share::default(); shared.plan.sensors.len()],
            lost: false,
            lost_messages: 0,
        }
    }

    /// Takes messages until the queue is closed and empty.
    pub(crate) fn run(mut self) -> LaneOutcome {
        let _closed_at_the_end = CloseQueue(self.handle);
        let mut held = None;
        loop {
            match self
                .handle
                .queue
                .take(&mut held, Duration::from_millis(200))
            {
                Taken::Closed => break,
                Taken::Idle => {}
                Taken::Item => {
                    if let Some(slot) = &held {
                        self.take(&slot.item);
                    }
                }
            }
        }
        self.finish();
        LaneOutcome {
            logic: self.logic,
            latencies: self.latencies,
        }
    }

    /// Takes one message through the step and into the log.
    pub(crate) fn take(&mut self, queued: &Queued) {
        let raw = &queued.raw;
        let began = Instant::now();
        let cause = Cause::from(raw);
        self.last = cause;
        self.resume_after_loss(queued.segment, cause);
        self.staged.clear();
        self.step.sensor = u32::from(raw.sensor.0);
        self.step.sequence = raw.sequence;
        self.step.spared = self.spares(raw);
        self.staged.push_message(Channel::STEP, cause, &self.step);
        self.clock.start();
        self.logic
            .step(raw, self.step.spared, &mut self.clock, &mut self.staged);
        self.append(queued.segment, cause);
        self.clock.end("record");
        self.measure(cause, began - queued.arrived, queued.arrived.elapsed());
        self.step.step += 1;
        self.handle.steps.store(self.step.step, Ordering::Relaxed);
    }

    /// Whether the governor gives up the costly part of a message.
    fn spares(&mut self, raw: &RawMessage) -> bool {
        let settings = self.shared.knobs.now();
        let share = match raw.format {
            camera if camera.is_camera() => settings.camera_rate,
            radar if gives_points(radar) => settings.detector,
            _ => return false,
        };
        let sensor = self.shares.get_mut(usize::from(raw.sensor.0));
        sensor.is_some_and(|sensor| !sensor.takes(share))
    }

    /// Appends the step and what followed from it; past a change of segment also the state after
    /// it, once the messages before the change are used up.
    fn append(&mut self, raw_segment: Option<u32>, cause: Cause) {
        let log = &self.shared.log;
        let mut batch = log.batch();
        if self.lost || raw_segment.is_none() || batch.is_refused() {
            // A step without its raw message in the log could not be taken again.
            self.lost = true;
            let messages = self.staged.iter().count() as u64;
            self.lost_messages += messages;
            self.shared.unlogged.fetch_add(messages, Ordering::Relaxed);
            return;
        }
        let segment = batch.segment();
        let keyframes = self.shared.keyframes.as_ref();
        if let Some(keyframes) = keyframes {
            keyframes.follow(cause, &mut self.staged, &mut batch);
        }
        log.append_staged(&mut batch, &self.staged);
        if segment != self.checkpointed_segment && Some(segment) == raw_segment {
            self.checkpointed_segment = segment;
            if let Some(checkpoint) = self.checkpoint(false) {
                log.append_message(&mut batch, Channel::CHECKPOINT, cause, &checkpoint);
                if let Some(keyframes) = keyframes {
                    keyframes.checkpoint(cause, &mut batch);
                }
            }
        }
        drop(batch);
        if let Some(descriptions) = &self.shared.descriptions {
            descriptions.follow(&self.staged);
        }
    }

    /// Once the log takes messages again, it gets the state from which the next step goes on.
    fn resume_after_loss(&mut self, raw_segment: Option<u32>, cause: Cause) {
        if !self.lost || raw_segment.is_none() || self.shared.log.batch().is_refused() {
            return;
        }
        let checkpoint = self.checkpoint(true);
        let mut batch = self.shared.log.batch();
        if batch.is_refused() {
            return;
        }
        if let Some(checkpoint) = checkpoint {
            let log = &self.shared.log;
            log.append_message(&mut batch, Channel::CHECKPOINT, cause, &checkpoint);
        }
        drop(batch);
        self.shared.ingress.event(&Fault {
            kind: FaultKind::RecordLoss,
            sensor: None,
            at_ns: cause.received_ns,
            count: self.lost_messages,
            detail: format!(
                "the disk was too slow: results of lane {} are missing from the log",
                self.handle.name
            ),
        });
        self.lost_messages = 0;
        self.lost = false;
    }

    fn checkpoint(&self, after_loss: bool) -> Option<message::LaneCheckpoint> {
        let state = self.logic.checkpoint().unwrap_or_else(|error| {
            tracing::error!("{error:#}; what follows will not replay on its own");
            None
        });
        Some(message::LaneCheckpoint {
            lane: self.handle.name.clone(),
            step: self.step.step,
            state: state?,
            after_loss,
        })
    }

    fn measure(&mut self, cause: Cause, queue: Duration, total: Duration) {
        let ns = |d: Duration| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX);
        let (queue_ns, total_ns) = (ns(queue), ns(total));
        for (stage, stage_ns) in self.clock.spans() {
            self.latencies.record(stage, *stage_ns);
        }
        self.latencies.record("queue", queue_ns);
        self.latencies.record("total", total_ns);
        if total > self.handle.deadline {
            self.handle.late.fetch_add(1, Ordering::Relaxed);
        }
        let log = &self.shared.log;
        let (name, step, spans) = (&self.handle.name, self.step.step, self.clock.spans());
        log.batch().append_with(
            log.id(Channel::LATENCY),
            cause.sequence,
            cause.received_ns,
            cause.captured_ns,
            |buf| encode_lane_latency(name, step, queue_ns, total_ns, spans, buf),
        );
    }

    fn finish(&mut self) {
        self.staged.clear();
        self.step.sensor = 0;
        self.step.sequence = 0;
        self.step.spared = false;
        self.step.finish = true;
        let end = Cause::at(self.last.received_ns);
        self.staged.push_message(Channel::STEP, end, &self.step);
        self.clock.start();
        self.logic.finish(&mut self.clock, &mut self.staged);
        if self.lost {
            return;
        }
        let log = &self.shared.log;
        let mut batch = log.batch();
        if let Some(keyframes) = &self.shared.keyframes {
            keyframes.follow(end, &mut self.staged, &mut batch);
        }
        log.append_staged(&mut batch, &self.staged);
        drop(batch);
        if let Some(descriptions) = &self.shared.descriptions {
            descriptions.follow(&self.staged);
        }
    }
}
