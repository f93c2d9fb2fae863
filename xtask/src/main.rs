//! Project tasks, run as `cargo xtask TASK`. Each task has its own file; this one reads the
//! command line and hands over.

#![expect(
    clippy::print_stdout,
    reason = "a task speaks to a person on standard output"
)]

mod board;
mod bundle;
mod ci;
mod ci_full;
mod deploy;
mod deps;
mod firmware;
mod flash;
mod flash_mcu;
mod fuzz;
mod keys;
mod machine;
mod mcu;
mod models;
mod step;
mod verification;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Project tasks of Drafthorse.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// The checks of every change, or with `full` also the longer ones
    Ci(ci::Arguments),
    /// Check that docs/dependencies.md has a line for every direct dependency
    Deps,
    /// Make the key pair that bundles are signed with and devices trust
    Keys(keys::Arguments),
    /// Build, pack and sign all that a board runs
    Bundle(bundle::Arguments),
    /// Bring a release to a device or a fleet, over ssh
    Deploy(deploy::Arguments),
    /// Go back to the release before the present one
    Rollback(deploy::Device),
    /// Say what a device runs
    Status(deploy::Device),
    /// Show the messages of a device's service
    Logs(deploy::Logs),
    /// Flash a bare Jetson with NVIDIA's own tools, or a microcontroller with probe-rs
    Flash(flash::Arguments),
    /// A board under QEMU, to deploy to and to pull the plug of
    Board(board::Arguments),
    /// Build the sync MCU's programs, say their sizes, run one under QEMU
    Firmware(firmware::Arguments),
    /// Train the project's own models
    Models(models::Arguments),
    /// Run every fuzz target of tests/fuzz for a while
    Fuzz(fuzz::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        // What people do about it, and not where in here it was found.
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Deps => deps::run(),
        Task::Keys(arguments) => keys::run(&arguments),
        Task::Bundle(arguments) => bundle::run(&arguments),
        Task::Deploy(arguments) => deploy::run(&arguments),
        Task::Rollback(device) => deploy::rollback(&device),
        Task::Status(device) => deploy::status(&device),
        Task::Logs(logs) => deploy::logs(&logs),
        Task::Flash(arguments) => flash::run(&arguments),
        Task::Board(arguments) => board::run(&arguments),
        Task::Firmware(arguments) => firmware::run(&arguments),
        Task::Models(arguments) => models::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
    }
}
