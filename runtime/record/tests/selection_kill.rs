//! A recorder that keeps windows is killed with SIGKILL in the middle of one; the next in the folder goes on
//! with it, and keeps what was not decided yet. Runs without the test harness, since the process to be killed
//! is this program again.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test that cannot go on fails by panicking

mod common;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Noise, add_channels, append, check, config, time_ns};
use drafthorse_record::{LogReader, Recorder, Selection, inspect};

const FLUSH_INTERVAL: Duration = Duration::from_millis(20);
/// What scheduling may add on a busy machine.
const SLACK: Duration = Duration::from_millis(600);
const KILLS: u64 = 12;

/// Messages of a millisecond each: the first process is killed after `KILLED`, the next begins at `BACK`.
const KILLED: u64 = 5_000;
const BACK: u64 = 9_000;
const END: u64 = 16_000;
/// Asked for by the first process, and by the next: when, and what.
const OPEN: (u64, [u64; 2]) = (4_600, [4_400, 10_000]);
const LATER: (u64, [u64; 2]) = (9_600, [3_000, 9_800]);
/// How long after a message a window for it may be asked for, in messages.
const UNDECIDED: u64 = 3_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [_, "record", dir] => record(Path::new(dir), "first", 0, BACK, OPEN, true),
        _ if arguments.iter().any(|argument| argument == "--list") => {}
        // As libtest takes it: an emulated processor is not held to the clock.
        _ if arguments.windows(2).any(|pair| pair == ["--skip", "kill"]) => {}
        _ => (0..KILLS).for_each(kill_and_go_on),
    }
}

/// Records messages `from..to`, in the child at a pace that can be killed, and says how far it is.
fn record(dir: &Path, log: &str, from: u64, to: u64, window: (u64, [u64; 2]), paced: bool) {
    let mut config = config(dir);
    log.clone_into(&mut config.prefix);
    config.flush_interval = FLUSH_INTERVAL;
    config.chunk_bytes = 16 << 10;
    config.rotate_after = Some(Duration::from_millis(300));
    config.selection = Some(Selection {
        undecided: Duration::from_millis(UNDECIDED),
        memory_bytes: 0,
        decides_at_end: !paced,
    });
    let recorder = Recorder::create(config).unwrap();
    let channels = add_channels(&recorder);
    for first in (from..to).step_by(20) {
        let mut batch = recorder.batch();
        for index in first..first + 20 {
            append(&mut batch, &channels, index);
            if index == window.0 {
                batch.keep(time_ns(window.1[0]), time_ns(window.1[1]));
            }
        }
        drop(batch);
        if paced {
            println!("{}", first + 20);
            std::io::stdout().flush().unwrap();
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    recorder.finish().unwrap();
}

/// What reads of a log, each message exactly as recorded.
fn read(log: &Path) -> BTreeSet<u64> {
    let mut reader = LogReader::open(log).unwrap();
    let mut found = BTreeSet::new();
    while let Some(message) = reader.next().unwrap() {
        found.insert(check(&message));
    }
    found
}

fn kill_and_go_on(seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("record")
        .arg(dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let kill_after = KILLED + Noise(seed).below(700);
    let mut reports = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let report: u64 = line.unwrap().parse().unwrap();
        reports.push((Instant::now(), report));
        if report >= kill_after {
            child.kill().unwrap();
            break;
        }
    }
    let killed = Instant::now();
    child.wait().unwrap();
    let due = killed.checked_sub(FLUSH_INTERVAL + SLACK).unwrap();
    let owed = reports.iter().take_while(|(at, _)| *at <= due).last();
    let owed = owed.map_or(0, |&(_, count)| count);

    record(dir.path(), "second", BACK, END, LATER, false);
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    let (before, after) = (read(&first), read(&second));
    let last = *before.last().unwrap();
    assert!(
        last + 1 >= owed,
        "{owed} messages were due, the last is {last}"
    );
    // What happened last may have been worth a window that nobody could ask for any more.
    let missing = (last - UNDECIDED..=last).find(|index| !before.contains(index));
    assert_eq!(missing, None, "of what was not decided, up to {last}");
    let missing = (BACK..=OPEN.1[1]).find(|index| !after.contains(index));
    assert_eq!(missing, None, "of the windows after it");
    // Nothing is missing but the end that the kill cut off.
    let (cut, whole) = (inspect(&first).unwrap(), inspect(&second).unwrap());
    assert!(whole.complete, "{:?}", whole.damage);
    // All of it in one file. The kill may fall between the end of one file and the beginning of the next, or
    // before that end, when the file has said already where the log goes on.
    let is_end = |reason: &str| reason.starts_with("the log goes on in segment");
    assert!(
        (cut.damage.iter()).all(
            |damage| (damage.missing_segments == 0 || is_end(&damage.reason))
                && damage.segment == cut.damage[0].segment
        ),
        "{:?}",
        cut.damage
    );
    let dropped = |log: &drafthorse_record::LogSummary| {
        log.dropped.iter().map(|gap| gap.messages).sum::<u64>()
    };
    assert_eq!(dropped(&cut) + before.len() as u64, last + 1);
    assert_eq!(dropped(&whole) + after.len() as u64, END - BACK);
    assert!(dropped(&cut) > 500 && dropped(&whole) > 2_000);
    println!("killed at {kill_after}: {owed} owed, {last} the last, all of it whole");
}
