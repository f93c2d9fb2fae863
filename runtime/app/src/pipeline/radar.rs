//! The radar lane's step: bytes of one radar message in; ego motion, boxes and tracks out.

use super::channels::{Channel, Channels};
use super::faults::FaultLog;
use super::keyframes::Part;
use super::radar_network::RadarNetwork;
use super::staged::{Cause, Staged};
use super::stages::StageClock;
use crate::plan::Plan;
use anyhow::{Context, Result, bail};
use drafthorse_core::{Fault, RawMessage, SensorId};
use drafthorse_detector::{PerceptionFrame, RadarPerception};
use drafthorse_gaussian::Accumulator;
use drafthorse_keyframes::CueMaker;
use drafthorse_record::messages::{
    PerceptionEncoder, encode_ego, encode_transform, odom_from_vehicle,
};
use drafthorse_sensors::radar::{RadarDecoder, RadarDecoderState, RadarReading, ReadingKind};
use serde::{Deserialize, Serialize};

/// Age past which a speed from the vehicle's bus says nothing about now, ns.
const SPEED_VALID_NS: u64 = 500_000_000;

/// All radars' decoders and the perception behind them.
pub struct RadarLane {
    sensors: Vec<Option<RadarDecoder>>,
    names: Vec<String>,
    channels: Channels,
    perception: RadarPerception,
    networks: Vec<RadarNetwork>,
    /// None where no keyframes are chosen.
    cues: Option<CueMaker>,
    reading: RadarReading,
    found: Vec<Fault>,
    labels: Vec<u8>,
    encoder: PerceptionEncoder,
    /// Speed from the vehicle's bus and its time, until perception has used it.
    vehicle_speed: Option<(f64, u64)>,
    /// Faults found so far.
    pub faults: FaultLog,
    /// What happened to engines so far.
    pub events: FaultLog,
    /// What was perceived so far.
    pub counts: RadarCounts,
}

/// What the lane has seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RadarCounts {
    /// Scans, object lists and track cycles perceived.
    pub scans: u64,
    /// Highest number of tracks alive at once.
    pub most_tracks: u64,
    /// Distinct tracks.
    pub tracks: u64,
    /// Scans that were not shown to their network because the governor gave that up.
    pub spared: u64,
    shown: SeenIds,
}

/// The identifiers seen so far. They count upwards, so a bitmap of 64-bit words stays small: it
/// grows by eight bytes every 64 tracks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SeenIds(Vec<u64>);

impl SeenIds {
    fn first_time(&mut self, id: u32) -> bool {
        let (word, bit) = ((id / 64) as usize, 1u64 << (id % 64));
        if word >= self.0.len() {
            self.0.resize((word + 1).next_power_of_two().max(64), 0);
        }
        let first = self.0[word] & bit == 0;
        self.0[word] |= bit;
        first
    }
}

#[derive(Serialize, Deserialize)]
struct State {
    decoders: Vec<Option<RadarDecoderState>>,
    vehicle_speed: Option<(f64, u64)>,
    perception: Vec<u8>,
    /// Scans that each network holds. Where there is no network the state ends before them, as it did
    /// when the lane had none.
    #[serde(skip)]
    held: Vec<Accumulator>,
}

impl RadarLane {
    /// The lane for a plan, with the networks that look at its radars' scans.
    pub fn new(plan: &Plan, channels: &Channels, networks: Vec<RadarNetwork>) -> Result<Self> {
        let mut sensors = Vec::new();
        for (id, sensor) in plan.sensors() {
            if sensor.format.is_camera() {
                sensors.push(None);
                continue;
            }
            let map = match &sensor.can_map {
                Some(source) => Some(crate::feed::can::parse(source)?),
                None => None,
            };
            sensors.push(Some(RadarDecoder::new(id, sensor.format, map)));
        }
        let mounts: Vec<_> = plan.sensors().map(|(id, s)| (id, s.mount)).collect();
        Ok(Self {
            sensors,
            names: plan.sensor_names(),
            channels: channels.clone(),
            perception: RadarPerception::new(&plan.detector, &mounts)
                .context("the [detector] table cannot be used")?,
            networks,
            cues: plan.keyframes.as_ref().map(|k| CueMaker::new(k.front_m)),
            reading: RadarReading::default(),
            found: Vec::new(),
            faults: FaultLog::new(plan.sensor_names()),
            events: FaultLog::new(plan.sensor_names()),
            labels: Vec::new(),
            encoder: PerceptionEncoder::default(),
            vehicle_speed: None,
            counts: RadarCounts::default(),
        })
    }

    /// Takes one raw message; stages what follows from it. The network is not asked about a spared one.
    pub fn step(
        &mut self,
        raw: &RawMessage,
        spared: bool,
        clock: &mut StageClock,
        out: &mut Staged,
    ) {
        let Some(Some(decoder)) = self.sensors.get_mut(usize::from(raw.sensor.0)) else {
            return;
        };
        let kind = decoder.decode(raw, &mut self.reading, &mut self.found);
        clock.end("radar.decode");
        let cause = Cause::from(raw);
        for fault in self.found.drain(..) {
            self.faults.stage(&fault, cause, out);
        }
        self.perceive(raw.sensor, (kind, spared), cause, clock, out);
    }

    /// No more input comes: what the decoders still hold is perceived.
    pub fn finish(&mut self, clock: &mut StageClock, out: &mut Staged) {
        for index in 0..self.sensors.len() {
            let Some(decoder) = &mut self.sensors[index] else {
                continue;
            };
            let kind = decoder.flush(&mut self.reading);
            let cause = Cause {
                sequence: self.reading.tracks.sequence,
                captured_ns: self.reading.tracks.captured_ns,
                received_ns: self.reading.tracks.received_ns,
            };
            self.perceive(SensorId(index as u16), (kind, false), cause, clock, out);
        }
    }

    fn perceive(
        &mut self,
        sensor: SensorId,
        (kind, spared): (ReadingKind, bool),
        cause: Cause,
        clock: &mut StageClock,
        out: &mut Staged,
    ) {
        if kind == ReadingKind::VehicleSpeed {
            let speed = self.reading.vehicle_speed_mps;
            self.vehicle_speed = speed.map(|mps| (mps, cause.captured_ns));
            return;
        }
        if kind == ReadingKind::Nothing || kind == ReadingKind::Status {
            return;
        }
        // Each sample is one measurement, and an old one is none.
        let speed = self
            .vehicle_speed
            .take()
            .filter(|(_, at_ns)| at_ns.abs_diff(cause.captured_ns) <= SPEED_VALID_NS)
            .map(|(mps, _)| mps);
        match kind {
            ReadingKind::Scan => {
                self.perception.estimate_ego(&self.reading.scan, speed);
                clock.end("radar.ego");
                self.perception.cluster(&self.reading.scan);
                clock.end("radar.cluster");
                self.ask_network(sensor, spared, cause, clock, out);
                self.perception.track(&self.reading.scan);
                clock.end("radar.track");
            }
            ReadingKind::Objects => {
                self.perception.objects(&self.reading.objects, speed);
                clock.end("radar.track");
            }
            ReadingKind::Tracks => {
                self.perception.tracks(&self.reading.tracks, speed);
                clock.end("radar.track");
            }
            ReadingKind::Nothing | ReadingKind::Status | ReadingKind::VehicleSpeed => return,
        }
        self.stage_frame(sensor, kind, cause, out);
        clock.end("radar.encode");
        if let Some(maker) = &mut self.cues {
            let frame = self.perception.frame();
            out.push_part(Part::Scan {
                captured_ns: frame.captured_ns,
                cues: maker.scan(frame.captured_ns, &frame.ego, &frame.tracks),
            });
            clock.end("radar.cues");
        }
    }

    /// Asks the network that looks at a radar, whose boxes take the place of clusters then. A spared scan is only kept for
    /// those that it is laid together with.
    fn ask_network(
        &mut self,
        sensor: SensorId,
        spared: bool,
        cause: Cause,
        clock: &mut StageClock,
        out: &mut Staged,
    ) {
        let mut networks = self.networks.iter_mut();
        let Some(network) = networks.find(|network| network.sensor() == sensor) else {
            return;
        };
        let frame = self.perception.frame();
        let (ego, odom) = (frame.ego, frame.odom);
        let (scan, events) = (&self.reading.scan, &mut self.events);
        if spared {
            self.counts.spared += 1;
            network.pass_over(scan, (&ego, odom));
            clock.end("radar.network");
            return;
        }
        let area = network.area();
        let boxes = network.look(scan, (&ego, odom), cause, events, out);
        let check = boxes.map(|boxes| self.perception.take_boxes(boxes, area));
        network.check(check, cause, out);
        clock.end("radar.network");
    }

    /// What the lane's networks did.
    pub fn networks(&self) -> impl Iterator<Item = &RadarNetwork> {
        self.networks.iter()
    }

    /// Takes an answer of a network that stands in the log before its step.
    pub fn take_recorded(&mut self, channel: Channel, bytes: &[u8]) -> Result<()> {
        let mut stages = self.networks.iter_mut().map(RadarNetwork::stage_mut);
        match stages.find(|stage| stage.channel() == channel) {
            Some(stage) => stage.take_recorded(bytes),
            None => Ok(()),
        }
    }

    fn stage_frame(&mut self, sensor: SensorId, kind: ReadingKind, cause: Cause, out: &mut Staged) {
        let frame = self.perception.frame();
        let encoder = &mut self.encoder;
        let channels = self.channels.sensor(sensor);
        if let (ReadingKind::Scan, Some(points)) = (kind, channels.points) {
            self.labels.clear();
            self.labels
                .extend(frame.point_labels.iter().map(|label| *label as u8));
            let name = &self.names[usize::from(sensor.0)];
            let (scan, labels) = (&self.reading.scan, &self.labels);
            out.push(points, cause, |buf| {
                encoder.points(scan, name, labels, buf);
            });
        }
        out.push(Channel::EGO, cause, |buf| {
            encode_ego(&frame.ego, frame.odom, buf);
        });
        out.push(Channel::TRANSFORM, cause, |buf| {
            let pose = odom_from_vehicle(frame.odom);
            encode_transform("odom", "vehicle", &pose, frame.captured_ns, buf);
        });
        out.push(Channel::DETECTIONS, cause, |buf| {
            encoder.detections(
                sensor,
                frame.sequence,
                frame.captured_ns,
                &frame.detections,
                buf,
            );
        });
        out.push(Channel::TRACKS, cause, |buf| {
            encoder.tracks(
                sensor,
                frame.sequence,
                frame.captured_ns,
                &frame.tracks,
                buf,
            );
        });
        out.push(Channel::SCENE, cause, |buf| {
            encoder.scene(frame.captured_ns, &frame.tracks, buf);
        });
        self.counts.add(frame);
    }

    /// The lane's whole state.
    pub fn checkpoint(&self) -> Result<Vec<u8>> {
        let mut perception = Vec::new();
        self.perception.checkpoint(&mut perception);
        let state = State {
            decoders: self
                .sensors
                .iter()
                .map(|d| d.as_ref().map(RadarDecoder::checkpoint))
                .collect(),
            vehicle_speed: self.vehicle_speed,
            perception,
            held: Vec::new(),
        };
        let why = "the radar lane's state cannot be written";
        let mut bytes = postcard::to_stdvec(&state).context(why)?;
        if !self.networks.is_empty() {
            let held: Vec<_> = self.networks.iter().map(RadarNetwork::held).collect();
            bytes = postcard::to_extend(&held, bytes).context(why)?;
        }
        if let Some(cues) = &self.cues {
            bytes = postcard::to_extend(cues, bytes).context(why)?;
        }
        Ok(bytes)
    }

    /// Goes on from a state that [`RadarLane::checkpoint`] wrote.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<()> {
        let why = "the radar lane's state in the log cannot be read";
        let (mut state, mut rest): (State, _) = postcard::take_from_bytes(bytes).context(why)?;
        if !self.networks.is_empty() {
            (state.held, rest) = postcard::take_from_bytes(rest).context(why)?;
        }
        if let Some(cues) = &mut self.cues {
            (*cues, rest) = postcard::take_from_bytes(rest).context(why)?;
        }
        if !rest.is_empty() {
            bail!("the radar lane's state in the log is of other networks or settings");
        }
        if state.held.len() != self.networks.len() {
            bail!("the radar lane's state in the log is of another number of networks");
        }
        for (network, held) in self.networks.iter_mut().zip(state.held) {
            network.restore(held);
        }
        for (decoder, state) in self.sensors.iter_mut().zip(state.decoders) {
            if let (Some(decoder), Some(state)) = (decoder, state) {
                decoder.restore(state);
            }
        }
        self.vehicle_speed = state.vehicle_speed;
        self.perception.restore(&state.perception)?;
        Ok(())
    }
}

impl RadarCounts {
    fn add(&mut self, frame: &PerceptionFrame) {
        self.scans += 1;
        self.most_tracks = self.most_tracks.max(frame.tracks.len() as u64);
        // A track is counted in the first frame that shows it; one that was hidden while missed
        // and shows again has an older `age_scans`, but the same identifier as before.
        for track in &frame.tracks {
            self.tracks += u64::from(self.shown.first_time(track.id));
        }
    }
}
