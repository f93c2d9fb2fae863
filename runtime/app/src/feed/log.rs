//! A log as a source: our own raw channels, or ROS 2 and Foxglove messages of other recorders.

use crate::plan::{Plan, RUN_METADATA, SensorPlan};
use anyhow::{Context, Result, bail};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_record::messages::{ROLE_KEY, Role, SENSOR_KEY, raw_data};
use drafthorse_record::{Channel, LogMessage, LogReader};
use drafthorse_sensors::{ReadOutcome, Source, SourceError, SourceUri};
use drafthorse_wire::ros2;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A topic of a log that can be read as a sensor.
pub(super) struct Topic {
    pub(super) topic: String,
    pub(super) name: String,
    pub(super) format: RawFormat,
    /// How it was mounted when it was recorded, where the log is ours.
    pub(super) recorded: Option<SensorPlan>,
}

/// The topics of a log that can be read as sensors, those of the URI's `topic` option alone if it
/// has one.
pub(super) fn topics(uri: &SourceUri) -> Result<Vec<Topic>> {
    let mut reader =
        LogReader::open(uri.path()).with_context(|| format!("cannot read the log {uri}"))?;
    let mut seen: BTreeMap<String, Channel> = BTreeMap::new();
    while let Some(message) = reader
        .next()
        .with_context(|| format!("cannot read the log {uri}"))?
    {
        if !seen.contains_key(&message.channel.topic) {
            seen.insert(message.channel.topic.clone(), message.channel.clone());
        }
    }
    let plan = plan(reader.metadata());
    let mut found = Vec::new();
    for channel in seen.values() {
        let role = channel.metadata.get(ROLE_KEY).map(String::as_str);
        if role.is_some_and(|role| role != Role::Raw.name()) {
            continue;
        }
        let Some(format) = format_of(&channel.schema_name, &channel.metadata) else {
            continue;
        };
        let name = sensor_of(channel);
        found.push(Topic {
            recorded: plan
                .as_ref()
                .and_then(|p| p.sensors.iter().find(|s| s.name == name))
                .cloned(),
            topic: channel.topic.clone(),
            name,
            format,
        });
    }
    if let Some(wanted) = uri.option("topic") {
        found.retain(|t| t.topic == wanted);
    }
    if found.is_empty() {
        let topics: Vec<_> = seen.keys().map(String::as_str).collect();
        bail!(
            "{uri} holds no topic that can be read as a sensor (raw channels of ours, sensor_msgs/msg/PointCloud2 or CompressedImage, foxglove.CompressedImage); its topics are: {}",
            topics.join(" ")
        );
    }
    Ok(found)
}

/// The plan in a log's metadata.
pub(crate) fn plan(metadata: &BTreeMap<String, BTreeMap<String, String>>) -> Option<Plan> {
    let text = metadata.get(RUN_METADATA)?.get("plan")?;
    serde_json::from_str(text).ok()
}

/// What the raw messages of a channel are, where they are a sensor's.
pub(crate) fn format_of(schema: &str, metadata: &BTreeMap<String, String>) -> Option<RawFormat> {
    if let Some(format) = metadata.get("drafthorse.format") {
        return RawFormat::from_name(format);
    }
    match schema {
        "sensor_msgs/msg/PointCloud2" => Some(RawFormat::Ros2PointCloud2),
        "sensor_msgs/msg/CompressedImage" => Some(RawFormat::Ros2CompressedImage),
        "foxglove.CompressedImage" => Some(RawFormat::Jpeg),
        "foxglove.CompressedVideo" => Some(RawFormat::H264),
        _ => None,
    }
}

/// The sensor of a channel: as the channel says, else its topic's name.
pub(crate) fn sensor_of(channel: &Channel) -> String {
    let said = channel.metadata.get(SENSOR_KEY).cloned();
    said.unwrap_or_else(|| slug(&channel.topic))
}

/// Reads a message of a format into `into`, with its stamps; false where it is none.
pub(crate) fn raw_of(format: RawFormat, message: &LogMessage<'_>, into: &mut RawMessage) -> bool {
    into.format = format;
    into.captured_ns = message.publish_time_ns;
    into.received_ns = message.log_time_ns;
    match format {
        RawFormat::Ros2PointCloud2 | RawFormat::Ros2CompressedImage => {
            into.data.clear();
            into.data.extend_from_slice(message.data);
            if let Some(stamp) = ros2::header_stamp_ns(message.data) {
                into.captured_ns = stamp;
            }
            true
        }
        _ => raw_data(&message.channel.schema_name, message.data, &mut into.data) == Some(format),
    }
}

/// A topic as a sensor name: `/lidar/front` becomes `lidar_front`.
fn slug(topic: &str) -> String {
    let plain: String = topic
        .trim_matches('/')
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if plain.is_empty() {
        "topic".to_owned()
    } else {
        plain
    }
}

/// The raw messages of a log, in its order.
pub(super) struct LogSource {
    reader: LogReader,
    path: PathBuf,
    topics: Vec<Topic>,
    sequences: Vec<u32>,
    first: SensorId,
    total: u64,
    read: u64,
    faults: Vec<Fault>,
    damages_told: usize,
    last_received_ns: u64,
}

impl LogSource {
    /// The topics' messages go to `first` and the sensors after it.
    pub(super) fn open(uri: &SourceUri, topics: Vec<Topic>, first: SensorId) -> Result<Self> {
        let reader =
            LogReader::open(uri.path()).with_context(|| format!("cannot read the log {uri}"))?;
        let files = reader.segments().iter().map(|segment| &segment.path);
        let total = files.filter_map(|path| std::fs::metadata(path).ok());
        let total = total.map(|metadata| metadata.len()).sum();
        Ok(Self {
            reader,
            path: uri.path().to_owned(),
            sequences: vec![0; topics.len()],
            topics,
            first,
            total,
            read: 0,
            faults: Vec::new(),
            damages_told: 0,
            last_received_ns: 0,
        })
    }
}

impl Source for LogSource {
    fn read(
        &mut self,
        into: &mut RawMessage,
        _timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        loop {
            let next = self.reader.next().map_err(|error| SourceError::Format {
                path: self.path.clone(),
                expected: "an MCAP log",
                why: error.to_string(),
            })?;
            let Some(message) = next else {
                break;
            };
            self.read += message.data.len() as u64;
            let Some(index) = self
                .topics
                .iter()
                .position(|t| t.topic == message.channel.topic)
            else {
                continue;
            };
            let format = self.topics[index].format;
            self.last_received_ns = message.log_time_ns;
            if !raw_of(format, &message, into) {
                self.faults.push(Fault {
                    kind: FaultKind::Undecodable,
                    sensor: Some(SensorId(self.first.0 + index as u16)),
                    at_ns: message.log_time_ns,
                    count: 1,
                    detail: format!(
                        "a message of {} is not a {} message",
                        message.channel.topic,
                        format.name()
                    ),
                });
                continue;
            }
            into.sensor = SensorId(self.first.0 + index as u16);
            into.sequence = self.sequences[index];
            self.sequences[index] += 1;
            return Ok(ReadOutcome::Message);
        }
        Ok(ReadOutcome::End)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        let damages = self.reader.damages().get(self.damages_told..);
        for damage in damages.unwrap_or_default() {
            self.faults.push(Fault {
                kind: FaultKind::RecordLoss,
                sensor: Some(self.first),
                at_ns: self.last_received_ns,
                count: 1,
                detail: damage.to_string(),
            });
        }
        self.damages_told = self.reader.damages().len();
        out.append(&mut self.faults);
    }

    fn progress(&self) -> Option<f64> {
        (self.total > 0).then(|| (self.read as f64 / self.total as f64).min(0.99))
    }
}
