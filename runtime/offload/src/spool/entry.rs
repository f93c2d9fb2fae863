use drafthorse_protocol::BlockId;
use serde::{Deserialize, Serialize};

use crate::answer::Ruling;

/// What a block is stored with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The block.
    pub block: BlockId,
    /// When an answer was due, Unix time.
    pub deadline_ns: u64,
    /// How much it is worth to have it verified; what is worth least is given up first.
    pub worth: u8,
}

/// A block as an opened spool finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// What it was stored with.
    pub waiting: Waiting,
    /// Bytes of its payload.
    pub bytes: usize,
    /// The log has that no answer came in time.
    pub told: bool,
    /// The ruling that took effect and was not settled yet.
    pub ruling: Option<Ruling>,
}

/// A line of the index.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) deadline_ns: u64,
    pub(super) stored_ns: u64,
    pub(super) worth: u8,
    /// Length and checksum of the payload file.
    pub(super) bytes: u32,
    pub(super) crc32: u32,
    /// Number that names the file, growing with every block.
    pub(super) number: u64,
    pub(super) told: bool,
    pub(super) state: State,
}

/// Where a block is on its way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum State {
    /// The payload file is there.
    Waiting,
    /// The file is not needed any more.
    Effective(Ruling),
    /// The log has the verdict; the line only says that the block is done.
    Settled,
}
