//! The blocks that are on their way, and the orders they are looked at in.

use std::collections::{BTreeMap, BTreeSet};

use drafthorse_protocol::BlockId;

use crate::answer::Ruling;

/// One block.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) deadline_ns: u64,
    pub(super) bytes: u64,
    pub(super) disk: Disk,
    pub(super) step: Step,
    /// The caller has that it is unverified.
    pub(super) told: bool,
    pub(super) attempts: u32,
    /// Not asked again before this.
    pub(super) retry_ns: u64,
}

/// Whether the block is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    Storing,
    There,
    /// Refused or given up: the block lives in memory until its deadline.
    Not,
}

/// Where the block is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// To be asked about.
    Idle,
    /// Being asked about.
    Calling,
    /// The ruling is on its way to the disk.
    Recording(Ruling),
}

/// All blocks by id, and three orders over them.
#[derive(Default)]
pub(super) struct Blocks {
    all: BTreeMap<BlockId, Held>,
    /// Those whose caller waits for an answer, by deadline.
    untold: BTreeSet<(u64, BlockId)>,
    /// Those of them that can be asked about.
    online: BTreeSet<(u64, BlockId)>,
    /// Spooled ones that can be asked about: those that failed least first, of these by deadline, so that one that never
    /// passes does not hold up the rest.
    spooled: BTreeSet<(u32, u64, BlockId)>,
}

impl Blocks {
    pub(super) fn get(&self, block: &BlockId) -> Option<&Held> {
        self.all.get(block)
    }

    pub(super) fn insert(&mut self, block: BlockId, held: Held) {
        self.enter(&block, &held);
        self.all.insert(block, held);
    }

    pub(super) fn remove(&mut self, block: &BlockId) -> Option<Held> {
        let held = self.all.remove(block)?;
        self.leave(block, &held);
        Some(held)
    }

    /// Changes a block, where it is there, and its places in the orders.
    pub(super) fn change(&mut self, block: &BlockId, change: impl FnOnce(&mut Held)) {
        if let Some(mut held) = self.remove(block) {
            change(&mut held);
            self.insert(block.clone(), held);
        }
    }

    fn enter(&mut self, block: &BlockId, held: &Held) {
        let idle = held.step == Step::Idle;
        if !held.told {
            self.untold.insert((held.deadline_ns, block.clone()));
            if idle {
                self.online.insert((held.deadline_ns, block.clone()));
            }
        } else if idle && held.disk == Disk::There {
            let place = (held.attempts, held.deadline_ns, block.clone());
            self.spooled.insert(place);
        }
    }

    fn leave(&mut self, block: &BlockId, held: &Held) {
        let by_deadline = (held.deadline_ns, block.clone());
        self.untold.remove(&by_deadline);
        self.online.remove(&by_deadline);
        let place = (held.attempts, held.deadline_ns, block.clone());
        self.spooled.remove(&place);
    }

    /// Blocks whose caller waits.
    pub(super) fn untold(&self) -> usize {
        self.untold.len()
    }

    /// Blocks in all.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn first_deadline(&self) -> Option<(u64, &BlockId)> {
        self.untold
            .first()
            .map(|(deadline, block)| (*deadline, block))
    }

    pub(super) fn untold_blocks(&self) -> Vec<BlockId> {
        self.untold.iter().map(|(_, block)| block.clone()).collect()
    }

    /// Those that wait for their deadline and can be asked about, the earliest first.
    pub(super) fn online(&self) -> impl Iterator<Item = (&BlockId, &Held)> {
        let blocks = self.online.iter();
        blocks.filter_map(|(_, block)| Some((block, self.all.get(block)?)))
    }

    /// The spooled one that is next.
    pub(super) fn next_spooled(&self) -> Option<(&BlockId, &Held)> {
        let (_, _, block) = self.spooled.first()?;
        Some((block, self.all.get(block)?))
    }
}
