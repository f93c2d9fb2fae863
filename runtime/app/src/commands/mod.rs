//! What each command does: arguments in, output and exit status out.

mod calibrate;
mod calibrate_samples;
mod config;
mod decode;
mod decode_sync;
mod describe;
mod doctor;
mod doctor_board;
mod engine;
mod engine_build;
mod eval;
mod eval_model;
mod find;
mod logs;
mod models;
mod note;
mod release;
mod run;
mod sensitivity_plot;

pub(crate) use models::engine_config;

use crate::bench;
use crate::cli::{Cli, Command, RunArgs};
use anyhow::Result;

/// The run was well asked for and failed, or a check found differences: exit code 1. Every other
/// error is bad input: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

/// Carries out a command line.
///
/// # Errors
/// [`Failed`] for a failed run, any other error for bad input.
pub fn dispatch(cli: Cli) -> Result<()> {
    match cli
        .command
        .unwrap_or_else(|| Command::Run(RunArgs::sample()))
    {
        Command::Run(args) => run::run(&args),
        Command::Decode(args) => decode::decode(&args),
        Command::Describe(args) => describe::describe(&args),
        Command::Replay(args) => logs::replay(&args),
        Command::Recover(args) => logs::recover(&args),
        Command::Report(args) => logs::report(&args),
        Command::Note(args) => note::note(&args),
        Command::Inspect(args) => logs::inspect(&args),
        Command::Keep(args) => logs::keep(&args),
        Command::Find(args) => find::find(&args),
        Command::Config { command } => config::config(&command),
        Command::Engine { command } => engine::engine(&command),
        Command::Models { command } => models::models(&command),
        Command::Calibrate(args) => calibrate::calibrate(&args),
        Command::Eval(args) => eval::eval(&args),
        Command::Release(args) => release::release(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Bench(args) => bench::run(&args),
    }
}

impl RunArgs {
    fn sample() -> Self {
        Self {
            out: "drafthorse-out".into(),
            ..Self::default()
        }
    }
}
