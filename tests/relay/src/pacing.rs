use std::time::{Duration, Instant};

use crate::Conditions;

/// When each piece may leave: behind its delay, behind what is before it, and no faster than the rate.
pub(crate) struct Pacing {
    random: fastrand::Rng,
    /// The narrow part of the link is busy until then.
    free_at: Instant,
    /// When the last piece leaves; order is kept.
    last: Instant,
}

impl Pacing {
    pub(crate) fn new(seed: u64, now: Instant) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            free_at: now,
            last: now,
        }
    }

    pub(crate) fn leaves_at(
        &mut self,
        conditions: &Conditions,
        bytes: usize,
        now: Instant,
    ) -> Instant {
        let through = conditions.bits_per_second.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(bytes as f64 * 8.0 / rate.max(1) as f64)
        });
        self.free_at = self.free_at.max(now) + through;
        let jitter = conditions.jitter.mul_f64(self.random.f64());
        self.last = self.last.max(self.free_at + conditions.delay + jitter);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_adds_up_and_the_delay_does_not() {
        let now = Instant::now();
        let mut pacing = Pacing::new(1, now);
        let link = Conditions::link(Duration::from_millis(60), 8_000);
        let leaves: Vec<_> = (0..3)
            .map(|_| pacing.leaves_at(&link, 100, now) - now)
            .collect();
        let ms = Duration::from_millis;
        assert_eq!(leaves, [ms(130), ms(230), ms(330)]);
        let later = now + ms(1000);
        assert_eq!(pacing.leaves_at(&link, 100, later) - now, ms(1130));
    }

    #[test]
    fn jitter_keeps_the_order() {
        let now = Instant::now();
        let mut pacing = Pacing::new(1, now);
        let link = Conditions {
            jitter: Duration::from_millis(50),
            ..Conditions::default()
        };
        let leaves: Vec<_> = (0..50).map(|_| pacing.leaves_at(&link, 1, now)).collect();
        assert!(leaves.is_sorted());
        assert!(leaves[49] > leaves[0]);
        assert!(leaves[49] - now <= Duration::from_millis(50));
    }
}
