//! Ranges that leave the outermost values out.

use super::{Histogram, Range};

/// The range between the bins at which so many percent of all values lie below and above.
pub(super) fn range(histogram: &Histogram, percent: f64) -> Range {
    let counts = histogram.counts();
    let needed = (histogram.total() as f64 * (percent / 100.0)).ceil() as u64;
    let mut below = 0;
    let above_upper = counts.iter().position(|count| {
        below += count;
        below >= needed
    });
    let mut above = 0;
    let below_lower = counts.iter().rev().position(|count| {
        above += count;
        above >= needed
    });
    let upper = above_upper.unwrap_or(counts.len() - 1) + 1;
    let lower = counts.len() - 1 - below_lower.unwrap_or(counts.len() - 1);
    Range {
        min: histogram.edge(lower) as f32,
        max: histogram.edge(upper) as f32,
    }
}

#[cfg(test)]
mod tests {
    use crate::affine::Grid;
    use crate::ranges::{Extent, Method};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_that_of_the_sorted_values_to_a_bin(
            values in prop::collection::vec(-10.0f32..10.0, 2..400), percent in 80.0f64..100.0,
        ) {
            let method = Method::Percentile(percent);
            let mut extent = Extent::default();
            extent.add(&values);
            let mut histogram = method.histogram(&extent).unwrap();
            histogram.add(&values);
            let range = method.range(&extent, Some(&histogram), Grid::U8);

            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let count = sorted.len();
            let nth = ((count as f64 * percent / 100.0).ceil() as usize).clamp(1, count);
            let seen = extent.range();
            let bin = (seen.max - seen.min) / 2048.0 * 1.01 + 1e-5;
            prop_assert!((range.max - sorted[nth - 1].max(range.min)).abs() <= bin);
            prop_assert!((range.min - sorted[count - nth].min(range.max)).abs() <= bin);
        }
    }
}
