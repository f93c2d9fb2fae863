//! The run's side of the recorder: staged messages and prost messages by channel.

use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::{Cause, Staged};
use anyhow::{Context, Result};
use drafthorse_record::{Batch, ChannelId, Recorder};

/// Appends to the log. Cheap to clone; all clones write into one recorder.
#[derive(Clone)]
pub struct LogWriter {
    recorder: Recorder,
    ids: Vec<ChannelId>,
}

impl LogWriter {
    /// Registers all channels.
    pub fn new(recorder: Recorder, channels: &Channels) -> Result<Self> {
        let ids = channels
            .specs()
            .iter()
            .map(|spec| {
                recorder
                    .add_channel(spec)
                    .with_context(|| format!("channel {} could not be added", spec.topic))
            })
            .collect::<Result<_>>()?;
        Ok(Self { recorder, ids })
    }

    /// The recorder itself.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The recorder's identifier of a channel.
    pub fn id(&self, channel: Channel) -> ChannelId {
        self.ids[usize::from(channel.0)]
    }

    /// Messages appended through one batch stand together in the log.
    pub fn batch(&self) -> Batch<'_> {
        self.recorder.batch()
    }

    /// Appends everything staged.
    pub fn append_staged(&self, batch: &mut Batch<'_>, staged: &Staged) {
        for (entry, bytes) in staged.iter() {
            batch.append(
                self.id(entry.channel),
                entry.sequence,
                entry.log_time_ns,
                entry.publish_time_ns,
                bytes,
            );
        }
    }

    /// Appends one prost message.
    pub fn append_message(
        &self,
        batch: &mut Batch<'_>,
        channel: Channel,
        cause: Cause,
        message: &impl prost::Message,
    ) {
        batch.append_with(
            self.id(channel),
            cause.sequence,
            cause.received_ns,
            cause.captured_ns,
            // A Vec grows, so encoding cannot run out of room.
            |buf| message.encode_raw(buf),
        );
    }
}
