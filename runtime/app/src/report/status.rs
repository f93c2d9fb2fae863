//! How the run went: latency, drops, faults, pairing, clock, recorder.

use super::bins::Bins;
use super::data::{Clock, Fault, Health, MarkLabel};
use super::fold::Message;
use super::governor::Governor;
use super::histogram::Histogram;
use crate::network_summary::{ClusterCheck, answered_by};
use drafthorse_detector::CrossCheck;
use drafthorse_record::messages::drafthorse::{self, pairing::Outcome};
use prost::{DecodeError, Message as _};
use std::collections::BTreeMap;

/// Faults listed one by one; later ones are only counted.
const MAX_FAULTS: usize = 300;
/// Lanes, stages, kinds and sensors remembered at most, against a log that invents them.
const MAX_KEYS: usize = 256;
/// Longest text taken from a fault.
const MAX_TEXT: usize = 400;

/// Folded status; instants are ns.
#[derive(Debug, Default)]
pub(super) struct Status {
    pub sensor_names: BTreeMap<u32, String>,
    pub latency: Vec<(String, String, Histogram)>,
    /// Answers by topic and by what gave them.
    pub networks: BTreeMap<(String, String), u64>,
    /// Agreement with the clusters, by the topic of the answers.
    pub cluster_checks: BTreeMap<String, ClusterCheck>,
    pub drops: BTreeMap<(String, u32), u64>,
    pub fault_kinds: BTreeMap<(String, String), (u64, u64)>,
    /// The first faults, with their instant; `t` is filled in once the axis is known.
    pub faults: Vec<(u64, Fault)>,
    pub fault_count: u64,
    pub drop_count: u64,
    pub marks: Bins,
    pub labels: Vec<MarkLabel>,
    pub outcomes: [u64; 4],
    pub pair_difference: Histogram,
    pub clock: Clock,
    pub health: Health,
    pub governor: Governor,
    /// Pictures by sensor index.
    pub frames: BTreeMap<u32, u64>,
    pub frozen_frames: u64,
    pub detections: u64,
}

impl Status {
    /// Takes a message; others than those of the status are left alone.
    pub(super) fn add(&mut self, m: &Message<'_>) -> Result<(), DecodeError> {
        match m.schema {
            "drafthorse.LaneLatency" => {
                self.latency(&drafthorse::LaneLatency::decode(m.data)?);
            }
            "drafthorse.LaneDrop" => {
                let drop = drafthorse::LaneDrop::decode(m.data)?;
                let text = format!("{} lane, {}", drop.lane, self.sensor_name(drop.sensor));
                self.mark(true, text, m.instant_ns(), 1);
                self.drop_count += 1;
                let key = (drop.lane, drop.sensor);
                if self.drops.len() < MAX_KEYS || self.drops.contains_key(&key) {
                    *self.drops.entry(key).or_default() += 1;
                }
            }
            "drafthorse.Fault" => {
                self.fault(drafthorse::Fault::decode(m.data)?, m.log_time_ns);
            }
            "drafthorse.Pairing" => {
                let pairing = drafthorse::Pairing::decode(m.data)?;
                let outcome = pairing.outcome();
                self.outcomes[(outcome as usize).min(3)] += 1;
                if outcome == Outcome::Paired {
                    self.pair_difference
                        .add(pairing.camera_minus_radar_ns.unsigned_abs());
                }
            }
            "drafthorse.ClockState" => self.clock(drafthorse::ClockState::decode(m.data)?),
            "drafthorse.Health" => self.health(&drafthorse::Health::decode(m.data)?),
            "drafthorse.Governor" => {
                let report = drafthorse::Governor::decode(m.data)?;
                self.governor.add(report, m.instant_ns());
            }
            "drafthorse.FrameInfo" => {
                let info = drafthorse::FrameInfo::decode(m.data)?;
                *self.frames.entry(info.sensor).or_default() += 1;
                self.frozen_frames += u64::from(info.frozen);
            }
            "drafthorse.NetworkAnswer" => {
                let answer = drafthorse::NetworkAnswer::decode(m.data)?;
                let key = (clip(m.topic.to_owned()), clip(answered_by(&answer)));
                if self.networks.len() < MAX_KEYS || self.networks.contains_key(&key) {
                    *self.networks.entry(key).or_default() += 1;
                }
            }
            "drafthorse.CrossCheck" => {
                let check = drafthorse::CrossCheck::decode(m.data)?;
                let topic = m.topic.strip_suffix("/check").unwrap_or(m.topic);
                let key = clip(topic.to_owned());
                if self.cluster_checks.len() < MAX_KEYS || self.cluster_checks.contains_key(&key) {
                    let counts = CrossCheck {
                        boxes: check.boxes,
                        clusters: check.clusters,
                        both: check.both,
                    };
                    let all = self.cluster_checks.entry(key).or_default();
                    all.count(check.answered.then_some(counts));
                }
            }
            "drafthorse.Detections" => self.detections += 1,
            _ => {}
        }
        Ok(())
    }

    /// The name of a sensor by its index.
    pub(super) fn sensor_name(&self, index: u32) -> String {
        let name = self.sensor_names.get(&index);
        name.cloned().unwrap_or_else(|| format!("sensor {index}"))
    }

    fn latency(&mut self, latency: &drafthorse::LaneLatency) {
        let stages = latency.stages.iter().map(|s| (s.stage.as_str(), s.ns));
        let all = [("waiting", latency.queue_ns)]
            .into_iter()
            .chain(stages)
            .chain([("total", latency.total_ns)]);
        for (stage, ns) in all {
            let known = self
                .latency
                .iter()
                .position(|(l, s, _)| *l == latency.lane && s == stage);
            let index = match known {
                Some(index) => index,
                None if self.latency.len() < MAX_KEYS => {
                    let key = (latency.lane.clone(), stage.to_owned());
                    self.latency.push((key.0, key.1, Histogram::default()));
                    self.latency.len() - 1
                }
                None => continue,
            };
            self.latency[index].2.add(ns);
        }
    }

    fn fault(&mut self, fault: drafthorse::Fault, log_time_ns: u64) {
        let count = fault.count.max(1);
        let at_ns = super::timeline::instant_ns(fault.at_ns, log_time_ns);
        self.fault_count += 1;
        let text = if fault.sensor.is_empty() {
            fault.kind.clone()
        } else {
            format!("{}, {}", fault.kind, fault.sensor)
        };
        self.mark(false, clip(text), at_ns, count);
        let key = (fault.kind.clone(), fault.sensor.clone());
        if self.fault_kinds.len() < MAX_KEYS || self.fault_kinds.contains_key(&key) {
            let (reports, items) = self.fault_kinds.entry(key).or_default();
            *reports += 1;
            *items = items.saturating_add(count);
        }
        if self.faults.len() < MAX_FAULTS {
            let row = Fault {
                t: 0,
                kind: clip(fault.kind),
                sensor: clip(fault.sensor),
                count,
                detail: clip(fault.detail),
            };
            self.faults.push((at_ns, row));
        }
    }

    fn mark(&mut self, drop: bool, text: String, at_ns: u64, count: u64) {
        let label = MarkLabel { drop, text };
        let index = match self.labels.iter().position(|l| *l == label) {
            Some(index) => index,
            None if self.labels.len() < MAX_KEYS => {
                self.labels.push(label);
                self.labels.len() - 1
            }
            None => return,
        };
        self.marks.add(index as u32, at_ns, count);
    }

    fn clock(&mut self, state: drafthorse::ClockState) {
        let c = &mut self.clock;
        c.states += 1;
        let disciplined = state.kernel_synchronised && !matches!(&*state.discipline, "" | "none");
        c.disciplined += u64::from(disciplined);
        c.largest_offset_ns = c
            .largest_offset_ns
            .max(state.kernel_offset_ns.unsigned_abs())
            .max(state.source_offset_ns.unsigned_abs());
        c.largest_error_ns = c.largest_error_ns.max(state.kernel_max_error_ns);
        c.mode = state.mode;
        c.discipline = state.discipline;
        c.source = state.source;
    }

    fn health(&mut self, health: &drafthorse::Health) {
        let h = &mut self.health;
        h.least_free_bytes = if h.reports == 0 {
            health.free_space_bytes
        } else {
            h.least_free_bytes.min(health.free_space_bytes)
        };
        h.reports += 1;
        h.lost_messages = h.lost_messages.max(health.lost_messages);
        h.longest_unflushed_ms = h.longest_unflushed_ms.max(health.unflushed_ns as f64 / 1e6);
        h.recording_stopped |= !health.recording;
    }
}

/// A text that is not too long.
pub(super) fn clip(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_TEXT) {
        text.truncate(end);
        text.push('…');
    }
    text
}
