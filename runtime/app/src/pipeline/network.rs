//! A network in a lane. In a run an engine is asked and its answer is logged as an input; in a replay
//! the answers stand in the log, and an engine may be asked again to compare.

use super::ask::Asker;
use super::channels::Channel;
use super::faults::FaultLog;
use super::staged::{Cause, Staged};
use crate::network_summary::answered_by;
use crate::plan::NetworkPlan;
use crate::summary::NetworkSummary;
use anyhow::{Context, Result};
use drafthorse_core::{Fault, FaultKind, Image};
use drafthorse_engine::{Agreement, DType, Precision, Tensor, Tolerance};
use drafthorse_record::messages::drafthorse::{NetworkAnswer, NetworkTensor};
use prost::Message as _;
use std::collections::VecDeque;

/// Where answers come from.
pub enum Answers {
    /// An engine.
    Engine(Box<Asker>),
    /// Nowhere: no engine of this machine runs the network, and that is why.
    Nowhere(String),
    /// The log that is replayed.
    Log,
    /// The log; an engine is asked again, and its answers are compared with the log's.
    Again(Box<Asker>),
}

/// One network over the pictures of one camera.
pub struct NetworkStage {
    name: String,
    channel: Channel,
    hz: f64,
    answers: Answers,
    /// Tolerance by file, of the model's manifest.
    tolerances: Vec<(String, Tolerance)>,
    recorded: VecDeque<NetworkAnswer>,
    /// The last picture could not be answered.
    fails: bool,
    summary: NetworkSummary,
}

impl NetworkStage {
    /// A network of the plan, whose answers go into that channel.
    pub fn new(plan: &NetworkPlan, channel: Channel, answers: Answers) -> Self {
        let tolerance = |precision: Precision| plan.manifest.tolerance(precision);
        let files = plan.manifest.files.iter();
        Self {
            name: plan.name().to_owned(),
            channel,
            hz: plan.hz.unwrap_or(f64::INFINITY),
            answers,
            tolerances: files
                .map(|file| {
                    let path = file.path.to_string_lossy().into_owned();
                    (path, tolerance(file.precision))
                })
                .collect(),
            recorded: VecDeque::new(),
            fails: false,
            summary: NetworkSummary::default(),
        }
    }

    /// Pictures a second, at most.
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

    /// Takes a picture whose turn it is.
    pub fn look(&mut self, image: &Image, cause: Cause, events: &mut FaultLog, out: &mut Staged) {
        let fault = |kind, detail| Fault {
            kind,
            sensor: Some(image.sensor),
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
                let asked = asker.ask(image).map(|answer| {
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
                    Ok(()) => self.fails = false,
                    Err(error) => {
                        // Told once for each time that it begins to fail.
                        if !std::mem::replace(&mut self.fails, true) {
                            let detail = format!("network {}: {error:#}", self.name);
                            tell(fault(FaultKind::NetworkFailed, detail), out);
                        }
                        self.summary.failures += 1;
                    }
                }
            }
            Answers::Nowhere(why) => {
                // Told once; each picture counts.
                if self.summary.failures == 0 {
                    let detail = format!("network {}: {why}", self.name);
                    tell(fault(FaultKind::NetworkFailed, detail), out);
                }
                self.summary.failures += 1;
            }
            Answers::Log => {
                take(&mut self.recorded, image, &mut self.summary);
            }
            Answers::Again(asker) => {
                let Some(recorded) = take(&mut self.recorded, image, &mut self.summary) else {
                    return;
                };
                let check = self.summary.check.get_or_insert_default();
                match asker.ask(image) {
                    Ok(fresh) => {
                        let agreement = agreement(fresh, &recorded);
                        let tolerance = |file: &str| {
                            let known = self.tolerances.iter().find(|(path, _)| path == file);
                            known.map_or_else(Tolerance::default, |(_, tolerance)| *tolerance)
                        };
                        let (a, b) = (tolerance(&fresh.file), tolerance(&recorded.file));
                        let is_identical = fresh.outputs == recorded.outputs;
                        check.count(answered_by(fresh), is_identical, agreement, &apart(a, b));
                    }
                    Err(error) => {
                        tracing::warn!("network {}: {error:#}", self.name);
                        check.failures += 1;
                    }
                }
            }
        }
    }

    /// Takes an answer that stands in the log, for the picture that its lane takes next.
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

/// The recorded answer to a picture. Where there is none, no engine could answer it in the run; one to
/// another picture was not asked for in this replay.
fn take(
    recorded: &mut VecDeque<NetworkAnswer>,
    image: &Image,
    summary: &mut NetworkSummary,
) -> Option<NetworkAnswer> {
    while let Some(answer) = recorded.pop_front() {
        if answer.sequence == image.sequence {
            summary.count(&answer);
            return Some(answer);
        }
        summary.unasked += 1;
    }
    summary.failures += 1;
    None
}

/// How far two answers may be apart that are each within their tolerance of the truth: errors add up,
/// and so do angles.
fn apart(a: Tolerance, b: Tolerance) -> Tolerance {
    let angle = |tolerance: Tolerance| tolerance.min_cosine.clamp(-1.0, 1.0).acos();
    Tolerance {
        max_error: a.max_error + b.max_error,
        min_cosine: (angle(a) + angle(b)).min(std::f64::consts::PI).cos(),
    }
}

/// Between two answers: the worst of their outputs.
fn agreement(fresh: &NetworkAnswer, recorded: &NetworkAnswer) -> Agreement {
    let nothing = Agreement {
        max_error: f64::INFINITY,
        cosine: 0.0,
    };
    if fresh.outputs.len() != recorded.outputs.len() {
        return nothing;
    }
    let pairs = fresh.outputs.iter().zip(&recorded.outputs);
    let each = pairs.map(|(fresh, recorded)| {
        let both = tensor(fresh).zip(tensor(recorded));
        both.map_or(nothing, |(fresh, recorded)| {
            Agreement::between(&fresh, &recorded)
        })
    });
    each.reduce(Agreement::worse).unwrap_or(nothing)
}

fn tensor(logged: &NetworkTensor) -> Option<Tensor> {
    let axes = logged.shape.iter().map(|&axis| usize::try_from(axis).ok());
    let shape: Vec<usize> = axes.collect::<Option<_>>()?;
    Tensor::from_le(DType::from_name(&logged.dtype)?, &shape, &logged.data)
}
