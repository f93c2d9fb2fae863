use std::time::Duration;

/// What the spool may hold. What is over is given up in this order: what is too old and told, then of what is worth least
/// the oldest. A block never makes room for one that is worth less.
#[derive(Clone, Copy, Debug)]
pub struct SpoolLimits {
    /// Bytes on the disk; each block counts its file in whole disk blocks and [`SpoolLimits::OF_INDEX`].
    pub bytes: u64,
    /// Time from storing a block to giving it up, once it is told.
    pub age: Duration,
}

impl SpoolLimits {
    /// Bytes of the index that a block is counted with.
    pub const OF_INDEX: u64 = 1024;
    const DISK_BLOCK: u64 = 4096;

    /// What a block with such a payload counts.
    #[must_use]
    pub fn counted(payload: u64) -> u64 {
        payload.next_multiple_of(Self::DISK_BLOCK) + Self::OF_INDEX
    }
}
