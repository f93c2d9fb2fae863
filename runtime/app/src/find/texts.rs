//! What messages of a log say in words: notes, faults, keyframes, descriptions, and texts of other recorders.

use super::drive::Text;
use super::events::words_of_cue;
use drafthorse_record::LogMessage;
use drafthorse_record::messages::drafthorse;
use foxglove::messages::Log;
use prost::Message as _;
use std::collections::BTreeMap;

/// Faults of one kind and sensor that are no further apart are told once, ns.
const ONE_FAULT_NS: u64 = 10_000_000_000;
/// Keys under which a message in JSON may have its text.
const JSON_KEYS: [&str; 5] = ["text", "message", "caption", "description", "note"];

/// Makes texts of messages.
#[derive(Default)]
pub(super) struct Texts {
    /// When each kind of fault of each sensor was last there.
    faults: BTreeMap<(String, String), u64>,
}

impl Texts {
    /// The text of a message that stands at `at_ns`; none where it has none, or says again what was said.
    pub(super) fn of(&mut self, message: &LogMessage<'_>, at_ns: u64) -> Option<Text> {
        let channel = message.channel;
        let (at_ns, text) = match channel.schema_name.as_str() {
            "drafthorse.Note" => {
                let note = drafthorse::Note::decode(message.data).ok()?;
                (note.at_ns, note.text)
            }
            "drafthorse.Fault" => {
                let fault = drafthorse::Fault::decode(message.data).ok()?;
                (at_ns, self.fault(fault, at_ns)?)
            }
            "drafthorse.Keyframe" => {
                let keyframe = drafthorse::Keyframe::decode(message.data).ok()?;
                (
                    keyframe.begin_ns,
                    words_of_cue(&keyframe.reason)?.to_owned(),
                )
            }
            "drafthorse.Description" => {
                let description = drafthorse::Description::decode(message.data).ok()?;
                (description.captured_ns, description.text)
            }
            "foxglove.Log" => (at_ns, Log::decode(message.data).ok()?.message),
            _ if channel.message_encoding == "json" => {
                let value: serde_json::Value = serde_json::from_slice(message.data).ok()?;
                let text = JSON_KEYS.iter().find_map(|key| value.get(key)?.as_str());
                (at_ns, text?.to_owned())
            }
            _ => return None,
        };
        Some(Text {
            at_ns,
            topic: channel.topic.clone(),
            text,
        })
    }

    fn fault(&mut self, fault: drafthorse::Fault, at_ns: u64) -> Option<String> {
        let text = format!(
            "fault: {} {} {}",
            fault.kind.replace('_', " "),
            fault.sensor,
            fault.detail
        );
        let before = self.faults.insert((fault.kind, fault.sensor), at_ns);
        let is_new = before.is_none_or(|before| at_ns.abs_diff(before) > ONE_FAULT_NS);
        is_new.then_some(text)
    }
}
