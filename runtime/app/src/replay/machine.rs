//! All pure steps of a plan side by side, fed by a log: alignment with each raw message and tick,
//! each lane with the messages that the log says it took.

use super::compare::Expected;
use crate::networks::Networks;
use crate::pipeline::align::AlignStage;
use crate::pipeline::camera::CameraLane;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::keyframes::KeyframeStage;
use crate::pipeline::radar::RadarLane;
use crate::pipeline::staged::{Cause, Staged};
use crate::pipeline::stages::StageClock;
use crate::plan::{ALIGN_LANE, KEYFRAMES_LANE, Plan, RADAR_LANE};
use crate::run::LaneLogic;
use crate::summary::{Latencies, Summary};
use anyhow::{Context, Result, bail};
use drafthorse_core::{RawMessage, SensorId};
use drafthorse_record::LogMessage;
use drafthorse_record::messages::{drafthorse as message, raw_data};
use std::collections::{BTreeMap, HashMap};

/// The recomputed run.
pub(super) struct Machine {
    align: AlignStage,
    lanes: BTreeMap<String, Lane>,
    /// None where no keyframes are chosen.
    keyframes: Option<KeyframeStage>,
    /// The state of the choice of keyframes is known.
    keyframes_known: bool,
    raw_channels: HashMap<Channel, SensorId>,
    /// Lane by derived channel, but for those of the radar lane.
    camera_channels: HashMap<Channel, String>,
    /// Lane by channel of a network's answers.
    network_channels: HashMap<Channel, String>,
    plan: Plan,
    /// Raw messages that no lane has taken or dropped yet.
    waiting: HashMap<(SensorId, u32), RawMessage>,
    clock: StageClock,
    latencies: Latencies,
    summary: Summary,
    /// Alignment's state is known: from the beginning of the run, or from a checkpoint.
    align_known: bool,
    first_captured_ns: Option<u64>,
    last_captured_ns: u64,
    /// Steps whose raw message stands in an earlier log than those at hand.
    pub(super) unavailable_steps: u64,
}

struct Lane {
    logic: Box<dyn LaneLogic>,
    /// The lane's state is known: from the beginning of the run, or from a checkpoint.
    known: bool,
}

impl Machine {
    pub(super) fn new(plan: &Plan, channels: &Channels, networks: &Networks) -> Result<Self> {
        let mut lanes = BTreeMap::new();
        let mut raw_channels = HashMap::new();
        let mut camera_channels = HashMap::new();
        for (id, sensor) in plan.sensors() {
            let of_sensor = channels.sensor(id);
            raw_channels.insert(of_sensor.raw, id);
            if let Some(camera) = of_sensor.camera {
                for channel in [camera.preview, camera.frame] {
                    camera_channels.insert(channel, sensor.name.clone());
                }
            }
            let logic: Box<dyn LaneLogic> = match of_sensor.camera {
                Some(camera) => {
                    let stages = networks.of_camera(plan, channels, id)?;
                    Box::new(CameraLane::new(plan, id, camera, stages)?)
                }
                None if lanes.contains_key(RADAR_LANE) => continue,
                None => {
                    let radars = networks.of_radars(plan, channels)?;
                    Box::new(RadarLane::new(plan, channels, radars)?)
                }
            };
            let name = if sensor.format.is_camera() {
                sensor.name.as_str()
            } else {
                RADAR_LANE
            };
            lanes.insert(
                name.to_owned(),
                Lane {
                    logic,
                    known: false,
                },
            );
        }
        let answers = channels
            .networks()
            .iter()
            .map(|network| (network.channel, plan.lane_of(network.sensor)));
        let network_channels = answers.collect();
        Ok(Self {
            align: AlignStage::new(plan),
            lanes,
            keyframes: KeyframeStage::of(plan)?,
            keyframes_known: false,
            raw_channels,
            camera_channels,
            network_channels,
            plan: plan.clone(),
            waiting: HashMap::new(),
            clock: StageClock::default(),
            latencies: Latencies::default(),
            summary: Summary::default(),
            align_known: false,
            first_captured_ns: None,
            last_captured_ns: 0,
            unavailable_steps: 0,
        })
    }

    /// Whether the messages of a channel can be recomputed yet. Before the first checkpoint of the
    /// lane they come from, in a log that begins in the middle of a run, they cannot.
    pub(super) fn explains(&self, channel: Channel) -> bool {
        match channel {
            Channel::PAIRS => self.align_known,
            Channel::KEYFRAMES => self.keyframes_known,
            // Alignment and all lanes write faults.
            Channel::FAULTS => self.align_known && self.lanes.values().all(|lane| lane.known),
            _ => {
                let lane = self.camera_channels.get(&channel);
                let lane = lane.map_or(RADAR_LANE, String::as_str);
                self.lanes.get(lane).is_none_or(|lane| lane.known)
            }
        }
    }

    /// Messages are missing from the log: no state is known until its next checkpoint.
    pub(super) fn forget(&mut self) {
        self.align_known = false;
        self.keyframes_known = false;
        for lane in self.lanes.values_mut() {
            lane.known = false;
        }
        self.waiting.clear();
    }

    /// Takes one raw or input message; stages what follows from it.
    pub(super) fn feed(
        &mut self,
        channel: Channel,
        logged: &LogMessage<'_>,
        out: &mut Staged,
    ) -> Result<()> {
        if let Some(&sensor) = self.raw_channels.get(&channel) {
            return self.raw(sensor, logged, out);
        }
        if let Some(lane) = self.network_channels.get(&channel) {
            // An unknown lane takes no steps, and with them no answers.
            if let Some(lane) = self.lanes.get_mut(lane).filter(|lane| lane.known) {
                lane.logic.take_recorded(channel, logged.data)?;
            }
            return Ok(());
        }
        match channel {
            Channel::STEP => self.step(&decode(logged)?, logged, out),
            Channel::DROP => {
                let drop: message::LaneDrop = decode(logged)?;
                self.waiting.remove(&key(drop.sensor, drop.sequence)?);
                *self.summary.drops_by_lane.entry(drop.lane).or_default() += 1;
                Ok(())
            }
            Channel::CLOCK => {
                let clock: message::ClockState = decode(logged)?;
                if self.align_known {
                    self.align.tick(clock.at_ns, out);
                }
                Ok(())
            }
            Channel::EVENTS => {
                let fault: message::Fault = decode(logged)?;
                *self.summary.faults_by_kind.entry(fault.kind).or_default() += 1;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn raw(&mut self, sensor: SensorId, logged: &LogMessage<'_>, out: &mut Staged) -> Result<()> {
        let format = self.plan.sensors[usize::from(sensor.0)].format;
        let mut raw = RawMessage::empty(sensor, format);
        raw.sequence = logged.sequence;
        raw.captured_ns = logged.publish_time_ns;
        raw.received_ns = logged.log_time_ns;
        let read = raw_data(&logged.channel.schema_name, logged.data, &mut raw.data);
        if read != Some(format) {
            bail!(
                "a message of {} is not in the format {} that the log's plan names",
                logged.channel.topic,
                format.name()
            );
        }
        let first = self.first_captured_ns.unwrap_or(raw.captured_ns);
        self.first_captured_ns = Some(first.min(raw.captured_ns));
        self.last_captured_ns = self.last_captured_ns.max(raw.captured_ns);
        if self.align_known {
            self.align.observe(&raw, out);
        }
        self.waiting.insert((sensor, raw.sequence), raw);
        Ok(())
    }

    fn step(
        &mut self,
        step: &message::LaneStep,
        logged: &LogMessage<'_>,
        out: &mut Staged,
    ) -> Result<()> {
        if step.gap {
            self.forget();
            return Ok(());
        }
        if step.begin {
            self.align_known = true;
            self.keyframes_known = true;
            for lane in self.lanes.values_mut() {
                lane.known = true;
            }
            return Ok(());
        }
        if step.lane == ALIGN_LANE {
            if self.align_known {
                self.align.finish(logged.log_time_ns, out);
            }
            return Ok(());
        }
        let cause = Cause::at(logged.log_time_ns);
        if step.lane == KEYFRAMES_LANE {
            if let Some(stage) = self.keyframes.as_mut().filter(|_| self.keyframes_known) {
                stage.finish(cause, out);
            }
            return Ok(());
        }
        let Some(lane) = self.lanes.get_mut(&step.lane) else {
            bail!(
                "the log names a lane {:?} that its plan does not have",
                step.lane
            );
        };
        self.clock.start();
        if step.finish {
            if lane.known {
                lane.logic.finish(&mut self.clock, out);
                self.choose(cause, out);
            }
            return Ok(());
        }
        let Some(raw) = self.waiting.remove(&key(step.sensor, step.sequence)?) else {
            // The raw message is in a log before these; the lane's state is unknown from here on.
            self.unavailable_steps += 1;
            lane.known = false;
            self.keyframes_known = false;
            return Ok(());
        };
        if lane.known {
            lane.logic.step(&raw, step.spared, &mut self.clock, out);
            for (stage, ns) in self.clock.spans() {
                self.latencies.record(stage, *ns);
            }
            self.choose(Cause::from(&raw), out);
        } else {
            self.unavailable_steps += 1;
            // What this step would have handed on is not known.
            self.keyframes_known = false;
        }
        Ok(())
    }

    /// Hands on to the choice of keyframes what a step knows of moments.
    fn choose(&mut self, cause: Cause, out: &mut Staged) {
        if let Some(stage) = self.keyframes.as_mut().filter(|_| self.keyframes_known) {
            stage.follow(cause, out);
        }
    }

    /// Takes a recorded state: compared with the recomputed one where that is known, else adopted.
    pub(super) fn checkpoint(
        &mut self,
        logged: &LogMessage<'_>,
        expected: &mut Expected,
    ) -> Result<()> {
        let recorded: message::LaneCheckpoint = decode(logged)?;
        if recorded.lane == ALIGN_LANE {
            if self.align_known && !recorded.after_loss {
                expected.state(&recorded, &self.align.checkpoint()?, logged);
            } else {
                self.align.restore(&recorded.state)?;
                self.align_known = true;
            }
            return Ok(());
        }
        if recorded.lane == KEYFRAMES_LANE {
            let Some(stage) = &mut self.keyframes else {
                bail!("the log holds a state of keyframes, and its plan has none");
            };
            if self.keyframes_known {
                expected.state(&recorded, &stage.checkpoint()?, logged);
            } else {
                stage.restore(&recorded.state)?;
                self.keyframes_known = true;
            }
            return Ok(());
        }
        let lane = self
            .lanes
            .get_mut(&recorded.lane)
            .with_context(|| format!("the log names an unknown lane {:?}", recorded.lane))?;
        if lane.known && !recorded.after_loss {
            let state = lane.logic.checkpoint()?.unwrap_or_default();
            expected.state(&recorded, &state, logged);
        } else {
            lane.logic.restore(&recorded.state)?;
            lane.known = true;
        }
        Ok(())
    }

    /// What the recomputed run amounts to.
    pub(super) fn summary(&self) -> Summary {
        let mut summary = self.summary.clone();
        for lane in self.lanes.values() {
            lane.logic.summarise(&mut summary);
        }
        summary.add_faults(&self.align.faults);
        summary.add_outcomes(self.align.outcomes);
        if let Some(stage) = &self.keyframes {
            summary.keyframes = stage.kept();
            summary.set_left_out(stage.left_out());
        }
        summary.drops = summary.drops_by_lane.values().sum();
        summary.faults = summary.faults_by_kind.values().sum();
        summary.latency_ms = self.latencies.percentiles_ms();
        let first = self.first_captured_ns.unwrap_or(self.last_captured_ns);
        summary.duration_s = self.last_captured_ns.saturating_sub(first) as f64 / 1e9;
        summary
    }
}

fn key(sensor: u32, sequence: u32) -> Result<(SensorId, u32)> {
    let sensor = u16::try_from(sensor).context("the log names a sensor that cannot exist")?;
    Ok((SensorId(sensor), sequence))
}

fn decode<M: prost::Message + Default>(logged: &LogMessage<'_>) -> Result<M> {
    M::decode(logged.data)
        .with_context(|| format!("a message of {} cannot be read", logged.channel.topic))
}
