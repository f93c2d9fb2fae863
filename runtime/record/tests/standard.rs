//! Our logs are standard MCAP to others, and others' logs are readable to us.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;

use common::{config, payload, read_prefix, record, time_ns};
use drafthorse_record::{Compression, LogReader, inspect, recover};

#[test]
fn the_mcap_crate_reads_our_logs_in_full() {
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path());
        config.chunk_bytes = 32 << 10;
        config.compression = compression;
        let path = record(config, 2000, 3);
        let bytes = fs::read(&path).unwrap();
        let mut count = 0;
        for message in mcap::MessageStream::new(&bytes).unwrap() {
            let message = message.unwrap();
            assert_eq!(u64::from(message.sequence), count);
            assert_eq!(message.log_time, time_ns(count));
            assert!(*message.data == payload(count));
            let schema = message.channel.schema.as_ref().unwrap();
            assert_eq!(schema.encoding, "jsonschema");
            count += 1;
        }
        assert_eq!(count, 2000);
        let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
        let stats = summary.stats.as_ref().unwrap();
        assert_eq!(
            (stats.message_count, stats.channel_count, stats.schema_count),
            (2000, 3, 3)
        );
        assert_eq!(
            (stats.message_start_time, stats.message_end_time),
            (time_ns(0), time_ns(1999))
        );
        assert_eq!(stats.channel_message_counts.values().sum::<u64>(), 2000);
        assert_eq!(stats.chunk_count as usize, summary.chunk_indexes.len());
        // The indexes lead to every message.
        let mut indexed = 0;
        for chunk in &summary.chunk_indexes {
            for (channel, entries) in summary.read_message_indexes(&bytes, chunk).unwrap() {
                for entry in entries {
                    let message = summary.seek_message(&bytes, chunk, &entry).unwrap();
                    assert_eq!(
                        (message.log_time, &message.channel),
                        (entry.log_time, &channel)
                    );
                    indexed += 1;
                }
            }
        }
        assert_eq!(indexed, 2000);
        assert_eq!(summary.metadata_indexes[0].name, "drafthorse.run");
        // Both checksums of the whole file hold.
        let data_end = bytes_before_data_end(&bytes);
        let stated = u32::from_le_bytes(bytes[data_end + 9..data_end + 13].try_into().unwrap());
        assert_eq!(crc32fast::hash(&bytes[..data_end]), stated);
        assert_eq!(read_prefix(&mut LogReader::open(&path).unwrap()), 2000);
    }
}

fn bytes_before_data_end(bytes: &[u8]) -> usize {
    let mut at = 8;
    while bytes[at] != 0x0f {
        at += 9 + u64::from_le_bytes(bytes[at + 1..at + 9].try_into().unwrap()) as usize;
    }
    at
}

fn foreign(options: mcap::WriteOptions, count: u64) -> Vec<u8> {
    let mut writer = options
        .profile("ros2")
        .create(Cursor::new(Vec::new()))
        .unwrap();
    let schema = writer
        .add_schema("pkg/msg/Thing", "ros2msg", b"int32 x")
        .unwrap();
    let mut channels = Vec::new();
    for topic in common::TOPICS {
        channels.push(
            writer
                .add_channel(schema, topic, "cdr", &BTreeMap::new())
                .unwrap(),
        );
    }
    writer
        .write_metadata(&mcap::records::Metadata {
            name: "note".to_owned(),
            metadata: [("by".to_owned(), "other".to_owned())].into(),
        })
        .unwrap();
    writer
        .attach(&mcap::Attachment {
            log_time: 1,
            create_time: 2,
            name: "file.txt".to_owned(),
            media_type: "text/plain".to_owned(),
            data: vec![7; 5000].into(),
        })
        .unwrap();
    for index in 0..count {
        let header = mcap::records::MessageHeader {
            channel_id: channels[(index % 3) as usize],
            sequence: index as u32,
            log_time: time_ns(index),
            publish_time: time_ns(index) - 5,
        };
        writer
            .write_to_known_channel(&header, &payload(index))
            .unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().into_inner()
}

#[test]
fn logs_of_other_makers_read_and_recover() {
    let count = 700;
    let plain = || {
        mcap::WriteOptions::new()
            .chunk_size(Some(20_000))
            .compression(None)
    };
    let all = [
        plain(),
        plain().use_chunks(false),
        plain()
            .calculate_chunk_crcs(false)
            .emit_message_indexes(false),
        plain()
            .emit_summary_records(false)
            .emit_summary_offsets(false),
        plain().compression(Some(mcap::Compression::Lz4)),
        plain().compression(Some(mcap::Compression::Zstd)),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (number, options) in all.into_iter().enumerate() {
        let bytes = foreign(options, count);
        let path = dir.path().join(format!("foreign{number}.mcap"));
        fs::write(&path, &bytes).unwrap();
        let mut log = LogReader::open(&path).unwrap();
        assert_eq!(read_prefix(&mut log), count);
        assert!(log.damage().is_none(), "{number}: {:?}", log.damage());
        assert_eq!(log.metadata()["note"]["by"], "other");
        assert_eq!(log.channels().next().unwrap().schema_name, "pkg/msg/Thing");

        // Cut, it gives a part; recovered, that part is a whole log with its attachment.
        let cut = bytes.len() * 2 / 3;
        let mut log = LogReader::from_bytes(bytes[..cut].to_vec()).unwrap();
        let part = read_prefix(&mut log);
        assert!(part > count / 2 && log.damage().is_some());
        fs::write(&path, &bytes[..cut]).unwrap();
        let output = dir.path().join(format!("whole{number}.mcap"));
        let report = recover(&path, &output).unwrap();
        assert_eq!((report.messages, report.complete), (part, false));
        let whole = fs::read(&output).unwrap();
        assert_eq!(
            mcap::MessageStream::new(&whole).unwrap().count() as u64,
            part
        );
        let summary = mcap::Summary::read(&whole).unwrap().unwrap();
        let attachment = mcap::read::attachment(&whole, &summary.attachment_indexes[0]).unwrap();
        assert_eq!(attachment.data.len(), 5000);
        let told = inspect(&output).unwrap();
        assert!(told.complete && told.messages == part);
        assert_eq!(told.metadata["note"]["by"], "other");
    }
}

#[test]
fn recovering_never_overwrites() {
    let dir = tempfile::tempdir().unwrap();
    let path = record(config(dir.path()), 10, 1);
    assert!(recover(&path, &path).is_err());
    assert_eq!(read_prefix(&mut LogReader::open(&path).unwrap()), 10);
}
