//! Messages whose every byte follows from their number, and disks that watch and fail.
#![allow(dead_code, unreachable_pub)] // each test uses a part

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use drafthorse_record::storage::{Disk, Storage};
use drafthorse_record::{
    Batch, ChannelId, ChannelSpec, LogMessage, LogReader, RecordConfig, Recorder,
};

/// A small generator of reproducible noise (splitmix64).
pub struct Noise(pub u64);

impl Noise {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }
}

/// Log time of a message.
pub fn time_ns(index: u64) -> u64 {
    1_700_000_000_000_000_000 + index * 1_000_000
}

/// Writes the data of a message: its length and content follow from its number. A third of them
/// compress well.
pub fn put_payload(index: u64, out: &mut Vec<u8>) {
    let mut noise = Noise(index);
    let length = 8 + noise.below(if index.is_multiple_of(50) { 6000 } else { 400 }) as usize;
    out.extend_from_slice(&index.to_le_bytes());
    let end = out.len() - 8 + length;
    while out.len() < end {
        let word = if index.is_multiple_of(3) {
            index
        } else {
            noise.next()
        };
        let left = (end - out.len()).min(8);
        out.extend_from_slice(&word.to_le_bytes()[..left]);
    }
}

pub fn payload(index: u64) -> Vec<u8> {
    let mut out = Vec::new();
    put_payload(index, &mut out);
    out
}

pub fn spec(topic: &str) -> ChannelSpec {
    ChannelSpec {
        topic: topic.to_owned(),
        schema_name: format!("test.{}", topic.trim_start_matches('/')),
        schema_encoding: "jsonschema".to_owned(),
        schema_data: br#"{"type":"object"}"#.to_vec(),
        message_encoding: "json".to_owned(),
        metadata: [("drafthorse.role".to_owned(), "raw".to_owned())].into(),
    }
}

/// The channels that messages are spread over.
pub const TOPICS: [&str; 3] = ["/a", "/b", "/c"];

pub fn add_channels(recorder: &Recorder) -> Vec<ChannelId> {
    let add = |topic: &&str| recorder.add_channel(&spec(topic)).unwrap();
    TOPICS.iter().map(add).collect()
}

pub fn append(batch: &mut Batch<'_>, channels: &[ChannelId], index: u64) {
    let channel = channels[(index % channels.len() as u64) as usize];
    let time = time_ns(index);
    batch.append_with(channel, index as u32, time, time - 5, |out| {
        put_payload(index, out);
    });
}

/// Asserts that a message is exactly what was appended under its number, which it returns.
pub fn check(message: &LogMessage<'_>) -> u64 {
    let index = u64::from(message.sequence);
    assert_eq!(message.channel.topic, TOPICS[(index % 3) as usize]);
    assert_eq!(message.log_time_ns, time_ns(index));
    assert_eq!(message.publish_time_ns, time_ns(index) - 5);
    assert!(
        message.data == payload(index),
        "message {index} reads back wrong"
    );
    index
}

/// Reads everything; asserts that it is messages 0, 1, 2 and so on, and returns how many.
pub fn read_prefix(log: &mut LogReader) -> u64 {
    let mut count = 0;
    while let Some(message) = log.next().unwrap() {
        assert_eq!(check(&message), count, "a message is missing or twice");
        count += 1;
    }
    count
}

/// How many messages the `mcap` crate, an independent reader, finds in the whole part of a log.
pub fn count_with_mcap(bytes: &[u8]) -> u64 {
    use mcap::read::Options;
    let messages = mcap::MessageStream::new_with_options(bytes, Options::IgnoreEndMagic.into());
    let Ok(messages) = messages else { return 0 };
    messages.map_while(Result::ok).count() as u64
}

pub fn config(dir: &Path) -> RecordConfig {
    let mut config = RecordConfig::new(dir, "test");
    config.free_space_floor_bytes = 0;
    config
}

/// Records messages `0..count` in batches of up to `batch` and returns the only file.
pub fn record(config: RecordConfig, count: u64, batch: u64) -> PathBuf {
    let recorder = Recorder::create(config).unwrap();
    let channels = add_channels(&recorder);
    recorder.add_metadata(
        "drafthorse.run",
        &[("config".to_owned(), "x = 1".to_owned())].into(),
    );
    let mut index = 0;
    while index < count {
        let mut messages = recorder.batch();
        for _ in 0..batch.min(count - index) {
            append(&mut messages, &channels, index);
            index += 1;
        }
    }
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.messages, summary.lost_messages), (count, 0));
    assert_eq!(summary.files.len(), 1);
    summary.files[0].clone()
}

/// What one file has gone through.
#[derive(Default, Clone)]
pub struct Trace {
    pub bytes: Vec<u8>,
    /// After each append: length so far and the length known to be synced.
    pub steps: Vec<(usize, usize)>,
    pub synced: usize,
}

/// How a [`TestDisk`] misbehaves.
#[derive(Default, Clone)]
pub struct Faults {
    /// Appends beyond this many bytes in all write a part and fail.
    pub full_after: Option<usize>,
    pub sync_fails: bool,
    pub free_space: Option<u64>,
    /// Appends wait while this is set.
    pub stalled: bool,
}

/// A disk in memory.
#[derive(Clone, Default)]
pub struct TestDisk {
    pub files: Arc<Mutex<Vec<(PathBuf, Trace)>>>,
    pub faults: Arc<Mutex<Faults>>,
}

struct TestFile {
    disk: TestDisk,
    number: usize,
}

impl TestDisk {
    pub fn trace(&self, number: usize) -> Trace {
        self.files.lock().unwrap()[number].1.clone()
    }
}

impl Disk for TestDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Storage>> {
        let mut files = self.files.lock().unwrap();
        files.push((path.to_owned(), Trace::default()));
        let number = files.len() - 1;
        let disk = self.clone();
        Ok(Box::new(TestFile { disk, number }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        if let Some((path, _)) = files.iter_mut().find(|(path, _)| path == from) {
            to.clone_into(path);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut files = self.files.lock().unwrap();
        if let Some((name, _)) = files.iter_mut().find(|(name, _)| name == path) {
            *name = PathBuf::new();
        }
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn free_space(&self, _dir: &Path) -> io::Result<u64> {
        Ok(self.faults.lock().unwrap().free_space.unwrap_or(u64::MAX))
    }
}

impl Storage for TestFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        while self.disk.faults.lock().unwrap().stalled {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let faults = self.disk.faults.lock().unwrap().clone();
        let mut files = self.disk.files.lock().unwrap();
        let before: usize = files.iter().map(|(_, trace)| trace.bytes.len()).sum();
        let room = faults
            .full_after
            .map_or(usize::MAX, |full| full.saturating_sub(before));
        let trace = &mut files[self.number].1;
        trace
            .bytes
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        trace.steps.push((trace.bytes.len(), trace.synced));
        if bytes.len() > room {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        if self.disk.faults.lock().unwrap().sync_fails {
            return Err(io::Error::other("input/output error"));
        }
        let mut files = self.disk.files.lock().unwrap();
        let trace = &mut files[self.number].1;
        trace.synced = trace.bytes.len();
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut files = self.disk.files.lock().unwrap();
        files[self.number].1.bytes.truncate(length as usize);
        Ok(())
    }
}
