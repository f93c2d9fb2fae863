use drafthorse_protocol::{BlockId, Verdict};
use serde::{Deserialize, Serialize};

/// A verdict, and whether it leaves every draft of the block as it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ruling {
    /// What the target said.
    pub verdict: Verdict,
    /// All drafts stand.
    pub confirms: bool,
    /// The whole text of each frame as the target would have it, token ids.
    pub texts: Vec<Vec<u16>>,
    /// Tokens of each frame's draft.
    pub drafted: Vec<u16>,
}

/// What became of a block.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The target would have written the same; in time.
    Confirmed(Ruling),
    /// The target would have written something else, and says what; in time.
    Corrected(Ruling),
    /// Nothing came in time: the draft stands as it is. A block that is spooled may be amended later.
    Unverified {
        /// Why.
        why: Why,
        /// The block is on the disk and is tried again.
        spooled: bool,
    },
    /// The verdict on a block that was called unverified before.
    Amended(Ruling),
    /// A block with this id was given before: this submission is passed over, and changes nothing for the other.
    Repeated,
}

impl Outcome {
    /// The ruling, where there is one.
    #[must_use]
    pub fn ruling(&self) -> Option<&Ruling> {
        match self {
            Self::Confirmed(ruling) | Self::Corrected(ruling) | Self::Amended(ruling) => {
                Some(ruling)
            }
            Self::Unverified { .. } | Self::Repeated => None,
        }
    }
}

/// Why a block has no verdict when it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It was asked, and no answer came.
    #[error("no answer in time")]
    NoAnswer,
    /// There was no link to ask over.
    #[error("no link")]
    LinkDown,
    /// The target asked for patience.
    #[error("the target is busy")]
    TargetBusy,
    /// The metered link's bytes are used up.
    #[error("the link's budget is used up")]
    Metered,
    /// More blocks wait for their deadline than are tried at once.
    #[error("too many blocks at once")]
    Crowded,
    /// The target does not take this block, and never will.
    #[error("the target refuses the block: {0}")]
    Refused(String),
    /// The process ended while the block waited.
    #[error("restarted while it waited")]
    Restarted,
    /// Offloading was stopped.
    #[error("stopped")]
    Stopped,
}

/// One outcome of one block, as it is handed out.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The block.
    pub block: BlockId,
    /// What became of it.
    pub outcome: Outcome,
    /// When an answer was due, Unix time.
    pub deadline_ns: u64,
    /// When this one is handed out, Unix time.
    pub handed_ns: u64,
    /// How often the target was asked in this run.
    pub attempts: u32,
}
