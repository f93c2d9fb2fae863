/// Bytes that a metered link may carry: a token bucket. It holds a tenth of an hour's bytes and gains nine tenths an
/// hour, so that no hour, wherever it begins, carries more than the whole.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    bytes_per_hour: u64,
    /// Bytes times the nanoseconds of an hour, so that nothing is lost in rounding. Below nothing where more went than
    /// was asked for.
    held: i128,
    at_ns: u64,
    /// Bytes taken, and those that really went.
    taken: u64,
    went: u64,
}

const HOUR_NS: i128 = 3_600_000_000_000;

impl Budget {
    /// A full bucket.
    #[must_use]
    pub fn new(bytes_per_hour: u64, now_ns: u64) -> Self {
        let mut budget = Self {
            bytes_per_hour,
            held: 0,
            at_ns: now_ns,
            taken: 0,
            went: 0,
        };
        budget.held = budget.depth();
        budget
    }

    fn depth(&self) -> i128 {
        i128::from(self.bytes_per_hour / 10) * HOUR_NS
    }

    fn gain(&self) -> i128 {
        i128::from(self.bytes_per_hour - self.bytes_per_hour / 10)
    }

    fn fill(&mut self, now_ns: u64) {
        let passed = i128::from(now_ns.saturating_sub(self.at_ns));
        self.at_ns = self.at_ns.max(now_ns);
        self.held = (self.held + passed * self.gain()).min(self.depth());
    }

    /// Takes so many bytes where there are as many and `reserve` (a share of the bucket) stays.
    pub fn take(&mut self, now_ns: u64, bytes: u64, reserve: f32) -> bool {
        self.fill(now_ns);
        if self.held - i128::from(bytes) * HOUR_NS < self.reserved(reserve) {
            return false;
        }
        self.owe(bytes);
        true
    }

    /// What went over the wire in all; where it is more than was taken, the rest is taken now.
    pub fn went(&mut self, total: u64) {
        self.went = total;
        let more = self.went.saturating_sub(self.taken);
        self.owe(more);
    }

    fn owe(&mut self, bytes: u64) {
        self.taken += bytes;
        self.held -= i128::from(bytes) * HOUR_NS;
    }

    /// When so many bytes can be had; never where the bucket cannot hold them.
    #[must_use]
    pub fn when(&self, bytes: u64, reserve: f32) -> Option<u64> {
        let wanted = i128::from(bytes) * HOUR_NS + self.reserved(reserve);
        if wanted > self.depth() || self.gain() == 0 {
            return None;
        }
        let missing = (wanted - self.held).max(0);
        let wait = (missing + self.gain() - 1) / self.gain();
        u64::try_from(wait).ok()?.checked_add(self.at_ns)
    }

    fn reserved(&self, share: f32) -> i128 {
        (self.depth() as f64 * f64::from(share)) as i128
    }

    /// How full the bucket is, 0 to 1.
    #[must_use]
    pub fn share(&self, now_ns: u64) -> f32 {
        let mut now = *self;
        now.fill(now_ns);
        (now.held as f64 / now.depth().max(1) as f64).clamp(0.0, 1.0) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_hour_carries_more(
            per_hour in 1_000_u64..100_000,
            asked in proptest::collection::vec((1_u64..400_000_000_000, 1_u64..5_000), 1..200),
        ) {
            let mut budget = Budget::new(per_hour, 0);
            let mut now = 0;
            let mut went: Vec<(u64, u64)> = Vec::new();
            for (pause, bytes) in asked {
                now += pause;
                if budget.take(now, bytes, 0.0) {
                    went.push((now, bytes));
                } else if let Some(at) = budget.when(bytes, 0.0) {
                    prop_assert!(at > now);
                    prop_assert!(budget.take(at, bytes, 0.0));
                    now = at;
                    went.push((at, bytes));
                } else {
                    prop_assert!(bytes > per_hour / 10);
                }
            }
            for (i, (from, _)) in went.iter().enumerate() {
                let hour = went[i..].iter().take_while(|(at, _)| at - from < 3_600_000_000_000);
                prop_assert!(hour.map(|(_, bytes)| bytes).sum::<u64>() <= per_hour);
            }
        }
    }

    #[test]
    fn what_went_beyond_is_owed() {
        let mut budget = Budget::new(10_000, 0);
        assert!(budget.take(0, 500, 0.0));
        budget.went(1_400);
        assert!(!budget.take(0, 1, 0.0));
        // 400 bytes owed and 100 wanted, at 9,000 an hour: 200 s.
        assert_eq!(budget.when(100, 0.0), Some(200_000_000_000));
        assert!(budget.share(0) < 0.01);
        assert!(!budget.take(300_000_000_000, 100, 0.3));
        assert!(budget.take(300_000_000_000, 100, 0.25));
    }
}
