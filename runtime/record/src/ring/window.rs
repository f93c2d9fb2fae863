//! Windows of log time that are kept.

use serde::{Deserialize, Serialize};

use super::held::Held;

/// A span of log time of which every message is kept, and the segment in which the log says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
    /// Log and number of the segment that was being written when the window was asked for.
    pub(crate) log: String,
    pub(crate) segment: u32,
}

impl Window {
    /// Whether a segment is kept for this window.
    pub(super) fn touches(&self, held: &Held) -> bool {
        let overlap = self.from_ns <= held.to_ns && held.from_ns <= self.to_ns;
        overlap || (self.segment == held.number && self.log == held.log)
    }
}
