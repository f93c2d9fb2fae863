//! The logs that the board records: which there are, brought here, and what they hold.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use drafthorse_core::RawFormat;
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::{Health, LaneLatency};
use drafthorse_record::messages::raw_data;
use drafthorse_wire::ars548;
use prost::Message as _;

use super::shell::Shell;

/// Where the service records.
pub(super) const FOLDER: &str = "/var/lib/drafthorse";

/// The runs that left logs, the oldest first.
pub(super) fn runs(shell: &Shell) -> anyhow::Result<Vec<String>> {
    let listed = shell.user(&format!("ls {FOLDER}"))?;
    let names = listed.lines().filter_map(|name| name.strip_suffix(".mcap"));
    let mut runs: Vec<String> = names
        .filter_map(|name| Some(name.rsplit_once('-')?.0.to_owned()))
        .collect();
    runs.dedup();
    Ok(runs)
}

/// The run that records now.
pub(super) fn newest(shell: &Shell) -> anyhow::Result<String> {
    runs(shell)?.pop().context("the board has no log yet")
}

/// Brings a run's files into a folder.
pub(super) fn pull(shell: &Shell, run: &str, to: &Path) -> anyhow::Result<()> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to)?;
    let archive = shell.bytes(&format!("cd {FOLDER} && tar -c {run}-*.mcap"))?;
    tar::Archive::new(archive.as_slice()).unpack(to)?;
    Ok(())
}

/// What a log holds of the sensors.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// Raw messages by format.
    pub(super) raw: BTreeMap<&'static str, u64>,
    /// Log time of the last of them, ns on the board's clock.
    pub(super) last_ns: u64,
    /// Least difference of the board's clock at receipt to this machine's at sending, ns: how far the
    /// board's is ahead, and the fastest packet's way.
    pub(super) ahead_ns: Option<i64>,
    /// The longest sync that the recorder told of, ns.
    pub(super) worst_sync_ns: u64,
    /// How long the network of a radar took for each scan, ms.
    pub(super) network_ms: Vec<f64>,
}

/// Reads a log as far as it is whole.
pub(super) fn read(folder: &Path) -> anyhow::Result<Held> {
    let mut held = Held::default();
    let mut reader = LogReader::open(folder)?;
    let mut bytes = Vec::new();
    while let Some(message) = reader.next()? {
        let schema = &message.channel.schema_name;
        if message.channel.topic == "/health" {
            let health = Health::decode(message.data)?;
            held.worst_sync_ns = held.worst_sync_ns.max(health.worst_sync_ns);
        }
        if message.channel.topic == "/lanes/latency" {
            let step = LaneLatency::decode(message.data)?;
            let of_network = step.stages.iter().filter(|s| s.stage == "radar.network");
            held.network_ms
                .extend(of_network.map(|s| s.ns as f64 / 1e6));
        }
        let Some(format) = raw_data(schema, message.data, &mut bytes) else {
            continue;
        };
        *held.raw.entry(format.name()).or_default() += 1;
        held.last_ns = held.last_ns.max(message.log_time_ns);
        if format == RawFormat::Ars548
            && let Ok(sent) = ars548::stamp(&bytes)
        {
            let ahead = message.log_time_ns as i64 - sent.ns as i64;
            held.ahead_ns = Some(held.ahead_ns.map_or(ahead, |least| least.min(ahead)));
        }
    }
    ensure!(
        held.last_ns > 0,
        "the log in {} holds nothing",
        folder.display()
    );
    Ok(held)
}
