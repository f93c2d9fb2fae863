//! Counts of marked events over time in bounded memory: the slots widen as the time grows.

use std::collections::BTreeMap;

const MAX_BINS: usize = 1500;

/// Event counts by label and time slot.
#[derive(Debug)]
pub(super) struct Bins {
    slot_ns: u64,
    counts: BTreeMap<(u32, u64), u64>,
}

impl Default for Bins {
    fn default() -> Self {
        Self {
            slot_ns: 10_000_000,
            counts: BTreeMap::new(),
        }
    }
}

impl Bins {
    /// Counts `count` events of a label at a time.
    pub(super) fn add(&mut self, label: u32, at_ns: u64, count: u64) {
        *self
            .counts
            .entry((label, at_ns / self.slot_ns))
            .or_default() += count;
        while self.counts.len() > MAX_BINS && self.slot_ns < u64::MAX / 4 {
            self.slot_ns *= 2;
            let narrow = std::mem::take(&mut self.counts);
            for ((label, slot), count) in narrow {
                *self.counts.entry((label, slot / 2)).or_default() += count;
            }
        }
    }

    /// Label, start of the slot in ns, and count, ordered by label and time.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u64, u64)> {
        self.counts
            .iter()
            .map(|((label, slot), count)| (*label, slot * self.slot_ns, *count))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bins, MAX_BINS};

    #[test]
    fn counts_survive_widening() {
        let mut bins = Bins::default();
        for i in 0..100_000_u64 {
            bins.add((i % 2) as u32, i * 1_000_000_000, 3);
        }
        assert!(bins.iter().count() <= MAX_BINS);
        assert_eq!(bins.iter().map(|b| b.2).sum::<u64>(), 300_000);
        assert!(bins.iter().map(|b| b.1).max() > Some(90_000_000_000_000));
    }
}
