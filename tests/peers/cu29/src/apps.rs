//! The two Copper applications, generated from their graphs: with and without the tasks' log.
//! The generated types are private to the module of their graph, so each is driven from there.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]

use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::tasks;

/// Iterations run before the measured ones.
pub(crate) const WARM_UP: usize = 10_000;

/// The latencies of the measured iterations in nanoseconds.
pub(crate) struct Timings {
    /// The whole of `run_one_iteration`.
    pub(crate) whole_ns: Vec<u64>,
    /// From the source's entry to the sink's exit.
    pub(crate) chain_ns: Vec<u64>,
}

impl Timings {
    /// Runs `iterate` for the warm-up and then `iterations` times under the clock.
    fn take<E>(iterations: usize, mut iterate: impl FnMut() -> Result<(), E>) -> Result<Self, E> {
        for _ in 0..WARM_UP {
            iterate()?;
        }
        let mut timings = Self {
            whole_ns: Vec::with_capacity(iterations),
            chain_ns: Vec::with_capacity(iterations),
        };
        for _ in 0..iterations {
            let before = Instant::now();
            iterate()?;
            let whole = u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX);
            timings.whole_ns.push(whole);
            timings
                .chain_ns
                .push(tasks::LAST_CHAIN_NS.load(Ordering::Relaxed));
        }
        Ok(timings)
    }
}

/// Builds, starts, drives and stops one generated application.
macro_rules! drive {
    () => {
        /// Runs the chain with its unified log at `log`.
        pub(crate) fn run(log: &std::path::Path, iterations: usize) -> CuResult<super::Timings> {
            let mut running = Chain::builder()
                .with_log_path(log, None)?
                .build()?
                .start()
                .map_err(|failure| failure.error)?;
            let timings = super::Timings::take(iterations, || running.run_one_iteration())?;
            drop(running.stop().map_err(|failure| failure.error)?);
            Ok(timings)
        }
    };
}

/// The chain whose messages are not logged.
pub(crate) mod unlogged {
    use cu29::prelude::*;

    #[copper_runtime(config = "chain_unlogged.ron")]
    struct Chain {}

    drive!();
}

/// The chain whose messages all go to Copper's unified log.
pub(crate) mod logged {
    use cu29::prelude::*;

    #[copper_runtime(config = "chain_logged.ron")]
    struct Chain {}

    drive!();
}
