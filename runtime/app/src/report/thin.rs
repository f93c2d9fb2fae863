//! Keeps an even selection of an endless sequence within bounds: each k-th item of each stream,
//! with k doubled whenever the selection outgrows its bounds.

use std::collections::BTreeMap;

/// An evenly thinned, bounded collection of items from several streams.
#[derive(Debug)]
pub(super) struct Thinned<T> {
    max_items: usize,
    max_weight: usize,
    keep_each: u64,
    weight: usize,
    seen: BTreeMap<u32, u64>,
    kept: Vec<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    index: u64,
    weight: usize,
    item: T,
}

impl<T> Thinned<T> {
    /// Keeps at most `max_items` items and at most `max_weight` in total weight.
    pub(super) fn new(max_items: usize, max_weight: usize) -> Self {
        Self {
            max_items,
            max_weight,
            keep_each: 1,
            weight: 0,
            seen: BTreeMap::new(),
            kept: Vec::new(),
        }
    }

    /// Offers the next item of a stream; `make` gives it and its weight if it is kept.
    pub(super) fn offer(&mut self, stream: u32, make: impl FnOnce() -> (T, usize)) {
        let seen = self.seen.entry(stream).or_default();
        let index = *seen;
        *seen += 1;
        if !index.is_multiple_of(self.keep_each) {
            return;
        }
        let (item, weight) = make();
        if weight > self.max_weight {
            return;
        }
        self.weight += weight;
        self.kept.push(Kept {
            index,
            weight,
            item,
        });
        while self.kept.len() > self.max_items || self.weight > self.max_weight {
            if self.keep_each > 1 << 40 {
                // Only first items are left: the newest has to go.
                let last = self.kept.pop();
                self.weight -= last.map_or(self.weight, |k| k.weight);
                continue;
            }
            self.keep_each *= 2;
            let each = self.keep_each;
            self.kept.retain(|k| k.index.is_multiple_of(each));
            self.weight = self.kept.iter().map(|k| k.weight).sum();
        }
    }

    /// Items offered so far.
    pub(super) fn offered(&self) -> u64 {
        self.seen.values().sum()
    }

    /// The kept items in the order they came.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.kept.into_iter().map(|k| k.item)
    }
}

#[cfg(test)]
mod tests {
    use super::Thinned;

    #[test]
    fn all_items_stay_while_they_fit() {
        let mut thinned = Thinned::new(10, 1000);
        (0..10).for_each(|i| thinned.offer(0, || (i, 1)));
        assert!(thinned.into_items().eq(0..10));
    }

    #[test]
    fn a_long_sequence_is_thinned_evenly_within_both_bounds() {
        for (max_items, max_weight) in [(600, usize::MAX), (usize::MAX, 6000)] {
            let mut thinned = Thinned::new(max_items, max_weight);
            (0..100_000_u32).for_each(|i| thinned.offer(0, || (i, 10)));
            assert_eq!(thinned.offered(), 100_000);
            let items: Vec<_> = thinned.into_items().collect();
            assert!((300..=600).contains(&items.len()), "{}", items.len());
            let gap = items[1] - items[0];
            assert!(items.windows(2).all(|w| w[1] - w[0] == gap));
        }
    }

    #[test]
    fn interleaved_streams_are_thinned_alike() {
        let mut thinned = Thinned::new(100, usize::MAX);
        (0..3000_u32).for_each(|i| thinned.offer(i % 3, || (i % 3, 1)));
        let items: Vec<_> = thinned.into_items().collect();
        let of = |s| items.iter().filter(|i| **i == s).count();
        assert!(items.len() <= 100 && of(0) > 10);
        assert!(of(0).abs_diff(of(1)) <= 1 && of(1).abs_diff(of(2)) <= 1);
    }

    #[test]
    fn more_streams_than_room_stay_bounded() {
        let mut thinned = Thinned::new(5, usize::MAX);
        (0..100_u32).for_each(|i| thinned.offer(i, || (i, 1)));
        assert_eq!(thinned.into_items().count(), 5);
    }
}
