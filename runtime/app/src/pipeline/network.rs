//! A network in a lane. In a run an engine is asked and its answer is logged as an input; in a replay
//! the answers stand in the log, and an engine may be asked again to compare.

use super::ask::Ask;
use super::channels::Channel;
use super::faults::FaultLog;
use super::staged::{Cause, Staged};
use crate::network_summary::answered_by;
use crate::plan::NetworkPlan;
use crate::summary::NetworkSummary;
use anyhow::{Context, Result};
use drafthorse_core::{Fault, FaultKind, SensorId};
use drafthorse_detector::CrossCheck;
use drafthorse_engine::{Precision, Tolerance};
use drafthorse_record::messages::drafthorse::NetworkAnswer;
use prost::Message as _;
use std::collections::{BTreeMap, VecDeque};

/// Where answers come from.
pub enum Answers<A> {
    /// An engine.
    Engine(Box<A>),
    /// Nowhere: no engine of this machine runs the network, and that is why.
    Nowhere(String),
    /// The log that is replayed.
    Log,
    /// The log; an engine is asked again, with the file that gave the log's answer, and its answers are
    /// compared with the log's. By file.
    Again(BTreeMap<String, A>),
}

/// One network over what one sensor sees.
pub struct NetworkStage<A> {
    name: String,
    channel: Channel,
    hz: f64,
    answers: Answers<A>,
    /// What goes on in its stead where it fails, in words.
    stand_in: &'static str,
    /// Tolerance by file, of the model's manifest.
    tolerances: Vec<(String, Tolerance)>,
    recorded: VecDeque<NetworkAnswer>,
    /// The last answer, and in a comparison that of the engine asked again.
    answer: NetworkAnswer,
    fresh: NetworkAnswer,
    /// The last question could not be answered.
    fails: bool,
    summary: NetworkSummary,
}

impl<A: Ask> NetworkStage<A> {
    /// A network of the plan, whose answers go into that channel.
    pub fn new(plan: &NetworkPlan, channel: Channel, answers: Answers<A>) -> Self {
        let tolerance = |precision: Precision| plan.manifest.tolerance(precision);
        let files = plan.manifest.files.iter();
        Self {
            name: plan.name().to_owned(),
            channel,
            hz: plan.hz.unwrap_or(f64::INFINITY),
            answers,
            stand_in: "",
            tolerances: files
                .map(|file| {
                    let path = file.path.to_string_lossy().into_owned();
                    (path, tolerance(file.precision))
                })
                .collect(),
            recorded: VecDeque::new(),
            answer: NetworkAnswer::default(),
            fresh: NetworkAnswer::default(),
            fails: false,
            summary: NetworkSummary::default(),
        }
    }

    /// Says what goes on in its stead where it fails: the end of a sentence.
    pub fn with_stand_in(self, stand_in: &'static str) -> Self {
        Self { stand_in, ..self }
    }

    /// Counts how its boxes agree with the clusters.
    pub fn note_check(&mut self, check: Option<CrossCheck>) {
        let of_clusters = self.summary.clusters.get_or_insert_default();
        of_clusters.count(check);
    }

    /// Answers a second, at most.
    pub fn hz(&self) -> f64 {
        self.hz
    }

    /// Where its answers are logged.
    pub fn channel(&self) -> Channel {
        self.channel
    }

    /// What it did.
    pub fn summary(&self) -> (&str, &NetworkSummary) {
        (&self.name, &self.summary)
    }

    /// Takes what the sensor saw, where it is its turn; gives the answer, in a replay the log's.
    pub fn look(
        &mut self,
        seen: &A::Seen,
        sensor: SensorId,
        cause: Cause,
        events: &mut FaultLog,
        out: &mut Staged,
    ) -> Option<&NetworkAnswer> {
        let stand_in = self.stand_in;
        let fault = |kind, detail| Fault {
            kind,
            sensor: Some(sensor),
            at_ns: cause.captured_ns,
            count: 1,
            detail,
        };
        let mut tell = |fault: Fault, out: &mut Staged| {
            let message = events.message(&fault);
            out.push_input(Channel::EVENTS, cause, |buf| message.encode_raw(buf));
        };
        match &mut self.answers {
            Answers::Engine(asker) => {
                let answer = &mut self.answer;
                let asked = asker.ask(seen, answer).map(|()| {
                    answer.captured_ns = cause.captured_ns;
                    answer.sensor = u32::from(sensor.0);
                    answer.sequence = cause.sequence;
                    out.push_input(self.channel, cause, |buf| answer.encode_raw(buf));
                    self.summary.count(answer);
                });
                for handover in asker.take_handovers() {
                    let detail = format!(
                        "network {}: {} failed ({}); {} runs it now",
                        self.name, handover.from, handover.why, handover.to
                    );
                    self.summary.handovers += 1;
                    tell(fault(FaultKind::NetworkHandedOver, detail), out);
                }
                match asked {
                    Ok(()) => {
                        self.fails = false;
                        return Some(&self.answer);
                    }
                    Err(error) => {
                        // Told once for each time that it begins to fail.
                        if !std::mem::replace(&mut self.fails, true) {
                            let detail = format!("network {}: {error:#}{stand_in}", self.name);
                            tell(fault(FaultKind::NetworkFailed, detail), out);
                        }
                        self.summary.failures += 1;
                    }
                }
            }
            Answers::Nowhere(why) => {
                // Told once; each question counts.
                if self.summary.failures == 0 {
                    let detail = format!("network {}: {why}{stand_in}", self.name);
                    tell(fault(FaultKind::NetworkFailed, detail), out);
                }
                self.summary.failures += 1;
            }
            Answers::Log => {
                self.answer = take(&mut self.recorded, cause, &mut self.summary)?;
                return Some(&self.answer);
            }
            Answers::Again(askers) => {
                self.answer = take(&mut self.recorded, cause, &mut self.summary)?;
                let (recorded, fresh) = (&self.answer, &mut self.fresh);
                let check = self.summary.check.get_or_insert_default();
                let asker = askers.get_mut(&recorded.file);
                let asked = asker
                    .with_context(|| format!("{} is not loaded", recorded.file))
                    .and_then(|asker| asker.ask(seen, fresh).map(|()| asker));
                match asked {
                    Ok(asker) => {
                        let agreement = asker.agreement(fresh, recorded);
                        let mut tolerances = self.tolerances.iter();
                        let tolerance = tolerances.find(|(path, _)| *path == recorded.file);
                        let tolerance = tolerance.map(|(_, of_file)| *of_file).unwrap_or_default();
                        let is_identical = fresh.outputs == recorded.outputs;
                        let allowed = apart(tolerance);
                        check.count(answered_by(fresh), is_identical, agreement, &allowed);
                    }
                    Err(error) => {
                        tracing::warn!("network {}: {error:#}", self.name);
                        check.failures += 1;
                    }
                }
                return Some(&self.answer);
            }
        }
        None
    }

    /// Forgets answers of the log that were not taken: what they answer is lost.
    pub fn forget(&mut self) {
        self.recorded.clear();
    }

    /// Takes an answer that stands in the log, for what its lane takes next.
    ///
    /// # Errors
    /// Bytes that are no answer.
    pub fn take_recorded(&mut self, bytes: &[u8]) -> Result<()> {
        let answer = NetworkAnswer::decode(bytes)
            .with_context(|| format!("an answer of network {} cannot be read", self.name))?;
        self.recorded.push_back(answer);
        Ok(())
    }
}

/// The recorded answer to a question. Where there is none, no engine could answer it in the run; one to
/// another question was not asked for in this replay.
fn take(
    recorded: &mut VecDeque<NetworkAnswer>,
    cause: Cause,
    summary: &mut NetworkSummary,
) -> Option<NetworkAnswer> {
    while let Some(answer) = recorded.pop_front() {
        if answer.sequence == cause.sequence {
            summary.count(&answer);
            return Some(answer);
        }
        summary.unasked += 1;
    }
    summary.failures += 1;
    None
}

/// How far two answers may be apart that are each within that tolerance of the truth: errors add up, and so
/// do angles.
fn apart(each: Tolerance) -> Tolerance {
    let angle = each.min_cosine.clamp(-1.0, 1.0).acos();
    Tolerance {
        max_error: 2.0 * each.max_error,
        min_cosine: (2.0 * angle).min(std::f64::consts::PI).cos(),
    }
}
