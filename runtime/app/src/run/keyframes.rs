//! The choice of keyframes while a run goes on: folded under the log's lock, so that its order is that
//! of the log. Beside it the events of the traffic, which say what a policy keeps and nothing else.

use super::lock;
use super::log::LogWriter;
use super::windows::Reason;
use crate::pipeline::channels::Channel;
use crate::pipeline::keyframes::{KeyframeStage, LeftOut, Part};
use crate::pipeline::staged::{Cause, Staged};
use crate::plan::{KEYFRAMES_LANE, Plan};
use anyhow::{Context, Result};
use drafthorse_keyframes::{Event, EventConfig, Events};
use drafthorse_record::Batch;
use drafthorse_record::messages::drafthorse as message;
use std::sync::Mutex;

/// The choice that all lanes share.
pub(crate) struct Keyframes {
    log: LogWriter,
    stage: Mutex<KeyframeStage>,
    events: Mutex<Events>,
}

impl Keyframes {
    /// For a plan; none where it chooses no keyframes.
    pub(crate) fn new(plan: &Plan, events: &EventConfig, log: &LogWriter) -> Result<Option<Self>> {
        let events = Events::new(events).context("record.events cannot be used")?;
        let stage = KeyframeStage::of(plan)?;
        Ok(stage.map(|stage| Self {
            log: log.clone(),
            stage: Mutex::new(stage),
            events: Mutex::new(events),
        }))
    }

    /// Takes what a step knows of moments, before the step is appended to that batch.
    pub(crate) fn follow(&self, cause: Cause, staged: &mut Staged, batch: &mut Batch<'_>) {
        for part in staged.parts() {
            if let Part::Scan { captured_ns, cues } = part {
                lock(&self.events).scan(*captured_ns, cues, |event: Event| {
                    let ago_ns = captured_ns.saturating_sub(event.begin_ns);
                    let at_ns = cause.received_ns.saturating_sub(ago_ns);
                    self.log
                        .trigger(batch, at_ns, Reason::Event, event.kind.name());
                });
            }
        }
        lock(&self.stage).follow(cause, staged);
    }

    /// Appends the state, once a lane has appended its own.
    pub(crate) fn checkpoint(&self, cause: Cause, batch: &mut Batch<'_>) {
        match lock(&self.stage).checkpoint() {
            Ok(state) => {
                let checkpoint = message::LaneCheckpoint {
                    lane: KEYFRAMES_LANE.to_owned(),
                    state,
                    ..Default::default()
                };
                self.log
                    .append_message(batch, Channel::CHECKPOINT, cause, &checkpoint);
            }
            Err(error) => tracing::error!("{error:#}; keyframes will not replay from here alone"),
        }
    }

    /// No more steps come. Gives what was appended.
    pub(crate) fn finish(&self, at_ns: u64) -> Staged {
        let (mut staged, cause) = (Staged::default(), Cause::at(at_ns));
        let mut batch = self.log.batch();
        if batch.is_refused() {
            return staged;
        }
        let end = message::LaneStep {
            lane: KEYFRAMES_LANE.to_owned(),
            finish: true,
            ..Default::default()
        };
        staged.push_message(Channel::STEP, cause, &end);
        lock(&self.stage).finish(cause, &mut staged);
        self.log.append_staged(&mut batch, &staged);
        staged
    }

    /// What the choice could not take in so far.
    pub(crate) fn left_out(&self) -> LeftOut {
        lock(&self.stage).left_out()
    }

    /// Keyframes so far.
    pub(crate) fn kept(&self) -> u64 {
        lock(&self.stage).kept()
    }
}
