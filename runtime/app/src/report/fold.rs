//! Folds a log's messages, one at a time and in any order, into what the report shows.

use super::ReportOptions;
use super::kept::Windows;
use super::keyframes::Keyframes;
use super::scenery::Scenery;
use super::status::Status;
use super::timeline::{Streams, instant_ns};
use drafthorse_record::messages::drafthorse;
use prost::{DecodeError, Message as _};
use std::collections::BTreeMap;

/// One message of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    pub topic: &'a str,
    pub schema: &'a str,
    /// Value of the channel's `drafthorse.role`; empty if it has none.
    pub role: &'a str,
    /// Value of the channel's `drafthorse.sensor`; empty if it has none.
    pub sensor: &'a str,
    pub log_time_ns: u64,
    pub publish_time_ns: u64,
    pub data: &'a [u8],
}

impl Message<'_> {
    /// Where the message stands on the time axis, ns.
    pub(super) fn instant_ns(&self) -> u64 {
        instant_ns(self.publish_time_ns, self.log_time_ns)
    }

    /// The sensor: as the channel says, else the topic's first part.
    pub(super) fn sensor_name(&self) -> &str {
        if self.sensor.is_empty() {
            let topic = self.topic.trim_start_matches('/');
            topic.split('/').next().unwrap_or(topic)
        } else {
            self.sensor
        }
    }
}

/// A channel's totals.
#[derive(Debug, Default)]
pub(super) struct ChannelTotals {
    pub schema: String,
    pub role: String,
    pub count: u64,
    pub bytes: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// The state of the fold.
#[derive(Debug)]
pub(super) struct Fold {
    pub streams: Streams,
    pub channels: BTreeMap<String, ChannelTotals>,
    pub unreadable: BTreeMap<String, u64>,
    pub scenery: Scenery,
    pub keyframes: Keyframes,
    pub windows: Windows,
    pub status: Status,
}

impl Fold {
    /// An empty fold within the options' bounds.
    pub(super) fn new(options: &ReportOptions) -> Self {
        Self {
            streams: Streams::default(),
            channels: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            scenery: Scenery::new(options),
            keyframes: Keyframes::default(),
            windows: Windows::default(),
            status: Status::default(),
        }
    }

    /// Names of the sensors by their index, as the log's metadata says.
    pub(super) fn name_sensors(&mut self, names: BTreeMap<u32, String>) {
        self.status.sensor_names = names;
    }

    /// Takes one message.
    pub(super) fn add(&mut self, message: &Message<'_>) {
        let at_ns = message.instant_ns();
        if !self.channels.contains_key(message.topic) {
            let totals = ChannelTotals {
                schema: message.schema.to_owned(),
                role: message.role.to_owned(),
                first_ns: at_ns,
                last_ns: at_ns,
                ..ChannelTotals::default()
            };
            self.channels.insert(message.topic.to_owned(), totals);
        }
        if let Some(totals) = self.channels.get_mut(message.topic) {
            totals.count += 1;
            totals.bytes += message.data.len() as u64;
            totals.first_ns = totals.first_ns.min(at_ns);
            totals.last_ns = totals.last_ns.max(at_ns);
        }
        // Calibration, clock and health are about a run, not instants of its data.
        let of_sensor = matches!(
            message.topic.rsplit('/').next(),
            Some("raw" | "points" | "image" | "video" | "raw_image" | "preview" | "frame")
        );
        let of_data = matches!(message.topic, "/tracks" | "/detections" | "/ego" | "/truth");
        if of_sensor || of_data {
            self.streams.note(message.topic, of_sensor, at_ns);
        }
        let known = self.scenery.add(message, at_ns).and_then(|taken| {
            if taken {
                Ok(())
            } else {
                self.status.add(message)
            }
        });
        if known
            .and_then(|()| self.keyframes.add(message, at_ns))
            .and_then(|()| self.window(message))
            .is_err()
        {
            *self.unreadable.entry(message.topic.to_owned()).or_default() += 1;
        }
    }

    fn window(&mut self, message: &Message<'_>) -> Result<(), DecodeError> {
        if message.schema == "drafthorse.KeptWindow" {
            self.windows
                .add(drafthorse::KeptWindow::decode(message.data)?);
        }
        Ok(())
    }
}
