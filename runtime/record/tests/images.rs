//! Power cuts: everything up to the last sync survives whatever happened to later pages.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Noise, TestDisk, add_channels, append, config, count_with_mcap, read_prefix};
use drafthorse_record::{Compression, LogReader, Recorder};

const PAGE: usize = 4096;

/// A log with many syncs, and what its disk saw.
fn recorded(compression: Compression) -> (TestDisk, u64) {
    let disk = TestDisk::default();
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.chunk_bytes = 4 << 10;
    config.compression = compression;
    config.flush_interval = Duration::from_millis(2);
    let recorder = Recorder::create_on(config, Arc::new(disk.clone())).unwrap();
    let channels = add_channels(&recorder);
    recorder.add_metadata("run", &[("a".to_owned(), "b".repeat(5000))].into());
    let mut noise = Noise(3);
    let mut index = 0;
    while index < 2500 {
        let mut batch = recorder.batch();
        for _ in 0..=noise.below(40) {
            append(&mut batch, &channels, index);
            index += 1;
        }
        drop(batch);
        if noise.below(4) == 0 {
            std::thread::sleep(Duration::from_micros(noise.below(4000)));
        }
    }
    // All of it is on the disk once the recorder says so, without any end.
    while recorder.status().oldest_unsynced > Duration::ZERO {
        std::thread::sleep(Duration::from_millis(1));
    }
    let trace = disk.trace(0);
    let mut log = LogReader::from_bytes(trace.bytes[..trace.synced].to_vec()).unwrap();
    assert_eq!(read_prefix(&mut log), index);
    recorder.finish().unwrap();
    (disk, index)
}

#[test]
fn nothing_synced_is_lost_and_nothing_wrong_is_read() {
    let mut noise = Noise(99);
    let mut worst = 0;
    for compression in [Compression::None, Compression::Lz4] {
        let (disk, count) = recorded(compression);
        let trace = disk.trace(0);
        let syncs: std::collections::BTreeSet<_> = trace.steps.iter().map(|step| step.1).collect();
        assert!(syncs.len() > 10, "only {} syncs", syncs.len());
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..250 {
            let step = noise.below(trace.steps.len() as u64) as usize;
            let (written, mut synced) = trace.steps[step];
            // Half of the images pretend that fewer syncs were made, so that more is at stake.
            if noise.below(2) == 0 {
                let earlier = step - noise.below(step.min(30) as u64 + 1) as usize;
                synced = trace.steps[earlier].1;
            }
            let length = synced + noise.below((written - synced) as u64 + 1) as usize;
            let mut image = trace.bytes[..length].to_vec();
            let lost_of_8 = 1 + noise.below(8);
            for page in synced / PAGE..=length / PAGE {
                if noise.below(8) < lost_of_8 {
                    let begin = (page * PAGE).clamp(synced, length);
                    let end = ((page + 1) * PAGE).clamp(synced, length);
                    image[begin..end].fill(0);
                }
            }
            let count_safe = || count_with_mcap(&trace.bytes[..synced]);
            let safe = *counts.entry(synced).or_insert_with(count_safe);
            let mut log = LogReader::from_bytes(image).unwrap();
            let read = read_prefix(&mut log);
            assert!(read >= safe, "{safe} messages were synced, {read} are read");
            assert!(read <= count);
            worst = worst.max(written - synced);
        }
    }
    assert!(
        worst > PAGE * 4,
        "images with several pages at stake: {worst}"
    );
}
