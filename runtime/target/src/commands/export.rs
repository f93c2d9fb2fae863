use drafthorse_target::repository::{RepositoryOptions, export};
use std::path::PathBuf;
use std::time::Duration;

/// Write a model repository for NVIDIA's Triton.
///
/// It holds scene_verify and scene_generate on Triton's Python backend, which needs numpy and onnxruntime in its Python
/// (onnxruntime-gpu to run on a GPU). Blocks of several vehicles are answered together. Start the server with
/// --cache-config local,size=67108864 so that retries are answered from memory.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Arguments {
    /// The target's folder
    #[arg(long)]
    model: PathBuf,
    /// The drafter's folder, for the narrow code of image tokens (fsq)
    #[arg(long)]
    drafter: Option<PathBuf>,
    /// Folder to make
    #[arg(long)]
    out: PathBuf,
    /// Blocks answered together at most; 1 for no batching
    #[arg(long, default_value_t = RepositoryOptions::default().max_batch)]
    max_batch: usize,
    /// How long a block waits for others to join it, ms
    #[arg(long, default_value_t = RepositoryOptions::default().queue_delay.as_secs_f64() * 1e3)]
    queue_delay_ms: f64,
    /// Blocks that wait at most; more are refused at once
    #[arg(long, default_value_t = RepositoryOptions::default().queue)]
    queue: usize,
    /// How long a block waits at most, ms
    #[arg(long, default_value_t = RepositoryOptions::default().queue_timeout.as_secs_f64() * 1e3)]
    queue_timeout_ms: f64,
    /// Threads of one run
    #[arg(long, default_value_t = RepositoryOptions::default().threads)]
    threads: usize,
    /// Stand-in for a target of real size: every decoding run takes at least so long, whatever its tokens, ms
    #[arg(long, default_value_t = 0.0)]
    pace_ms: f64,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let ms = |ms: f64| Duration::try_from_secs_f64(ms / 1e3);
    let options = RepositoryOptions {
        max_batch: arguments.max_batch,
        queue_delay: ms(arguments.queue_delay_ms)?,
        queue: arguments.queue,
        queue_timeout: ms(arguments.queue_timeout_ms)?,
        threads: arguments.threads,
        pace: ms(arguments.pace_ms)?,
    };
    let files = super::files(&arguments.model, arguments.drafter.as_deref())?;
    export(&files, &arguments.out, &options)?;
    super::say(&arguments.out.display().to_string())?;
    Ok(())
}
