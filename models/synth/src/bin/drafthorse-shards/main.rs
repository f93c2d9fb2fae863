//! Writes training shards of synthetic drives, or says what is in shards that are there.
#![allow(clippy::print_stdout)] // A command that prints.

mod plan;
mod table;

use anyhow::{Context, Result, bail};
use clap::Parser;
use drafthorse_synth::shard::{Shard, load, play, save, statistics};
use indicatif::{ProgressBar, ProgressStyle};
use plan::{Args, drives};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

fn main() -> Result<()> {
    let args = Args::parse();
    if args.stats {
        return print_statistics(&args.out, args.json);
    }
    generate(&args)
}

fn generate(args: &Args) -> Result<()> {
    let drives = drives(args)?;
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let bar = progress(drives.len(), "drives");
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        while let Some(drive) = drives.get(next.fetch_add(1, Ordering::Relaxed)) {
            let shard = play(&drive.config, drive.shard);
            save(&shard, &args.out.join(&drive.name))?;
            bar.inc(1);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| bail!("a drive's thread broke off"))
        })
    })?;
    bar.finish();
    Ok(())
}

fn progress(count: usize, what: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(count as u64).with_style(style);
    bar.with_message(what.to_owned())
}

fn print_statistics(folder: &Path, json: bool) -> Result<()> {
    let files = shards_in(folder)?;
    let bar = progress(files.len(), "shards");
    let shards = files
        .iter()
        .map(|file| {
            bar.inc(1);
            Ok(load(file)?)
        })
        .collect::<Result<Vec<Shard>>>()?;
    bar.finish_and_clear();
    let statistics = statistics(&shards);
    if json {
        println!("{}", serde_json::to_string_pretty(&statistics)?);
    } else {
        print!("{}", table::table(&statistics));
    }
    Ok(())
}

fn shards_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "safetensors") {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        bail!(
            "{} has no .safetensors files; generate some with --split and --drives",
            folder.display()
        );
    }
    Ok(files)
}
