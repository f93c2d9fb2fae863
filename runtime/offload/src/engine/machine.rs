use std::collections::HashMap;

use drafthorse_protocol::BlockId;

use super::action::{Action, Failure, Unrecorded, Unsent, Unstored};
use super::backoff::Jitter;
use super::blocks::{Blocks, Disk, Held, Step};
use super::counts::{Counts, Submission};
use super::settings::EngineSettings;
use crate::answer::{Answer, Outcome, Ruling, Why};
use crate::link::{Budget, Link, LinkView};
use crate::spool::Kept;

/// A call on its way.
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) since_ns: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Probe,
    /// Before the block's deadline.
    Online(BlockId),
    /// After it.
    Spooled(BlockId),
}

/// The engine; see the module.
pub struct Engine {
    pub(super) settings: EngineSettings,
    pub(super) now_ns: u64,
    pub(super) link: Link,
    pub(super) budget: Option<Budget>,
    pub(super) jitter: Jitter,
    pub(super) blocks: Blocks,
    pub(super) calls: HashMap<u64, Call>,
    pub(super) next_call: u64,
    /// The target asked not to be asked before this.
    pub(super) busy_until_ns: u64,
    pub(super) busy: u32,
    pub(super) probe_at_ns: u64,
    pub(super) probes_failed: u32,
    pub(super) spooled_at_ns: u64,
    pub(super) spooled_failed: u32,
    pub(super) expire_at_ns: u64,
    pub(super) reconnect_at_ns: u64,
    pub(super) stopped: bool,
    pub(super) actions: Vec<Action>,
    pub(super) counts: Counts,
}

impl Engine {
    /// An engine at `now_ns` with what an opened spool had: rulings that were not settled are handed out again, and blocks
    /// that the process left behind are told unverified.
    #[must_use]
    pub fn new(settings: EngineSettings, now_ns: u64, kept: Vec<Kept>) -> Self {
        let mut jitter = Jitter::new(settings.seed);
        let mut engine = Self {
            settings,
            now_ns,
            link: Link::new(now_ns),
            budget: settings.bytes_per_hour.map(|b| Budget::new(b, now_ns)),
            blocks: Blocks::default(),
            calls: HashMap::new(),
            next_call: 0,
            busy_until_ns: now_ns,
            busy: 0,
            probe_at_ns: now_ns,
            probes_failed: 0,
            spooled_at_ns: now_ns,
            spooled_failed: 0,
            expire_at_ns: now_ns,
            reconnect_at_ns: now_ns.saturating_add(jitter.about_ns(settings.reconnect)),
            stopped: false,
            actions: Vec::new(),
            counts: Counts::default(),
            jitter,
        };
        kept.into_iter().for_each(|kept| engine.resume(kept));
        engine
    }

    fn resume(&mut self, kept: Kept) {
        let waiting = kept.waiting;
        let held = Held {
            deadline_ns: waiting.deadline_ns,
            bytes: kept.bytes as u64,
            disk: Disk::There,
            step: Step::Idle,
            told: true,
            attempts: 0,
            retry_ns: 0,
        };
        if let Some(ruling) = kept.ruling {
            self.counts.amended += 1;
            self.hand(&waiting.block, &held, Outcome::Amended(ruling));
            return;
        }
        if !kept.told {
            let why = Why::Restarted;
            let outcome = Outcome::Unverified { why, spooled: true };
            self.hand(&waiting.block, &held, outcome);
        }
        self.blocks.insert(waiting.block, held);
    }

    /// What is to be done, in this order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// What is known of the link.
    #[must_use]
    pub fn view(&self) -> LinkView {
        let budget = self.budget.as_ref();
        let share = budget.map(|b| b.share(self.now_ns));
        self.link.view(self.now_ns, share)
    }

    /// How many of what.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Blocks without a verdict.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.blocks.len()
    }

    /// When an answer on a block is due.
    #[must_use]
    pub fn deadline_ns(&self, block: &BlockId) -> Option<u64> {
        self.blocks.get(block).map(|b| b.deadline_ns)
    }

    /// Time has come to `now_ns`.
    pub fn tick(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        self.plan();
    }

    /// A block is given.
    pub fn submit(&mut self, now_ns: u64, given: &Submission) {
        self.now_ns = self.now_ns.max(now_ns);
        self.counts.submitted += 1;
        let held = Held {
            deadline_ns: given.deadline_ns,
            bytes: given.bytes,
            disk: Disk::Storing,
            step: Step::Idle,
            told: false,
            attempts: 0,
            retry_ns: self.now_ns,
        };
        if self.blocks.get(&given.block).is_some() {
            self.hand(&given.block, &held, Outcome::Repeated);
            return;
        }
        let crowded = self.blocks.untold() >= self.settings.online;
        self.actions.push(Action::Store(given.block.clone()));
        self.blocks.insert(given.block.clone(), held);
        if self.stopped {
            self.tell(&given.block, Why::Stopped);
        } else if crowded {
            self.tell(&given.block, Why::Crowded);
        }
        self.plan();
    }

    /// A block is on the disk, or is not.
    pub fn stored(&mut self, now_ns: u64, block: &BlockId, result: Result<(), Unstored>) {
        self.now_ns = self.now_ns.max(now_ns);
        let Some(held) = self.blocks.get(block).cloned() else {
            // Refused by the target while it was written.
            self.actions.push(Action::Discard(block.clone()));
            return;
        };
        match result {
            Ok(()) => self.blocks.change(block, |b| b.disk = Disk::There),
            Err(Unstored::Known) => {
                self.forget(block);
                // What was told already stands for this submission.
                if !held.told {
                    self.hand(block, &held, Outcome::Repeated);
                }
                return;
            }
            Err(Unstored::NoRoom) => self.blocks.change(block, |b| b.disk = Disk::Not),
        }
        // A ruling that is being recorded will be told that the block is not there.
        let recording = matches!(held.step, Step::Recording(_));
        if held.told && result.is_err() && !recording {
            self.forget(block);
        }
        self.plan();
    }

    /// Blocks that the disk gave up.
    pub fn evicted(&mut self, now_ns: u64, blocks: &[BlockId]) {
        self.now_ns = self.now_ns.max(now_ns);
        for block in blocks {
            self.counts.given_up += 1;
            if self.blocks.get(block).is_some_and(|b| b.told) {
                self.forget(block);
            } else {
                self.blocks.change(block, |b| b.disk = Disk::Not);
            }
        }
        self.plan();
    }

    /// A ruling is on the disk, or is not.
    pub fn recorded(&mut self, now_ns: u64, block: &BlockId, result: Result<(), Unrecorded>) {
        self.now_ns = self.now_ns.max(now_ns);
        let Some(held) = self.blocks.get(block).cloned() else {
            return;
        };
        let Step::Recording(ruling) = held.step else {
            return;
        };
        match result {
            Ok(()) => self.hand_ruling(block, ruling),
            // In memory only, it takes effect once: nobody will hand it out again.
            Err(Unrecorded::Gone) if !held.told => self.hand_ruling(block, ruling),
            Err(Unrecorded::Gone | Unrecorded::Settled) => self.forget(block),
            Err(Unrecorded::Disk) => self.again(block),
        }
        self.plan();
    }

    /// The target answered.
    pub fn verified(&mut self, now_ns: u64, call: u64, ruling: Ruling, bytes: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        let Some(call) = self.calls.remove(&call) else {
            return;
        };
        self.saw(&call, bytes, true);
        self.busy = 0;
        if let Kind::Spooled(_) = call.kind {
            self.spooled_failed = 0;
        }
        if let Kind::Online(block) | Kind::Spooled(block) = call.kind {
            self.rule(&block, ruling);
        }
        self.plan();
    }

    /// A call for a verdict failed.
    pub fn failed(&mut self, now_ns: u64, call: u64, failure: Failure, bytes: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        let Some(call) = self.calls.remove(&call) else {
            return;
        };
        self.fault_of(&call, &failure, bytes);
        let (Kind::Online(block) | Kind::Spooled(block)) = &call.kind else {
            return;
        };
        if let Failure::Refused(why) = failure {
            self.counts.refused += 1;
            self.actions.push(Action::Discard(block.clone()));
            self.blocks.change(block, |b| b.disk = Disk::Not);
            if self.blocks.get(block).is_some_and(|b| !b.told) {
                self.tell(block, Why::Refused(why));
            }
            self.forget(block);
        } else {
            self.later(&call.kind, block);
        }
        self.plan();
    }

    /// A call never left: nothing is learnt of the link, nor of the target.
    pub fn unsent(&mut self, now_ns: u64, call: u64, why: Unsent) {
        self.now_ns = self.now_ns.max(now_ns);
        let Some(call) = self.calls.remove(&call) else {
            return;
        };
        match (&call.kind, why) {
            (Kind::Probe, _) => self.probe_later(),
            (Kind::Online(block) | Kind::Spooled(block), Unsent::Fault) => {
                self.later(&call.kind, block);
            }
            // What is read from the disk was told unverified before.
            (Kind::Online(block) | Kind::Spooled(block), Unsent::Damaged) => {
                self.counts.given_up += 1;
                self.actions.push(Action::Discard(block.clone()));
                self.forget(block);
            }
        }
        self.plan();
    }

    fn later(&mut self, kind: &Kind, block: &BlockId) {
        if let Kind::Spooled(_) = kind {
            self.spooled_failed += 1;
            let pause = self.jitter.pause_ns(self.spooled_failed);
            self.spooled_at_ns = self.now_ns.saturating_add(pause);
        }
        self.again(block);
    }

    fn probe_later(&mut self) {
        self.probes_failed += 1;
        let pause = self.jitter.pause_ns(self.probes_failed);
        self.probe_at_ns = self.now_ns.saturating_add(pause);
    }

    /// A probe was answered, or failed.
    pub fn probed(&mut self, now_ns: u64, call: u64, result: Result<(), Failure>) {
        self.now_ns = self.now_ns.max(now_ns);
        let Some(call) = self.calls.remove(&call) else {
            return;
        };
        match result {
            Ok(()) => {
                self.probes_failed = 0;
                self.saw(&call, 0, true);
            }
            Err(failure) => {
                self.probe_later();
                self.fault_of(&call, &failure, 0);
            }
        }
        self.plan();
    }

    /// What went over the wire in all since the engine began.
    pub fn went(&mut self, total_bytes: u64) {
        if let Some(budget) = &mut self.budget {
            budget.went(total_bytes);
        }
    }

    /// No more is sent; every block without an answer gets one.
    pub fn stop(&mut self, now_ns: u64) {
        self.now_ns = self.now_ns.max(now_ns);
        self.stopped = true;
        for block in self.blocks.untold_blocks() {
            self.tell(&block, Why::Stopped);
        }
    }

    /// The target's word on a block: recorded first where the block is on the disk, or on its way there.
    fn rule(&mut self, block: &BlockId, ruling: Ruling) {
        match self.blocks.get(block).map(|b| b.disk) {
            Some(Disk::Storing | Disk::There) => {
                let recording = Action::Record(block.clone(), ruling.clone());
                self.actions.push(recording);
                self.blocks
                    .change(block, |b| b.step = Step::Recording(ruling));
            }
            Some(Disk::Not) => self.hand_ruling(block, ruling),
            None => {}
        }
    }

    fn hand_ruling(&mut self, block: &BlockId, ruling: Ruling) {
        let Some(held) = self.blocks.get(block).cloned() else {
            return;
        };
        let outcome = if held.told {
            self.counts.amended += 1;
            Outcome::Amended(ruling)
        } else if ruling.confirms {
            self.counts.confirmed += 1;
            Outcome::Confirmed(ruling)
        } else {
            self.counts.corrected += 1;
            Outcome::Corrected(ruling)
        };
        self.forget(block);
        self.hand(block, &held, outcome);
    }

    /// To be asked about again, later.
    fn again(&mut self, block: &BlockId) {
        let Some(held) = self.blocks.get(block) else {
            return;
        };
        if held.told && held.disk == Disk::Not {
            self.forget(block);
            return;
        }
        let pause = self.jitter.pause_ns(held.attempts);
        let retry_ns = self.now_ns.saturating_add(pause);
        self.blocks.change(block, |b| {
            b.step = Step::Idle;
            b.retry_ns = retry_ns;
        });
    }

    /// The block is unverified.
    pub(super) fn tell(&mut self, block: &BlockId, why: Why) {
        let Some(held) = self.blocks.get(block).cloned() else {
            return;
        };
        self.counts.unverified += 1;
        let spooled = held.disk == Disk::There;
        self.hand(block, &held, Outcome::Unverified { why, spooled });
        if held.disk == Disk::Not {
            self.forget(block);
        } else {
            self.blocks.change(block, |b| b.told = true);
            self.actions.push(Action::Release(block.clone()));
        }
    }

    fn forget(&mut self, block: &BlockId) {
        if self.blocks.remove(block).is_some() {
            self.actions.push(Action::Release(block.clone()));
        }
    }

    fn hand(&mut self, block: &BlockId, held: &Held, outcome: Outcome) {
        self.actions.push(Action::Hand(Answer {
            block: block.clone(),
            outcome,
            deadline_ns: held.deadline_ns,
            handed_ns: self.now_ns,
            attempts: held.attempts,
        }));
    }
}
