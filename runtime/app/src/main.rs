//! The `drafthorse` command.

use clap::Parser as _;
use drafthorse::cli::Cli;
use drafthorse::commands::{self, Failed};
use std::io::Write as _;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: drafthorse::bench::CountingAllocator = drafthorse::bench::CountingAllocator;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("DRAFTHORSE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")),
        )
        .with_writer(std::io::stderr)
        .with_target(false)
        // A message that cannot be written, to a file on a full disk say, must not end the run.
        .log_internal_errors(false)
        .init();
    match commands::dispatch(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of our output has gone (`| head`): nothing is wrong.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "drafthorse: {error:#}");
            ExitCode::from(if error.is::<Failed>() { 1 } else { 2 })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>();
        let kind = io.or(json.and_then(serde_json::Error::io_error_kind));
        kind == Some(std::io::ErrorKind::BrokenPipe)
    })
}
