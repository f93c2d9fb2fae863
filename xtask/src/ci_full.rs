//! `cargo xtask ci full`: the checks of every change, then the longer ones, and what came of them
//! in docs/verification.md.

use anyhow::ensure;

use crate::step::Step;
use crate::verification;

/// Runs the steps whose names contain `only`, to the end whatever fails, writes each result down as
/// it comes, and fails where a step did.
pub(crate) fn run(fuzz_seconds: u32, only: &str) -> anyhow::Result<()> {
    let steps = steps(fuzz_seconds);
    let order: Vec<String> = steps.iter().map(|(step, _)| step.name.clone()).collect();
    let wanted: Vec<_> = steps
        .iter()
        .filter(|(step, _)| step.name.contains(only))
        .collect();
    ensure!(
        !wanted.is_empty(),
        "no step is named like `{only}`; there are: {}",
        order.join(", ")
    );
    let mut failed = Vec::new();
    for (step, keep) in &wanted {
        let outcome = step.run(*keep);
        verification::write(&outcome, &order)?;
        if !outcome.passed {
            failed.push(outcome.name);
        }
    }
    println!(
        "ci full: {} passed, {} failed",
        wanted.len() - failed.len(),
        failed.len()
    );
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
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
    steps.push((
        Step::new(
            "engines on aarch64, emulated",
            "tests/engines/aarch64.sh",
            &[],
        ),
        true,
    ));
    let rest = ["rest"];
    steps.push((
        Step::new(
            "the other runtime crates on aarch64, emulated",
            "tests/aarch64/crates.sh",
            &rest,
        ),
        false,
    ));
    let check = Step::new("500 prompts on Triton", "tests/triton/check.sh", &[]);
    steps.push((check.env("DRAFTHORSE_PROMPTS", "500"), true));
    steps.push((
        Step::new("load on Triton", "tests/triton/load.sh", &[]),
        true,
    ));
    steps.push((
        Step::new("servers killed", "tests/triton/chaos.sh", &[]),
        true,
    ));
    let lossless = "export DRAFTHORSE_ONNXRUNTIME=$(tests/engines/onnxruntime.sh) DRAFTHORSE_LOSSLESS_PROMPTS=500; \
        cargo test --release --locked -p drafthorse-draft --test lossless -- --nocapture";
    steps.push((
        Step::new("drafts of 500 prompts", "bash", &["-c", lossless]),
        true,
    ));
    steps.push((
        Step::cargo(
            "firmware, 10 minutes",
            &["xtask", "firmware", "--seconds", "600"],
        ),
        true,
    ));
    steps.push((
        Step::new("two bundles from two clones", "boards/two-bundles.sh", &[]),
        true,
    ));
    for (name, task) in [
        ("virtual board, end to end", "check"),
        ("virtual board, 40 resets", "resets"),
    ] {
        let run = format!("boards/virtual/prerequisites.sh >&2 && cargo xtask board {task}");
        steps.push((Step::new(name, "bash", &["-c", &run]), true));
    }
    let glibc = "tests/aarch64/glibc.sh \"$(ls -t target/bundles/drafthorse-virt-aarch64-*.tar.zst | head -1)\"";
    steps.push((
        Step::new("the board's bundle on glibc 2.35", "bash", &["-c", glibc]),
        true,
    ));
    let kills = [
        "test", "--locked", "-p", "xtask", "--test", "deploy", "killed",
    ];
    steps.push((
        Step::cargo("deployments killed at 200 moments", &kills).env("DRAFTHORSE_KILLS", "200"),
        false,
    ));
    let drives =
        "test --release --locked -p drafthorse-governor --test simulation it_avoids -- --nocapture";
    let drives: Vec<_> = drives.split(' ').collect();
    steps.push((
        Step::cargo("governor, 1,000 drives", &drives).env("GOVERNOR_DRIVES", "1000"),
        true,
    ));
    steps.push((
        Step::new("licences, bans, sources", ".ci/deny.sh", &[]),
        true,
    ));
    let bench = "tests/engines/bench.sh";
    steps.push((Step::new("bench engine", bench, &[]), true));
    let bench = "models/radar-gaussian/bench.sh";
    steps.push((Step::new("bench detector", bench, &[]), true));
    let peers = "tests/python/eval_peers/run.sh";
    steps.push((Step::new("evaluation beside its peers", peers, &[]), true));
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
