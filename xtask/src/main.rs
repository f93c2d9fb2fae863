//! Project tasks, run as `cargo xtask TASK`. Each task has its own file; this one reads the
//! command line and hands over.

#![expect(
    clippy::print_stdout,
    reason = "a task speaks to a person on standard output"
)]

mod ci;
mod ci_full;
mod deps;
mod fuzz;
mod machine;
mod models;
mod step;
mod verification;
mod workspace;

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
    /// Train the project's own models
    Models(models::Arguments),
    /// Run every fuzz target of tests/fuzz for a while
    Fuzz(fuzz::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Ci(arguments) => ci::run(&arguments),
        Task::Deps => deps::run(),
        Task::Models(arguments) => models::run(&arguments),
        Task::Fuzz(arguments) => fuzz::run(&arguments),
    }
}
