//! A bandit over lengths, which knows nothing of why one is better.

use super::Round;
use std::time::Duration;

/// What was seen counts this much less with each further round.
const DECAY: f64 = 0.99;

/// Discounted upper confidence bounds (Garivier and Moulines 2011) on tokens a second, an arm a length.
#[derive(Clone, Debug, PartialEq)]
pub struct Bandit {
    /// Of each length from 1 on: rounds, tokens, seconds.
    arms: Vec<[f64; 3]>,
    round_trip_s: f64,
    /// How much is given for what is little known: share of the rate.
    curiosity: f64,
}

impl Bandit {
    /// Lengths of up to `longest`, where a verdict takes `round_trip` longer than the target's run.
    #[must_use]
    pub fn new(longest: usize, round_trip: Duration) -> Self {
        Self {
            arms: vec![[0.0; 3]; longest.max(1)],
            round_trip_s: round_trip.as_secs_f64(),
            curiosity: 0.3,
        }
    }

    pub(super) fn choose(&self) -> usize {
        // Long drafts first: from each of them the short ones learn nothing, but text is made.
        let untried = self.arms.iter().rposition(|arm| arm[0] < 0.5);
        if let Some(at) = untried {
            return at + 1;
        }
        let all: f64 = self.arms.iter().map(|arm| arm[0]).sum();
        let bound = |[rounds, tokens, seconds]: [f64; 3]| {
            let unknown = (all.max(1.0).ln() / rounds).sqrt();
            tokens / seconds.max(1e-9) * (1.0 + self.curiosity * unknown)
        };
        let bounds = self.arms.iter().map(|&arm| bound(arm));
        let best = bounds.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        best.map_or(1, |(at, _)| at + 1)
    }

    pub(super) fn learn(&mut self, round: &Round) {
        for arm in &mut self.arms {
            arm.iter_mut().for_each(|sum| *sum *= DECAY);
        }
        let at = round.length.checked_sub(1);
        if let Some(arm) = at.and_then(|at| self.arms.get_mut(at)) {
            let time = round.drafting + round.verifying;
            arm[0] += 1.0;
            arm[1] += (round.stayed + 1) as f64;
            arm[2] += time.as_secs_f64() + self.round_trip_s;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_length_is_chosen_most_and_a_new_best_is_found() {
        let mut bandit = Bandit::new(8, Duration::ZERO);
        let mut chosen = [[0; 9]; 2];
        for round in 0..2000 {
            let length = bandit.choose();
            // Six tokens hold at first, one later.
            let holds = if round < 1000 { 6 } else { 1 };
            chosen[round / 1000][length] += 1;
            bandit.learn(&Round {
                length,
                drafted: length,
                fed: length + 1,
                stayed: length.min(holds),
                drafting: Duration::from_micros(500 * length as u64),
                verifying: Duration::from_micros(3000 + 300 * length as u64),
            });
        }
        let best = |counts: &[i32; 9]| (0..9).max_by_key(|&at| counts[at]);
        assert_eq!(best(&chosen[0]), Some(6), "{chosen:?}");
        assert_eq!(best(&chosen[1]), Some(1), "{chosen:?}");
    }
}
