//! Draft here, verify there: what a drive costs in bytes and keeps in quality, and how soon a description is verified over
//! an emulated link, beside targets that do without drafts.
//!
//! The drive is of the generator's test town, which nothing was trained on: keyframes of several frames, each judged by its
//! worst. The target is the real server in a process of its own, behind mutual TLS; the link is `tests/relay`. Where a run of
//! the target is *paced*, it takes the time of a larger model's.

mod alone;
mod bound;
mod cells;
mod curve;
mod drive;
mod facts;
mod line;
mod report;
mod server;
mod upload;

use super::Figure;
use crate::cli::BenchArgs;
use anyhow::{Context, Result};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_synth::scenes::Split;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;
use std::path::PathBuf;

/// The models, where none are named.
const TARGET: &str = "models/scene-vlm-s";
const DRAFTER: &str = "models/scene-drafter-s";

/// Where models lie.
struct Folders {
    target: PathBuf,
    drafter: PathBuf,
}

pub(super) fn run(args: &BenchArgs, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let engines = Engines::open(&EngineConfig {
        onnxruntime_library: args.onnxruntime.clone(),
        ..EngineConfig::default()
    })?;
    let backend = engines
        .by_name("onnxruntime")
        .or_else(|| engines.present().next())
        .context("no engine is here")?;
    let folders = Folders {
        target: args.model.clone().unwrap_or_else(|| TARGET.into()),
        drafter: args.drafter.clone().unwrap_or_else(|| DRAFTER.into()),
    };
    let split = match args.tuning {
        true => Split::Val,
        false => Split::Test,
    };
    let program = server::Program::find(args, &folders)?;
    let blocks = args.scenes.max(1);
    let bar = progress(blocks + cells::CELLS.len() * args.cells);
    let drive = drive::play(
        &folders,
        backend,
        args.threads,
        &program,
        split,
        blocks,
        &bar,
    )?;
    let curve = curve::Curve::of(&drive.blocks);
    let cells = match args.cells {
        0 => Vec::new(),
        frames => cells::measure(
            &folders,
            backend,
            args.threads,
            &program,
            &drive,
            frames,
            &bar,
        )?,
    };
    bar.finish_and_clear();
    let report = report::Report::new(&drive, curve, cells);
    if let Some(out) = &args.out {
        let why = || format!("cannot write {}", out.display());
        std::fs::write(out, report.json()?).with_context(why)?;
        std::fs::write(out.with_extension("svg"), report.plot()).with_context(why)?;
    }
    if !args.json {
        eprint!("{}", report.table());
    }
    report.figures().into_iter().try_for_each(print)
}

fn progress(length: usize) -> ProgressBar {
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new(length as u64),
        false => ProgressBar::hidden(),
    };
    let template = "{bar:40.cyan/black} {pos} of {len} blocks and timed frames, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
