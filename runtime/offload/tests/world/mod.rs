//! Links, targets and disks that do anything, on a virtual clock, around the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use drafthorse_offload::engine::{
    Action, Engine, EngineSettings, Failure, Submission, Unrecorded, Unstored,
};
use drafthorse_offload::{Answer, Ruling};
use drafthorse_protocol::{BlockId, Verdict};
use proptest::prelude::*;

pub(crate) const MS: u64 = 1_000_000;
pub(crate) const SECOND: u64 = 1000 * MS;
pub(crate) const HOUR: u64 = 3600 * SECOND;
/// Unix time at which the tests begin.
pub(crate) const BEGIN: u64 = 1_790_000_000 * SECOND;

/// What the link and the target behind it do for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mood {
    Good { delay_ms: u64 },
    Lossy { delay_ms: u64, percent: u8 },
    Dead,
    Strange,
    Busy { after_ms: Option<u64> },
    Failing,
    Refusing,
}

pub(crate) fn mood() -> impl Strategy<Value = Mood> {
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
pub(crate) struct Coming {
    pub(crate) after_ms: u64,
    pub(crate) deadline_ms: u64,
    pub(crate) bytes: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Scenario {
    pub(crate) seed: u64,
    pub(crate) moods: Vec<(u64, Mood)>,
    pub(crate) blocks: Vec<Coming>,
    pub(crate) disk_ms: u64,
    pub(crate) disk_fails_percent: u8,
    pub(crate) evicted_percent: u8,
    pub(crate) budget: Option<u64>,
}

pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
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
pub(crate) enum Event {
    Given(usize),
    Stored(BlockId, Result<(), Unstored>),
    Recorded(BlockId, Result<(), Unrecorded>),
    Verified(u64),
    Failed(u64, Failure),
    Probed(u64, Result<(), Failure>),
    Evicted(BlockId),
}

/// Everything outside the engine.
pub(crate) struct World {
    pub(crate) scenario: Scenario,
    pub(crate) engine: Engine,
    random: fastrand::Rng,
    now: u64,
    events: BTreeMap<(u64, u64), Event>,
    next_event: u64,
    pub(crate) answers: Vec<Answer>,
    pub(crate) on_disk: BTreeSet<BlockId>,
    recorded: BTreeSet<BlockId>,
    evicted: BTreeSet<BlockId>,
    refused: BTreeSet<BlockId>,
    asked: BTreeMap<u64, BlockId>,
    pub(crate) sent: Vec<(u64, u64)>,
    /// Whatever the moods say, all is well from here on.
    pub(crate) well_from: u64,
}

pub(crate) fn settings(scenario: &Scenario) -> EngineSettings {
    EngineSettings {
        bytes_per_hour: scenario.budget,
        probe: Duration::from_secs(60),
        seed: scenario.seed,
        ..EngineSettings::default()
    }
}

pub(crate) fn id(i: usize) -> BlockId {
    BlockId::new(format!("b{i}")).unwrap()
}

pub(crate) fn ruling() -> Ruling {
    Ruling {
        verdict: Verdict::default(),
        confirms: true,
        texts: Vec::new(),
        drafted: Vec::new(),
    }
}

impl World {
    pub(crate) fn new(scenario: Scenario) -> Self {
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
            Mood::Strange => (self.now + MS, Err(Failure::NotLetIn)),
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
                Action::Hand(answer) => {
                    let block = &answer.block;
                    let recorded = self.recorded.contains(block) || !self.on_disk.contains(block);
                    let ruled = answer.outcome.ruling().is_some();
                    assert!(!ruled || recorded, "handed out before it was recorded");
                    self.answers.push(answer);
                }
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

    pub(crate) fn run_until(&mut self, end: u64) {
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
