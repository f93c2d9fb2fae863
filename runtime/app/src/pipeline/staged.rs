//! Messages a step has produced, encoded but not yet in a log: the run appends them, replay
//! compares them.

use super::channels::Channel;
use super::keyframes::Part;

/// One staged message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it goes.
    pub channel: Channel,
    /// MCAP sequence: the sequence of the raw message that caused it.
    pub sequence: u32,
    /// MCAP log time: receipt of the raw message that caused it, ns.
    pub log_time_ns: u64,
    /// MCAP publish time: capture time the content holds for, ns.
    pub publish_time_ns: u64,
    start: usize,
    end: usize,
}

/// A reusable buffer of staged messages.
#[derive(Debug, Default)]
pub struct Staged {
    bytes: Vec<u8>,
    inputs: Vec<Entry>,
    entries: Vec<Entry>,
    parts: Vec<Part>,
}

/// Which raw message or instant the messages of a step belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// Sequence of the raw message.
    pub sequence: u32,
    /// Its capture time, ns.
    pub captured_ns: u64,
    /// Its receive time, ns.
    pub received_ns: u64,
}

impl Cause {
    /// An instant, for what no raw message has caused.
    pub fn at(ns: u64) -> Self {
        Self {
            sequence: 0,
            captured_ns: ns,
            received_ns: ns,
        }
    }
}

impl From<&drafthorse_core::RawMessage> for Cause {
    fn from(raw: &drafthorse_core::RawMessage) -> Self {
        Self {
            sequence: raw.sequence,
            captured_ns: raw.captured_ns,
            received_ns: raw.received_ns,
        }
    }
}

impl Staged {
    /// Forgets the messages, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.inputs.clear();
        self.entries.clear();
        self.parts.clear();
    }

    /// Stages one message, encoded by `encode` at the end of the buffer.
    pub fn push(&mut self, channel: Channel, cause: Cause, encode: impl FnOnce(&mut Vec<u8>)) {
        let entry = self.encode(channel, cause, encode);
        self.entries.push(entry);
    }

    /// Stages what the world outside answered to a step: an input of that step. It stands before all
    /// that [`Self::push`] stages, the step's own message among them, so that replay has it in time.
    pub fn push_input(
        &mut self,
        channel: Channel,
        cause: Cause,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let entry = self.encode(channel, cause, encode);
        self.inputs.push(entry);
    }

    fn encode(
        &mut self,
        channel: Channel,
        cause: Cause,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Entry {
        let start = self.bytes.len();
        encode(&mut self.bytes);
        Entry {
            channel,
            sequence: cause.sequence,
            log_time_ns: cause.received_ns,
            publish_time_ns: cause.captured_ns,
            start,
            end: self.bytes.len(),
        }
    }

    /// Stages one prost message.
    pub fn push_message(&mut self, channel: Channel, cause: Cause, message: &impl prost::Message) {
        // A Vec grows, so encoding cannot run out of room.
        self.push(channel, cause, |buf| message.encode_raw(buf));
    }

    /// Hands on what the step knows of a moment to the choice of keyframes.
    pub fn push_part(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// What the step has handed on.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Exchanges what the step has handed on for an empty list, whose memory is used again.
    pub fn swap_parts(&mut self, parts: &mut Vec<Part>) {
        std::mem::swap(&mut self.parts, parts);
    }

    /// The staged messages with their bytes: inputs, then the others, each in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Entry, &[u8])> {
        self.inputs
            .iter()
            .chain(&self.entries)
            .map(|entry| (entry, &self.bytes[entry.start..entry.end]))
    }
}
