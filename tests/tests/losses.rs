//! A log that lacks messages replays to the same bytes on both sides of what is missing.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

use drafthorse::replay::{ReplayOptions, replay};
use drafthorse::run::{RunOptions, run};
use drafthorse_record::messages::drafthorse::{Fault, LaneCheckpoint};
use drafthorse_record::{LogReader, inspect, recover};
use drafthorse_tests::{StallingDisk, check, of_source, run_source};
use prost::Message as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A drive in segments of 3 MiB.
fn rotated(out: &Path) -> Vec<PathBuf> {
    let source = "synth:?seed=9&seconds=12";
    let logs = run_source(source, out, |c| c.record.rotate_mib = 3).logs;
    assert!(logs.len() >= 4, "{logs:?}");
    logs
}

/// Replays the damaged log of a folder, and the log that replay writes of it.
fn check_with_gap(log: &Path, whole: u64, expected_damage: &str) {
    let damage = inspect(log).unwrap().damage;
    assert!(
        damage
            .iter()
            .any(|d| d.to_string().contains(expected_damage)),
        "{damage:?}"
    );
    let (compared, not_recomputable) = check(log);
    println!("{expected_damage}: {compared} of {whole} compared, {not_recomputable} before states");
    // Most of what is left: only what stands before the first states after the gap is not.
    assert!(compared > whole / 2 && compared < whole);
    assert!(not_recomputable < whole / 20, "{not_recomputable}");

    let out = tempfile::tempdir().unwrap();
    let options = ReplayOptions {
        check: true,
        out: Some(out.path().to_owned()),
        ..ReplayOptions::default()
    };
    let rewritten = replay(log, &options).unwrap().summary.log.unwrap();
    assert_eq!(check(&rewritten).0, compared);
}

#[test]
fn a_missing_segment_is_told_and_the_rest_replays() {
    let dir = tempfile::tempdir().unwrap();
    let logs = rotated(dir.path());
    let (whole, _) = check(dir.path());
    std::fs::remove_file(&logs[1]).unwrap();
    check_with_gap(dir.path(), whole, "segment 1 before it is missing");
    let recovered = tempfile::tempdir().unwrap();
    let report = recover(dir.path(), recovered.path().join("log")).unwrap();
    assert!(!report.complete);
    assert!(report.first_damage.unwrap().contains("is missing"));
}

#[test]
fn a_missing_last_or_first_segment_is_told_too() {
    let dir = tempfile::tempdir().unwrap();
    let logs = rotated(dir.path());
    assert!(inspect(dir.path()).unwrap().complete);
    let (last, others) = logs.split_last().unwrap();
    std::fs::remove_file(last).unwrap();
    let summary = inspect(dir.path()).unwrap();
    assert!(!summary.complete);
    let expected = format!("goes on in segment {}, which is missing", others.len());
    assert!(summary.damage[0].to_string().contains(&expected));
    assert_eq!(summary.damage[0].missing_segments, 1);
    check(dir.path());
    let recovered = tempfile::tempdir().unwrap();
    let report = recover(dir.path(), recovered.path().join("log")).unwrap();
    assert!(report.first_damage.unwrap().contains(&expected));
    // Whoever looks at one file has asked for no other.
    assert!(inspect(&logs[0]).unwrap().complete);

    std::fs::remove_file(&logs[0]).unwrap();
    assert_eq!(inspect(dir.path()).unwrap().first_segment, 1);
}

#[test]
fn a_segment_damaged_in_the_middle_is_told_and_the_rest_replays_also_recovered() {
    let dir = tempfile::tempdir().unwrap();
    let logs = rotated(&dir.path().join("drive"));
    let (whole, _) = check(&dir.path().join("drive"));
    let mut bytes = std::fs::read(&logs[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 16].fill(0x55);
    std::fs::write(&logs[1], bytes).unwrap();
    check_with_gap(&dir.path().join("drive"), whole, "is whole up to byte");

    // A recovered log has whole files, and knows what is missing between them all the same.
    let recovered = dir.path().join("recovered");
    assert!(
        !recover(dir.path().join("drive"), &recovered)
            .unwrap()
            .complete
    );
    assert!(inspect(&recovered).unwrap().complete);
    assert_eq!(check(&recovered), check(&dir.path().join("drive")));
}

#[test]
fn a_disk_that_stalls_loses_messages_and_the_log_goes_on_replaying() {
    let dir = tempfile::tempdir().unwrap();
    let disk = StallingDisk::default();
    let mut config = of_source("synth:?seed=3&seconds=30&live=10");
    config.record.buffer_mib = 2;
    let options = RunOptions {
        disk: Arc::new(disk.clone()),
        ..RunOptions::new(dir.path())
    };
    let summary = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&config, &options).unwrap());
        for _ in 0..2 {
            // The drive is rendered first; then it takes three seconds.
            let log = wait_for_growth(dir.path());
            disk.stalled.store(true, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(600));
            disk.stalled.store(false, Ordering::Relaxed);
            wait_beyond(&log);
        }
        running.join().unwrap()
    });
    println!("{:?}", summary.drops_by_lane);
    assert!(summary.drops_by_lane["record"] > 10);
    assert!(summary.faults_by_kind["record_loss"] > 0);
    let log = summary.log.unwrap();
    let compared = check(&log);
    assert_eq!((check(&log), check(&log)), (compared, compared));
    // Perception went on meanwhile, and the log resumed with states and said so.
    let (mut resumed, mut told) = (0, 0);
    let mut reader = LogReader::open(&log).unwrap();
    while let Some(message) = reader.next().unwrap() {
        match message.channel.topic.as_str() {
            "/lanes/checkpoint" => {
                resumed += u32::from(LaneCheckpoint::decode(message.data).unwrap().after_loss);
            }
            "/events" => {
                told += u32::from(Fault::decode(message.data).unwrap().kind == "record_loss");
            }
            _ => {}
        }
    }
    println!("{resumed} states after losses, {told} losses told, {compared:?} compared");
    assert!(resumed >= 3 && told >= 1, "{resumed} {told}");
    assert!(compared.0 > 300);
}

/// The log, once a megabyte has been written since now.
fn wait_for_growth(dir: &Path) -> (PathBuf, u64) {
    let length = |path: &PathBuf| std::fs::metadata(path).map_or(0, |m| m.len());
    let log = || {
        let mut files = std::fs::read_dir(dir).unwrap().flatten();
        files.find_map(|f| (f.path().extension()? == "mcap").then(|| f.path()))
    };
    let before = log().as_ref().map_or(0, length);
    loop {
        if let Some(log) = log()
            && length(&log) > before + (1 << 20)
        {
            return (log.clone(), length(&log));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the log is longer than it was.
fn wait_beyond((log, length): &(PathBuf, u64)) {
    while std::fs::metadata(log).unwrap().len() <= *length {
        std::thread::sleep(Duration::from_millis(5));
    }
}
