//! `cargo xtask firmware`: the programs of the sync MCU are built and measured, and the one for the MPS2
//! board talks with the host's side under QEMU, over a line that damages bytes.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use clap::Args;

use crate::bundle::is_there;
use crate::{mcu, workspace};

/// What is done with them.
#[derive(Args)]
pub(crate) struct Arguments {
    /// How long the simulated line and the one under QEMU last, in seconds each
    #[arg(long, default_value_t = 20)]
    seconds: u32,
    /// Build, lint and measure, and run nothing
    #[arg(long)]
    build_only: bool,
}

/// Builds, measures and runs.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    check_format()?;
    for mcu in &mcu::ALL {
        let program = mcu.build()?;
        mcu.lint()?;
        let size = mcu::size(&program)?;
        println!(
            "firmware: {}: {:.1} KiB of flash, {:.1} KiB of RAM beside the stack",
            mcu.name,
            size.flash as f64 / 1024.0,
            size.ram as f64 / 1024.0
        );
    }
    if arguments.build_only {
        return Ok(());
    }
    ensure!(
        is_there("qemu-system-arm"),
        "qemu-system-arm is missing: apt-get install qemu-system-arm"
    );
    let firmware = mcu::Mcu::named("mps2-an386")?.program();
    let status = Command::new(workspace::cargo())
        .args(["test", "--locked", "-p", "drafthorse-sensors"])
        .args(["--test", "sync_simulated", "--test", "sync_qemu"])
        // One after the other: QEMU wants the machine for itself.
        .args(["--", "--include-ignored", "--nocapture", "--test-threads=1"])
        .current_dir(workspace::root())
        .env("DRAFTHORSE_FIRMWARE", firmware)
        .env("DRAFTHORSE_SYNC_SECONDS", arguments.seconds.to_string())
        .stdin(Stdio::null())
        .status()
        .context("cargo could not be started")?;
    ensure!(
        status.success(),
        "the firmware and the host's side do not get on"
    );
    Ok(())
}

/// The firmware's workspace is its own, so that the format of the other is not its.
fn check_format() -> anyhow::Result<()> {
    let status = Command::new(workspace::cargo())
        .args(["fmt", "--all", "--check"])
        .current_dir(workspace::root().join("firmware/boards"))
        .status()
        .context("cargo could not be started")?;
    ensure!(status.success(), "run `cargo fmt --all` in firmware/boards");
    Ok(())
}
