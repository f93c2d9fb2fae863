//! Ranges of least relative entropy between the true and the quantised distribution (Migacz, "8-bit
//! Inference with TensorRT", GTC 2017): 128 levels of magnitude, every cut from 128 bins upwards.

use super::{Histogram, Range};

/// Levels of magnitude of a signed byte.
const LEVELS: usize = 128;

/// The range whose cut of the magnitudes loses the least information. Ties go to the wider range.
pub(super) fn range(histogram: &Histogram) -> Range {
    let counts = histogram.counts();
    let total = counts.len();
    let mut best = (f64::INFINITY, total);
    for cut in LEVELS.min(total)..=total {
        if let Some(divergence) = divergence(counts, cut)
            && divergence <= best.0
        {
            best = (divergence, cut);
        }
    }
    let threshold = histogram.edge(best.1) as f32;
    let extent = histogram.extent();
    Range {
        min: extent.min.max(-threshold),
        max: extent.max.min(threshold),
    }
}

/// Relative entropy of the counts below `cut`, with all above put into the last bin, to what is left
/// of them when bins are merged to [`LEVELS`] levels and spread again. None where a bin that has
/// values would become empty, or where nothing lies below the cut.
fn divergence(counts: &[u64], cut: usize) -> Option<f64> {
    let outside: u64 = counts[cut..].iter().sum();
    let inside = &counts[..cut];
    let total: u64 = inside.iter().sum::<u64>() + outside;
    let kept: u64 = inside.iter().sum();
    if kept == 0 {
        return None;
    }
    let mut sum = 0.0;
    for level in 0..LEVELS.min(cut) {
        let levels = LEVELS.min(cut);
        let bins = level * cut / levels..(level + 1) * cut / levels;
        let merged: u64 = inside[bins.clone()].iter().sum();
        // The last bin counts as filled where values outside were put into it.
        let is_filled = |bin: usize| inside[bin] > 0 || (bin + 1 == cut && outside > 0);
        let filled = bins.clone().filter(|&bin| is_filled(bin)).count();
        if filled == 0 {
            continue;
        }
        let each = merged as f64 / filled as f64 / kept as f64;
        for bin in bins {
            let count = inside[bin] + if bin + 1 == cut { outside } else { 0 };
            if count == 0 {
                continue;
            }
            if each == 0.0 {
                return None;
            }
            let p = count as f64 / total as f64;
            sum += p * (p / each).ln();
        }
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::{BINS, Extent};
    use proptest::prelude::*;

    /// The definition, step by step, with whole distributions in memory.
    fn plain_divergence(counts: &[u64], cut: usize) -> f64 {
        let mut p: Vec<f64> = counts[..cut].iter().map(|&c| c as f64).collect();
        p[cut - 1] += counts[cut..].iter().sum::<u64>() as f64;
        let mut q = vec![0.0; cut];
        for level in 0..128 {
            let (from, to) = (level * cut / 128, (level + 1) * cut / 128);
            let merged: u64 = counts[from..to].iter().sum();
            let filled = (from..to).filter(|&i| p[i] > 0.0).count();
            (from..to)
                .filter(|&i| p[i] > 0.0)
                .for_each(|i| q[i] = merged as f64 / filled as f64);
        }
        let (all_p, all_q): (f64, f64) = (p.iter().sum(), q.iter().sum());
        (0..cut)
            .filter(|&i| p[i] > 0.0)
            .map(|i| {
                let (p, q) = (p[i] / all_p, q[i] / all_q);
                if q > 0.0 {
                    p * (p / q).ln()
                } else {
                    f64::INFINITY
                }
            })
            .sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn every_cut_has_the_divergence_of_the_definition(
            counts in prop::collection::vec(0u64..50, 200..260), tail in 1u64..5,
        ) {
            let mut counts = counts;
            counts.push(tail);
            for cut in 128..=counts.len() {
                let expected = plain_divergence(&counts, cut);
                match divergence(&counts, cut) {
                    Some(found) => prop_assert!((found - expected).abs() < 1e-9),
                    None => prop_assert!(!expected.is_finite()),
                }
            }
        }
    }

    #[test]
    fn a_far_outlier_is_cut_off() {
        let mut values: Vec<f32> = (0..200_000)
            .map(|i| {
                let u = |k: u32| {
                    let x = (i as u32)
                        .wrapping_mul(2_654_435_761)
                        .wrapping_add(k * 977_777_777);
                    let x = (x ^ (x >> 15)).wrapping_mul(2_246_822_519);
                    ((x ^ (x >> 13)) as f32 + 1.0) / 4_294_967_808.0
                };
                (-2.0 * u(1).ln()).sqrt() * (std::f32::consts::TAU * u(2)).cos()
            })
            .collect();
        values.push(60.0);
        let mut extent = Extent::default();
        extent.add(&values);
        let mut histogram = Histogram::of_magnitudes(&extent, BINS);
        histogram.add(&values);
        let range = range(&histogram);
        assert!(range.max < 10.0 && range.max > 2.0, "{range:?}");
        assert!(range.min > -10.0, "{range:?}");
    }
}
