//! A stand-in for a target of real size.

use std::time::{Duration, Instant};

/// The least time that a decoding run takes, whatever its number of tokens: large decoders are bound by the reading of
/// their weights, which a run does once. Named as a pace wherever figures come from it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace(pub(crate) Duration);

impl Pace {
    pub(crate) fn run<T>(self, run: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = run();
        if let Some(rest) = self.0.checked_sub(began.elapsed()) {
            std::thread::sleep(rest);
        }
        result
    }
}
