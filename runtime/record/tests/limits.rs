//! Rotation, quota, kept logs, full disks, failing disks and slow ones.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use common::{TestDisk, add_channels, append, check, config, read_prefix, record, spec, time_ns};
use drafthorse_record::{
    LogReader, RecordConfig, RecordError, Recorder, StopReason, WhenFull, inspect, retention,
};

/// Records one message a batch and finishes.
fn record_all(recorder: &Recorder, count: u64) -> drafthorse_record::RecordSummary {
    let channels = add_channels(recorder);
    for index in 0..count {
        append(&mut recorder.batch(), &channels, index);
    }
    recorder.finish().unwrap()
}

fn with_latched(config: RecordConfig, count: u64) -> drafthorse_record::RecordSummary {
    let recorder = Recorder::create(config).unwrap();
    let channel = recorder.add_channel(&spec("/calibration")).unwrap();
    recorder.latch(channel, 5, 5, b"mounted here");
    recorder.add_metadata("run", &[("version".to_owned(), "1".to_owned())].into());
    record_all(&recorder, count)
}

/// Asserts that a segment can be read on its own; returns the numbers of its first and last message.
fn self_contained(path: &Path, is_last: bool) -> (u64, u64) {
    let mut log = LogReader::open(path).unwrap();
    assert_eq!(log.metadata()["run"]["version"], "1");
    let latched = log.next().unwrap().unwrap();
    assert_eq!(
        (latched.data, latched.channel.topic.as_str()),
        (&b"mounted here"[..], "/calibration")
    );
    let mut seen: Option<(u64, u64)> = None;
    while let Some(message) = log.next().unwrap() {
        let index = check(&message);
        let (first, last) = seen.unwrap_or((index, index.wrapping_sub(1)));
        assert_eq!(index, last.wrapping_add(1));
        seen = Some((first, index));
    }
    assert!(log.damage().is_none());
    let bytes = fs::read(path).unwrap();
    let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
    assert_eq!(summary.channels.len(), 4);
    // Ours, and in all but the last that the log goes on.
    let names = summary.metadata_indexes.iter().map(|index| &*index.name);
    let names: Vec<&str> = names.collect();
    let goes_on = if is_last {
        &[][..]
    } else {
        &["drafthorse.continued"]
    };
    assert_eq!(names, [&["run"], goes_on].concat());
    seen.unwrap()
}

#[test]
fn segments_follow_size_and_each_stands_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.chunk_bytes = 8 << 10;
    config.rotate_bytes = Some(64 << 10);
    let summary = with_latched(config, 2000);
    assert!(summary.files.len() >= 6, "{} segments", summary.files.len());
    assert_eq!((summary.messages, summary.lost_messages), (2001, 0));
    let mut next = 0;
    for file in &summary.files {
        let (first, last) = self_contained(file, summary.files.last() == Some(file));
        assert_eq!(first, next);
        next = last + 1;
        assert!(fs::metadata(file).unwrap().len() < 80 << 10);
    }
    assert_eq!(next, 2000);
    let whole = inspect(dir.path()).unwrap();
    assert!(whole.complete);
    assert_eq!(whole.segments, summary.files.len());
    assert_eq!(whole.messages, 2000 + summary.files.len() as u64);
    assert_eq!(whole.bytes, summary.bytes);
}

#[test]
fn segments_follow_log_time() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.rotate_after = Some(Duration::from_millis(100));
    let summary = with_latched(config, 1000);
    for (number, file) in summary.files.iter().enumerate() {
        let (first, last) = self_contained(file, summary.files.last() == Some(file));
        // The latched message's old time stands in the first segment only.
        if number > 1 {
            assert!(
                last - first <= 101,
                "segment {number} spans {first} to {last}"
            );
        }
    }
    assert!(summary.files.len() >= 9);
}

#[test]
fn a_batch_knows_its_segment_and_is_never_split() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.chunk_bytes = 2 << 10;
    config.rotate_bytes = Some(16 << 10);
    let recorder = Recorder::create(config).unwrap();
    let channels = add_channels(&recorder);
    let mut told = Vec::new();
    for first in (0..600).step_by(30) {
        let mut batch = recorder.batch();
        for index in first..first + 30 {
            append(&mut batch, &channels, index);
            told.push(batch.segment());
        }
    }
    recorder.finish().unwrap();
    let mut log = LogReader::open(dir.path()).unwrap();
    let mut read = Vec::new();
    while let Some(message) = log.next().unwrap() {
        check(&message);
        read.push(message.segment);
    }
    assert_eq!(read, told);
    assert!(
        told.chunks(30)
            .all(|batch| batch.iter().all(|segment| *segment == batch[0]))
    );
}

#[test]
fn the_quota_takes_the_oldest_and_spares_the_kept() {
    let dir = tempfile::tempdir().unwrap();
    for run in ["early", "kept", "later"] {
        let mut config = config(dir.path());
        config.prefix = run.to_owned();
        record(config, 300, 1);
        std::thread::sleep(Duration::from_millis(15));
    }
    let kept = retention::keep(&dir.path().join("kept-0000.mcap")).unwrap();
    assert_eq!(kept, [dir.path().join("kept-0000.mcap")]);
    assert!(
        retention::keep(dir.path()).is_err(),
        "several logs in one folder must be named"
    );
    assert!(retention::keep(&dir.path().join("nothing")).is_err());
    assert!(retention::is_kept(&dir.path().join("kept-0000.mcap")));
    let mut config = config(dir.path());
    config.prefix = "now".to_owned();
    config.chunk_bytes = 8 << 10;
    config.rotate_bytes = Some(64 << 10);
    config.quota_bytes = Some(300 << 10);
    let recorder = Recorder::create(config).unwrap();
    let summary = record_all(&recorder, 3000);
    let names: Vec<_> = summary
        .evicted
        .iter()
        .map(|p| p.file_name().unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        &names[..3],
        ["early-0000.mcap", "later-0000.mcap", "now-0000.mcap"]
    );
    assert!(dir.path().join("kept-0000.mcap").exists());
    assert!(summary.files.iter().all(|file| file.exists()));
    let total: u64 = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(total <= (300 << 10) + (80 << 10), "{total} bytes are left");
    // What is left of the run still reads from its first remaining segment on.
    let mut log = LogReader::open(dir.path().join("now")).unwrap();
    let first = log.next().unwrap().unwrap();
    assert!(first.segment > 0);
    assert!(check(&first) > 0);
    assert!(
        LogReader::open(dir.path()).is_err(),
        "several logs in one folder must be named"
    );
}

#[test]
fn the_floor_ends_the_log_cleanly_and_callers_go_on() {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.chunk_bytes = 4 << 10;
    config.free_space_floor_bytes = 1000;
    let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
    let channels = add_channels(&recorder);
    for index in 0..200 {
        append(&mut recorder.batch(), &channels, index);
    }
    disk.faults.lock().unwrap().free_space = Some(999);
    let mut index = 200;
    while recorder.status().stopped.is_none() {
        append(&mut recorder.batch(), &channels, index);
        index += 1;
    }
    for _ in 0..10 {
        append(&mut recorder.batch(), &channels, index);
        index += 1;
    }
    let status = recorder.status();
    assert_eq!(status.stopped, Some(StopReason::DiskFloor { free: 999 }));
    assert_eq!(status.messages + status.lost_messages, index);
    assert!(status.lost_messages >= 10);
    let summary = recorder.finish().unwrap();
    let mut log = LogReader::from_bytes(disk.trace(0).bytes).unwrap();
    assert_eq!(read_prefix(&mut log), summary.messages);
    assert!(log.damage().is_none(), "the log must have its end");
}

#[test]
fn a_failed_write_loses_only_what_was_not_written() {
    for full_after in [10, 300, 5_000, 20_000, 50_001, 77_777] {
        let disk = TestDisk::default();
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        config.chunk_bytes = 4 << 10;
        disk.faults.lock().unwrap().full_after = Some(full_after);
        let recorder = match Recorder::create_on(config, Arc::new(disk.clone())) {
            Ok(recorder) => recorder,
            Err(error) => {
                assert!(full_after < 100 && matches!(error, RecordError::Io { .. }));
                continue;
            }
        };
        let summary = record_all(&recorder, 1000);
        assert!(matches!(summary.stopped, Some(StopReason::WriteFailed(_))));
        assert_eq!(summary.messages + summary.lost_messages, 1000);
        assert!(summary.lost_messages > 0);
        let mut log = LogReader::from_bytes(disk.trace(0).bytes).unwrap();
        assert_eq!(read_prefix(&mut log), summary.messages);
    }
}

#[test]
fn a_failed_sync_stops_recording() {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.flush_interval = Duration::from_millis(5);
    let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
    let channels = add_channels(&recorder);
    disk.faults.lock().unwrap().sync_fails = true;
    append(&mut recorder.batch(), &channels, 0);
    while recorder.status().stopped.is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    append(&mut recorder.batch(), &channels, 1);
    assert_eq!(recorder.finish().unwrap().lost_messages, 1);
}

#[test]
fn a_slow_disk_costs_counted_messages_in_live_mode_and_none_in_file_mode() {
    for when_full in [WhenFull::Drop, WhenFull::Block] {
        let disk = TestDisk::default();
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        config.chunk_bytes = 4 << 10;
        config.buffer_bytes = 32 << 10;
        config.when_full = when_full;
        let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
        let channels = add_channels(&recorder);
        disk.faults.lock().unwrap().stalled = true;
        let faults = Arc::clone(&disk.faults);
        let waker = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            faults.lock().unwrap().stalled = false;
        });
        for index in 0..1000 {
            append(&mut recorder.batch(), &channels, index);
        }
        waker.join().unwrap();
        let summary = recorder.finish().unwrap();
        assert_eq!(summary.messages + summary.lost_messages, 1000);
        let mut log = LogReader::from_bytes(disk.trace(0).bytes).unwrap();
        let mut read = 0;
        while let Some(message) = log.next().unwrap() {
            check(&message);
            read += 1;
        }
        assert_eq!(read, summary.messages);
        assert_eq!(summary.lost_messages > 0, when_full == WhenFull::Drop);
    }
}

#[test]
fn a_panicking_encoder_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(config(dir.path())).unwrap();
    let channels = add_channels(&recorder);
    append(&mut recorder.batch(), &channels, 0);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut batch = recorder.batch();
        batch.append_with(channels[1], 1, time_ns(1), 0, |out| {
            out.extend_from_slice(b"half");
            panic!("encoder");
        });
    }));
    assert!(caught.is_err());
    append(&mut recorder.batch(), &channels, 1);
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.messages, summary.lost_messages), (2, 0));
    assert_eq!(
        read_prefix(&mut LogReader::open(&summary.files[0]).unwrap()),
        2
    );
}

#[test]
fn a_quiet_recorder_flushes_within_its_interval() {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.flush_interval = Duration::from_millis(10);
    let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
    let channels = add_channels(&recorder);
    for index in 0..3 {
        append(&mut recorder.batch(), &channels, index);
        assert!(recorder.status().oldest_unsynced > Duration::ZERO);
        // No second append is needed to get the first onto the disk.
        while recorder.status().oldest_unsynced > Duration::ZERO {
            std::thread::sleep(Duration::from_millis(1));
        }
        let trace = disk.trace(0);
        let mut log = LogReader::from_bytes(trace.bytes[..trace.synced].to_vec()).unwrap();
        assert_eq!(read_prefix(&mut log), index + 1);
    }
}

#[test]
fn unusable_settings_and_taken_names_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut slow = config(dir.path());
    slow.flush_interval = Duration::from_secs(11);
    assert!(matches!(
        Recorder::create(slow),
        Err(RecordError::FlushInterval(_))
    ));
    record(config(dir.path()), 1, 1);
    assert!(matches!(
        Recorder::create(config(dir.path())),
        Err(RecordError::Exists(_))
    ));
}

#[test]
fn the_quota_spares_logs_of_other_makers() {
    let dir = tempfile::tempdir().unwrap();
    let foreign = dir.path().join("foreign-0000.mcap");
    let mut writer = mcap::Writer::new(fs::File::create(&foreign).unwrap()).unwrap();
    writer.finish().unwrap();
    fs::write(dir.path().join("not-a-log.mcap"), [7; 4096]).unwrap();
    let mut config = config(dir.path());
    config.prefix = "ours".to_owned();
    record(config, 300, 1);
    let evicted = retention::evict(dir.path(), 0, None).unwrap();
    assert_eq!(evicted, [dir.path().join("ours-0000.mcap")]);
    assert!(foreign.exists());
    assert!(dir.path().join("not-a-log.mcap").exists());
}
