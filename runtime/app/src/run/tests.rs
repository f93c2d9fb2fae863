//! A lane that breaks off takes neither the recording nor the other lanes with it.
#![allow(clippy::panic)] // One of the lanes here does.

use super::lane::LaneLogic;
use super::{RunOptions, Shared, drive, logics, setup, summarise};
use crate::config::Config;
use crate::feed::{self, Feed, Resolved};
use crate::networks::Networks;
use crate::pipeline::channels::Channels;
use crate::pipeline::staged::Staged;
use crate::pipeline::stages::StageClock;
use crate::record_policy::RecordPolicy;
use crate::summary::Summary;
use drafthorse_core::{Fault, RawFormat, RawMessage, SensorId};
use drafthorse_record::inspect;
use drafthorse_sensors::{ReadOutcome, Source, SourceError};
use std::path::Path;
use std::time::Duration;

/// Breaks off at its tenth message.
struct Breaks(u32);

impl LaneLogic for Breaks {
    fn step(&mut self, _: &RawMessage, _: &mut StageClock, _: &mut Staged) {
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
