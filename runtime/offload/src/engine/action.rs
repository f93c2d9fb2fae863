use drafthorse_protocol::BlockId;

use crate::answer::{Answer, Ruling};

/// What is to be done. What comes of it goes back in, but for [`Action::Hand`], [`Action::Release`] and
/// [`Action::Reconnect`].
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Put the block on the disk: `stored`.
    Store(BlockId),
    /// Make the ruling the block's one and only: `recorded`. Where the block is not stored yet, that need not be done any
    /// more: `stored` and then `recorded`.
    Record(BlockId, Ruling),
    /// Give the block up on the disk; nothing comes back.
    Discard(BlockId),
    /// Give up what is too old on the disk: `evicted`.
    Expire,
    /// Ask for a verdict: `verified` or `failed`, after the timeout at the latest; `unsent` where there was nothing to ask
    /// with.
    Send {
        /// Number of the call.
        call: u64,
        /// The block.
        block: BlockId,
        /// The call is given up after this.
        timeout_ns: u64,
    },
    /// Ask whether the target is there: `probed`, after the timeout at the latest.
    Probe {
        /// Number of the call.
        call: u64,
        /// The call is given up after this.
        timeout_ns: u64,
    },
    /// Let the next call go over a new connection.
    Reconnect,
    /// Hand the answer to the caller.
    Hand(Answer),
    /// The block need not be in memory any more.
    Release(BlockId),
}

/// What went wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered, or not in time, or the connection broke.
    Unanswered,
    /// The target asks for patience, and may say how long.
    Busy {
        /// Not before this.
        after_ns: Option<u64>,
    },
    /// The target is not the one we know, or does not know us or the model: no block is at fault.
    NotLetIn,
    /// The target failed on this block, or its answer was none: another time it may not.
    Faulty(String),
    /// The target does not take this block.
    Refused(String),
}

/// Why a block is not on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unstored {
    /// It was given before.
    Known,
    /// There is no room, or the disk fails.
    NoRoom,
}

/// Why a block could not be asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// What the disk has of it is no block.
    Damaged,
    /// The disk fails, or this program did.
    Fault,
}

/// Why a ruling was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unrecorded {
    /// The block is not on the disk any more: given up.
    Gone,
    /// It has its verdict already.
    Settled,
    /// The disk fails.
    Disk,
}
