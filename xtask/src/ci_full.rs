//! `cargo xtask ci full`: the checks of every change, then the longer ones, and what came of them
//! in docs/verification.md.

use anyhow::ensure;

use crate::step::Step;
use crate::verification;

/// Runs all steps to the end whatever fails, writes the record, and fails where a step did.
pub(crate) fn run(fuzz_seconds: u32) -> anyhow::Result<()> {
    let mut outcomes = Vec::new();
    for (step, keep) in steps(fuzz_seconds) {
        outcomes.push(step.run(keep));
    }
    verification::write(&outcomes)?;
    let failed = outcomes.iter().filter(|outcome| !outcome.passed).count();
    println!(
        "ci full: {} passed, {failed} failed",
        outcomes.len() - failed
    );
    ensure!(
        failed == 0,
        "{failed} steps failed; docs/verification.md names them"
    );
    Ok(())
}

/// The steps, each with whether its output is written down.
fn steps(fuzz_seconds: u32) -> Vec<(Step, bool)> {
    let seconds = fuzz_seconds.to_string();
    let mut steps = vec![
        (Step::new("checks of every change", ".ci/run", &[]), false),
        (
            Step::cargo(
                "tests in release, longer properties",
                &["test", "--release", "--workspace", "--locked"],
            )
            .env("PROPTEST_CASES", "20000"),
            false,
        ),
        (
            Step::cargo("fuzzing", &["xtask", "fuzz", "--seconds", &seconds]),
            true,
        ),
    ];
    for bench in ["pipeline", "record", "decode"] {
        let run = [
            "run",
            "--quiet",
            "--release",
            "--locked",
            "--",
            "bench",
            bench,
            "--json",
        ];
        steps.push((Step::cargo(&format!("bench {bench}"), &run), true));
    }
    steps
}
