//! The closed form.

use super::Round;
use std::time::Duration;

/// What was seen counts this much less with each further round.
const DECAY: f64 = 0.98;
/// Rounds that nothing is concluded from: each length is worth a try before.
const BEFORE: [f64; 2] = [1.0, 1.0];

/// The length of which most tokens a second are expected.
///
/// With `a_i` the share of drafts whose token `i` stays where those before it did, a draft of `g` tokens gives
/// `1 + a_1 + a_1 a_2 + ... + a_1 ... a_g` tokens; where all `a_i` are one, that is the
/// `(1 - a^(g+1)) / (1 - a)` of Leviathan et al. (2023), eq. 1. It takes `d g + v_0 + v_1 (g + 1) + r`: `d` of the drafter
/// a token, `v_0 + v_1 n` of the target for a run over `n` tokens (least squares), `r` of the way there and back.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    longest: usize,
    round_trip_s: f64,
    /// By place: weights of tokens that stayed, and of those that could have.
    stayed: Vec<[f64; 2]>,
    /// Weight, sum of lengths, of times, of length by length, of length by time: of runs of the target.
    runs: [f64; 5],
    /// Sums of drafted tokens and of the drafter's time.
    drafts: [f64; 2],
}

impl Expected {
    /// Lengths of up to `longest`, where a verdict takes `round_trip` longer than the target's run.
    #[must_use]
    pub fn new(longest: usize, round_trip: Duration) -> Self {
        Self {
            longest,
            round_trip_s: round_trip.as_secs_f64(),
            stayed: vec![BEFORE; longest],
            runs: [0.0; 5],
            drafts: [0.0; 2],
        }
    }

    /// Another round trip from now on.
    pub fn set_round_trip(&mut self, round_trip: Duration) {
        self.round_trip_s = round_trip.as_secs_f64();
    }

    /// Tokens that a draft of each length is expected to give, from none on.
    pub fn tokens(&self) -> impl Iterator<Item = f64> + '_ {
        let shares = self.stayed.iter().map(|[stayed, tried]| stayed / tried);
        let all = shares.scan(1.0, |all, share| {
            *all *= share;
            Some(*all)
        });
        std::iter::once(1.0).chain(all).scan(0.0, |sum, all| {
            *sum += all;
            Some(*sum)
        })
    }

    pub(super) fn choose(&self) -> usize {
        let [weight, length, time, square, product] = self.runs;
        let [drafted, drafting] = self.drafts;
        if weight == 0.0 || drafted == 0.0 {
            return self.longest;
        }
        let spread = weight * square - length * length;
        let slope = match spread > 1e-9 {
            true => ((weight * product - length * time) / spread).max(0.0),
            false => 0.0,
        };
        let fixed = ((time - slope * length) / weight).max(0.0);
        let a_token = drafting / drafted;
        let rate = |(length, tokens): (usize, f64)| {
            let n = length as f64;
            tokens / (a_token * n + fixed + slope * (n + 1.0) + self.round_trip_s).max(1e-9)
        };
        let rates = self.tokens().enumerate().map(|it| (it.0, rate(it)));
        let best = rates.max_by(|a, b| a.1.total_cmp(&b.1));
        // Nothing is learnt of drafts where none is made.
        best.map_or(1, |(length, _)| length.max(1))
    }

    pub(super) fn learn(&mut self, round: &Round) {
        let tried = round.drafted.min(round.stayed + 1);
        for (place, counts) in self.stayed.iter_mut().take(tried).enumerate() {
            let stayed = f64::from(u8::from(place < round.stayed));
            *counts = [counts[0] * DECAY + stayed, counts[1] * DECAY + 1.0];
        }
        let (n, s) = (round.fed as f64, round.verifying.as_secs_f64());
        for (sum, value) in self.runs.iter_mut().zip([1.0, n, s, n * n, n * s]) {
            *sum = *sum * DECAY + value;
        }
        let draft = [round.drafted as f64, round.drafting.as_secs_f64()];
        for (sum, value) in self.drafts.iter_mut().zip(draft) {
            *sum = *sum * DECAY + value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(share: impl Fn(usize, usize) -> bool, round_trip_ms: u64) -> usize {
        let mut lengths = Expected::new(10, Duration::from_millis(round_trip_ms));
        for round in 0..400 {
            let length = 1 + round % 10;
            let stayed = (0..length).take_while(|&place| share(round, place)).count();
            lengths.learn(&Round {
                length,
                drafted: length,
                fed: length + 1,
                stayed,
                drafting: Duration::from_micros(500 * length as u64),
                verifying: Duration::from_micros(3000 + 400 * length as u64),
            });
        }
        lengths.choose()
    }

    #[test]
    fn what_holds_is_drafted_long_and_what_does_not_short() {
        assert_eq!(after(|_, _| true, 0), 10);
        assert_eq!(after(|_, _| false, 0), 1);
        // Half of the tokens stay: the best length by hand is 2 here, and a long way makes it longer.
        let half = |round: usize, place: usize| (round * 7 + place * 13) % 10 < 5;
        assert!((1..=3).contains(&after(half, 0)), "{}", after(half, 0));
        assert!(after(half, 150) > after(half, 0));
    }

    #[test]
    fn equal_shares_give_the_closed_form() {
        let mut lengths = Expected::new(5, Duration::ZERO);
        lengths.stayed = vec![[0.8, 1.0]; 5];
        for (length, tokens) in lengths.tokens().enumerate() {
            let closed = (1.0 - 0.8f64.powi(length as i32 + 1)) / (1.0 - 0.8);
            assert!((tokens - closed).abs() < 1e-12);
        }
    }
}
