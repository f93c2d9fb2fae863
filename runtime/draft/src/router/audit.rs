//! Audits: blocks that would stay and are sent all the same.

use crate::random::unit_of;

const AUDIT: u64 = 0xA0D17;

/// Whether a block is audited: drawn by its id, so that a replay draws the same.
pub(super) fn is_audited(id: &str, share: f64, seed: u64) -> bool {
    unit_of(id.as_bytes(), seed ^ AUDIT) < share
}
