//! Ranges of least mean square error: rounding inside against clipping outside.

use super::{Histogram, Range};
use crate::affine::{Affine, Grid};

/// Parts of the full range that are tried, 1/128 apart and from 1/4 upwards.
const STEPS: u32 = 128;

/// First both ends are drawn in together, then the upper and the lower end alone. Ties go to the
/// wider range.
pub(super) fn range(histogram: &Histogram, grid: Grid) -> Range {
    let full = histogram.extent().with_zero();
    let mut best = (error(histogram, grid.fit(full)), full);
    let mut search = |ends: fn(Range, f32) -> Range| {
        let start = best.1;
        for step in (STEPS / 4..STEPS).rev() {
            let candidate = ends(start, step as f32 / STEPS as f32);
            let found = error(histogram, grid.fit(candidate));
            if found < best.0 {
                best = (found, candidate);
            }
        }
    };
    search(|range, part| Range {
        min: range.min * part,
        max: range.max * part,
    });
    if matches!(grid, Grid::U8) {
        search(|range, part| Range {
            max: range.max * part,
            ..range
        });
        search(|range, part| Range {
            min: range.min * part,
            ..range
        });
    }
    best.1
}

/// Sum of the squared errors if all values of a bin lay in its middle.
fn error(histogram: &Histogram, line: Affine) -> f64 {
    let counts = histogram.counts().iter().enumerate();
    let each = counts.filter(|(_, count)| **count > 0).map(|(bin, count)| {
        let value = histogram.centre(bin) as f32;
        let difference = f64::from(line.round_trip(value) - value);
        difference * difference * *count as f64
    });
    each.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::{BINS, Extent};
    use proptest::prelude::*;

    fn histogram_of(values: &[f32]) -> Histogram {
        let mut extent = Extent::default();
        extent.add(values);
        let mut histogram = Histogram::of_values(&extent, BINS);
        histogram.add(values);
        histogram
    }

    fn true_error(values: &[f32], line: Affine) -> f64 {
        values
            .iter()
            .map(|&v| f64::from(line.round_trip(v) - v).powi(2))
            .sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn it_is_about_the_best_of_all_joint_cuts_on_the_values_themselves(
            body in prop::collection::vec(-1.0f32..1.0, 200..400), outlier in 1.0f32..30.0,
        ) {
            let mut values = body;
            values.push(outlier);
            let histogram = histogram_of(&values);
            for grid in [Grid::U8, Grid::S8] {
                let found = true_error(&values, grid.fit(range(&histogram, grid)));
                let full = histogram.extent().with_zero();
                let best = (32..=128)
                    .map(|step| {
                        let part = step as f32 / 128.0;
                        let cut = Range { min: full.min * part, max: full.max * part };
                        true_error(&values, grid.fit(cut))
                    })
                    .fold(f64::INFINITY, f64::min);
                // Bins stand for their middles: half a bin of slack for each value.
                let half_bin = f64::from(full.max - full.min) / BINS as f64 / 2.0;
                let norm = best.sqrt() + 2.0 * half_bin * (values.len() as f64).sqrt();
                prop_assert!(found <= norm * norm + 1e-9, "{found} {best}");
            }
        }
    }

    #[test]
    fn rare_outliers_are_clipped_and_even_values_are_not() {
        let even: Vec<f32> = (0..=100_000).map(|i| i as f32 / 100_000.0).collect();
        let whole = range(&histogram_of(&even), Grid::U8);
        assert!(whole.max > 0.98, "{whole:?}");
        let mut tailed = even;
        tailed.push(3.0);
        let cut = range(&histogram_of(&tailed), Grid::U8);
        assert!(cut.max < 2.8, "{cut:?}");
    }
}
