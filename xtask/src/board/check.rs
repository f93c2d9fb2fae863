//! End to end: a bundle is built and deployed twice to the board, which records its sensors live,
//! replays what it recorded to the same bytes, and gives it to this machine, which does so too.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;

use super::releases::{ROOT, Releases, VEHICLE, perceiving, state};
use super::{VirtualBoard, logs, replays, shell, timed};
use crate::workspace;

/// What the check is made with.
#[derive(Args)]
pub(super) struct Arguments {
    /// The program for the board, built elsewhere; cross-built if left out
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// This machine's program, which replays the board's log; built if left out
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// How long the board records, in seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// How long it records with the radar's network, in seconds
    #[arg(long, default_value_t = 120)]
    network_seconds: u64,
}

/// Goes from the bundle to the replayed log.
pub(super) fn run(board: &VirtualBoard, arguments: &Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None => timed("program of this machine", own_program)?,
    };
    let releases = Releases::make(board, arguments.binary.as_deref())?;
    releases.first(board)?;
    timed("second deployment", || releases.deploy(board, 1))?;
    ensure!(
        state(board)?.current.as_deref() == Some(&releases.ids[1]),
        "the second release does not run"
    );
    timed("rollback", || task(board, &["rollback"], &[]))?;
    ensure!(
        state(board)?.current.as_deref() == Some(&releases.ids[0]),
        "the first release does not run again"
    );
    task(board, &["status"], &[])?;
    task(board, &["logs"], &["--", "-n", "3"])?;
    timed("a release that is blind", || {
        releases.refuse_blind(board, arguments.binary.as_deref())
    })?;
    live(board, &program, &releases, arguments.seconds)?;
    timed("reference vectors of the networks there", || {
        let verify =
            format!("{ROOT}/confirmed/bin/drafthorse models verify --dir {ROOT}/current/models");
        println!("{}", board.shell.user(&verify)?.trim());
        Ok(())
    })?;
    live_with_network(board, &program, &releases, arguments.network_seconds)?;
    println!(
        "board: end to end in {:.0} s",
        began.elapsed().as_secs_f64()
    );
    board.emulator.stop()
}

/// A live run of all sensors, replayed there and here.
fn live(
    board: &VirtualBoard,
    program: &Path,
    releases: &Releases,
    seconds: u64,
) -> anyhow::Result<()> {
    let run = record(board, releases, seconds)?;
    let held = replays::both(board, program, &run, false)?;
    for format in ["ars548", "nv12", "can_frame"] {
        ensure!(
            held.raw
                .get(format)
                .is_some_and(|count| *count >= seconds / 2),
            "hardly any {format} in the log"
        );
    }
    Ok(())
}

/// The same with the network of the radar, which takes an emulated processor seconds for a scan.
fn live_with_network(
    board: &VirtualBoard,
    program: &Path,
    releases: &Releases,
    seconds: u64,
) -> anyhow::Result<()> {
    let vehicle = std::fs::read_to_string(workspace::root().join(VEHICLE))?;
    // Scans shall not wait longer than need be.
    let vehicle = vehicle.replace("radar_queue = 8", "radar_queue = 1");
    let network = format!(
        "\n[[networks]]\nmodel = \"../current/models/{}\"\n",
        replays::NETWORK
    );
    board.shell.feed(
        &format!("cat >{ROOT}/vehicle/drafthorse.toml && systemctl start drafthorse"),
        (vehicle + &network).as_bytes(),
    )?;
    let run = timed("live run with the radar's network", || {
        record(board, releases, seconds)
    })?;
    let held = replays::both(board, program, &run, true)?;
    let mut took_ms = held.network_ms;
    took_ms.sort_by(f64::total_cmp);
    if let [least, .., most] = took_ms.as_slice() {
        println!(
            "board: a scan took the network {:.0} ms (median; {least:.0} to {most:.0})",
            took_ms[took_ms.len() / 2]
        );
    }
    Ok(())
}

/// Lets the board perceive and record, and ends that; gives the run's name.
fn record(board: &VirtualBoard, releases: &Releases, seconds: u64) -> anyhow::Result<String> {
    let runs = timed("perception in each lane", || {
        perceiving(board, &releases.ids)
    })?;
    println!("board: runs {runs} and records for {seconds} s");
    std::thread::sleep(Duration::from_secs(seconds));
    let run = logs::newest(&board.shell)?;
    // The last segment is finished.
    board.shell.root("systemctl stop drafthorse")?;
    Ok(run)
}

/// Builds this machine's own program.
fn own_program() -> anyhow::Result<PathBuf> {
    let status = Command::new(workspace::cargo())
        .args([
            "build",
            "--locked",
            "-p",
            "drafthorse",
            "--bin",
            "drafthorse",
        ])
        .current_dir(workspace::root())
        .env_remove("CARGO_TARGET_DIR")
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "this machine's program does not build");
    Ok(workspace::root().join("target/debug/drafthorse"))
}

/// A task of ours for the board.
fn task(board: &VirtualBoard, words: &[&str], last: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(std::env::current_exe()?)
        .args(words)
        .args(["--host", shell::HOST, "-F"])
        .arg(board.shell.config())
        .args(last)
        .status()?;
    ensure!(status.success(), "`cargo xtask {}` failed", words.join(" "));
    Ok(())
}
