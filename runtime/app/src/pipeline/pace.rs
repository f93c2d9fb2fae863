//! At most so many times a second of capture time.

use serde::{Deserialize, Serialize};

/// When the next one is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    next_ns: u64,
}

impl Pace {
    /// Whether one is due for something captured then, at `hz` a second; the next is due a period
    /// later. Never at 0 Hz, always at infinitely many.
    pub fn is_due(&mut self, captured_ns: u64, hz: f64) -> bool {
        if hz <= 0.0 {
            return false;
        }
        let period_ns = (1e9 / hz) as u64;
        // A clock that jumped back must not bring silence until it has caught up.
        let jumped_back = self.next_ns > captured_ns.saturating_add(period_ns);
        if captured_ns < self.next_ns && !jumped_back {
            return false;
        }
        self.next_ns = captured_ns.saturating_add(period_ns);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_its_pace_also_when_the_clock_jumps_back() {
        let mut pace = Pace::default();
        let due = |pace: &mut Pace, ms: u64| pace.is_due(ms * 1_000_000, 10.0);
        let taken: Vec<u64> = (1000..1400)
            .step_by(40)
            .filter(|&ms| due(&mut pace, ms))
            .collect();
        assert_eq!(taken, [1000, 1120, 1240, 1360]);
        assert!(due(&mut pace, 500));
        assert!(!due(&mut pace, 560));
        assert!(!Pace::default().is_due(5, 0.0));
        assert!((1..9).all(|ns| pace.is_due(ns, f64::INFINITY)));
    }
}
