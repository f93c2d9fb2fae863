//! Wall-clock time of a step's stages. Measured for people and never read by the step itself.

use std::time::Instant;

/// Durations of one step's stages, in the order they ran.
#[derive(Debug)]
pub struct StageClock {
    last: Instant,
    spans: Vec<(&'static str, u64)>,
}

impl Default for StageClock {
    fn default() -> Self {
        Self {
            last: Instant::now(),
            spans: Vec::with_capacity(8),
        }
    }
}

impl StageClock {
    /// Begins a step.
    pub fn start(&mut self) {
        self.spans.clear();
        self.last = Instant::now();
    }

    /// Ends the stage of that name; the next begins now.
    pub fn end(&mut self, stage: &'static str) {
        let now = Instant::now();
        let ns = u64::try_from((now - self.last).as_nanos()).unwrap_or(u64::MAX);
        self.spans.push((stage, ns));
        self.last = now;
    }

    /// Stage names and durations in nanoseconds.
    pub fn spans(&self) -> &[(&'static str, u64)] {
        &self.spans
    }
}
