//! The peer of our own ten-stage chain: the same chain run by Copper (the `cu29` crate), with the
//! runtime that its macro generates from a task graph, its default features and its default
//! settings, as a Copper user has it.
//!
//! What the ten tasks do, for whoever writes the other side of the comparison:
//!
//! - The message is 16 bytes, `Copy`: a `u64` value and the monotonic nanosecond at which the
//!   source was entered. It travels in Copper's own envelope (`CuMsg`: optional payload, time of
//!   validity, metadata), one preallocated envelope per task in the iteration's CopperList.
//! - The source reads `Instant` once on entry, adds one to its count, reads the runtime's clock once
//!   as the time of validity, and writes the message.
//! - Each of the eight transforms reads its input, copies the time of validity, adds a constant to
//!   the value (wrapping), and writes a message of its own.
//! - The sink reads its input, stores the value in an atomic, reads `Instant` once and stores the
//!   difference to the source's entry in a second atomic (both relaxed).
//! - Copper itself stamps each task's start and end with its clock and keeps both in the
//!   envelope's metadata, and asks its monitor about each task. That is its own work, not ours.
//!
//! The whole iteration is timed from outside by one pair of `Instant` readings, after a warm-up.
//! With logging, Copper encodes the iteration's ten envelopes into its memory-mapped unified log
//! before `run_one_iteration` returns, therefore after the sink's exit: only the whole iteration's
//! time shows that cost.
//!
//! Copper installs a panic hook of its own when an application is built; it is taken out again.

mod apps;
mod tasks;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use cu29::prelude::CuError;

/// Latencies of one chain of ten tasks in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainResult {
    /// Median of the whole iteration, with the log's part where it is logged.
    pub p50_ns: u64,
    /// 99th percentile of the whole iteration.
    pub p99_ns: u64,
    /// Median from the source's entry to the sink's exit.
    pub chain_p50_ns: u64,
    /// 99th percentile from the source's entry to the sink's exit.
    pub chain_p99_ns: u64,
    /// Measured iterations, without the warm-up.
    pub iterations: usize,
}

/// Why the chain could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Copper refused to build, start, run or stop its application.
    #[error("Copper's runtime failed ({0}); give it a writable folder with free space for its log")]
    Copper(#[from] CuError),
    /// The sink's value is not what ten tasks make of the iteration's number.
    #[error(
        "Copper's chain gave {found} instead of {expected}; the measurement is void, run it again"
    )]
    Value {
        /// What the sink saw last.
        found: u64,
        /// What it should have seen.
        expected: u64,
    },
    /// Zero iterations were asked for.
    #[error("no iteration was asked for; ask for at least one")]
    NoIterations,
}

/// Runs the ten-task chain on Copper and gives its latencies over `iterations` after a warm-up of
/// 10,000.
///
/// `logged` chooses the graph whose messages all go to Copper's unified log (some 250 bytes an
/// iteration); the other has `enable_task_logging: false`. Both write their log files in `dir`,
/// where they stay. Build it in release: in a debug build the figure means nothing.
///
/// # Errors
///
/// When Copper fails, when the sink's value shows that the chain did not run as declared, and for
/// zero iterations.
pub fn chain10_p50_ns(
    logged: bool,
    iterations: usize,
    dir: &Path,
) -> Result<ChainResult, PeerError> {
    // The sink's atomics are shared by all chains of the process.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if iterations == 0 {
        return Err(PeerError::NoIterations);
    }
    let hook = std::panic::take_hook();
    let timings = if logged {
        apps::logged::run(&dir.join("copper_logged.copper"), iterations)
    } else {
        apps::unlogged::run(&dir.join("copper_unlogged.copper"), iterations)
    };
    std::panic::set_hook(hook);
    let apps::Timings {
        mut whole_ns,
        mut chain_ns,
    } = timings?;

    let ran = (apps::WARM_UP + iterations) as u64;
    let expected = ran.wrapping_add(tasks::STEP.wrapping_mul(8));
    let found = tasks::LAST_VALUE.load(Ordering::Relaxed);
    if found != expected {
        return Err(PeerError::Value { found, expected });
    }
    whole_ns.sort_unstable();
    chain_ns.sort_unstable();
    let at = |sorted: &[u64], percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    Ok(ChainResult {
        p50_ns: at(&whole_ns, 50),
        p99_ns: at(&whole_ns, 99),
        chain_p50_ns: at(&chain_ns, 50),
        chain_p99_ns: at(&chain_ns, 99),
        iterations,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_chains_run_and_only_one_is_logged() {
        let dir = tempfile::tempdir().unwrap();
        for logged in [false, true] {
            let result = chain10_p50_ns(logged, 200, dir.path()).unwrap();
            assert_eq!(result.iterations, 200);
            assert!(result.chain_p50_ns > 0);
            assert!(result.p50_ns >= result.chain_p50_ns);
            assert!(result.p99_ns >= result.p50_ns);
        }
        // Copper preallocates its log's slabs, so what it wrote shows in what is not zero.
        let written = |prefix: &str| -> usize {
            let files = std::fs::read_dir(dir.path()).unwrap();
            files
                .map(|file| file.unwrap().path())
                .filter(|path| {
                    path.file_name()
                        .unwrap()
                        .to_string_lossy()
                        .starts_with(prefix)
                })
                .map(|path| std::fs::read(path).unwrap())
                .map(|bytes| bytes.iter().filter(|&&byte| byte != 0).count())
                .sum()
        };
        let (unlogged, logged) = (written("copper_unlogged_"), written("copper_logged_"));
        assert!(logged > unlogged + 1_000_000, "{logged} against {unlogged}");
    }

    #[test]
    fn no_iteration_is_refused() {
        let refused = chain10_p50_ns(false, 0, Path::new("."));
        assert!(matches!(refused, Err(PeerError::NoIterations)));
    }
}
