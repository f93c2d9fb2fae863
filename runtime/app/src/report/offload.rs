//! What became of drafted blocks, and what the link to the target carried.

use super::data::Offloaded;
use drafthorse_record::messages::drafthorse::{self, verdict::Outcome};
use std::collections::HashMap;

/// Blocks remembered at most, against a log that invents them.
const MAX_BLOCKS: usize = 200_000;

/// The state of the fold.
#[derive(Debug, Default)]
pub(super) struct Offload {
    /// The last word on each block.
    verdicts: HashMap<String, drafthorse::Verdict>,
    /// Which block a keyframe's drafts are in.
    blocks: HashMap<u64, String>,
    amended: u64,
    last: Option<drafthorse::Link>,
    /// Reports of the link by its state: up, poor, down.
    states: [u64; 3],
}

impl Offload {
    /// Takes the word on a block. What was decided stays, whatever is said of it again: a block takes effect once.
    pub(super) fn add_verdict(&mut self, verdict: drafthorse::Verdict) {
        if self.verdicts.len() >= MAX_BLOCKS {
            return;
        }
        let open = |outcome| matches!(outcome, Outcome::Unverified | Outcome::Unknown);
        let before = self.verdicts.get(&verdict.block);
        if before.is_some_and(|before| !open(before.outcome())) {
            return;
        }
        if verdict.outcome() == Outcome::Amended {
            self.amended += 1;
        }
        self.blocks
            .insert(verdict.keyframe_ns, verdict.block.clone());
        self.verdicts.insert(verdict.block.clone(), verdict);
    }

    /// Takes a report of the link.
    pub(super) fn add_link(&mut self, link: drafthorse::Link) {
        let state = ["up", "poor", "down"]
            .iter()
            .position(|&name| name == link.state);
        if let Some(state) = state {
            self.states[state] += 1;
        }
        self.last = Some(link);
    }

    /// The word on a keyframe's block.
    pub(super) fn of_keyframe(&self, begin_ns: u64) -> Option<&drafthorse::Verdict> {
        self.verdicts.get(self.blocks.get(&begin_ns)?)
    }

    /// Totals; none where nothing was drafted.
    pub(super) fn finish(&self) -> Option<Offloaded> {
        if self.verdicts.is_empty() && self.last.is_none() {
            return None;
        }
        let count = |outcome| {
            let of = self.verdicts.values();
            of.filter(|verdict| verdict.outcome() == outcome).count() as u64
        };
        let link = self.last.clone().unwrap_or_default();
        Some(Offloaded {
            blocks: self.verdicts.len() as u64,
            accepted: count(Outcome::Accepted),
            confirmed: count(Outcome::Confirmed),
            corrected: count(Outcome::Corrected),
            unverified: count(Outcome::Unverified),
            amended: self.amended,
            sent_bytes: link.sent_bytes,
            received_bytes: link.received_bytes,
            pictures_bytes: link.pictures_bytes,
            spooled_blocks: link.spooled_blocks,
            states: self.states,
            state: link.state,
            round_trip_ms: link.round_trip_ns as f64 / 1e6,
            bytes_per_second: link.bytes_per_second,
            loss: link.loss,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(block: &str, keyframe_ns: u64, outcome: Outcome) -> drafthorse::Verdict {
        drafthorse::Verdict {
            block: block.to_owned(),
            keyframe_ns,
            outcome: outcome.into(),
            ..Default::default()
        }
    }

    #[test]
    fn a_block_takes_effect_once_and_an_unverified_one_can_be_amended() {
        let mut offload = Offload::default();
        assert!(offload.finish().is_none());
        for (block, at, outcome) in [
            ("a", 1, Outcome::Accepted),
            ("b", 2, Outcome::Unverified),
            ("c", 3, Outcome::Corrected),
            ("b", 2, Outcome::Amended),
            ("c", 3, Outcome::Amended),
            ("b", 2, Outcome::Amended),
            ("d", 4, Outcome::Unverified),
        ] {
            offload.add_verdict(verdict(block, at, outcome));
        }
        let totals = offload.finish().unwrap();
        let counts = [
            totals.blocks,
            totals.accepted,
            totals.confirmed,
            totals.corrected,
            totals.unverified,
            totals.amended,
        ];
        assert_eq!(counts, [4, 1, 0, 1, 1, 1]);
        let of = |at| offload.of_keyframe(at).map(drafthorse::Verdict::outcome);
        assert_eq!(of(2), Some(Outcome::Amended));
        assert_eq!(of(9), None);
    }
}
