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

use super::{Figure, engines, preferred, progress};
use crate::cli::OffloadBench;
use anyhow::{Context, Result};
use drafthorse_synth::scenes::Split;
use std::path::PathBuf;

/// Where models lie.
struct Folders {
    target: PathBuf,
    drafter: PathBuf,
}

pub(super) fn run(
    args: &OffloadBench,
    json: bool,
    print: &mut dyn FnMut(Figure) -> Result<()>,
) -> Result<()> {
    let engines = engines(&args.engine)?;
    let backend = preferred(&engines)?;
    let folders = Folders {
        target: args.model.clone(),
        drafter: args.drafter.clone(),
    };
    let split = match args.tuning {
        true => Split::Val,
        false => Split::Test,
    };
    let program = server::Program::find(args, &folders)?;
    let blocks = args.scenes.max(1);
    let bar = progress(
        blocks + cells::CELLS.len() * args.cells,
        "blocks and timed frames",
    );
    let drive = drive::play(
        &folders,
        backend,
        args.engine.threads,
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
            args.engine.threads,
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
    if !json {
        eprint!("{}", report.table());
    }
    report.figures().into_iter().try_for_each(print)
}
