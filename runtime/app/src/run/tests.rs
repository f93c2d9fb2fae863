//! A lane that breaks off takes neither the recording nor the other lanes with it; pictures of a triggered camera are
//! logged with their pulses' stamps.
#![allow(clippy::panic)] // One of the lanes here does.

use super::lane::LaneLogic;
use super::lanes::logics;
use super::shared::Shared;
use super::{RunOptions, drive, setup, summarise};
use crate::config::{Config, TriggerConfig};
use crate::feed::{self, Feed, Resolved};
use crate::networks::Networks;
use crate::pipeline::channels::Channels;
use crate::pipeline::staged::Staged;
use crate::pipeline::stages::StageClock;
use crate::plan::{Mode, SensorPlan};
use crate::record_policy::RecordPolicy;
use crate::summary::Summary;
use drafthorse_core::{Fault, Pose, RawFormat, RawMessage, SensorId};
use drafthorse_link::{Edge, Line};
use drafthorse_record::messages::drafthorse as message;
use drafthorse_record::{LogReader, inspect};
use drafthorse_sensors::sync::SyncRecord;
use drafthorse_sensors::{ReadOutcome, Source, SourceError};
use prost::Message as _;
use std::path::Path;
use std::time::Duration;

/// Breaks off at its tenth message.
struct Breaks(u32);

impl LaneLogic for Breaks {
    fn step(&mut self, _: &RawMessage, _: bool, _: &mut StageClock, _: &mut Staged) {
        self.0 += 1;
        assert!(self.0 < 10, "out of ideas");
    }
    fn finish(&mut self, _: &mut StageClock, _: &mut Staged) {}
    fn checkpoint(&self) -> anyhow::Result<Option<Vec<u8>>> {
        Ok(None)
    }
    fn restore(&mut self, _: &[u8]) -> anyhow::Result<()> {
        Ok(())
    }
    fn summarise(&self, _: &mut Summary) {}
}

/// Breaks off at its tenth message.
struct BreakingSource(u32);

impl Source for BreakingSource {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        self.0 += 1;
        assert!(self.0 < 10, "out of ideas");
        into.received_ns += 1;
        Ok(ReadOutcome::Message)
    }
    fn take_faults(&mut self, _: &mut Vec<Fault>) {}
    fn progress(&self) -> Option<f64> {
        None
    }
}

/// Runs a source after `change` has had its way with the feeds and the lanes.
fn run_changed(
    source: &str,
    dir: &Path,
    change: impl FnOnce(&mut Vec<Feed>, &mut [Box<dyn LaneLogic>]),
) -> Summary {
    let config = Config::from_sources(vec![source.parse().unwrap()]);
    let Resolved { plan, mut feeds } = feed::resolve(&config).unwrap();
    let channels = Channels::new(&plan);
    let progress = setup::Progress::new(false, plan.mode);
    let options = RunOptions::new(dir);
    let shared = Shared::new(&config, plan, &channels, &options, "drive", 0).unwrap();
    setup::describe(&shared.plan, RecordPolicy::All, &channels, &shared.log, 0).unwrap();
    setup::begin(&shared.log, 0);
    let mut logics = logics(&shared, &channels, &Networks::Recorded).unwrap();
    change(&mut feeds, &mut logics);
    let outcomes = drive(&shared, logics, None, feeds, &progress).unwrap();
    let (summary, _) = summarise(&shared, outcomes);
    shared.log.recorder().finish().unwrap();
    summary
}

#[test]
fn a_lane_that_breaks_off_is_told_and_everything_else_goes_on() {
    for source in ["synth:?seed=1&seconds=3", "synth:?seed=1&seconds=3&live=3"] {
        let dir = tempfile::tempdir().unwrap();
        let summary = run_changed(source, dir.path(), |_, lanes| {
            lanes[0] = Box::new(Breaks(0));
        });
        assert_eq!(summary.failed_lanes, ["radar"]);
        assert_eq!(summary.faults_by_kind["lane_failed"], 1);
        assert_eq!(summary.frames + summary.drops_by_lane["camera_front"], 45);
        // Every message is in the log, and those that nobody took are counted.
        let log = inspect(dir.path()).unwrap();
        let count = |topic: &str| {
            log.channels
                .iter()
                .find(|c| c.topic == topic)
                .unwrap()
                .count
        };
        assert_eq!(
            (count("/radar_front/raw"), count("/camera_front/image")),
            (60, 45)
        );
        assert_eq!(count("/lanes/drop"), summary.drops);
        // Nine were perceived, and the tenth was too much.
        assert_eq!(summary.drops_by_lane["radar"], 50);
    }
}

#[test]
fn a_source_that_breaks_off_is_told_and_the_others_go_on() {
    for source in ["synth:?seed=1&seconds=3", "synth:?seed=1&seconds=3&live=3"] {
        let dir = tempfile::tempdir().unwrap();
        let summary = run_changed(source, dir.path(), |feeds, _| {
            let broken = Box::new(BreakingSource(0));
            feeds.insert(0, Feed::new(broken, SensorId(0), RawFormat::Ars548));
            // As resolving does with recordings.
            if feeds[1].head().is_some() {
                feeds[0].advance(&mut Vec::new());
            }
        });
        assert_eq!(summary.failed_sources, ["radar_front"]);
        assert_eq!(summary.faults_by_kind["sensor_lost"], 1);
        let drops = &summary.drops_by_lane;
        let undecodable = summary.faults_by_kind["undecodable"];
        assert_eq!(summary.scans + undecodable + drops["radar"], 60 + 9);
        assert_eq!(summary.frames + drops["camera_front"], 45);
    }
}

const MS: u64 = 1_000_000;
const START_NS: u64 = 1_764_000_000_000 * MS;
/// 20 pulses a second.
const PERIOD_NS: u64 = 50 * MS;
/// The camera stamps so long after its pulse.
const DELAY_NS: u64 = 12 * MS;
/// Set for the camera: half of its exposure.
const OFFSET_NS: u64 = 2 * MS;

fn pulse_ns(pulse: u32) -> u64 {
    START_NS + u64::from(pulse) * PERIOD_NS
}

/// A microcontroller (sensor 0) and the camera that it triggers (sensor 1): each pulse, then its picture. The picture of every
/// ninth pulse is lost and counted; from pulse 60 on the camera runs by itself, and stamps a half period off.
struct Rig {
    pulse: u32,
    is_edge: bool,
}

impl Source for Rig {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        if self.pulse == 90 {
            return Ok(ReadOutcome::End);
        }
        let pulse = self.pulse;
        self.is_edge = !self.is_edge;
        into.sequence = pulse;
        into.data.clear();
        if self.is_edge {
            let edge = Edge {
                line: Line::Trigger(2),
                count: 100 + pulse,
                at_mcu_ns: 0,
            };
            SyncRecord::Edge(edge).encode(&mut into.data);
            (into.sensor, into.format) = (SensorId(0), RawFormat::Sync);
            into.captured_ns = pulse_ns(pulse);
            into.received_ns = into.captured_ns + MS;
            return Ok(ReadOutcome::Message);
        }
        self.pulse += 1;
        if pulse % 9 == 4 {
            return Ok(ReadOutcome::Idle);
        }
        (into.sensor, into.format) = (SensorId(1), RawFormat::Jpeg);
        let freely = if pulse < 60 { 0 } else { PERIOD_NS / 2 };
        into.captured_ns = pulse_ns(pulse) + DELAY_NS + freely + OFFSET_NS;
        into.received_ns = into.captured_ns + MS;
        Ok(ReadOutcome::Message)
    }
    fn take_faults(&mut self, _: &mut Vec<Fault>) {}
    fn progress(&self) -> Option<f64> {
        None
    }
}

fn rig_sensor(name: &str, source: &str, format: RawFormat) -> SensorPlan {
    SensorPlan {
        name: name.to_owned(),
        source: source.to_owned(),
        format,
        mount: Pose::default(),
        camera: None,
        time_offset_ns: 0,
        can_map: None,
        trigger: None,
    }
}

#[test]
fn pictures_of_a_triggered_camera_are_logged_with_their_pulses_stamps() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::from_sources(vec!["synth:?seed=1&seconds=1&live=1".parse().unwrap()]);
    let Resolved { mut plan, .. } = feed::resolve(&config).unwrap();
    assert_eq!(plan.mode, Mode::Live);
    plan.keyframes = None;
    let camera = SensorPlan {
        time_offset_ns: OFFSET_NS as i64,
        trigger: Some(TriggerConfig {
            sync: "mcu".to_owned(),
            output: 2,
            delay_ms: 12.0,
        }),
        ..rig_sensor("front", "v4l2:/dev/video0", RawFormat::Jpeg)
    };
    plan.sensors = vec![
        rig_sensor("mcu", "sync:/dev/ttyTHS1?out2=20", RawFormat::Sync),
        camera,
    ];
    let channels = Channels::new(&plan);
    let options = RunOptions::new(dir.path());
    let progress = setup::Progress::new(false, plan.mode);
    let shared = Shared::new(&config, plan, &channels, &options, "drive", START_NS).unwrap();
    setup::describe(
        &shared.plan,
        RecordPolicy::All,
        &channels,
        &shared.log,
        START_NS,
    )
    .unwrap();
    setup::begin(&shared.log, START_NS);
    let rig = Rig {
        pulse: 0,
        is_edge: false,
    };
    let feed = Feed::new(Box::new(rig), SensorId(0), RawFormat::Sync);
    let logics = logics(&shared, &channels, &Networks::Recorded).unwrap();
    drive(&shared, logics, None, vec![feed], &progress).unwrap();
    shared.log.recorder().finish().unwrap();

    let (mut pictures, mut mismatches) = (Vec::new(), Vec::new());
    let mut reader = LogReader::open(dir.path()).unwrap();
    while let Some(m) = reader.next().unwrap() {
        match &*m.channel.topic {
            "/front/image" => pictures.push((m.sequence, m.publish_time_ns)),
            "/events" => {
                let fault = message::Fault::decode(m.data).unwrap();
                if fault.kind == "trigger_mismatch" {
                    mismatches.push(fault);
                }
            }
            _ => {}
        }
    }
    assert_eq!(pictures.len(), 80);
    for (sequence, captured_ns) in pictures {
        // Two until three agree, and those that no pulse took, keep their own.
        let own = DELAY_NS + if sequence < 60 { 0 } else { PERIOD_NS / 2 };
        let after = if (2..60).contains(&sequence) { 0 } else { own };
        assert_eq!(
            captured_ns,
            pulse_ns(sequence) + after + OFFSET_NS,
            "{sequence}"
        );
    }
    let counts: Vec<_> = mismatches.iter().map(|fault| fault.count).collect();
    assert_eq!(counts, [10, 20]);
    assert!(mismatches[0].sensor == "front" && mismatches[0].detail.contains("delay_ms"));
}
