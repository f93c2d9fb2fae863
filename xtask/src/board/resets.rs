//! The plug is pulled: while the board records, and while it is deployed to.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;

use super::releases::{Releases, perceiving};
use super::{BOOT, VirtualBoard, logs};

/// How often.
#[derive(Args)]
pub(super) struct Arguments {
    /// Resets while the board records
    #[arg(long, default_value_t = 20)]
    recording: u32,
    /// Resets while the board is deployed to
    #[arg(long, default_value_t = 20)]
    deploying: u32,
    /// Chooses the moments
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program for the board, built elsewhere; cross-built if left out
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
}

/// The recorder's flush interval of the board's configuration, the default one, s.
const FLUSH_S: f64 = 0.5;
/// What is left out of a loss: the CAN bus is silent so long at most, and QEMU takes a moment for a reset.
const SILENCE_S: f64 = 0.1;

/// Resets the board and looks at what is left.
pub(super) fn run(board: &VirtualBoard, arguments: &Arguments) -> anyhow::Result<()> {
    let began = Instant::now();
    let releases = Releases::make(board, arguments.binary.as_deref())?;
    releases.first(board)?;
    let mut random = fastrand::Rng::with_seed(arguments.seed);
    recording(board, arguments.recording, &releases, &mut random)?;
    deploying(board, arguments.deploying, &releases, &mut random)?;
    println!(
        "board: {} resets in {:.0} s",
        arguments.recording + arguments.deploying,
        began.elapsed().as_secs_f64()
    );
    board.emulator.stop()
}

/// What each log lost that a reset cut, beside the syncs of its disk: a message is on the disk one flush
/// interval, or the sync before it where that took longer, and its own sync after it was appended.
fn recording(
    board: &VirtualBoard,
    count: u32,
    releases: &Releases,
    random: &mut fastrand::Rng,
) -> anyhow::Result<()> {
    let folder = board.folder.join("cut");
    let mut lost = Vec::new();
    for number in 0..count {
        perceiving(board, &releases.ids)?;
        let run = logs::newest(&board.shell)?;
        std::thread::sleep(Duration::from_secs_f64(2.0 + 6.0 * random.f64()));
        let reset_ns = board.emulator.reset()?;
        let flush_s = board.emulator.slowest_flush()?.as_secs_f64();
        board.shell.wait(BOOT, &board.emulator)?;
        logs::pull(&board.shell, &run, &folder)?;
        let held = logs::read(&folder)?;
        let ahead_ns = held.ahead_ns.context("the log holds no radar packet")?;
        // Too long by the way of the fastest packet.
        let lost_s = (reset_ns as i64 + ahead_ns - held.last_ns as i64) as f64 / 1e9;
        let sync_s = held.worst_sync_ns as f64 / 1e9;
        println!(
            "board: reset {number} while recording: {lost_s:.2} s are lost of {run}; its longest sync took {sync_s:.2} s, the disk's \
             longest flush {flush_s:.2} s"
        );
        let sync_s = sync_s.max(flush_s);
        let promised = FLUSH_S.max(sync_s) + sync_s + SILENCE_S;
        ensure!(
            lost_s <= promised,
            "{run} lost {lost_s:.2} s; with a flush interval of {FLUSH_S} s and syncs of {sync_s:.2} s it may lose {promised:.2} s"
        );
        lost.push(lost_s);
    }
    if let Some(worst) = lost.iter().copied().reduce(f64::max) {
        let within = lost.iter().filter(|s| **s <= FLUSH_S + SILENCE_S).count();
        println!(
            "board: {count} logs cut by a reset lost at most {worst:.2} s, {within} of them no more than the flush interval of {FLUSH_S} s \
             and the {SILENCE_S} s in which nothing need have come"
        );
    }
    Ok(())
}

/// Deployments back and forth, each cut at a moment of its usual time.
fn deploying(
    board: &VirtualBoard,
    count: u32,
    releases: &Releases,
    random: &mut fastrand::Rng,
) -> anyhow::Result<()> {
    if count == 0 {
        return Ok(());
    }
    perceiving(board, &releases.ids)?;
    let began = Instant::now();
    releases.deploy(board, 1)?;
    let whole = began.elapsed();
    println!(
        "board: a whole deployment takes {:.1} s",
        whole.as_secs_f64()
    );
    let mut new = 0;
    for number in 0..count {
        let runs = perceiving(board, &releases.ids)?;
        let next = usize::from(runs == releases.ids[0]);
        // So that there is something to send and to put together.
        board
            .shell
            .user(&format!(
                "cd /opt/drafthorse && rm -rf incoming && [ ! -e releases/{0} ] || {{ chmod -R u+w releases/{0} && rm -rf releases/{0}; }}",
                releases.ids[next]
            ))?;
        // Some come behind its usual end: a busy machine takes longer.
        let after = whole.mul_f64(1.3 * random.f64());
        let mut deployment = releases
            .deployment(board, next)?
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        std::thread::sleep(after);
        board.emulator.reset()?;
        board.shell.wait(BOOT, &board.emulator)?;
        let _ = deployment.kill();
        deployment.wait()?;
        let runs = perceiving(board, &releases.ids)?;
        let is_new = runs == releases.ids[next];
        new += u32::from(is_new);
        println!(
            "board: reset {number} after {:.1} s of a deployment: the {} release runs, whole",
            after.as_secs_f64(),
            if is_new { "new" } else { "old" }
        );
    }
    println!(
        "board: {count} deployments cut by a reset: a whole release each time, {new} times the new one"
    );
    Ok(())
}
