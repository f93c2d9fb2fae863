//! How much to draft: fixed, or from what drafts and verification turned out to cost and to be worth.

mod bandit;
mod expected;

pub use bandit::Bandit;
pub use expected::Expected;

use std::time::Duration;

/// What came of one draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Length that was chosen.
    pub length: usize,
    /// Tokens that were drafted.
    pub drafted: usize,
    /// Tokens that the target ran over.
    pub fed: usize,
    /// Tokens that stayed, from the first on.
    pub stayed: usize,
    /// Time of the drafter.
    pub drafting: Duration,
    /// Time of the target.
    pub verifying: Duration,
}

/// How the length of the next draft is chosen. What is learnt depends on the clock: text that is drawn comes
/// out another each time with [`Self::Expected`] and [`Self::Bandit`], though of the same distribution.
#[derive(Clone, Debug, PartialEq)]
pub enum Lengths {
    /// The same each time.
    Fixed(usize),
    /// The one of which most tokens a second are expected.
    Expected(Expected),
    /// The one that has given most tokens a second, others tried now and then.
    Bandit(Bandit),
}

impl Lengths {
    /// Length of the next draft.
    pub fn choose(&mut self) -> usize {
        match self {
            Self::Fixed(length) => *length,
            Self::Expected(expected) => expected.choose(),
            Self::Bandit(bandit) => bandit.choose(),
        }
    }

    /// Learns what came of a draft.
    pub fn learn(&mut self, round: &Round) {
        match self {
            Self::Fixed(_) => {}
            Self::Expected(expected) => expected.learn(round),
            Self::Bandit(bandit) => bandit.learn(round),
        }
    }
}
