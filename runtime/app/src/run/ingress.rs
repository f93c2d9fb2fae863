//! Where every raw message enters: stamped, aligned and logged under one lock, so that the order of
//! the log is the order in which alignment saw the messages.

use super::log::LogWriter;
use super::windows::Reason;
use crate::pipeline::align::AlignStage;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::faults::FaultLog;
use crate::pipeline::staged::{Cause, Staged};
use crate::plan::{ALIGN_LANE, Plan};
use crate::summary::Summary;
use drafthorse_core::{Fault, GroundTruth, RawMessage};
use drafthorse_record::messages::{drafthorse as message, encode_raw, ground_truth};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The entrance of the pipeline.
pub(crate) struct Ingress {
    log: LogWriter,
    raw_channels: Vec<Channel>,
    names: Vec<String>,
    inner: Mutex<Inner>,
}

struct Inner {
    align: AlignStage,
    staged: Staged,
    events: FaultLog,
    segment: Option<u32>,
    /// The log has lost something of alignment's since its last recorded state.
    lost: bool,
    first_captured_ns: Option<u64>,
    last_captured_ns: u64,
    last_received_ns: u64,
}

impl Ingress {
    pub(crate) fn new(plan: &Plan, channels: &Channels, log: LogWriter, first_ns: u64) -> Self {
        Self {
            log,
            raw_channels: plan
                .sensors()
                .map(|(id, _)| channels.sensor(id).raw)
                .collect(),
            names: plan.sensor_names(),
            inner: Mutex::new(Inner {
                align: AlignStage::new(plan),
                staged: Staged::default(),
                events: FaultLog::new(plan.sensor_names()),
                segment: None,
                lost: false,
                first_captured_ns: None,
                last_captured_ns: 0,
                last_received_ns: first_ns,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a raw message with what alignment makes of it; gives the log segment it is in, or none
    /// where the log has lost it.
    pub(crate) fn admit(&self, raw: &RawMessage) -> Option<u32> {
        let inner = &mut *self.lock();
        let index = usize::from(raw.sensor.0);
        inner.first_captured_ns = Some(
            inner
                .first_captured_ns
                .map_or(raw.captured_ns, |first| first.min(raw.captured_ns)),
        );
        inner.last_captured_ns = inner.last_captured_ns.max(raw.captured_ns);
        inner.last_received_ns = inner.last_received_ns.max(raw.received_ns);
        let mut batch = self.log.batch();
        let segment = (!batch.is_refused()).then(|| batch.segment());
        inner.checkpoint(&self.log, &mut batch);
        inner.staged.clear();
        inner.align.observe(raw, &mut inner.staged);
        batch.append_with(
            self.log.id(self.raw_channels[index]),
            raw.sequence,
            raw.received_ns,
            raw.captured_ns,
            |buf| encode_raw(raw, &self.names[index], buf),
        );
        self.log.append_staged(&mut batch, &inner.staged);
        segment
    }

    /// Logs the state of the clock and lets time pass for alignment.
    pub(crate) fn tick(&self, state: &message::ClockState) {
        let inner = &mut *self.lock();
        let mut batch = self.log.batch();
        inner.checkpoint(&self.log, &mut batch);
        inner.staged.clear();
        inner.align.tick(state.at_ns, &mut inner.staged);
        let cause = Cause::at(state.at_ns);
        self.log
            .append_message(&mut batch, Channel::CLOCK, cause, state);
        self.log.append_staged(&mut batch, &inner.staged);
    }

    /// Logs a fault of the outside world.
    pub(crate) fn event(&self, fault: &Fault) {
        let inner = &mut *self.lock();
        let message = inner.events.message(fault);
        let cause = Cause::at(fault.at_ns);
        let mut batch = self.log.batch();
        self.log
            .append_message(&mut batch, Channel::EVENTS, cause, &message);
        self.log.fault(&mut batch, &message, fault.at_ns);
    }

    /// Logs a note of the driver's.
    pub(crate) fn note(&self, at_ns: u64, text: &str) {
        let _in_order = self.lock();
        let note = message::Note {
            at_ns,
            text: text.to_owned(),
        };
        let mut batch = self.log.batch();
        self.log
            .append_message(&mut batch, Channel::NOTES, Cause::at(at_ns), &note);
        self.log.trigger(&mut batch, at_ns, Reason::Note, text);
    }

    /// Receive stamp of the latest message.
    pub(crate) fn last_received_ns(&self) -> u64 {
        self.lock().last_received_ns
    }

    /// Logs ground truth.
    pub(crate) fn truth(&self, truth: &GroundTruth) {
        let cause = Cause::at(truth.captured_ns);
        let message = ground_truth(truth);
        self.log
            .append_message(&mut self.log.batch(), Channel::TRUTH, cause, &message);
    }

    /// No more messages come.
    pub(crate) fn finish(&self) {
        let inner = &mut *self.lock();
        let at_ns = inner.last_received_ns;
        let mut batch = self.log.batch();
        inner.checkpoint(&self.log, &mut batch);
        inner.staged.clear();
        let end = message::LaneStep {
            lane: ALIGN_LANE.to_owned(),
            finish: true,
            ..Default::default()
        };
        inner
            .staged
            .push_message(Channel::STEP, Cause::at(at_ns), &end);
        inner.align.finish(at_ns, &mut inner.staged);
        self.log.append_staged(&mut batch, &inner.staged);
    }

    pub(crate) fn summarise(&self, summary: &mut Summary) {
        let inner = &*self.lock();
        let span_ns = inner
            .last_captured_ns
            .saturating_sub(inner.first_captured_ns.unwrap_or(inner.last_captured_ns));
        summary.duration_s = span_ns as f64 / 1e9;
        summary.add_faults(&inner.align.faults);
        summary.add_faults(&inner.events);
        summary.add_outcomes(inner.align.outcomes);
    }
}

impl Inner {
    /// A new segment begins with alignment's state, so that it replays on its own; so does what
    /// follows a loss.
    fn checkpoint(&mut self, log: &LogWriter, batch: &mut drafthorse_record::Batch<'_>) {
        if batch.is_refused() {
            self.lost = true;
            return;
        }
        let segment = batch.segment();
        let before = self.segment.replace(segment);
        let after_loss = std::mem::take(&mut self.lost);
        if !after_loss && before.is_none_or(|before| before == segment) {
            return;
        }
        match self.align.checkpoint() {
            Ok(state) => {
                let cause = Cause::at(self.last_received_ns);
                let checkpoint = message::LaneCheckpoint {
                    lane: ALIGN_LANE.to_owned(),
                    step: 0,
                    state,
                    after_loss,
                };
                log.append_message(batch, Channel::CHECKPOINT, cause, &checkpoint);
            }
            Err(error) => tracing::error!("{error:#}; this segment will not replay on its own"),
        }
    }
}
