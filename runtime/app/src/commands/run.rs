//! `drafthorse run`.

use super::Failed;
use crate::cli::RunArgs;
use crate::config::Config;
use crate::run::{RunOptions, read_notes, run as run_config};
use anyhow::{Context, Result};
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The sample drive: 20 s of camera and 4D radar with ground truth.
const SAMPLE: &str = "synth:?seed=7&seconds=20&incidents=1";

pub(super) fn run(args: &RunArgs) -> Result<()> {
    let mut config = match &args.config {
        Some(path) => Config::read(path)?,
        None if args.source.is_empty() => {
            let mut config = Config::from_sources(vec![SAMPLE.parse()?]);
            config.name = "sample".to_owned();
            config
        }
        None => Config::from_sources(args.source.clone()),
    };
    if let Some(unused) = config.unused() {
        tracing::warn!("{unused}");
    }
    config.clock.unrelated |= args.unrelated;
    let library = &mut config.engine.onnxruntime_library;
    *library = library.take().or_else(|| args.onnxruntime.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // The second request does not wait for the log.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    })
    .context("signals cannot be caught")?;
    let options = RunOptions {
        progress: !args.json && std::io::stderr().is_terminal(),
        report: !args.no_report,
        notes: args.notes.as_deref().map_or(Ok(Vec::new()), read_notes)?,
        stop,
        status: args.status.clone(),
        ..RunOptions::new(&args.out)
    };
    let summary = run_config(&config, &options)?;
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        write!(out, "\n{}", summary.table())?;
    }
    if let Some(reason) = &summary.recording_failed {
        return Err(Failed(reason.clone()).into());
    }
    if !summary.failed_lanes.is_empty() {
        return Err(Failed(format!(
            "lane {} broke off, which is a fault of this program; its sensors were recorded: report the reason above with the log",
            summary.failed_lanes.join(", ")
        ))
        .into());
    }
    if summary.scans + summary.frames == 0 && summary.faults > 0 {
        return Err(Failed(
            "no scan and no frame came out of what was read; the faults in the report say why"
                .to_owned(),
        )
        .into());
    }
    if !summary.failed_sources.is_empty() {
        return Err(Failed(format!(
            "{} could not be read to the end; the reason is in the log's /events and in the report",
            summary.failed_sources.join(", ")
        ))
        .into());
    }
    Ok(())
}
