//! `cargo xtask ci`: the checks of every change, as `.ci/run` has them; `full` goes on with the
//! longer ones.

use std::process::Command;

use anyhow::{Context, ensure};
use clap::{Args, ValueEnum};

use crate::{ci_full, workspace};

/// Which checks to run.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Leave out for the checks of every change
    #[arg(value_enum)]
    extent: Option<Extent>,
    /// How long each fuzz target runs in `full`, in seconds
    #[arg(long, default_value_t = 600)]
    fuzz_seconds: u32,
    /// In `full`, only the steps whose names contain this; the others keep their last results
    #[arg(long, default_value = "")]
    only: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Extent {
    /// The longer checks too, with their results in docs/verification.md
    Full,
}

/// Runs the checks; an error where one of them failed.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.extent == Some(Extent::Full) {
        return ci_full::run(arguments.fuzz_seconds, &arguments.only);
    }
    let script = workspace::root().join(".ci/run");
    let status = Command::new(&script)
        .current_dir(workspace::root())
        .status()
        .with_context(|| format!("{} could not be started", script.display()))?;
    ensure!(status.success(), "a check failed; its output stands above");
    Ok(())
}
