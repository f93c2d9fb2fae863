use std::collections::VecDeque;

/// Calls that are looked at.
const MOST: usize = 32;
/// They are no older than this.
const AGE_NS: u64 = 60_000_000_000;
/// Calls below this say nothing of the rate: their time is round trip and the target's own.
pub(crate) const RATED_BYTES: u64 = 16 << 10;
/// A share of failures of fewer calls says nothing.
const FEWEST: usize = 4;

/// One call, as it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it ended.
    pub at_ns: u64,
    /// How long it took.
    pub took_ns: u64,
    /// Bytes of request and answer.
    pub bytes: u64,
    /// The target answered, whatever it said.
    pub answered: bool,
    /// It asked for a verdict; a probe takes none of the target's time.
    pub verdict: bool,
}

/// The last calls.
#[derive(Clone, Debug, Default)]
pub(super) struct Window(VecDeque<Sample>);

impl Window {
    pub(super) fn push(&mut self, sample: Sample) {
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(super) fn forget_old(&mut self, now_ns: u64) {
        while self
            .0
            .front()
            .is_some_and(|s| s.at_ns.saturating_add(AGE_NS) < now_ns)
        {
            self.0.pop_front();
        }
    }

    pub(super) fn keep_last(&mut self) {
        self.0.drain(..self.0.len().saturating_sub(1));
    }

    fn answered(&self) -> impl Iterator<Item = &Sample> {
        self.0.iter().filter(|s| s.answered)
    }

    /// The shortest call: what is left of the durations when nothing queued and the target had little to do.
    pub(super) fn round_trip_ns(&self) -> Option<u64> {
        self.answered().map(|s| s.took_ns).min()
    }

    /// The median time to a verdict.
    pub(super) fn verdict_ns(&self) -> Option<u64> {
        let verdicts = self.answered().filter(|s| s.verdict);
        let mut times: Vec<_> = verdicts.map(|s| s.took_ns).collect();
        times.sort_unstable();
        times.get(times.len() / 2).copied()
    }

    /// The highest rate that a large call came to, bytes a second. The target's own time is in each, so that all are too
    /// low, and the highest is nearest.
    pub(super) fn bytes_per_second(&self) -> Option<u64> {
        let round_trip = self.round_trip_ns()?;
        let large = self.answered().filter(|s| s.bytes >= RATED_BYTES);
        large
            .map(|s| {
                let ns = s.took_ns.saturating_sub(round_trip).max(100_000);
                u64::try_from(u128::from(s.bytes) * 1_000_000_000 / u128::from(ns))
                    .unwrap_or(u64::MAX)
            })
            .max()
    }

    /// Calls that nobody answered, of all; none of too few.
    pub(super) fn loss(&self) -> Option<f32> {
        let lost = self.0.iter().filter(|s| !s.answered).count();
        (self.0.len() >= FEWEST).then(|| lost as f32 / self.0.len() as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(at_ms: u64, took_ms: u64, bytes: u64) -> Sample {
        Sample {
            at_ns: at_ms * 1_000_000,
            took_ns: took_ms * 1_000_000,
            bytes,
            answered: true,
            verdict: true,
        }
    }

    #[test]
    fn each_figure_by_hand() {
        let mut window = Window::default();
        assert_eq!(window.round_trip_ns(), None);
        assert_eq!(window.loss(), None);
        for sample in [
            call(0, 60, 100),
            call(100, 75, 400),
            call(200, 160, 250_000),
            call(300, 460, 250_000),
        ] {
            window.push(sample);
        }
        assert_eq!(window.round_trip_ns(), Some(60_000_000));
        assert_eq!(window.verdict_ns(), Some(160_000_000));
        assert_eq!(window.bytes_per_second(), Some(2_500_000));
        assert_eq!(window.loss(), Some(0.0));
        window.push(Sample {
            answered: false,
            took_ns: 1,
            ..call(400, 0, 0)
        });
        assert_eq!(window.loss(), Some(0.2));
        assert_eq!(window.round_trip_ns(), Some(60_000_000));
        window.forget_old(60_150_000_000);
        assert_eq!(window.loss(), None);
        assert_eq!(window.round_trip_ns(), Some(160_000_000));
    }
}
