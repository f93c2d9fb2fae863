//! Windows are kept whole, everything else is dropped and told, wherever segments wait.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use common::{add_channels, append, check, config, time_ns};
use drafthorse_record::{
    LogReader, RecordConfig, RecordError, RecordSummary, Recorder, Selection, inspect, recover,
};

/// A message a millisecond; segments of half a second; a decision three seconds after.
fn selecting(dir: &Path, memory_bytes: u64) -> RecordConfig {
    let mut config = config(dir);
    config.chunk_bytes = 8 << 10;
    config.rotate_after = Some(Duration::from_millis(500));
    config.selection = Some(Selection {
        undecided: Duration::from_secs(3),
        memory_bytes,
        decides_at_end: true,
    });
    config
}

/// Records messages `from..to`; each of `windows` is asked for at a message and is given in messages.
fn record(config: RecordConfig, from: u64, to: u64, windows: &[(u64, [u64; 2])]) -> RecordSummary {
    let recorder = Recorder::create(config).unwrap();
    recorder.add_metadata("run", &[("name".to_owned(), "x".to_owned())].into());
    let channels = add_channels(&recorder);
    for index in from..to {
        let mut batch = recorder.batch();
        append(&mut batch, &channels, index);
        for (_, window) in windows.iter().filter(|(at, _)| *at == index) {
            batch.keep(time_ns(window[0]), time_ns(window[1]));
        }
    }
    recorder.finish().unwrap()
}

/// Numbers of the messages of a log, each of which is exactly what was recorded.
fn read(log: &Path) -> BTreeSet<u64> {
    let mut reader = LogReader::open(log).unwrap();
    let mut found = BTreeSet::new();
    while let Some(message) = reader.next().unwrap() {
        assert!(found.insert(check(&message)), "a message is there twice");
    }
    assert!(reader.damage().is_none(), "{:?}", reader.damages());
    found
}

const WINDOWS: [(u64, [u64; 2]); 5] = [
    (200, [0, 700]),
    (6000, [5000, 7000]),
    (6900, [5900, 7900]),
    // Asked for late, and wholly past by then.
    (14_800, [12_100, 12_300]),
    (19_990, [19_500, 21_000]),
];

#[test]
fn every_message_of_every_window_is_kept_and_the_rest_is_told() {
    for memory_bytes in [0, 200 << 10, 1 << 30] {
        let dir = tempfile::tempdir().unwrap();
        let summary = record(selecting(dir.path(), memory_bytes), 0, 20_000, &WINDOWS);
        let kept = read(dir.path());
        for (asked, [from, to]) in WINDOWS {
            assert!(kept.contains(&asked), "the reason of a window is kept");
            let missing = (from..=to.min(19_999)).find(|index| !kept.contains(index));
            assert_eq!(missing, None, "of window {from} to {to}");
        }
        // Whole segments, so somewhat more than the windows, but not much.
        assert!(kept.len() < 9_000, "{}", kept.len());
        let log = inspect(dir.path()).unwrap();
        assert!(log.complete, "{:?}", log.damage);
        let dropped: u64 = log.dropped.iter().map(|gap| gap.messages).sum();
        assert_eq!(dropped + log.messages, 20_000);
        assert_eq!(dropped, summary.dropped.messages);
        for gap in &log.dropped {
            let from = (gap.from_ns - time_ns(0)) / 1_000_000;
            let to = (gap.to_ns - time_ns(0)) / 1_000_000;
            assert_eq!(to - from + 1, gap.messages, "{gap:?}");
            assert!((from..=to).all(|index| !kept.contains(&index)), "{gap:?}");
        }
        assert_eq!(log.dropped.len(), 4, "{:?}", log.dropped);
        // The files that the summary names are the log.
        let there = std::fs::read_dir(dir.path()).unwrap().flatten();
        let there: BTreeSet<_> = there.map(|f| f.path()).filter(|p| p.is_file()).collect();
        assert_eq!(
            summary.files.iter().cloned().collect::<BTreeSet<_>>(),
            there
        );
        // Nothing waits any more, and a recovered log says the same.
        let ring = std::fs::read_dir(dir.path().join("ring"))
            .unwrap()
            .flatten();
        assert_eq!(
            ring.filter(|f| f.path().extension().unwrap_or_default() == "mcap")
                .count(),
            0
        );
        let recovered = dir.path().join("recovered");
        assert!(recover(dir.path(), &recovered).unwrap().complete);
        assert_eq!(read(&recovered), kept);
        assert_eq!(inspect(&recovered).unwrap().dropped, log.dropped);
    }
}

#[test]
fn a_log_of_which_nothing_is_kept_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let summary = record(selecting(dir.path(), 0), 0, 5_000, &[]);
    assert_eq!((summary.dropped.messages, summary.files.len()), (5_000, 1));
    let log = inspect(dir.path()).unwrap();
    assert!(log.complete && log.messages == 0);
    assert_eq!(log.metadata["run"]["name"], "x");
    assert_eq!((log.dropped.len(), log.dropped[0].messages), (1, 5_000));
}

#[test]
fn what_waits_at_a_planned_end_is_there_for_the_next_recorder() {
    for memory_bytes in [0, 1 << 30] {
        let dir = tempfile::tempdir().unwrap();
        let mut first = selecting(dir.path(), memory_bytes);
        first.prefix = "first".to_owned();
        first.selection.as_mut().unwrap().decides_at_end = false;
        // A window that is open when the first ends.
        record(first, 0, 6_000, &[(5_800, [5_700, 6_600])]);
        let whole = inspect(dir.path()).unwrap();
        assert!(
            whole.complete,
            "what waits is not missing: {:?}",
            whole.damage
        );
        let mut second = selecting(dir.path(), memory_bytes);
        second.prefix = "second".to_owned();
        // Reaches back before the first's end.
        record(second, 6_300, 15_000, &[(6_900, [4_600, 7_000])]);
        let mut kept = read(&dir.path().join("first"));
        kept.append(&mut read(&dir.path().join("second")));
        let wanted = (4_600..6_000).chain(6_300..=7_000);
        assert_eq!(wanted.clone().find(|index| !kept.contains(index)), None);
        assert!(kept.len() < wanted.count() + 3_000, "{}", kept.len());
        let first = inspect(dir.path().join("first")).unwrap();
        let second = inspect(dir.path().join("second")).unwrap();
        assert!(first.complete && second.complete);
        let told = [&first, &second]
            .map(|log| log.messages + log.dropped.iter().map(|gap| gap.messages).sum::<u64>());
        assert_eq!(told, [6_000, 15_000 - 6_300]);
    }
}

#[test]
fn a_recorder_that_keeps_all_takes_over_everything() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = selecting(dir.path(), 0);
    first.prefix = "first".to_owned();
    first.selection.as_mut().unwrap().decides_at_end = false;
    record(first, 0, 2_000, &[]);
    let mut second = config(dir.path());
    second.prefix = "second".to_owned();
    record(second, 2_000, 2_100, &[]);
    assert_eq!(read(&dir.path().join("first")).len(), 2_000);
    assert_eq!(read(&dir.path().join("second")).len(), 100);
}

#[test]
fn jumping_stamps_neither_lose_a_window_nor_fill_the_ring() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::create(selecting(dir.path(), 0)).unwrap();
    let channels = add_channels(&recorder);
    let put = |stamp_ms: u64| {
        let mut batch = recorder.batch();
        batch.append(channels[0], 0, stamp_ms * 1_000_000, 0, b"x");
        batch
    };
    let hour = 3_600_000;
    // The clock is set back by an hour, and now and then one stamp is a day ahead.
    for ms in (hour..hour + 20_000).chain(0..20_000) {
        if ms % 2_000 == 999 {
            put(ms + 24 * hour);
        }
        put(ms);
    }
    put(20_000).keep(18_000_000_000, 20_000_000_000);
    let summary = recorder.finish().unwrap();
    let log = inspect(dir.path()).unwrap();
    let mut reader = LogReader::open(dir.path()).unwrap();
    let mut in_window = 0;
    while let Some(message) = reader.next().unwrap() {
        in_window += u32::from((18_000_000_000..=20_000_000_000).contains(&message.log_time_ns));
    }
    assert_eq!(in_window, 2_001);
    assert!(
        log.complete && summary.dropped.messages > 30_000,
        "{summary:?}"
    );
}

#[test]
fn two_recorders_do_not_share_a_ring() {
    let dir = tempfile::tempdir().unwrap();
    let first = Recorder::create(selecting(dir.path(), 0)).unwrap();
    let mut config = selecting(dir.path(), 0);
    config.prefix = "second".to_owned();
    let second = Recorder::create(config.clone());
    assert!(matches!(second.err(), Some(RecordError::Busy(_))));
    drop(first);
    Recorder::create(config).unwrap();
}
