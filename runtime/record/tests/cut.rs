//! A log cut anywhere gives back everything before the last whole chunk, and nothing else.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::fs;

use common::{Noise, check, config, read_prefix, record};
use drafthorse_record::{Compression, LogReader, recover};

/// Where each chunk ends and how many messages the log has up to there, as the `mcap` crate tells
/// from the log's own indexes.
fn boundaries(bytes: &[u8]) -> Vec<(usize, u64)> {
    let summary = mcap::Summary::read(bytes).unwrap().unwrap();
    let mut messages = 0;
    let end = |chunk: &mcap::records::ChunkIndex| {
        let indexes = summary.read_message_indexes(bytes, chunk).unwrap();
        messages += indexes.values().map(Vec::len).sum::<usize>() as u64;
        (
            (chunk.chunk_start_offset + chunk.chunk_length) as usize,
            messages,
        )
    };
    summary.chunk_indexes.iter().map(end).collect()
}

#[test]
fn every_cut_gives_exactly_the_whole_chunks_before_it() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        config.chunk_bytes = 16 << 10;
        config.compression = compression;
        let count = 1500;
        let bytes = fs::read(record(config, count, 7)).unwrap();
        let ends = boundaries(&bytes);
        assert!(ends.len() > 10, "the log has {} chunks", ends.len());
        assert_eq!(ends.last().unwrap().1, count);

        let mut noise = Noise(compression as u64);
        let mut cuts: Vec<usize> = (0..70)
            .map(|_| noise.below(bytes.len() as u64) as usize)
            .collect();
        cuts.extend(ends.iter().flat_map(|&(end, _)| [end - 1, end, end + 1]));
        cuts.extend([0, 1, 7, 8, 9, bytes.len() - 1, bytes.len()]);
        for (number, cut) in cuts.into_iter().enumerate() {
            let whole = ends.iter().filter(|&&(end, _)| end <= cut);
            let expected = whole.map(|&(_, messages)| messages).max().unwrap_or(0);
            let mut log = LogReader::from_bytes(bytes[..cut].to_vec()).unwrap();
            assert_eq!(read_prefix(&mut log), expected, "cut at {cut}");
            let damage = log.damage().cloned();
            assert_eq!(damage.is_none(), cut == bytes.len(), "cut at {cut}");
            if let Some(damage) = damage {
                assert_eq!(damage.offset + damage.bytes_after, cut as u64);
            }
            // Recovery of a part of them, since it writes files.
            if number % 5 == 0 {
                recovers(dir.path(), &bytes[..cut], number, expected);
            }
        }
    }
}

fn recovers(dir: &std::path::Path, bytes: &[u8], number: usize, expected: u64) {
    let (input, output) = (
        dir.join("cut.mcap"),
        dir.join(format!("whole-{number}.mcap")),
    );
    fs::write(&input, bytes).unwrap();
    let report = recover(&input, &output).unwrap();
    assert_eq!(report.messages, expected);
    assert_eq!(report.kept_bytes + report.lost_bytes, bytes.len() as u64);
    assert_eq!(report.complete, report.first_damage_offset.is_none());
    if expected > 0 {
        assert_eq!(
            report.last_good_log_time_ns,
            Some(common::time_ns(expected - 1))
        );
    }
    let mut log = LogReader::open(&output).unwrap();
    assert_eq!(read_prefix(&mut log), expected);
    assert!(log.damage().is_none());
    // The other reader demands the closing magic, and finds the summary.
    let whole = fs::read(&output).unwrap();
    let messages = mcap::MessageStream::new(&whole).unwrap();
    assert_eq!(messages.map(Result::unwrap).count() as u64, expected);
    let summary = mcap::Summary::read(&whole).unwrap().unwrap();
    assert_eq!(summary.stats.unwrap().message_count, expected);
    fs::remove_file(&output).unwrap();
}

#[test]
fn zeroed_pages_are_damage_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    config.chunk_bytes = 16 << 10;
    config.compression = Compression::None;
    let bytes = fs::read(record(config, 1500, 5)).unwrap();
    for page in 0..bytes.len() / 4096 {
        for shift in [0, 13, 64, 2000] {
            let mut image = bytes.clone();
            let begin = page * 4096 + shift;
            let end = (begin + 4096).min(image.len());
            image[begin..end].fill(0);
            let mut log = LogReader::from_bytes(image).unwrap();
            let mut messages = 0;
            while let Some(message) = log.next().unwrap() {
                assert_eq!(check(&message), messages);
                messages += 1;
            }
            let damage = log.damage().expect("zeros must be noticed");
            assert!(damage.offset <= end as u64);
            let metadata = log.metadata().get("drafthorse.run");
            assert!(metadata.is_none_or(|entries| entries["config"] == "x = 1"));
        }
    }
}

#[test]
fn a_file_that_is_no_log_is_an_error_and_an_empty_one_is_damage() {
    assert!(LogReader::from_bytes(b"RIFF 1234 and more".to_vec()).is_err());
    for lost in [Vec::new(), vec![0; 9000]] {
        let mut log = LogReader::from_bytes(lost).unwrap();
        assert!(log.next().unwrap().is_none());
        assert!(log.damage().unwrap().messages_lost);
    }
}
