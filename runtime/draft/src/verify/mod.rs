//! What of a draft stays: exact rules, after which the text is the target's own.
//!
//! Greedy: what stays is what the target would have chosen. Drawn: whatever is drafted, what comes out has
//! the target's distribution (Leviathan, Kalman and Matias 2023; Chen et al. 2023). Everything here is pure: the
//! target is a function of the tokens so far, random numbers come from a seed.

mod drawn;
mod greedy;

pub use drawn::{drawn, refused};
pub use greedy::greedy;

/// What stays of a draft.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Indices of the tokens that stay, from the first on.
    pub path: Vec<usize>,
    /// What follows them: what the target says where the draft was wrong, or after all of it. None where
    /// the last token that stays ends the text.
    pub next: Option<u32>,
}
