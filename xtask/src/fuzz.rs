//! `cargo xtask fuzz`: builds tests/fuzz with coverage instrumentation and runs its targets, a few
//! at a time. The stable compiler does: the instrumentation is a pass of LLVM that needs no
//! unstable flag, and libFuzzer builds from its crate.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, bail, ensure};
use clap::Args;

use crate::workspace;

/// What libFuzzer needs compiled into the code it explores.
const INSTRUMENTATION: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long and which.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    pub(crate) seconds: u32,
    /// Only the targets whose names contain this
    #[arg(long, default_value = "")]
    pub(crate) only: String,
}

/// Runs the targets; an error names those with a finding.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let program = build()?;
    let names: Vec<_> = list(&program)?
        .into_iter()
        .filter(|name| name.contains(&arguments.only))
        .collect();
    ensure!(
        !names.is_empty(),
        "no fuzz target is named like `{}`",
        arguments.only
    );
    let next = AtomicUsize::new(0);
    let findings = Mutex::new(Vec::new());
    let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(name) = names.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdict = explore(&program, name, arguments.seconds);
                    if let Err(error) = &verdict {
                        eprintln!("xtask: fuzz {name}: {error:#}");
                    }
                    if verdict.is_err()
                        && let Ok(mut findings) = findings.lock()
                    {
                        findings.push(name.clone());
                    }
                }
            });
        }
    });
    let findings = findings.into_inner().unwrap_or_default();
    println!(
        "fuzz: {} passed, {} failed, {} s each",
        names.len() - findings.len(),
        findings.len(),
        arguments.seconds
    );
    if !findings.is_empty() {
        bail!(
            "findings in {}; the inputs are in target/fuzz/findings",
            findings.join(", ")
        );
    }
    Ok(())
}

/// Builds the program and gives its path.
fn build() -> anyhow::Result<PathBuf> {
    let root = workspace::root();
    let triple = host()?;
    let target = root.join("target/fuzz/build");
    // With --target the flags stay away from build scripts and macros.
    let status = Command::new(workspace::cargo())
        .args(["build", "--release", "--locked", "--target", &triple])
        .current_dir(root.join("tests/fuzz"))
        .env("CARGO_TARGET_DIR", &target)
        .env("RUSTFLAGS", INSTRUMENTATION)
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "tests/fuzz does not build");
    Ok(target.join(triple).join("release/drafthorse-fuzz"))
}

/// The triple that the compiler runs on.
fn host() -> anyhow::Result<String> {
    let ended = Command::new("rustc")
        .arg("-vV")
        .output()
        .context("rustc could not be started")?;
    String::from_utf8_lossy(&ended.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: ").map(str::to_owned))
        .context("rustc -vV names no host")
}

/// The names of the program's targets.
fn list(program: &Path) -> anyhow::Result<Vec<String>> {
    let ended = Command::new(program)
        .arg("--list")
        .output()
        .context("the fuzz program")?;
    ensure!(
        ended.status.success(),
        "the fuzz program does not list its targets"
    );
    let names = String::from_utf8_lossy(&ended.stdout);
    Ok(names.lines().map(str::to_owned).collect())
}

/// Runs one target over its corpus; an error where it found something.
fn explore(program: &Path, name: &str, seconds: u32) -> anyhow::Result<()> {
    let fuzz = workspace::root().join("target/fuzz");
    let (corpus, findings) = (fuzz.join("corpus").join(name), fuzz.join("findings"));
    std::fs::create_dir_all(&corpus)?;
    std::fs::create_dir_all(&findings)?;
    let ended = Command::new(program)
        .arg(format!("--target={name}"))
        .arg(format!("-max_total_time={seconds}"))
        .args([
            "-max_len=65536",
            "-rss_limit_mb=4096",
            "-timeout=20",
            "-verbosity=0",
        ])
        .arg("-print_final_stats=1")
        .arg(format!("-artifact_prefix={}/{name}-", findings.display()))
        .arg(&corpus)
        .stdin(Stdio::null())
        .output()
        .context("the fuzz program could not be started")?;
    let text = String::from_utf8_lossy(&ended.stderr);
    if !ended.status.success() {
        bail!("{}", text.trim_end());
    }
    let runs = text
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
        .map_or("?", str::trim);
    println!("fuzz: {name}: {runs} inputs in {seconds} s, no finding");
    Ok(())
}
