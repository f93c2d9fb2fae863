//! `drafthorse-target`: serves the target for development and tests, and makes what Triton needs to do so.

mod commands;

use clap::{Parser, Subcommand};
use std::io::IsTerminal as _;
use std::process::ExitCode;

/// The target of "draft here, verify there": checks vehicles' drafts of keyframes and writes the rest.
///
/// A vehicle sends a block: the pruned, coded image tokens of one to eight pictures and what its own drafter wrote of
/// each. The target runs over picture, prompt and draft at once, keeps the draft as far as it is what the target would
/// have written itself, and goes on from there.
///
/// For development:
///   drafthorse-target certs --out certs --vehicle car-7
///   drafthorse-target serve --model models/scene-vlm-s --drafter models/scene-drafter-s \
///     --ca certs/ca.pem --certificate certs/server.pem --key certs/server.key
/// For production, with NVIDIA's Triton:
///   drafthorse-target export --model models/scene-vlm-s --drafter models/scene-drafter-s --out repository
///   tritonserver --model-repository repository --cache-config local,size=67108864
#[derive(Parser)]
#[command(name = "drafthorse-target", version, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(commands::serve::Arguments),
    Certs(commands::certs::Arguments),
    Export(commands::export::Arguments),
}

fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DRAFTHORSE_LOG");
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => commands::serve::run(&arguments),
        Command::Certs(arguments) => commands::certs::run(arguments),
        Command::Export(arguments) => commands::export::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::from(2)
        }
    }
}
