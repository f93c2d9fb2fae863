//! The run's side of the recorder: staged messages and prost messages by channel.

use super::windows::{Reason, Windows};
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::{Cause, Entry, Staged};
use anyhow::{Context, Result};
use drafthorse_record::messages::drafthorse as message;
use drafthorse_record::{Batch, ChannelId, Recorder};
use prost::Message as _;
use std::sync::Arc;

/// Appends to the log. Cheap to clone; all clones write into one recorder.
#[derive(Clone)]
pub struct LogWriter {
    recorder: Recorder,
    ids: Vec<ChannelId>,
    /// Makes windows of triggers, in a run.
    windows: Option<Arc<Windows>>,
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
        Ok(Self {
            recorder,
            ids,
            windows: None,
        })
    }

    /// The same, keeping windows around triggers.
    pub(super) fn with_windows(mut self, windows: Windows) -> Self {
        self.windows = Some(Arc::new(windows));
        self
    }

    /// How many windows were kept.
    pub(super) fn kept_windows(&self) -> u64 {
        self.windows.as_ref().map_or(0, |windows| windows.kept())
    }

    /// Keeps a window around `at_ns` of log time (the time of receipt) where the policy wants that, and says
    /// why in the log.
    pub fn trigger(&self, batch: &mut Batch<'_>, at_ns: u64, reason: Reason, detail: &str) {
        let windows = self.windows.as_ref();
        let Some(window) = windows.and_then(|windows| windows.of(at_ns, reason, detail)) else {
            return;
        };
        self.append_message(batch, Channel::KEPT, Cause::at(at_ns), &window);
        batch.keep(window.from_ns, window.to_ns);
    }

    /// Keeps what is being appended too, where keyframes are what is kept: what is said of one comes after
    /// its window.
    pub(super) fn keep_said(&self, batch: &mut Batch<'_>, log_time_ns: u64) {
        let windows = self.windows.as_ref();
        if windows.is_some_and(|windows| windows.keeps_keyframes()) {
            batch.keep(log_time_ns, log_time_ns);
        }
    }

    /// Keeps a window where a staged message is a trigger.
    fn note_trigger(&self, batch: &mut Batch<'_>, entry: &Entry, bytes: &[u8]) {
        if self.windows.is_none() {
            return;
        }
        if entry.channel == Channel::FAULTS
            && let Ok(fault) = message::Fault::decode(bytes)
        {
            self.fault(batch, &fault, entry.log_time_ns);
        } else if entry.channel == Channel::KEYFRAMES
            && let Ok(keyframe) = message::Keyframe::decode(bytes)
        {
            // Stamps of capture and receipt lie some milliseconds apart.
            let at_ns = keyframe.begin_ns;
            self.trigger(batch, at_ns, Reason::Keyframe, &keyframe.reason);
        }
    }

    /// Keeps a window around the onset of a fault.
    pub(super) fn fault(&self, batch: &mut Batch<'_>, fault: &message::Fault, at_ns: u64) {
        let windows = self.windows.as_ref();
        if windows.is_some_and(|windows| windows.is_onset(fault, at_ns)) {
            let detail = format!("{} {}", fault.kind, fault.sensor);
            self.trigger(batch, at_ns, Reason::Fault, detail.trim_end());
        }
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

    /// Appends everything staged; faults and keyframes in it are triggers.
    pub fn append_staged(&self, batch: &mut Batch<'_>, staged: &Staged) {
        for (entry, bytes) in staged.iter() {
            batch.append(
                self.id(entry.channel),
                entry.sequence,
                entry.log_time_ns,
                entry.publish_time_ns,
                bytes,
            );
            self.note_trigger(batch, entry, bytes);
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
