use drafthorse_protocol::BlockId;

/// What a block comes with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The block.
    pub block: BlockId,
    /// Bytes of its request.
    pub bytes: u64,
    /// When an answer is due, Unix time.
    pub deadline_ns: u64,
}

/// How many of what there were in this run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks given.
    pub submitted: u64,
    /// Confirmed in time.
    pub confirmed: u64,
    /// Corrected in time.
    pub corrected: u64,
    /// Told unverified at their deadline.
    pub unverified: u64,
    /// Unverified ones that got their verdict later, those of earlier runs too.
    pub amended: u64,
    /// Given up: too old, in the way of others, or damaged.
    pub given_up: u64,
    /// The target did not take them.
    pub refused: u64,
    /// Calls for a verdict.
    pub calls: u64,
    /// Of these, unanswered ones.
    pub unanswered: u64,
}
