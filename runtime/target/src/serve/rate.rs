//! Blocks a second of each vehicle.

use super::vehicle::Vehicle;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Vehicles that are remembered at once.
const MOST_VEHICLES: usize = 4096;

/// What a vehicle may ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Blocks a second in the long run.
    pub(crate) per_s: f64,
    /// Blocks at once.
    pub(crate) burst: f64,
}

/// A bucket of tokens for each vehicle: full at `burst`, filled at `per_s`, one token a block.
pub(crate) struct Rates {
    rate: Rate,
    /// Tokens, and when there were so many.
    buckets: HashMap<Vehicle, (f64, Instant)>,
}

impl Rates {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: HashMap::new(),
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long until there is one.
    pub(crate) fn take(&mut self, vehicle: &Vehicle, now: Instant) -> Result<(), Duration> {
        let Rate { per_s, burst } = self.rate;
        let filled = |&(tokens, at): &(f64, Instant)| {
            let since = now.saturating_duration_since(at).as_secs_f64();
            (tokens + since * per_s).min(burst)
        };
        if !self.buckets.contains_key(vehicle) && self.buckets.len() >= MOST_VEHICLES {
            // Who has a full bucket is as if never seen.
            self.buckets.retain(|_, bucket| filled(bucket) < burst);
            if self.buckets.len() >= MOST_VEHICLES {
                return Err(Duration::from_secs(1));
            }
        }
        let bucket = self.buckets.entry(vehicle.clone()).or_insert((burst, now));
        let tokens = filled(bucket);
        if tokens < 1.0 {
            let wait = Duration::try_from_secs_f64((1.0 - tokens) / per_s);
            return Err(wait.unwrap_or(Duration::MAX));
        }
        *bucket = (tokens - 1.0, now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_and_each_vehicle_has_its_own() {
        let rate = Rate {
            per_s: 2.0,
            burst: 3.0,
        };
        let (mut rates, start) = (Rates::new(rate), Instant::now());
        let [one, other] = ["car-1", "car-2"].map(|name| Vehicle(name.to_owned()));
        for _ in 0..3 {
            assert_eq!(rates.take(&one, start), Ok(()));
        }
        assert_eq!(rates.take(&one, start), Err(Duration::from_millis(500)));
        assert_eq!(rates.take(&other, start), Ok(()));
        let mut passed = 0;
        for tick in 1..=1000 {
            let now = start + Duration::from_millis(10 * tick);
            passed += usize::from(rates.take(&one, now).is_ok());
        }
        assert_eq!(passed, 20);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_is_idle() {
        let rate = Rate {
            per_s: 1.0,
            burst: 1.0,
        };
        let (mut rates, start) = (Rates::new(rate), Instant::now());
        let name = |n: usize| Vehicle(format!("car-{n}"));
        for n in 0..MOST_VEHICLES {
            assert_eq!(rates.take(&name(n), start), Ok(()));
        }
        assert!(rates.take(&name(MOST_VEHICLES), start).is_err());
        let later = start + Duration::from_secs(2);
        assert_eq!(rates.take(&name(MOST_VEHICLES), later), Ok(()));
        assert_eq!(rates.buckets.len(), 1);
    }
}
