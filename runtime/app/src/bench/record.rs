//! Recording speed: our recorder with its durability on, beside the bare `mcap` crate's writer,
//! which only buffers. Same messages, chunk size, checksums and folder; both are timed from the
//! first append to the finished file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use drafthorse_record::{ChannelSpec, Compression, RecordConfig, Recorder};

/// Chunk size of both.
const CHUNK_BYTES: usize = 1 << 20;
/// Payload bytes of one timed log.
const LOG_BYTES: usize = 128 << 20;
/// Timed pairs of each size.
const ROUNDS: usize = 15;
/// No size is measured for longer.
const MOST_TIME: Duration = Duration::from_secs(11);

/// Message sizes by name, and the part of [`LOG_BYTES`] that is recorded of each.
const SIZES: [(&str, usize, usize); 3] = [
    ("record.64B", 64, 2),
    ("record.10KiB", 10 << 10, 1),
    ("record.1MiB", 1 << 20, 1),
];

/// What a bench tells: name, value, unit, the peers' values, and the ratio of ours to theirs.
pub(super) type Emit<'a> = dyn FnMut(&str, f64, &str, &[(&str, f64)], f64) + 'a;

/// Measures each size, alternating the two writers, and tells the median throughputs in MB/s of
/// payload and the median of the pairs' ratios.
///
/// # Errors
/// When the logs cannot be written.
pub(super) fn run(emit: &mut Emit<'_>) -> Result<()> {
    let folder = folder(2 * LOG_BYTES as u64)?;
    for (name, size, share) in SIZES {
        let messages = LOG_BYTES / share / size;
        let payloads = payloads(size);
        let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        let begun = Instant::now();
        for round in 0..=ROUNDS {
            // Which goes first alternates too, so that neither always finds the other's memory.
            let pair = if round % 2 == 0 {
                let first = record_ours(folder.path(), &payloads, messages)?;
                (first, record_mcap(folder.path(), &payloads, messages)?)
            } else {
                let first = record_mcap(folder.path(), &payloads, messages)?;
                (record_ours(folder.path(), &payloads, messages)?, first)
            };
            // The first round warms up.
            if round > 0 {
                ours.push(pair.0);
                theirs.push(pair.1);
                ratios.push(pair.0 / pair.1);
            }
            if begun.elapsed() > MOST_TIME && ratios.len() >= 3 {
                break;
            }
        }
        let beside = [("mcap", median(&mut theirs))];
        emit(
            name,
            median(&mut ours),
            "MB/s",
            &beside,
            median(&mut ratios),
        );
    }
    Ok(())
}

/// A folder in memory where there is room, since the disk is not what is measured.
fn folder(room: u64) -> Result<tempfile::TempDir> {
    let memory = Path::new("/dev/shm");
    let probe = RecordConfig::new(memory, "probe");
    let has_room = memory.is_dir()
        && drafthorse_record::storage::free_space(memory)
            .is_ok_and(|free| free > room + probe.free_space_floor_bytes);
    if has_room && let Ok(folder) = tempfile::tempdir_in(memory) {
        return Ok(folder);
    }
    tempfile::tempdir().context("a temporary folder is needed to record into")
}

/// A few different payloads that do not compress.
fn payloads(size: usize) -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..8)
        .map(|_| (0..size).map(|_| byte()).collect())
        .collect()
}

/// Records with our recorder; payload bytes per microsecond, which is MB/s.
fn record_ours(folder: &Path, payloads: &[Vec<u8>], messages: usize) -> Result<f64> {
    let mut config = RecordConfig::new(folder, "ours");
    config.chunk_bytes = CHUNK_BYTES;
    config.compression = Compression::None;
    let spec = ChannelSpec {
        topic: "/bench".to_owned(),
        message_encoding: "raw".to_owned(),
        ..ChannelSpec::default()
    };
    let begun = Instant::now();
    let recorder = Recorder::create(config)?;
    let channel = recorder.add_channel(&spec)?;
    let mut payload = 0;
    for index in 0..messages {
        let data = black_box(&payloads[index % payloads.len()]);
        let time_ns = index as u64 * 1000;
        recorder.append(channel, index as u32, time_ns, time_ns, data);
        payload += data.len();
    }
    let summary = recorder.finish()?;
    let took = begun.elapsed();
    ensure!(
        summary.messages == messages as u64,
        "the recorder lost messages"
    );
    for file in summary.files {
        fs::remove_file(file)?;
    }
    Ok(payload as f64 / took.as_secs_f64() / 1e6)
}

/// Records with the `mcap` crate; MB/s of payload.
fn record_mcap(folder: &Path, payloads: &[Vec<u8>], messages: usize) -> Result<f64> {
    let path: PathBuf = folder.join("mcap.mcap");
    let begun = Instant::now();
    let mut writer = mcap::WriteOptions::new()
        .compression(None)
        .chunk_size(Some(CHUNK_BYTES as u64))
        .calculate_chunk_crcs(true)
        .create(BufWriter::new(File::create(&path)?))?;
    let channel = writer.add_channel(0, "/bench", "raw", &BTreeMap::new())?;
    let mut payload = 0;
    for index in 0..messages {
        let data = black_box(&payloads[index % payloads.len()]);
        let header = mcap::records::MessageHeader {
            channel_id: channel,
            sequence: index as u32,
            log_time: index as u64 * 1000,
            publish_time: index as u64 * 1000,
        };
        writer.write_to_known_channel(&header, data)?;
        payload += data.len();
    }
    writer.finish()?;
    drop(writer);
    let took = begun.elapsed();
    fs::remove_file(&path)?;
    Ok(payload as f64 / took.as_secs_f64() / 1e6)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
