//! Killed by SIGKILL at 200 moments: 140 of the spool alone, 60 of all of it. What was acknowledged is there, nothing is
//! there twice, and each block has one verdict or none.
//!
//! The processes that are killed are this test's own program, which runs the ignored tests below.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // A test that cannot go on fails by panicking.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::target::{Mood, Target};
use common::{block, clear, request, settings, shape, verdict};
use drafthorse_offload::spool::{Kept, Spool, SpoolError, SpoolLimits, Waiting};
use drafthorse_offload::{Answer, Offload, Outcome, Ruling};
use drafthorse_protocol::{BlockId, Verdict};
use tonic::Code;

const FOLDER: &str = "DRAFTHORSE_TEST_FOLDER";
const TARGET: &str = "DRAFTHORSE_TEST_TARGET";
const FROM: &str = "DRAFTHORSE_TEST_FROM";

/// This program again, running one of its ignored tests.
fn child(test: &str, folder: &Path, from: usize, target: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FROM, from.to_string())
        .env(TARGET, target)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// In memory where there is such a folder: a kill takes nothing from a disk, and more happens before one.
fn folder() -> tempfile::TempDir {
    let shared = tempfile::tempdir_in("/dev/shm");
    shared.or_else(|_| tempfile::tempdir()).unwrap()
}

fn variable(name: &str) -> String {
    std::env::var(name).expect("only run as another test's child")
}

fn id(i: usize) -> BlockId {
    BlockId::new(format!("b{i}")).unwrap()
}

fn payload(i: usize) -> Vec<u8> {
    vec![(i % 251) as u8; 500 + i % 3000]
}

fn open(folder: &Path) -> (Spool, Vec<Kept>) {
    let limits = SpoolLimits {
        bytes: 1 << 30,
        age: Duration::from_secs(3600),
    };
    Spool::open(folder, limits, 1).unwrap()
}

fn ruling() -> Ruling {
    Ruling {
        verdict: Verdict::default(),
        confirms: false,
        texts: Vec::new(),
        drafted: Vec::new(),
    }
}

#[test]
#[ignore = "a child of another test"]
fn spool_child() {
    let (folder, from) = (PathBuf::from(variable(FOLDER)), variable(FROM));
    let (mut spool, _) = open(&folder);
    let mut out = std::io::stdout();
    let mut say = |what: &str, i: usize| {
        writeln!(out, "#{what} {i}").unwrap();
        out.flush().unwrap();
    };
    say("open", 0);
    for i in from.parse().unwrap().. {
        let waiting = Waiting {
            block: id(i),
            deadline_ns: i as u64,
            worth: 0,
        };
        spool.store(1, &waiting, &payload(i)).unwrap();
        say("stored", i);
        if i % 3 > 0 {
            spool.record(&id(i), &ruling()).unwrap();
            say("recorded", i);
        }
        if i % 3 > 1 {
            spool.settle(&id(i)).unwrap();
            say("settled", i);
        }
    }
}

#[test]
fn what_the_spool_acknowledged_is_there_after_every_kill() {
    let folder = folder();
    let mut random = fastrand::Rng::with_seed(1);
    // What each block came to, as far as was acknowledged.
    let mut acknowledged: BTreeMap<usize, u8> = BTreeMap::new();
    let mut from = 0;
    for kill in 0..140 {
        let mut child = child("spool_child", folder.path(), from, "");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let opened = lines.find(|l| l.as_ref().unwrap().starts_with("#open"));
        assert!(opened.is_some(), "kill {kill}: the spool does not open");
        thread::sleep(Duration::from_micros(random.u64(0..12_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            let Some((what, i)) = line.strip_prefix('#').and_then(|l| l.split_once(' ')) else {
                continue;
            };
            let step = match what {
                "stored" => 1,
                "recorded" => 2,
                _ => 3,
            };
            acknowledged.insert(i.parse().unwrap(), step);
        }
        let (mut spool, kept) = open(folder.path());
        let kept: BTreeMap<_, _> = kept
            .into_iter()
            .map(|k| (k.waiting.block.clone(), k))
            .collect();
        let last = acknowledged.last_key_value().map_or(from, |(i, _)| *i);
        for (&i, &step) in &acknowledged {
            let is = match kept.get(&id(i)) {
                Some(kept) if kept.ruling.is_none() => 1,
                Some(_) => 2,
                None => 3,
            };
            // What was begun and not acknowledged may be done or not; only of the last one is anything begun. That
            // a block is settled is on the disk with what is stored or recorded next.
            let undone = step == 3 && is == 2 && i + 1 >= last;
            let begun = i == last && is == step + 1;
            assert!(
                is == step || undone || begun,
                "kill {kill}, {i} of {last}: {step} {is}"
            );
            match is {
                1 => assert_eq!(spool.load(&id(i)).unwrap(), payload(i)),
                3 => {
                    let waiting = Waiting {
                        block: id(i),
                        deadline_ns: 0,
                        worth: 0,
                    };
                    let again = spool.store(1, &waiting, b"");
                    assert!(matches!(again, Err(SpoolError::Known(_))));
                }
                _ => {}
            }
            acknowledged_at_least(&mut from, i);
        }
        // One more may be there whole that nobody was told of, and nothing else.
        let unknown: Vec<_> = kept
            .keys()
            .filter(|k| {
                let i: usize = k.as_str()[1..].parse().unwrap();
                !acknowledged.contains_key(&i)
            })
            .cloned()
            .collect();
        assert!(unknown.len() <= 1, "{unknown:?}");
        for block in unknown {
            let i: usize = block.as_str()[1..].parse().unwrap();
            assert_eq!(spool.load(&block).unwrap(), payload(i));
            acknowledged.insert(i, 1);
            acknowledged_at_least(&mut from, i);
        }
        let files = fs::read_dir(folder.path().join("blocks")).unwrap().count();
        assert_eq!(files, kept.values().filter(|k| k.ruling.is_none()).count());
        // Those that are done with are told no more, so that the next round is quick.
        for (block, kept) in kept {
            let i: usize = block.as_str()[1..].parse().unwrap();
            if kept.ruling.is_some() {
                spool.settle(&block).unwrap();
                acknowledged.insert(i, 3);
            } else if i.is_multiple_of(2) {
                spool.discard(&block).unwrap();
                acknowledged.remove(&i);
            }
        }
        spool.sync().unwrap();
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
}

fn acknowledged_at_least(from: &mut usize, i: usize) {
    *from = (*from).max(i + 1);
}

/// The caller's log: a line is on the disk before it counts.
struct Log(File);

impl Log {
    fn write(&mut self, line: &str) {
        self.0.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.0.sync_data().unwrap();
    }

    fn take(&mut self, offload: &Offload) {
        while let Ok(answer) = offload.answers().try_recv() {
            self.write(&line(&answer));
            offload.logged(&answer);
        }
    }
}

fn line(answer: &Answer) -> String {
    let block = &answer.block;
    match &answer.outcome {
        Outcome::Unverified { spooled, .. } => format!("unverified {block} {spooled}"),
        Outcome::Repeated => format!("repeated {block}"),
        outcome => {
            let ruling = outcome.ruling().unwrap();
            format!("verdict {block} {:?}", ruling.verdict)
        }
    }
}

#[test]
#[ignore = "a child of another test"]
fn offload_child() {
    let folder = PathBuf::from(variable(FOLDER));
    let from: usize = variable(FROM).parse().unwrap();
    let target = clear(variable(TARGET).parse().unwrap());
    let offload = Offload::start(&settings(target, &folder.join("spool")), shape()).unwrap();
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("log"));
    let mut log = Log(log.unwrap());
    let mut random = fastrand::Rng::with_seed(from as u64);
    if from == usize::MAX {
        let began = Instant::now();
        loop {
            // What was handed out before the block was let go of is in the channel then.
            let waiting = offload.stats().waiting;
            log.take(&offload);
            if waiting == 0 {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{:?}",
                offload.stats()
            );
            thread::sleep(Duration::from_millis(2));
        }
    }
    for i in from.. {
        log.write(&format!("draft car/run/{i}"));
        let deadline = Duration::from_millis(random.u64(5..150));
        offload.submit(block(i, deadline)).unwrap();
        for _ in 0..5 {
            thread::sleep(Duration::from_millis(1));
            log.take(&offload);
        }
    }
}

/// Blocks that may be between `submit` and the disk when a process is killed: they are given each 5 ms and more.
const IN_FLIGHT: usize = 16;

#[test]
fn every_block_has_one_verdict_or_none_however_often_the_process_is_killed() {
    let folder = folder();
    let target = Target::start(None);
    let address = target.address.to_string();
    let mut random = fastrand::Rng::with_seed(2);
    for kill in 0..60 {
        target.set(match random.u8(0..4) {
            0 => Mood::Slow(Duration::from_millis(random.u64(0..200))),
            1 => Mood::Says(Code::Unavailable),
            2 => Mood::Busy(20),
            _ => Mood::Well,
        });
        let mut child = child("offload_child", folder.path(), kill * 1000, &address);
        thread::sleep(Duration::from_millis(random.u64(20..350)));
        assert_eq!(child.try_wait().unwrap(), None, "the child ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
    }
    target.set(Mood::Well);
    let mut last = child("offload_child", folder.path(), usize::MAX, &address);
    assert!(last.wait().unwrap().success());

    let text = fs::read_to_string(folder.path().join("log")).unwrap();
    // In the order in which they were given.
    let mut given = Vec::new();
    let mut unverified = BTreeSet::new();
    let mut drafts = BTreeSet::new();
    let mut verdicts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut promised = BTreeSet::new();
    for line in text.lines() {
        let mut words = line.splitn(3, ' ');
        let (what, block) = (words.next().unwrap(), words.next().unwrap());
        match (what, words.next()) {
            ("draft", None) => {
                given.push(block);
                assert!(drafts.insert(block));
            }
            ("unverified", Some(spooled)) => {
                assert!(drafts.contains(block));
                unverified.insert(block);
                if spooled == "true" {
                    promised.insert(block);
                }
            }
            ("verdict", Some(verdict)) => verdicts.entry(block).or_default().push(verdict),
            other => panic!("{other:?}"),
        }
    }
    let mut again = 0;
    for (block, said) in &verdicts {
        assert!(drafts.contains(block));
        let number = number_of(block);
        let expected = format!("{:?}", verdict(&request(number)));
        // Said again only where the process was killed between the log and the acknowledgement; and always the same.
        assert!(said.iter().all(|s| *s == expected), "{block}: {said:?}");
        again += said.len() - 1;
    }
    for block in &promised {
        assert!(
            verdicts.contains_key(block),
            "{block} was spooled and has no verdict"
        );
    }
    // Without a word is only what was given so shortly before a kill that it was not on the disk yet.
    let run = |block: &str| number_of(block) / 1000;
    let mut silent = 0;
    let mut behind = 0;
    for (i, block) in given.iter().enumerate().rev() {
        let is_last = given.get(i + 1).is_none_or(|next| run(next) != run(block));
        behind = if is_last { 1 } else { behind + 1 };
        if !verdicts.contains_key(block) && !unverified.contains(block) {
            silent += 1;
            assert!(
                behind <= IN_FLIGHT,
                "no word of {block}, the last but {behind} before a kill"
            );
        }
    }
    let only_unverified = unverified.iter().filter(|b| !verdicts.contains_key(*b));
    eprintln!(
        "{} drafts, {} with their verdict, {} unverified, {silent} without a word, {again} verdicts said again after a kill",
        drafts.len(),
        verdicts.len(),
        only_unverified.count(),
    );
    assert!(drafts.len() > 300 && verdicts.len() > drafts.len() / 2);
}

fn number_of(block: &str) -> usize {
    block.rsplit('/').next().unwrap().parse().unwrap()
}
