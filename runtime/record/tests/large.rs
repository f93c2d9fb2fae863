//! Large messages, which may be written past the I/O thread, in order among small ones.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use common::{Noise, TestDisk, add_channels, config, count_with_mcap};
use drafthorse_record::{Compression, LogReader, RecordConfig, Recorder, StopReason, WhenFull};

/// Data of message `index`: every third is large.
fn data(index: u64) -> Vec<u8> {
    let length = if index.is_multiple_of(3) {
        300_000
    } else {
        100
    };
    let mut noise = Noise(index);
    (0..length / 4)
        .flat_map(|_| (noise.next() as u32).to_le_bytes())
        .collect()
}

fn append_all(recorder: &Recorder, count: u64) {
    let channels = add_channels(recorder);
    for index in 0..count {
        let channel = channels[(index % 3) as usize];
        let (sequence, data) = (index as u32, data(index));
        if index % 5 == 4 {
            let mut batch = recorder.batch();
            batch.append(channel, sequence, index, index, &data);
        } else {
            recorder.append(channel, sequence, index, index, &data);
        }
    }
}

/// Reads a log back; asserts that message after message is right and returns how many.
fn check_all(mut log: LogReader) -> u64 {
    let mut count = 0;
    while let Some(message) = log.next().unwrap() {
        assert_eq!(u64::from(message.sequence), count);
        assert_eq!(
            (message.log_time_ns, message.publish_time_ns),
            (count, count)
        );
        assert!(
            message.data == data(count),
            "message {count} reads back wrong"
        );
        count += 1;
    }
    count
}

fn settings(dir: &std::path::Path) -> RecordConfig {
    let mut config = config(dir);
    config.compression = Compression::None;
    config.chunk_bytes = 64 << 10;
    config
}

#[test]
fn large_messages_keep_their_place_and_content() {
    for compression in [Compression::None, Compression::Lz4] {
        for when_full in [WhenFull::Block, WhenFull::Drop] {
            let dir = tempfile::tempdir().unwrap();
            let mut config = settings(dir.path());
            config.compression = compression;
            config.when_full = when_full;
            config.rotate_bytes = Some(4 << 20);
            config.flush_interval = Duration::from_millis(5);
            let recorder = Recorder::create(config).unwrap();
            append_all(&recorder, 100);
            let summary = recorder.finish().unwrap();
            assert_eq!((summary.messages, summary.lost_messages), (100, 0));
            assert!(summary.files.len() >= 2);
            assert_eq!(check_all(LogReader::open(dir.path()).unwrap()), 100);
            let mut found = 0;
            let mut length = 0;
            for file in &summary.files {
                let bytes = fs::read(file).unwrap();
                length += bytes.len() as u64;
                found += count_with_mcap(&bytes);
                let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
                for chunk in &summary.chunk_indexes {
                    assert!(
                        !summary
                            .read_message_indexes(&bytes, chunk)
                            .unwrap()
                            .is_empty()
                    );
                }
            }
            assert_eq!((found, length), (100, summary.bytes));
        }
    }
}

#[test]
fn large_messages_reach_the_disk_within_the_interval() {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let mut config = settings(dir.path());
    config.flush_interval = Duration::from_millis(10);
    let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
    append_all(&recorder, 10);
    while recorder.status().oldest_unsynced > Duration::ZERO {
        std::thread::sleep(Duration::from_millis(1));
    }
    let trace = disk.trace(0);
    let synced = trace.bytes[..trace.synced].to_vec();
    assert_eq!(check_all(LogReader::from_bytes(synced).unwrap()), 10);
}

#[test]
fn a_full_disk_loses_only_what_it_has_no_room_for() {
    for full_after in [100_000, 299_000, 300_500, 1_000_000, 2_000_001] {
        let disk = TestDisk::default();
        let dir = tempfile::tempdir().unwrap();
        disk.faults.lock().unwrap().full_after = Some(full_after);
        let recorder = Recorder::create_on(settings(dir.path()), Arc::new(disk.clone())).unwrap();
        append_all(&recorder, 30);
        let summary = recorder.finish().unwrap();
        assert!(matches!(summary.stopped, Some(StopReason::WriteFailed(_))));
        assert_eq!(summary.messages + summary.lost_messages, 30);
        let log = LogReader::from_bytes(disk.trace(0).bytes).unwrap();
        assert_eq!(check_all(log), summary.messages);
    }
}

#[test]
fn the_floor_is_noticed_although_callers_write() {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let mut config = settings(dir.path());
    config.free_space_floor_bytes = 1000;
    config.flush_interval = Duration::from_secs(10);
    let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
    let channels = add_channels(&recorder);
    disk.faults.lock().unwrap().free_space = Some(10);
    let data = vec![1; 1 << 20];
    for index in 0..40 {
        recorder.append(channels[0], index, 0, 0, &data);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(
        recorder.status().stopped,
        Some(StopReason::DiskFloor { free: 10 })
    );
    let summary = recorder.finish().unwrap();
    assert_eq!(summary.messages + summary.lost_messages, 40);
    assert!(summary.lost_messages > 0);
}
