//! What a log holds, told from reading all of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::dropped::Dropped;
use crate::error::ReadError;
use crate::messages::ROLE_KEY;
use crate::reader::{Damage, LogReader, Metadata};

/// One topic of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelSummary {
    /// Topic.
    pub topic: String,
    /// Full name of the message type.
    pub schema: String,
    /// Encoding of the messages.
    pub encoding: String,
    /// What replay does with it (`drafthorse.role`); absent in other makers' logs.
    pub role: Option<String>,
    /// Messages.
    pub count: u64,
    /// Bytes of their data.
    pub bytes: u64,
    /// Smallest log time, in nanoseconds.
    pub first_ns: u64,
    /// Largest log time, in nanoseconds.
    pub last_ns: u64,
}

/// A whole log.
#[derive(Debug, Clone, Serialize)]
pub struct LogSummary {
    /// Per channel, in order of topic.
    pub channels: Vec<ChannelSummary>,
    /// Messages.
    pub messages: u64,
    /// Bytes of the files.
    pub bytes: u64,
    /// From the smallest to the largest log time, in nanoseconds.
    pub duration_ns: u64,
    /// Files.
    pub segments: usize,
    /// Number of the first of them: above 0, earlier ones were removed.
    pub first_segment: u32,
    /// Every segment reads to its end.
    pub complete: bool,
    /// What is damaged, at most one entry a segment.
    pub damage: Vec<Damage>,
    /// What was not kept on purpose; a log can be complete without it.
    pub dropped: Vec<Dropped>,
    /// Metadata records by name.
    pub metadata: Metadata,
}

/// Reads a log, a file or a folder of segments, and sums it up.
///
/// # Errors
/// When it cannot be read at all; damage is part of the summary.
pub fn inspect(path: impl AsRef<Path>) -> Result<LogSummary, ReadError> {
    let mut log = LogReader::open(path)?;
    let mut channels: BTreeMap<(String, String), ChannelSummary> = BTreeMap::new();
    while let Some(message) = log.next()? {
        let channel = message.channel;
        let key = (channel.topic.clone(), channel.schema_name.clone());
        let summary = channels.entry(key).or_insert_with(|| ChannelSummary {
            topic: channel.topic.clone(),
            schema: channel.schema_name.clone(),
            encoding: channel.message_encoding.clone(),
            role: channel.metadata.get(ROLE_KEY).cloned(),
            count: 0,
            bytes: 0,
            first_ns: u64::MAX,
            last_ns: 0,
        });
        summary.count += 1;
        summary.bytes += message.data.len() as u64;
        summary.first_ns = summary.first_ns.min(message.log_time_ns);
        summary.last_ns = summary.last_ns.max(message.log_time_ns);
    }
    let channels: Vec<ChannelSummary> = channels.into_values().collect();
    let first = channels.iter().map(|channel| channel.first_ns).min();
    let last = channels.iter().map(|channel| channel.last_ns).max();
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(LogSummary {
        messages: channels.iter().map(|channel| channel.count).sum(),
        bytes: log
            .segments()
            .iter()
            .map(|segment| size(&segment.path))
            .sum(),
        duration_ns: first.zip(last).map_or(0, |(first, last)| last - first),
        segments: log.segments().len(),
        first_segment: log.segments().first().map_or(0, |first| first.number),
        complete: log.damages().is_empty(),
        damage: log.damages().to_vec(),
        dropped: log.dropped().to_vec(),
        metadata: log.metadata().clone(),
        channels,
    })
}
