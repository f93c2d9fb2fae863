//! Percentiles of durations: exact while the samples are few, then from logarithmic buckets whose
//! width is 1/128 of their value, so that memory stays bounded for any length of log.

/// Samples kept as they are; beyond that only the buckets count.
const EXACT_SAMPLES: usize = 65_536;
/// Bars a decade in [`Histogram::bars`].
const BARS_PER_DECADE: f64 = 8.0;

/// Durations of one stage in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    exact: Vec<u64>,
    buckets: Vec<u64>,
    count: u64,
    max_ns: u64,
}

impl Histogram {
    /// Counts one duration.
    pub(super) fn add(&mut self, ns: u64) {
        self.count += 1;
        self.max_ns = self.max_ns.max(ns);
        let bucket = bucket(ns);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] += 1;
        if self.is_exact() {
            self.exact.push(ns);
        } else {
            self.exact = Vec::new();
        }
    }

    /// Durations counted.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The longest duration, ns; always exact.
    pub(super) fn max_ns(&self) -> u64 {
        self.max_ns
    }

    /// Whether [`Self::percentiles`] come from the samples themselves.
    pub(super) fn is_exact(&self) -> bool {
        self.count <= EXACT_SAMPLES as u64
    }

    /// Nearest-rank percentiles in ns for fractions in (0, 1]; 0 without samples.
    pub(super) fn percentiles<const N: usize>(&mut self, fractions: [f64; N]) -> [u64; N] {
        self.exact.sort_unstable();
        fractions.map(|fraction| {
            let rank = ((fraction * self.count as f64).ceil() as u64).clamp(1, self.count.max(1));
            if self.is_exact() {
                return self.exact.get(rank as usize - 1).copied().unwrap_or(0);
            }
            let mut below = 0;
            let found = self.buckets.iter().position(|n| {
                below += n;
                below >= rank
            });
            found.map_or(self.max_ns, |b| {
                let (low, high) = (lower_bound(b), lower_bound(b + 1));
                (low + (high - low - 1) / 2).min(self.max_ns)
            })
        })
    }

    /// Counts on a logarithmic scale: bar `i` begins at `10^(i / BARS_PER_DECADE)` ns. Empty bars
    /// are left out.
    pub(super) fn bars(&self) -> Vec<(u32, u64)> {
        let mut bars: Vec<(u32, u64)> = Vec::new();
        for (b, n) in self.buckets.iter().enumerate().filter(|(_, n)| **n > 0) {
            let middle = (lower_bound(b) as f64 + lower_bound(b + 1) as f64 - 1.0) / 2.0;
            let bar = (middle.max(1.0).log10() * BARS_PER_DECADE) as u32;
            match bars.last_mut() {
                Some((last, count)) if *last == bar => *count += n,
                _ => bars.push((bar, *n)),
            }
        }
        bars
    }
}

/// Bucket of a value: its own below 256, then 128 buckets an octave.
fn bucket(ns: u64) -> usize {
    let shift = (64 - ns.leading_zeros()).saturating_sub(8);
    (shift as usize) * 128 + (ns >> shift) as usize
}

/// Least value of a bucket.
fn lower_bound(bucket: usize) -> u64 {
    if bucket < 256 {
        return bucket as u64;
    }
    let shift = bucket / 128 - 1;
    let mantissa = (bucket - shift * 128) as u64;
    u64::try_from(u128::from(mantissa) << shift).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bucket's width relative to its lower bound.
    const RESOLUTION: f64 = 1.0 / 128.0;

    #[test]
    fn every_value_lies_in_its_bucket() {
        for ns in (0..4096).chain((0..57).flat_map(|s| [255 << s, 128 << s, (129 << s) - 1])) {
            let b = bucket(ns);
            assert!(lower_bound(b) <= ns && ns < lower_bound(b + 1), "{ns}");
            let width = (lower_bound(b + 1) - lower_bound(b) - 1) as f64;
            assert!(width <= RESOLUTION * lower_bound(b) as f64, "{ns}");
        }
    }

    #[test]
    fn few_samples_give_exact_percentiles() {
        let mut histogram = Histogram::default();
        (1..=1000_u64).rev().for_each(|i| histogram.add(i * 1001));
        let got = histogram.percentiles([0.5, 0.9, 0.99, 1.0]);
        assert_eq!(got, [500_500, 900_900, 990_990, 1_001_000]);
        assert!(histogram.is_exact());
        assert_eq!(histogram.max_ns(), 1_001_000);
        let bars: u64 = histogram.bars().iter().map(|b| b.1).sum();
        assert_eq!(bars, 1000);
    }

    #[test]
    fn many_samples_stay_within_the_resolution() {
        let mut histogram = Histogram::default();
        let mut all: Vec<u64> = (0..200_000_u64).map(|i| i * i % 50_000_017 + 900).collect();
        all.iter().for_each(|ns| histogram.add(*ns));
        all.sort_unstable();
        assert!(!histogram.is_exact());
        for (fraction, got) in [0.5, 0.9, 0.99]
            .into_iter()
            .zip(histogram.percentiles([0.5, 0.9, 0.99]))
        {
            let want = all[(fraction * all.len() as f64).ceil() as usize - 1] as f64;
            assert!(
                (got as f64 - want).abs() <= RESOLUTION * want,
                "{got} {want}"
            );
        }
    }

    #[test]
    fn nothing_counted_gives_zero() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles([0.5]), [0]);
        assert!(histogram.bars().is_empty() && histogram.count() == 0);
    }
}
