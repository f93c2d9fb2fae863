//! Which files gave a log's answers: those are asked again, whatever is faster now.

use crate::networks::Answered;
use crate::pipeline::channels::Channels;
use crate::plan::Plan;
use anyhow::{Context, Result};
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::NetworkAnswer;
use prost::Message as _;
use std::collections::BTreeSet;
use std::path::Path;

/// The files of each network of the plan that gave answers.
///
/// # Errors
/// A log or an answer that cannot be read.
pub(super) fn answered(log: &Path, plan: &Plan, channels: &Channels) -> Result<Answered> {
    let mut files = vec![BTreeSet::new(); plan.networks.len()];
    let unread = || format!("cannot read {}", log.display());
    let mut reader = LogReader::open(log).with_context(unread)?;
    while let Some(message) = reader.next().with_context(unread)? {
        let Some(channel) = channels.by_topic(&message.channel.topic) else {
            continue;
        };
        let mut networks = channels.networks().iter();
        if let Some(found) = networks.find(|network| network.channel == channel) {
            let answer = NetworkAnswer::decode(message.data);
            files[found.network].insert(answer.with_context(unread)?.file);
        }
    }
    Ok(files)
}
