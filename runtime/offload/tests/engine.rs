//! The engine on a virtual clock, with links, targets and disks that do anything: no deadline is exceeded, nothing takes
//! effect twice, nothing is lost that the disk holds.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use drafthorse_offload::engine::{
    Action, Engine, EngineSettings, Failure, Submission, Unsent, Unstored,
};
use drafthorse_offload::link::LinkState;
use drafthorse_offload::spool::{Kept, Waiting};
use drafthorse_offload::{Outcome, Ruling, Why};
use drafthorse_protocol::BlockId;
use proptest::prelude::*;
use world::{BEGIN, HOUR, MS, SECOND, World, id, ruling, scenario};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5000) })]

    #[test]
    fn whatever_happens_every_deadline_is_met(scenario in scenario()) {
        let metered = scenario.budget;
        let mut world = World::new(scenario);
        let end = world.well_from + 2 * HOUR;
        world.run_until(end);

        let mut first = BTreeMap::new();
        let mut ruled = BTreeSet::new();
        for answer in &world.answers {
            let block = answer.block.clone();
            match &answer.outcome {
                Outcome::Confirmed(_) | Outcome::Corrected(_) => {
                    prop_assert!(first.insert(block.clone(), answer).is_none());
                    prop_assert!(ruled.insert(block));
                }
                Outcome::Unverified { .. } => {
                    prop_assert!(first.insert(block, answer).is_none());
                }
                Outcome::Amended(_) => {
                    prop_assert!(first.contains_key(&block), "amended what was not told");
                    prop_assert!(ruled.insert(block), "two verdicts");
                }
                Outcome::Repeated => prop_assert!(false, "no block was given twice"),
            }
        }
        for i in 0..world.scenario.blocks.len() {
            let answer = first.get(&id(i));
            prop_assert!(answer.is_some(), "block {} has no outcome", i);
            let answer = answer.unwrap();
            // 5 ms is the margin; what is given with less is told at once.
            let least = 5_u64.max(world.scenario.blocks[i].deadline_ms) * MS;
            let given = answer.deadline_ns - world.scenario.blocks[i].deadline_ms * MS;
            prop_assert!(answer.handed_ns <= given + least);
            prop_assert!(answer.handed_ns <= answer.deadline_ns || world.scenario.blocks[i].deadline_ms <= 5);
        }
        // What the disk took, kept, and the target did not refuse is ruled in the end.
        if metered.is_none() {
            for block in &world.on_disk {
                prop_assert!(
                    ruled.contains(block),
                    "{} waits for ever; link {:?}", block, world.engine.view()
                );
            }
        }
        if let Some(bytes) = metered {
            for (i, (from, _)) in world.sent.iter().enumerate() {
                let hour = world.sent[i..].iter().take_while(|(at, _)| at - from < HOUR);
                prop_assert!(hour.map(|(_, bytes)| bytes).sum::<u64>() <= bytes);
            }
        }
    }

    #[test]
    fn the_same_scenario_gives_the_same_actions(scenario in scenario()) {
        let run = || {
            let mut world = World::new(scenario.clone());
            world.run_until(BEGIN + 600 * SECOND);
            (world.answers, world.sent)
        };
        prop_assert_eq!(run(), run());
    }
}

fn kept(i: usize, told: bool, ruling: Option<Ruling>) -> Kept {
    Kept {
        waiting: Waiting {
            block: id(i),
            deadline_ns: BEGIN - (100 - i as u64) * SECOND,
            worth: 0,
        },
        bytes: 1000,
        told,
        ruling,
    }
}

fn handed(engine: &mut Engine) -> Vec<(BlockId, Outcome)> {
    let actions = engine.take_actions().into_iter();
    actions
        .filter_map(|a| match a {
            Action::Hand(answer) => Some((answer.block, answer.outcome)),
            _ => None,
        })
        .collect()
}

#[test]
fn what_the_last_run_left_is_told_and_goes_on_in_deadline_order() {
    let left = vec![
        kept(3, true, None),
        kept(1, false, None),
        kept(2, false, Some(ruling())),
    ];
    let mut engine = Engine::new(EngineSettings::default(), BEGIN, left);
    let restarted = Outcome::Unverified {
        why: Why::Restarted,
        spooled: true,
    };
    assert_eq!(
        handed(&mut engine),
        [(id(1), restarted), (id(2), Outcome::Amended(ruling()))]
    );
    let mut asked = Vec::new();
    let mut now = BEGIN;
    while asked.len() < 2 {
        engine.tick(now);
        for action in engine.take_actions() {
            match action {
                Action::Probe { call, .. } => engine.probed(now, call, Ok(())),
                Action::Send { call, block, .. } => {
                    asked.push(block);
                    engine.verified(now, call, ruling(), 1000);
                }
                _ => {}
            }
        }
        // What came of these is taken at once.
        now = engine.next_wake_ns().min(now + SECOND);
    }
    assert_eq!(asked, [id(1), id(3)]);
}

#[test]
fn a_block_that_is_given_twice_is_passed_over() {
    let mut engine = Engine::new(EngineSettings::default(), BEGIN, Vec::new());
    let given = || Submission {
        block: id(1),
        bytes: 10,
        deadline_ns: BEGIN + 60 * SECOND,
    };
    engine.submit(BEGIN, &given());
    engine.submit(BEGIN, &given());
    assert_eq!(handed(&mut engine), [(id(1), Outcome::Repeated)]);
    // One that was settled in an earlier run: only the disk knows.
    engine.stored(BEGIN, &id(1), Err(Unstored::Known));
    assert_eq!(handed(&mut engine), [(id(1), Outcome::Repeated)]);
    engine.tick(BEGIN + 61 * SECOND);
    assert_eq!(handed(&mut engine), []);
}

#[test]
fn more_blocks_than_can_wait_are_told_at_once() {
    let settings = EngineSettings {
        online: 2,
        ..EngineSettings::default()
    };
    let mut engine = Engine::new(settings, BEGIN, Vec::new());
    for i in 0..3 {
        engine.submit(
            BEGIN,
            &Submission {
                block: id(i),
                bytes: 10,
                deadline_ns: BEGIN + SECOND,
            },
        );
    }
    let crowded = Outcome::Unverified {
        why: Why::Crowded,
        spooled: false,
    };
    assert_eq!(handed(&mut engine), [(id(2), crowded)]);
}

/// Time between two calls where the first is answered with such a hint.
fn patience_with(reconnect: Duration, after_ns: u64) -> u64 {
    let settings = EngineSettings {
        attempt: Duration::from_secs(1),
        reconnect,
        ..EngineSettings::default()
    };
    let mut engine = Engine::new(
        settings,
        BEGIN,
        vec![kept(1, true, None), kept(2, true, None)],
    );
    let mut now = BEGIN;
    let mut sent: Vec<u64> = Vec::new();
    while sent.len() < 2 {
        engine.tick(now);
        for action in engine.take_actions() {
            match action {
                Action::Probe { call, .. } => engine.probed(now, call, Ok(())),
                Action::Send { call, .. } => {
                    sent.push(now);
                    let after_ns = Some(after_ns);
                    engine.failed(now, call, Failure::Busy { after_ns }, 0);
                }
                _ => {}
            }
        }
        now = engine.next_wake_ns().min(now + SECOND);
    }
    sent[1] - sent[0]
}

#[test]
fn a_busy_target_is_left_alone_for_as_long_as_it_says_within_reason() {
    let hour = Duration::from_secs(3600);
    let pause = patience_with(hour, 30 * SECOND);
    assert!((30 * SECOND..=45 * SECOND).contains(&pause), "{pause}");
    for endless in [HOUR, u64::MAX] {
        let pause = patience_with(hour, endless);
        assert!((300 * SECOND..=450 * SECOND).contains(&pause), "{pause}");
        // A new connection may lead to somebody else.
        let pause = patience_with(Duration::from_secs(60), endless);
        assert!((50 * SECOND..=70 * SECOND).contains(&pause), "{pause}");
    }
}

#[test]
fn what_the_own_disk_spoils_says_nothing_of_link_or_target() {
    let left = (1..4).map(|i| kept(i, true, None)).collect();
    let mut engine = Engine::new(EngineSettings::default(), BEGIN, left);
    let mut now = BEGIN;
    let mut calls = 0;
    let mut discarded = Vec::new();
    while calls < 6 {
        engine.tick(now);
        for action in engine.take_actions() {
            match action {
                Action::Probe { call, .. } => engine.probed(now + 60 * MS, call, Ok(())),
                Action::Send { call, block, .. } => {
                    calls += 1;
                    match calls {
                        1 | 2 => engine.unsent(now + MS, call, Unsent::Fault),
                        3 => engine.unsent(now + MS, call, Unsent::Damaged),
                        _ => engine.failed(now + 90 * MS, call, Failure::Unanswered, 0),
                    }
                    assert!(
                        calls != 3 || engine.waiting() == 2,
                        "{block} is there still"
                    );
                }
                Action::Discard(block) => discarded.push(block),
                _ => {}
            }
            if calls < 4 {
                let view = engine.view();
                assert!(view.round_trip_ns.is_none_or(|took| took == 60 * MS));
                assert_eq!((view.verdict_ns, engine.counts().refused), (None, 0));
            }
        }
        now = engine.next_wake_ns().clamp(now, now + SECOND);
    }
    // Three calls in a row were unanswered: none of the unsent ones was taken for an answer.
    assert_eq!(engine.view().state, LinkState::Down);
    assert_eq!((discarded.len(), engine.counts().given_up), (1, 1));
}
