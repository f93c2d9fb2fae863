//! What the end-to-end and fault tests share.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)] // A test that cannot go on fails by panicking.

mod stalling;

pub use stalling::StallingDisk;

use drafthorse::config::Config;
use drafthorse::replay::{Comparison, ReplayOptions, replay};
use drafthorse::run::{RunOptions, run};
use drafthorse::summary::Summary;
use drafthorse_record::{ChannelSpec, Compression, LogReader, RecordConfig, Recorder};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A configuration of one source.
#[must_use]
pub fn of_source(source: &str) -> Config {
    let mut config = Config::from_sources(vec![source.parse().unwrap()]);
    config.record.free_space_floor_mib = 16;
    config
}

/// Runs a configuration to its end.
#[must_use]
pub fn run_config(config: &Config, out: &Path) -> Summary {
    run(config, &RunOptions::new(out)).unwrap()
}

/// Runs a changed configuration of one source to its end.
pub fn run_source(source: &str, out: &Path, change: impl FnOnce(&mut Config)) -> Summary {
    let mut config = of_source(source);
    change(&mut config);
    run_config(&config, out)
}

/// What comparing a log with its replay finds.
#[must_use]
pub fn compare(log: &Path) -> Comparison {
    let options = ReplayOptions {
        check: true,
        ..ReplayOptions::default()
    };
    replay(log, &options).unwrap().check.unwrap()
}

/// Asserts that a log replays to the same bytes; gives the number of messages compared and of those
/// that could not be recomputed from this log.
pub fn check(log: &Path) -> (u64, u64) {
    let check = compare(log);
    assert!(check.identical, "{:?}", check.first_mismatches);
    (check.compared, check.not_recomputable)
}

/// A message of a log on its way into another.
pub struct Rewritten {
    /// Topic.
    pub topic: String,
    /// Log time, ns.
    pub log_time_ns: u64,
    /// The encoded message.
    pub data: Vec<u8>,
}

/// Writes a log again with `change` applied to each message.
pub fn rewrite(log: &Path, dir: &Path, mut change: impl FnMut(&mut Rewritten)) -> PathBuf {
    let mut config = RecordConfig::new(dir, "rewritten");
    config.compression = Compression::None;
    let recorder = Recorder::create(config).unwrap();
    let mut reader = LogReader::open(log).unwrap();
    let mut ids = BTreeMap::new();
    while let Some(message) = reader.next().unwrap() {
        let channel = message.channel;
        let id = *ids.entry(channel.topic.clone()).or_insert_with(|| {
            let spec = ChannelSpec {
                topic: channel.topic.clone(),
                schema_name: channel.schema_name.clone(),
                schema_encoding: channel.schema_encoding.clone(),
                schema_data: channel.schema_data.to_vec(),
                message_encoding: channel.message_encoding.clone(),
                metadata: channel.metadata.clone(),
            };
            recorder.add_channel(&spec).unwrap()
        });
        let mut rewritten = Rewritten {
            topic: channel.topic.clone(),
            log_time_ns: message.log_time_ns,
            data: message.data.to_vec(),
        };
        let (sequence, publish_ns) = (message.sequence, message.publish_time_ns);
        if ids.len() == 1 {
            for (name, entries) in reader.metadata() {
                recorder.add_metadata(name, entries);
            }
        }
        change(&mut rewritten);
        let Rewritten {
            log_time_ns, data, ..
        } = rewritten;
        let mut batch = recorder.batch();
        batch.append(id, sequence, log_time_ns, publish_ns, &data);
    }
    recorder.finish().unwrap().files.remove(0)
}
