//! What goes wrong is told in the log and does not stop the rest.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

use drafthorse::config::Config;
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::{Fault, Health};
use drafthorse_tests::{of_source, rewrite, run_config, run_source};
use prost::Message as _;
use std::path::Path;

fn record(source: &str, out: &Path) -> std::path::PathBuf {
    run_source(source, out, |_| ()).log.unwrap()
}

/// A configuration of one recorded drive's radar and camera as two sources.
fn two_sources(log: &Path) -> Config {
    let source = |topic: &str| {
        format!("mcap:{}?topic={topic}", log.display())
            .parse()
            .unwrap()
    };
    Config::from_sources(vec![
        source("/radar_front/raw"),
        source("/camera_front/image"),
    ])
}

#[test]
fn a_sensor_sixty_seconds_behind_is_a_fault_and_pairs_with_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = record("synth:?seed=1&seconds=3", &dir.path().join("drive"));
    let mut config = two_sources(&log);
    let together = run_config(&config, &dir.path().join("together"));
    assert_eq!(together.pairs["paired"], 45);
    assert_eq!(together.faults, 0, "{:?}", together.faults_by_kind);
    assert_eq!(together.keyframe_parts_late, 0);

    config.sensors[1].time_offset_ms = Some(-60_000.0);
    let apart = run_config(&config, &dir.path().join("apart"));
    assert_eq!(apart.pairs["paired"], 0);
    assert_eq!(apart.pairs["camera_only"], 45);
    assert_eq!(apart.pairs["radar_only"], 60);
    assert!(
        apart.faults_by_kind["sensor_lag"] >= 1,
        "{:?}",
        apart.faults_by_kind
    );
    // The choice of keyframes goes on without its pictures, says how many, and that it does, once.
    assert!(
        (40..=45).contains(&apart.keyframe_parts_late),
        "{}",
        apart.keyframe_parts_late
    );
    let mut reader = LogReader::open(apart.log.unwrap()).unwrap();
    let (mut told, mut last) = (0, 0);
    while let Some(m) = reader.next().unwrap() {
        if m.channel.topic == "/events" {
            let fault = Fault::decode(m.data).unwrap();
            told += u32::from(fault.detail.contains("left out of the choice of keyframes"));
        } else if m.channel.topic == "/health" {
            last = Health::decode(m.data).unwrap().keyframe_parts_late;
        }
    }
    assert_eq!(told, 1);
    assert!(last > 0 && last <= apart.keyframe_parts_late);
}

#[test]
fn a_small_offset_is_corrected_by_the_declared_one() {
    let dir = tempfile::tempdir().unwrap();
    let log = record("synth:?seed=1&seconds=3", &dir.path().join("drive"));
    let mut config = two_sources(&log);
    // Scans come every 50 ms and frames every 66.7 ms: every third frame has a scan at its instant,
    // and with 10 ms on top none is within 5 ms of a scan.
    config.clock.pair_tolerance_ms = 5.0;
    let right = run_config(&config, &dir.path().join("right"));
    config.sensors[1].time_offset_ms = Some(10.0);
    let wrong = run_config(&config, &dir.path().join("wrong"));
    assert_eq!((right.pairs["paired"], wrong.pairs["paired"]), (15, 0));
}

#[test]
fn a_broken_recording_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = record("synth:?seed=1&seconds=2", &dir.path().join("drive"));
    let bytes = std::fs::read(&log).unwrap();
    let cut = dir.path().join("cut.mcap");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let source = |path: &Path, topic: &str| {
        format!("mcap:{}?topic={topic}", path.display())
            .parse()
            .unwrap()
    };
    let config = Config::from_sources(vec![
        source(&cut, "/radar_front/raw"),
        source(&log, "/camera_front/image"),
    ]);
    let summary = run_config(&config, &dir.path().join("out"));
    assert_eq!(summary.frames, 30);
    assert!(summary.scans > 0 && summary.scans < 40, "{}", summary.scans);
    assert_eq!(summary.faults_by_kind["record_loss"], 1);
}

#[test]
fn a_single_stamp_of_the_future_does_not_park_its_recording() {
    let dir = tempfile::tempdir().unwrap();
    let log = record("synth:?seed=1&seconds=3", &dir.path().join("drive"));
    let mut scans = 0;
    let far = rewrite(&log, &dir.path().join("far"), |message| {
        if message.topic == "/radar_front/raw" {
            scans += 1;
            if scans == 20 {
                message.log_time_ns += 3_600_000_000_000;
            }
        }
    });
    assert_eq!(scans, 60);
    let summary = run_config(&two_sources(&far), &dir.path().join("out"));
    assert_eq!((summary.scans, summary.frames), (60, 45));
    // That scan's own picture may go without; all others have theirs.
    assert!(summary.pairs["paired"] >= 44, "{:?}", summary.pairs);
    // Time went on: a clock state each second, and one at the stamp of the future and after it.
    let inspected = drafthorse_record::inspect(summary.log.unwrap()).unwrap();
    let clock = inspected.channels.iter().find(|c| c.topic == "/clock");
    assert!(clock.unwrap().count >= 4, "{clock:?}");
}

#[test]
fn a_full_disk_stops_the_log_and_not_the_perception() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = of_source("synth:?seed=1&seconds=2&camera_fps=0");
    config.record.free_space_floor_mib = 1 << 40;
    let summary = run_config(&config, dir.path());
    assert_eq!(summary.scans, 40);
    assert!(summary.tracks > 0);
    let reason = summary.recording_stopped.unwrap();
    assert!(reason.contains("free"), "{reason}");
}

#[test]
fn a_live_run_without_discipline_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=1&seconds=2&live=2&camera_fps=0";
    let summary = run_source(source, dir.path(), |_| ());
    let state = drafthorse_sensors::clock::observe_clock();
    let undisciplined = state.discipline == drafthorse_sensors::clock::Discipline::None;
    assert_eq!(
        summary.faults_by_kind.contains_key("clock_undisciplined"),
        undisciplined
    );
}
