//! Counts of values in bins of one width.

use super::{Extent, Range};

/// Bins of a histogram, as many as TensorRT uses.
pub const BINS: usize = 2048;

/// Counts over a range that is known beforehand.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    low: f64,
    width: f64,
    counts: Vec<u64>,
    folded: bool,
    extent: Range,
}

impl Histogram {
    /// Of values as they are, from the least to the greatest.
    ///
    /// # Panics
    /// Where `bins` is 0.
    #[must_use]
    pub fn of_values(extent: &Extent, bins: usize) -> Self {
        let range = extent.range();
        Self::new(range, range, bins, false)
    }

    /// Of values without their sign, from 0 to the greatest magnitude.
    ///
    /// # Panics
    /// Where `bins` is 0.
    #[must_use]
    pub fn of_magnitudes(extent: &Extent, bins: usize) -> Self {
        let range = extent.range();
        let max = range.magnitude();
        Self::new(Range { min: 0.0, max }, range, bins, true)
    }

    fn new(over: Range, extent: Range, bins: usize, folded: bool) -> Self {
        assert!(bins > 0, "a histogram has bins");
        let low = f64::from(over.min);
        let width = (f64::from(over.max) - low) / bins as f64;
        Self {
            low,
            width,
            counts: vec![0; bins],
            folded,
            extent,
        }
    }

    /// Takes more values. Those outside count in the outermost bins. Zeros are left out: every grid
    /// has a point there, and grids seen from above or behind a ReLU are mostly zeros, beside which
    /// nothing else would count.
    pub fn add(&mut self, values: &[f32]) {
        let last = self.counts.len() - 1;
        for &value in values.iter().filter(|value| **value != 0.0) {
            let value = if self.folded { value.abs() } else { value };
            let offset = f64::from(value) - self.low;
            // A histogram without width counts everything in its first bin.
            let bin = if self.width > 0.0 {
                (offset / self.width) as usize
            } else {
                0
            };
            self.counts[bin.min(last)] += 1;
        }
    }

    /// Counts of the bins.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Number of values that are not 0.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Value at the lower edge of a bin; of the bin after the last for the upper end.
    #[must_use]
    pub fn edge(&self, bin: usize) -> f64 {
        self.low + self.width * bin as f64
    }

    /// Value in the middle of a bin.
    #[must_use]
    pub fn centre(&self, bin: usize) -> f64 {
        self.low + self.width * (bin as f64 + 0.5)
    }

    /// Least and greatest value, with their signs.
    #[must_use]
    pub fn extent(&self) -> Range {
        self.extent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_value_but_zeros_is_counted_in_the_bin_around_it(
            values in prop::collection::vec(prop_oneof![3 => -50.0f32..50.0, 1 => Just(0.0)], 1..100), folded in any::<bool>(),
        ) {
            let mut extent = Extent::default();
            extent.add(&values);
            let mut histogram = match folded {
                true => Histogram::of_magnitudes(&extent, 16),
                false => Histogram::of_values(&extent, 16),
            };
            histogram.add(&values);
            let values: Vec<f32> = values.into_iter().filter(|v| *v != 0.0).collect();
            prop_assert_eq!(histogram.total(), values.len() as u64);
            let slack = 1e-9;
            let mut plain = vec![0u64; 16];
            for value in &values {
                let value = f64::from(if folded { value.abs() } else { *value });
                let bin = (0..16).rev().find(|&b| histogram.edge(b) <= value + slack);
                plain[bin.unwrap()] += 1;
            }
            let moved: u64 = plain
                .iter()
                .zip(histogram.counts())
                .map(|(a, b)| a.abs_diff(*b))
                .sum();
            // Values on an edge may fall to either side.
            prop_assert!(moved <= 2, "{plain:?} {:?}", histogram.counts());
        }
    }
}
