//! Means with their intervals.

/// Draws from which the interval of a mean is taken.
const DRAWS: usize = 10_000;

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The interval that holds 95 % of the means of as many values drawn from these again (bootstrap).
pub(super) fn interval(values: &[f64]) -> [f64; 2] {
    // A linear congruential generator (Knuth's MMIX): the same values give the same interval.
    let mut state = 1_u64;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        values[(state >> 33) as usize % values.len()]
    };
    if values.is_empty() {
        return [0.0; 2];
    }
    let mut means: Vec<f64> = (0..DRAWS)
        .map(|_| values.iter().map(|_| draw()).sum::<f64>() / values.len() as f64)
        .collect();
    means.sort_by(f64::total_cmp);
    [means[DRAWS / 40], means[DRAWS - 1 - DRAWS / 40]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_holds_the_mean_and_narrows_with_more_values() {
        let few = [1.0, 0.9, 0.8, 1.0, 0.7];
        let many: Vec<f64> = few.iter().copied().cycle().take(100).collect();
        let ([a, b], [c, d]) = (interval(&few), interval(&many));
        assert!(a < c && c < mean(&few) && mean(&few) < d && d < b);
        // Normal theory: 1.96 deviations of a mean of a hundred.
        let deviation = (few.iter().map(|r| (r - 0.88_f64).powi(2)).sum::<f64>() / 5.0).sqrt();
        assert!((d - c - 2.0 * 1.96 * deviation / 10.0).abs() < 0.004);
        assert_eq!(interval(&[1.0; 3]), [1.0; 2]);
    }
}
