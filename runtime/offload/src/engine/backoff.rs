use std::time::Duration;

/// First pause.
const FIRST_NS: u64 = 250_000_000;
/// Longest pause.
const LONGEST_NS: u64 = 60_000_000_000;

/// Pauses that double, each drawn between half and whole, so that vehicles that failed together do not come back
/// together.
pub(super) struct Jitter(fastrand::Rng);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// The pause after so many failures in a row, from 1 on.
    pub(super) fn pause_ns(&mut self, failures: u32) -> u64 {
        let doubled = failures.saturating_sub(1).min(32);
        let whole = FIRST_NS.saturating_mul(1 << doubled).min(LONGEST_NS);
        self.0.u64(whole / 2..=whole)
    }

    /// Evenly from nothing to this.
    pub(super) fn up_to_ns(&mut self, most: u64) -> u64 {
        self.0.u64(0..=most)
    }

    /// The time, a tenth more or less.
    pub(super) fn about_ns(&mut self, time: Duration) -> u64 {
        let whole = nanoseconds(time);
        whole - whole / 10 + self.0.u64(0..=whole / 5)
    }
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_bound_and_differ() {
        let mut jitter = Jitter::new(3);
        for failures in 1..100 {
            let whole = (FIRST_NS << (failures - 1).min(20)).min(LONGEST_NS);
            let pause = jitter.pause_ns(failures);
            assert!((whole / 2..=whole).contains(&pause), "{failures}: {pause}");
        }
        let other: Vec<_> = (0..5).map(|_| Jitter::new(4).pause_ns(9)).collect();
        assert!(
            other.windows(2).all(|w| w[0] == w[1]),
            "a seed gives its pauses"
        );
        assert_ne!(Jitter::new(5).pause_ns(9), other[0]);
    }
}
