//! The engine on a virtual clock, with links, targets and disks that do anything: no deadline is exceeded, nothing takes
//! effect twice, nothing is lost that the disk holds.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use drafthorse_offload::engine::{
    Action, Engine, EngineSettings, Failure, Submission, Unrecorded, Unstored,
};
use drafthorse_offload::spool::{Kept, Waiting};
use drafthorse_offload::{Answer, Outcome, Ruling, Why};
use drafthorse_protocol::{BlockId, Verdict};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
const HOUR: u64 = 3600 * SECOND;
/// Unix time at which the tests begin.
const BEGIN: u64 = 1_790_000_000 * SECOND;

/// What the link and the target behind it do for a while.
#[derive(Clone, Copy, Debug)]
enum Mood {
    Good { delay_ms: u64 },
    Lossy { delay_ms: u64, percent: u8 },
    Dead,
    Strange,
    Busy { after_ms: Option<u64> },
    Failing,
    Refusing,
}

fn mood() -> impl Strategy<Value = Mood> {
    prop_oneof![
        4 => (1_u64..2500).prop_map(|delay_ms| Mood::Good { delay_ms }),
        2 => (1_u64..500, 10_u8..90).prop_map(|(delay_ms, percent)| Mood::Lossy { delay_ms, percent }),
        3 => Just(Mood::Dead),
        1 => Just(Mood::Strange),
        1 => proptest::option::of(1_u64..5000).prop_map(|after_ms| Mood::Busy { after_ms }),
        1 => Just(Mood::Failing),
        1 => Just(Mood::Refusing),
    ]
}

/// A block that comes so long after the one before, has so long, and weighs so much.
#[derive(Clone, Copy, Debug)]
struct Coming {
    after_ms: u64,
    deadline_ms: u64,
    bytes: u64,
}

#[derive(Clone, Debug)]
struct Scenario {
    seed: u64,
    moods: Vec<(u64, Mood)>,
    blocks: Vec<Coming>,
    disk_ms: u64,
    disk_fails_percent: u8,
    evicted_percent: u8,
    budget: Option<u64>,
}

fn scenario() -> impl Strategy<Value = Scenario> {
    let coming =
        (0_u64..3000, 1_u64..8000, 100_u64..20_000).prop_map(|(after_ms, deadline_ms, bytes)| {
            Coming {
                after_ms,
                deadline_ms,
                bytes,
            }
        });
    (
        any::<u64>(),
        proptest::collection::vec((200_u64..20_000, mood()), 1..8),
        proptest::collection::vec(coming, 1..50),
        prop_oneof![Just(0_u64), Just(5), Just(3000)],
        prop_oneof![3 => Just(0_u8), 1 => Just(20), 1 => Just(100)],
        prop_oneof![3 => Just(0_u8), 1 => Just(10)],
        prop_oneof![3 => Just(None), 1 => (200_000_u64..2_000_000).prop_map(Some)],
    )
        .prop_map(
            |(seed, moods, blocks, disk_ms, disk_fails_percent, evicted_percent, budget)| {
                Scenario {
                    seed,
                    moods,
                    blocks,
                    disk_ms,
                    disk_fails_percent,
                    evicted_percent,
                    budget,
                }
            },
        )
}

#[derive(Debug)]
enum Event {
    Given(usize),
    Stored(BlockId, Result<(), Unstored>),
    Recorded(BlockId, Result<(), Unrecorded>),
    Verified(u64),
    Failed(u64, Failure),
    Probed(u64, Result<(), Failure>),
    Evicted(BlockId),
}

/// Everything outside the engine.
struct World {
    scenario: Scenario,
    engine: Engine,
    random: fastrand::Rng,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    answers: Vec<Answer>,
    on_disk: BTreeSet<BlockId>,
    recorded: BTreeSet<BlockId>,
    evicted: BTreeSet<BlockId>,
    refused: BTreeSet<BlockId>,
    asked: BTreeMap<u64, BlockId>,
    sent: Vec<(u64, u64)>,
    /// Whatever the moods say, all is well from here on.
    well_from: u64,
}

fn settings(scenario: &Scenario) -> EngineSettings {
    EngineSettings {
        bytes_per_hour: scenario.budget,
        probe: Duration::from_secs(60),
        seed: scenario.seed,
        ..EngineSettings::default()
    }
}

fn id(i: usize) -> BlockId {
    BlockId::new(format!("b{i}")).unwrap()
}

fn ruling() -> Ruling {
    Ruling {
        verdict: Verdict::default(),
        confirms: true,
    }
}

impl World {
    fn new(scenario: Scenario) -> Self {
        let mut at = BEGIN;
        let given: Vec<_> = scenario
            .blocks
            .iter()
            .map(|b| {
                at += b.after_ms * MS;
                at
            })
            .collect();
        let moods: u64 = scenario.moods.iter().map(|(ms, _)| ms * MS).sum();
        let mut world = Self {
            engine: Engine::new(settings(&scenario), BEGIN, Vec::new()),
            random: fastrand::Rng::with_seed(scenario.seed),
            now: BEGIN,
            events: BTreeMap::new(),
            next_event: 0,
            answers: Vec::new(),
            on_disk: BTreeSet::new(),
            recorded: BTreeSet::new(),
            evicted: BTreeSet::new(),
            refused: BTreeSet::new(),
            asked: BTreeMap::new(),
            sent: Vec::new(),
            well_from: BEGIN + moods,
            scenario,
        };
        for (i, at) in given.into_iter().enumerate() {
            world.at(at, Event::Given(i));
        }
        world
    }

    fn at(&mut self, at: u64, event: Event) {
        self.events
            .insert((at.max(self.now), self.next_event), event);
        self.next_event += 1;
    }

    fn percent(&mut self, percent: u8) -> bool {
        self.random.u8(0..100) < percent
    }

    fn mood(&self) -> Mood {
        let mut until = BEGIN;
        for (ms, mood) in &self.scenario.moods {
            until += ms * MS;
            if self.now < until {
                return *mood;
            }
        }
        Mood::Good { delay_ms: 20 }
    }

    fn disk_works(&mut self) -> bool {
        self.now >= self.well_from || !self.percent(self.scenario.disk_fails_percent)
    }

    fn disk_time(&mut self) -> u64 {
        self.now + self.random.u64(0..=self.scenario.disk_ms) * MS
    }

    /// When and how a call ends.
    fn call_ends(&mut self, timeout_ns: u64, probe: bool) -> (u64, Result<(), Failure>) {
        let limit = self.now + timeout_ns;
        let answered = |at: u64, result| {
            if at < limit {
                (at, result)
            } else {
                (limit, Err(Failure::Unanswered))
            }
        };
        match self.mood() {
            Mood::Good { delay_ms } => answered(self.now + delay_ms * MS, Ok(())),
            Mood::Lossy { delay_ms, percent } => {
                if self.percent(percent) {
                    let broken = self.random.u64(0..timeout_ns);
                    (self.now + broken, Err(Failure::Unanswered))
                } else {
                    answered(self.now + delay_ms * MS, Ok(()))
                }
            }
            Mood::Dead => (limit, Err(Failure::Unanswered)),
            Mood::Strange => (self.now + MS, Err(Failure::NotLetIn("certificate".into()))),
            _ if probe => answered(self.now + 20 * MS, Ok(())),
            Mood::Busy { after_ms } => {
                let after_ns = after_ms.map(|ms| ms * MS);
                answered(self.now + 10 * MS, Err(Failure::Busy { after_ns }))
            }
            Mood::Failing => answered(self.now + 10 * MS, Err(Failure::Faulty("no".into()))),
            Mood::Refusing => answered(self.now + 10 * MS, Err(Failure::Refused("no".into()))),
        }
    }

    fn act(&mut self) {
        for action in self.engine.take_actions() {
            match action {
                Action::Store(block) => {
                    let at = self.disk_time();
                    let works = self.disk_works();
                    let result = if works { Ok(()) } else { Err(Unstored::NoRoom) };
                    self.at(at, Event::Stored(block, result));
                }
                Action::Record(block, _) => {
                    let at = self.disk_time();
                    // A block whose turn to be stored has not come is stored with its ruling.
                    let mine = |e: &Event| matches!(e, Event::Stored(b, _) if *b == block);
                    let pending = self.events.iter().find(|(_, e)| mine(e)).map(|(k, _)| *k);
                    if let Some(key) = pending
                        && let Some(Event::Stored(_, stored)) = self.events.remove(&key)
                    {
                        if stored.is_ok() {
                            self.on_disk.insert(block.clone());
                            self.recorded.insert(block.clone());
                        }
                        let recorded = stored.map_err(|_| Unrecorded::Gone);
                        self.at(at, Event::Stored(block.clone(), stored));
                        self.at(at, Event::Recorded(block, recorded));
                        continue;
                    }
                    let result = if !self.on_disk.contains(&block) {
                        Err(Unrecorded::Gone)
                    } else if self.recorded.contains(&block) {
                        Err(Unrecorded::Settled)
                    } else if self.disk_works() {
                        self.recorded.insert(block.clone());
                        Ok(())
                    } else {
                        Err(Unrecorded::Disk)
                    };
                    self.at(at, Event::Recorded(block, result));
                }
                Action::Discard(block) => {
                    self.on_disk.remove(&block);
                }
                Action::Send {
                    call,
                    block,
                    timeout_ns,
                } => {
                    assert!(
                        !self.refused.contains(&block),
                        "asked again about a refused block"
                    );
                    let i: usize = block.as_str()[1..].parse().unwrap();
                    self.sent.push((self.now, self.scenario.blocks[i].bytes));
                    let running = self.asked.values().filter(|b| **b == block).count();
                    assert_eq!(running, 0, "one call a block");
                    self.asked.insert(call, block.clone());
                    assert!(self.asked.len() <= settings(&self.scenario).in_flight);
                    let (at, result) = self.call_ends(timeout_ns, false);
                    match result {
                        Ok(()) => self.at(at, Event::Verified(call)),
                        Err(failure) => self.at(at, Event::Failed(call, failure)),
                    }
                }
                Action::Probe { call, timeout_ns } => {
                    let (at, result) = self.call_ends(timeout_ns, true);
                    self.at(at, Event::Probed(call, result));
                }
                Action::Hand(answer) => self.answers.push(answer),
                Action::Expire | Action::Reconnect | Action::Release(_) => {}
            }
        }
    }

    fn happen(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Given(i) => {
                let coming = self.scenario.blocks[i];
                self.engine.submit(
                    now,
                    &Submission {
                        block: id(i),
                        bytes: coming.bytes,
                        deadline_ns: now + coming.deadline_ms * MS,
                    },
                );
            }
            Event::Stored(block, result) => {
                if result.is_ok() {
                    self.on_disk.insert(block.clone());
                    if self.percent(self.scenario.evicted_percent) {
                        let at = now + self.random.u64(0..10_000) * MS;
                        self.at(at, Event::Evicted(block.clone()));
                    }
                }
                self.engine.stored(now, &block, result);
            }
            Event::Recorded(block, result) => self.engine.recorded(now, &block, result),
            Event::Verified(call) => {
                self.asked.remove(&call);
                self.engine.verified(now, call, ruling(), 1000);
            }
            Event::Failed(call, failure) => {
                let block = self.asked.remove(&call).unwrap();
                if let Failure::Refused(_) = failure {
                    self.refused.insert(block);
                }
                self.engine.failed(now, call, failure, 1000);
            }
            Event::Probed(call, result) => self.engine.probed(now, call, result),
            Event::Evicted(block) => {
                if !self.recorded.contains(&block) && self.on_disk.remove(&block) {
                    self.evicted.insert(block.clone());
                    self.engine.evicted(now, &[block]);
                }
            }
        }
    }

    fn run_until(&mut self, end: u64) {
        self.act();
        loop {
            let wake = self.engine.next_wake_ns();
            let next = self.events.first_key_value().map(|(key, _)| *key);
            match next {
                Some(key @ (at, _)) if at <= wake && at <= end => {
                    self.now = at;
                    let event = self.events.remove(&key).unwrap();
                    self.happen(event);
                }
                _ if wake <= end => {
                    self.now = self.now.max(wake);
                    self.engine.tick(self.now);
                    self.act();
                    let next = self.engine.next_wake_ns();
                    assert!(next > self.now, "the engine wants to be ticked on and on");
                }
                _ => return,
            }
            self.act();
        }
    }
}

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

#[test]
fn a_busy_target_is_left_alone_for_as_long_as_it_says() {
    let settings = EngineSettings {
        attempt: Duration::from_secs(1),
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
                    let after_ns = Some(30 * SECOND);
                    engine.failed(now, call, Failure::Busy { after_ns }, 0);
                }
                _ => {}
            }
        }
        now = engine.next_wake_ns().min(now + SECOND);
    }
    let pause = sent[1] - sent[0];
    assert!((30 * SECOND..=45 * SECOND).contains(&pause), "{pause}");
}
