//! Recomputed messages against recorded ones, channel by channel, in order.

use super::machine::Machine;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::Staged;
use drafthorse_record::LogMessage;
use drafthorse_record::messages::drafthorse::LaneCheckpoint;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Mismatches listed in full; further ones are only counted.
const LISTED: usize = 20;

/// Outcome of a check.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    /// Every derived message at hand was recomputed to the same bytes.
    pub identical: bool,
    /// Derived messages compared.
    pub compared: u64,
    /// Derived messages compared, by topic.
    pub compared_by_topic: BTreeMap<String, u64>,
    /// Messages that differ, are missing or were not expected.
    pub mismatches: u64,
    /// The first of them.
    pub first_mismatches: Vec<Mismatch>,
    /// Derived messages before a lane's first recorded state, in a log that begins in the middle
    /// of a run: they cannot be recomputed from this log alone.
    pub not_recomputable: u64,
    /// Recomputed messages that a cut log no longer holds.
    pub cut_off: u64,
}

/// One difference.
#[derive(Clone, Debug, Serialize)]
pub struct Mismatch {
    /// Where.
    pub topic: String,
    /// Log time, ns.
    pub log_time_ns: u64,
    /// MCAP sequence.
    pub sequence: u32,
    /// In words.
    pub what: String,
}

struct Recomputed {
    sequence: u32,
    log_time_ns: u64,
    publish_time_ns: u64,
    bytes: Vec<u8>,
}

/// Recomputed messages that wait for their recorded counterpart.
pub(super) struct Expected {
    topics: Vec<String>,
    waiting: Vec<VecDeque<Recomputed>>,
    result: Comparison,
}

impl Expected {
    pub(super) fn new(channels: &Channels) -> Self {
        Self {
            topics: channels.specs().iter().map(|s| s.topic.clone()).collect(),
            waiting: channels.specs().iter().map(|_| VecDeque::new()).collect(),
            result: Comparison::default(),
        }
    }

    pub(super) fn push(&mut self, staged: &Staged) {
        for (entry, bytes) in staged.iter() {
            self.waiting[usize::from(entry.channel.0)].push_back(Recomputed {
                sequence: entry.sequence,
                log_time_ns: entry.log_time_ns,
                publish_time_ns: entry.publish_time_ns,
                bytes: bytes.to_vec(),
            });
        }
    }

    pub(super) fn compare(&mut self, channel: Channel, logged: &LogMessage<'_>, machine: &Machine) {
        let index = usize::from(channel.0);
        let Some(ours) = self.waiting[index].pop_front() else {
            if machine.explains(channel) {
                self.mismatch(
                    index,
                    logged,
                    "the log holds a message that was not recomputed",
                );
            } else {
                self.result.not_recomputable += 1;
            }
            return;
        };
        self.count(index);
        let what = if ours.bytes != logged.data {
            let at = ours
                .bytes
                .iter()
                .zip(logged.data)
                .position(|(a, b)| a != b)
                .unwrap_or(ours.bytes.len().min(logged.data.len()));
            format!(
                "{} bytes recomputed, {} recorded, first difference at byte {at}",
                ours.bytes.len(),
                logged.data.len()
            )
        } else if (ours.sequence, ours.log_time_ns, ours.publish_time_ns)
            != (logged.sequence, logged.log_time_ns, logged.publish_time_ns)
        {
            "same bytes, but another sequence or time".to_owned()
        } else {
            return;
        };
        self.mismatch(index, logged, &what);
    }

    /// Compares a lane's recomputed state with the recorded one.
    pub(super) fn state(
        &mut self,
        recorded: &LaneCheckpoint,
        recomputed: &[u8],
        logged: &LogMessage<'_>,
    ) {
        let index = usize::from(Channel::CHECKPOINT.0);
        self.count(index);
        if recorded.state != recomputed {
            let what = format!("the state of lane {} differs", recorded.lane);
            self.mismatch(index, logged, &what);
        }
    }

    fn count(&mut self, index: usize) {
        self.result.compared += 1;
        let topic = &self.topics[index];
        match self.result.compared_by_topic.get_mut(topic) {
            Some(count) => *count += 1,
            None => {
                self.result.compared_by_topic.insert(topic.clone(), 1);
            }
        }
    }

    fn mismatch(&mut self, index: usize, logged: &LogMessage<'_>, what: &str) {
        self.result.mismatches += 1;
        if self.result.first_mismatches.len() < LISTED {
            self.result.first_mismatches.push(Mismatch {
                topic: self.topics[index].clone(),
                log_time_ns: logged.log_time_ns,
                sequence: logged.sequence,
                what: what.to_owned(),
            });
        }
    }

    /// The log lacks messages here, and with them what waits.
    pub(super) fn forget(&mut self) {
        for waiting in &mut self.waiting {
            self.result.cut_off += waiting.len() as u64;
            waiting.clear();
        }
    }

    /// The outcome. What is left over is missing from the log, which a cut log is allowed.
    pub(super) fn finish(mut self, cut: bool) -> Comparison {
        for (index, waiting) in self.waiting.iter().enumerate() {
            // Raw and input channels are never staged by steps, so all that waits is derived.
            if cut {
                self.result.cut_off += waiting.len() as u64;
                continue;
            }
            for missing in waiting {
                self.result.mismatches += 1;
                if self.result.first_mismatches.len() < LISTED {
                    self.result.first_mismatches.push(Mismatch {
                        topic: self.topics[index].clone(),
                        log_time_ns: missing.log_time_ns,
                        sequence: missing.sequence,
                        what: "recomputed, but missing from the log".to_owned(),
                    });
                }
            }
        }
        self.result.identical = self.result.mismatches == 0;
        self.result
    }
}
