//! All of it over an emulated link to a real server, while both go wrong in every way: each block has one first outcome,
//! and in the end its one verdict.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // A test that cannot go on fails by panicking.

mod common;

use std::collections::HashMap;
use std::thread;
use std::time::{Duration, Instant};

use common::certificates::{Authority, mutual};
use common::target::{Mood, Target};
use common::{block, clear, request, settings, shape, verdict};
use drafthorse_offload::link::LinkState;
use drafthorse_offload::{Answer, Offload, Outcome, Stats, Why};
use drafthorse_relay::{Conditions, Relay};
use tonic::Code;

const MS: Duration = Duration::from_millis(1);

/// What came out, by block.
#[derive(Default)]
struct Log {
    first: HashMap<String, Outcome>,
    verdicts: HashMap<String, usize>,
}

impl Log {
    fn take(&mut self, offload: &Offload) {
        while let Ok(answer) = offload.answers().try_recv() {
            self.one(&answer);
            offload.logged(&answer);
        }
    }

    fn one(&mut self, answer: &Answer) {
        let block = answer.block.to_string();
        let number: usize = block.rsplit('/').next().unwrap().parse().unwrap();
        let expected = verdict(&request(number));
        if let Some(ruling) = answer.outcome.ruling() {
            assert_eq!(ruling.verdict, expected, "{block}");
            assert_eq!(ruling.confirms, expected.confirms(&request(number).drafts));
            *self.verdicts.entry(block.clone()).or_default() += 1;
        }
        match &answer.outcome {
            Outcome::Confirmed(ruling) => assert!(ruling.confirms),
            Outcome::Corrected(ruling) => assert!(!ruling.confirms),
            Outcome::Amended(_) => {
                assert!(matches!(self.first[&block], Outcome::Unverified { .. }));
                return;
            }
            _ => {}
        }
        let before = self.first.insert(block, answer.outcome.clone());
        assert_eq!(before, None, "two first outcomes");
    }

    fn until(&mut self, offload: &Offload, what: &str, enough: impl Fn(&Self, &Stats) -> bool) {
        let began = Instant::now();
        loop {
            self.take(offload);
            let stats = offload.stats();
            if enough(self, &stats) {
                return;
            }
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{what} does not come: {stats:?}"
            );
            thread::sleep(2 * MS);
        }
    }
}

/// A target, and a link to it that takes no connection.
fn out_of_reach() -> (Target, Relay) {
    let target = Target::start(None);
    let refuse = Conditions {
        refuse: true,
        ..Conditions::default()
    };
    let relay = Relay::start(target.address, refuse).unwrap();
    (target, relay)
}

#[test]
fn blocks_are_verified_in_time_on_a_good_link() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(None);
    let link = Conditions::link(30 * MS, 20_000_000);
    let relay = Relay::start(target.address, link).unwrap();
    let offload =
        Offload::start(&settings(clear(relay.address()), folder.path()), shape()).unwrap();
    let mut log = Log::default();
    for i in 0..20 {
        offload.submit(block(i, Duration::from_secs(20))).unwrap();
    }
    log.until(&offload, "the last verdict", |log, _| {
        log.verdicts.len() == 20
    });
    let stats = offload.stats();
    assert_eq!(
        stats.counts.confirmed + stats.counts.corrected,
        20,
        "{stats:?}"
    );
    assert!(stats.counts.confirmed > 0 && stats.counts.corrected > 0);
    assert_eq!(stats.link.state, LinkState::Up);
    assert!(stats.link.round_trip_ns.unwrap() >= 30_000_000);
    assert!(stats.sent_bytes > 20 * 600);
    assert_eq!(stats.waiting, 0);
    assert!((0..20).all(|i| target.asked(request(i).scene.block.as_str()) == 1));
}

#[test]
fn without_a_link_blocks_are_unverified_and_amended_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (_target, relay) = out_of_reach();
    let settings = settings(clear(relay.address()), folder.path());
    let offload = Offload::start(&settings, shape()).unwrap();
    let mut log = Log::default();
    for i in 0..5 {
        offload.submit(block(i, Duration::from_secs(3))).unwrap();
    }
    log.until(&offload, "that there is none", |log, _| {
        log.first.len() == 5
    });
    let unverified = Outcome::Unverified {
        why: Why::LinkDown,
        spooled: true,
    };
    assert!(
        log.first.values().all(|outcome| *outcome == unverified),
        "{:?}",
        log.first
    );
    log.take(&offload);
    drop(offload);

    // The same after a restart: what was logged is not told again.
    let offload = Offload::start(&settings, shape()).unwrap();
    thread::sleep(50 * MS);
    log.take(&offload);
    relay.set(Conditions::default());
    log.until(&offload, "the last verdict", |log, _| {
        log.verdicts.len() == 5
    });
    assert!(log.verdicts.values().all(|n| *n == 1));
    assert_eq!(offload.stats().counts.amended, 5);
}

#[test]
fn a_block_that_a_killed_process_left_is_told_however_old_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (_target, relay) = out_of_reach();
    // Whatever is in the spool at a start is too old.
    let settings = drafthorse_offload::Settings {
        spool_hours: 0.0,
        ..settings(clear(relay.address()), folder.path())
    };
    let offload = Offload::start(&settings, shape()).unwrap();
    offload.submit(block(1, Duration::from_secs(3600))).unwrap();
    Log::default().until(&offload, "the block on the disk", |_, stats| {
        stats.spool_bytes > 0
    });
    drop(offload);

    // The second start ends before its log has a word of it, too.
    for _ in 0..2 {
        thread::sleep(5 * MS);
        let offload = Offload::start(&settings, shape()).unwrap();
        let answer = offload.answers().recv_timeout(Duration::from_secs(20));
        let restarted = Outcome::Unverified {
            why: Why::Restarted,
            spooled: true,
        };
        assert_eq!(answer.unwrap().outcome, restarted);
    }
    let offload = Offload::start(&settings, shape()).unwrap();
    let mut log = Log::default();
    log.until(&offload, "that it was left", |log, _| log.first.len() == 1);
    drop(offload);
    thread::sleep(5 * MS);
    let offload = Offload::start(&settings, shape()).unwrap();
    let stats = offload.stats();
    assert_eq!((stats.waiting, stats.spool_bytes), (0, 0));
    assert!(offload.answers().try_recv().is_err());
}

#[test]
fn a_full_queue_of_the_target_is_no_broken_link() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(None);
    let offload = Offload::start(&settings(clear(target.address), folder.path()), shape()).unwrap();
    let mut log = Log::default();
    log.until(&offload, "the link", |_, stats| stats.link.state.is_open());
    target.set(Mood::Says(Code::Unavailable));
    for i in 0..6 {
        offload.submit(block(i, Duration::from_secs(3))).unwrap();
    }
    log.until(&offload, "the last deadline", |log, _| log.first.len() == 6);
    let busy = Outcome::Unverified {
        why: Why::TargetBusy,
        spooled: true,
    };
    assert!(log.first.values().all(|o| *o == busy), "{:?}", log.first);
    let stats = offload.stats();
    assert!(stats.link.state.is_open() && stats.counts.unanswered == 0);
}

#[test]
fn a_busy_or_failing_target_is_asked_again_and_a_refusing_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(None);
    let offload = Offload::start(&settings(clear(target.address), folder.path()), shape()).unwrap();
    let mut log = Log::default();
    let second = Duration::from_secs(20);
    for (i, mood) in [
        Mood::Busy(100),
        Mood::Says(Code::Internal),
        Mood::Nonsense,
        Mood::Says(Code::Unavailable),
    ]
    .into_iter()
    .enumerate()
    {
        target.set(mood);
        let id = request(i).scene.block;
        offload.submit(block(i, second)).unwrap();
        log.until(&offload, "the first call", |_, _| {
            target.asked(id.as_str()) > 0
        });
        target.set(Mood::Well);
        log.until(&offload, "the verdict", |log, _| {
            log.verdicts.len() == i + 1
        });
        assert!(target.asked(id.as_str()) > 1);
    }
    target.set(Mood::Says(Code::InvalidArgument));
    offload.submit(block(9, second)).unwrap();
    log.until(&offload, "the refusal", |log, _| log.first.len() == 5);
    let refused = Outcome::Unverified {
        why: Why::Refused("as the test wants".to_owned()),
        spooled: false,
    };
    // Whether it was on the disk already when the target spoke is chance.
    let got = &log.first["car/run/9"];
    assert!(
        matches!((got, &refused), (Outcome::Unverified { why, .. }, Outcome::Unverified { why: wanted, .. }) if why == wanted)
    );
    assert_eq!(offload.stats().counts.refused, 1);
    log.until(&offload, "an empty spool", |_, stats| {
        stats.waiting == 0 && stats.spool_bytes == 0
    });
}

#[test]
fn a_certificate_that_expires_is_told_and_what_waited_goes_when_there_is_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let server = ca.certificate("target", false);
    let target = Target::start(Some((&server, &ca)));
    let expired = ca.certificate("car", true);
    let client = mutual(target.address, folder.path(), &ca, &expired);
    let offload = Offload::start(&settings(client, &folder.path().join("spool")), shape()).unwrap();
    let mut log = Log::default();
    offload.submit(block(1, 300 * MS)).unwrap();
    log.until(&offload, "that it is unverified, and why", |log, stats| {
        let fault = stats.fault.as_deref().unwrap_or_default();
        log.first.len() == 1
            && fault.contains("certificates")
            && fault.contains("CertificateExpired")
    });
    mutual(
        target.address,
        folder.path(),
        &ca,
        &ca.certificate("car", false),
    );
    log.until(&offload, "the verdict", |log, _| log.verdicts.len() == 1);
    assert_eq!(offload.stats().fault, None);
}

#[test]
fn stopping_gives_every_block_its_outcome() {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::start(None);
    target.set(Mood::Slow(Duration::from_secs(5)));
    let settings = settings(clear(target.address), folder.path());
    let offload = Offload::start(&settings, shape()).unwrap();
    let mut log = Log::default();
    for i in 0..8 {
        offload.submit(block(i, Duration::from_secs(3600))).unwrap();
    }
    offload.stop();
    log.take(&offload);
    assert_eq!(log.first.len(), 8);
    drop(offload);
    target.set(Mood::Well);
    let offload = Offload::start(&settings, shape()).unwrap();
    log.until(&offload, "the last verdict", |log, _| {
        log.verdicts.len() == 8
    });
    assert!(log.verdicts.values().all(|n| *n == 1));
}

#[test]
fn no_room_on_the_disk_leaves_blocks_honestly_unverified() {
    let folder = tempfile::tempdir().unwrap();
    let (_target, relay) = out_of_reach();
    // No block fits into a spool of nothing, as none does on a disk that is full.
    let none = drafthorse_offload::Settings {
        spool_mib: 0,
        ..settings(clear(relay.address()), folder.path())
    };
    let offload = Offload::start(&none, shape()).unwrap();
    let mut log = Log::default();
    offload.submit(block(1, 200 * MS)).unwrap();
    log.until(&offload, "the outcome", |log, _| log.first.len() == 1);
    let wanted = Outcome::Unverified {
        why: Why::LinkDown,
        spooled: false,
    };
    assert_eq!(log.first["car/run/1"], wanted);
    relay.set(Conditions::default());
    log.until(&offload, "the link", |_, stats| stats.link.state.is_open());
    // From memory alone a block is verified all the same.
    offload.submit(block(2, Duration::from_secs(20))).unwrap();
    log.until(&offload, "the verdict", |log, _| log.verdicts.len() == 1);
    assert_eq!(offload.stats().counts.amended, 0);
}

#[test]
fn every_block_of_a_rough_drive_ends_with_one_verdict() {
    const BLOCKS: usize = 400;
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::new();
    let server = ca.certificate("target", false);
    let vehicle = ca.certificate("car", false);
    let mut target = Some(Target::start(Some((&server, &ca))));
    let fair = Conditions {
        jitter: 5 * MS,
        ..Conditions::link(20 * MS, 20_000_000)
    };
    let relay = Relay::start(target.as_ref().unwrap().address, fair).unwrap();
    let client = mutual(relay.address(), folder.path(), &ca, &vehicle);
    let offload = Offload::start(&settings(client, &folder.path().join("spool")), shape()).unwrap();
    let mut log = Log::default();
    let mut random = fastrand::Rng::with_seed(6);
    for i in 0..BLOCKS {
        if i % 40 == 10 {
            relay.set(fair);
            let now = target.as_ref().unwrap();
            match i / 40 % 9 {
                0 => relay.set(Conditions {
                    silent: true,
                    ..fair
                }),
                1 => relay.set(Conditions {
                    cut_after: Some(4000),
                    ..fair
                }),
                2 => relay.break_connections(),
                3 => relay.set(Conditions::link(500 * MS, 200_000)),
                // Killed, and another one starts elsewhere.
                4 => {
                    drop(target.take());
                    let new = Target::start(Some((&server, &ca)));
                    relay.point_to(new.address);
                    target = Some(new);
                }
                5 => {
                    relay.set(Conditions {
                        refuse: true,
                        ..fair
                    });
                    relay.break_connections();
                }
                6 => now.set(Mood::Busy(200)),
                7 => now.set(Mood::Slow(400 * MS)),
                _ => now.set(Mood::Says(Code::Unavailable)),
            }
        } else if i % 40 == 30
            && let Some(target) = &target
        {
            target.set(Mood::Well);
            relay.set(fair);
        }
        offload.submit(block(i, random.u32(50..600) * MS)).unwrap();
        log.take(&offload);
        thread::sleep(30 * MS);
    }
    relay.set(fair);
    relay.break_connections();
    log.until(&offload, "the last verdict", |log, _| {
        log.verdicts.len() == BLOCKS
    });
    thread::sleep(50 * MS);
    log.take(&offload);
    assert_eq!(log.first.len(), BLOCKS);
    assert!(log.verdicts.values().all(|n| *n == 1));
    let stats = offload.stats();
    eprintln!(
        "late p50 {:.1} ms, p99.9 {:.1} ms, most {:.1} ms; {:?}",
        stats.late_p50_ns as f64 / 1e6,
        stats.late_p999_ns as f64 / 1e6,
        stats.late_most_ns as f64 / 1e6,
        stats.counts
    );
    assert!(stats.counts.confirmed + stats.counts.corrected > 0);
    assert!(stats.counts.amended > 0);
    log.until(&offload, "an empty spool", |_, stats| {
        stats.waiting == 0 && stats.spool_bytes == 0
    });
}
