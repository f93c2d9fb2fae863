//! Reads the log through the fold, once and in order.

use super::ReportOptions;
use super::data::{LogFile, ReportData};
use super::finish::LogFacts;
use super::fold::{Fold, Message};
use anyhow::Context as _;
use drafthorse_record::messages::{ROLE_KEY, SENSOR_KEY};
use drafthorse_record::{LogReader, Segment};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Reads `logs`, each a file, a folder of segments or one log of a folder, and gives the page's data.
///
/// # Errors
/// When one of them is no log, or the operating system fails to read it.
pub(super) fn read(logs: &[PathBuf], options: &ReportOptions) -> anyhow::Result<ReportData> {
    let open = |log: &PathBuf| {
        LogReader::open(log).with_context(|| format!("cannot read the log {}", log.display()))
    };
    read_to_end(logs.iter().map(open).collect::<Result<_, _>>()?, options)
}

/// Reads these files as the segments of one log, in this order.
///
/// # Errors
/// When the first of them cannot be opened, or the operating system fails to read.
pub(super) fn read_segments(
    files: &[PathBuf],
    options: &ReportOptions,
) -> anyhow::Result<ReportData> {
    let numbered = (0..).zip(files);
    let segments = numbered.map(|(number, path)| Segment {
        path: path.clone(),
        number,
    });
    let reader = LogReader::over(segments.collect()).context("cannot read the log")?;
    read_to_end(vec![reader], options)
}

fn read_to_end(mut readers: Vec<LogReader>, options: &ReportOptions) -> anyhow::Result<ReportData> {
    let mut fold = Fold::new(options);
    for reader in &mut readers {
        read_one(reader, &mut fold)?;
    }
    let first = readers.first();
    let facts = LogFacts {
        title: first
            .and_then(|reader| reader.segments().first())
            .map_or_else(
                || "empty log".to_owned(),
                |first| name(first.path.file_stem(), &first.path),
            ),
        files: readers.iter().flat_map(files).collect(),
        run: first
            .and_then(|reader| reader.metadata().get("drafthorse.run"))
            .cloned()
            .unwrap_or_default(),
        dropped: readers
            .iter()
            .flat_map(|reader| reader.dropped().iter().cloned())
            .collect(),
    };
    Ok(fold.finish(facts, options))
}

fn read_one(reader: &mut LogReader, fold: &mut Fold) -> anyhow::Result<()> {
    while let Some(message) = reader.next()? {
        let metadata = &message.channel.metadata;
        let value = |key: &str| metadata.get(key).map_or("", String::as_str);
        fold.add(&Message {
            topic: &message.channel.topic,
            schema: &message.channel.schema_name,
            role: value(ROLE_KEY),
            sensor: value(SENSOR_KEY),
            log_time_ns: message.log_time_ns,
            publish_time_ns: message.publish_time_ns,
            data: message.data,
        });
    }
    if let Some(sensors) = reader.metadata().get("drafthorse.sensors") {
        fold.name_sensors(sensor_names(sensors));
    }
    Ok(())
}

fn files(reader: &LogReader) -> impl Iterator<Item = LogFile> {
    let files = reader.segments().iter();
    files.map(|segment| LogFile {
        name: name(segment.path.file_name(), &segment.path),
        bytes: std::fs::metadata(&segment.path).map_or(0, |m| m.len()),
        damage: damage(reader, &segment.path),
    })
}

/// What is wrong with a file and what it cost, in a sentence.
fn damage(reader: &LogReader, path: &Path) -> Option<String> {
    let of_file = reader.damages().iter().filter(|damage| damage.path == path);
    let words: Vec<String> = of_file
        .map(|damage| {
            if damage.missing_segments > 0 {
                return damage.reason.clone();
            }
            let cost = match (damage.messages_lost, damage.bytes_after) {
                (false, _) => "no message is missing".to_owned(),
                (true, 0) => "its messages are missing".to_owned(),
                (true, bytes) => {
                    format!("{bytes} bytes after it were not read and their messages are missing")
                }
            };
            format!(
                "damaged at byte {} ({}): {cost}",
                damage.offset, damage.reason
            )
        })
        .collect();
    (!words.is_empty()).then(|| words.join("; "))
}

fn name(part: Option<&OsStr>, whole: &Path) -> String {
    part.unwrap_or(whole.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn sensor_names(metadata: &BTreeMap<String, String>) -> BTreeMap<u32, String> {
    let names = metadata.iter();
    names
        .filter_map(|(index, name)| Some((index.parse().ok()?, name.clone())))
        .collect()
}
