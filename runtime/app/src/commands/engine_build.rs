//! `drafthorse engine build` and `drafthorse engine shim`: what TensorRT needs before the first drive.

use super::Failed;
use super::models::{all_were_readable, engine_config, manifests};
use crate::cli::BuildArgs;
use anyhow::{Context, Result};
use drafthorse_engine::{Artefact, Manifest, ModelFile};
use drafthorse_engine_tensorrt::{Progress, TensorRt, Toolchain, compile_shim};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// An engine that was built or found.
#[derive(Serialize)]
struct Row {
    model: String,
    file: PathBuf,
    engine: Option<PathBuf>,
    /// It was in the cache already.
    reused: bool,
    /// Why an engine that was in the cache was not used.
    refused: Option<String>,
    seconds: f64,
    error: Option<String>,
}

pub(super) fn build(args: &BuildArgs) -> Result<()> {
    let mut config = engine_config(
        args.models.config.as_deref(),
        args.models.onnxruntime.as_deref(),
    )?;
    if let Some(library) = &args.tensorrt {
        config.tensorrt_library = Some(library.clone());
    }
    let tensorrt = TensorRt::open(&config.tensorrt())?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        // TensorRT looks up only between its phases; the second request does not wait for that.
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("drafthorse: stopping after this phase; once more stops at once");
    })
    .context("signals cannot be caught")?;
    let mut out = std::io::stdout().lock();
    let mut failed = 0;
    let (manifests, unreadable) = manifests(&args.models.dir)?;
    for (folder, manifest) in manifests {
        for file in manifest.files.iter().filter(|file| file.is_for("tensorrt")) {
            let row = one(&tensorrt, &folder, &manifest, file, args, &stop);
            failed += usize::from(row.error.is_some());
            match args.models.json {
                true => writeln!(out, "{}", serde_json::to_string(&row)?)?,
                false => row.print(&mut out)?,
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Failed("stopped; what was built before is kept".to_owned()).into());
            }
        }
    }
    if failed > 0 {
        return Err(Failed(format!("{failed} engines could not be built")).into());
    }
    all_were_readable(unreadable)
}

fn one(
    tensorrt: &TensorRt,
    folder: &Path,
    manifest: &Manifest,
    file: &ModelFile,
    args: &BuildArgs,
    stop: &AtomicBool,
) -> Row {
    let mut row = Row {
        model: manifest.name.clone(),
        file: file.path.clone(),
        engine: None,
        reused: false,
        refused: None,
        seconds: 0.0,
        error: None,
    };
    let bar = bar(args.models.json);
    let mut told = Duration::ZERO;
    let mut listener = |progress: Progress<'_>| {
        tell(&bar, &mut told, progress, args.models.json);
        match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    let built = file.bytes(folder).and_then(|bytes| {
        let name = file.path.to_string_lossy();
        let artefact = Artefact {
            name: &name,
            bytes: &bytes,
        };
        let options = manifest.options(1);
        tensorrt.build(artefact, &options, args.again, &mut listener)
    });
    bar.finish_and_clear();
    match built {
        Ok(built) => {
            row.engine = built.file;
            row.reused = built.reused;
            row.refused = built.refused.map(|why| why.to_string());
            row.seconds = built.took.as_secs_f64();
        }
        Err(error) => row.error = Some(error.to_string()),
    }
    row
}

fn bar(quiet: bool) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(1);
    let style = ProgressStyle::with_template("{elapsed_precise} {bar:24} {pos}/{len} {msg}");
    style.map_or(bar.clone(), |style| bar.clone().with_style(style))
}

/// Where there is no terminal, a line every ten seconds: a build must not look like a hang.
fn tell(bar: &ProgressBar, told: &mut Duration, progress: Progress<'_>, quiet: bool) {
    bar.set_length(u64::from(progress.steps.max(1)));
    bar.set_position(u64::from(progress.step));
    bar.set_message(format!("{}, {} MiB", progress.phase, memory_mib()));
    if bar.is_hidden() && !quiet && progress.elapsed >= *told + Duration::from_secs(10) {
        *told = progress.elapsed;
        eprintln!(
            "{:.0} s: {} {}/{}, {} MiB",
            progress.elapsed.as_secs_f64(),
            progress.phase,
            progress.step,
            progress.steps,
            memory_mib()
        );
    }
}

/// Memory of this process, MiB.
fn memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}

impl Row {
    fn print(&self, out: &mut impl std::io::Write) -> Result<()> {
        let what = format!("{} {}", self.model, self.file.display());
        if let Some(why) = &self.refused {
            writeln!(out, "{what}: the engine that was there is not used: {why}")?;
        }
        let place = self.engine.as_deref().unwrap_or(Path::new("nowhere"));
        match &self.error {
            Some(error) => writeln!(out, "{what}: {error}")?,
            None if self.reused => writeln!(out, "{what}: is there already, {}", place.display())?,
            None => writeln!(
                out,
                "{what}: built in {:.1} s, {}",
                self.seconds,
                place.display()
            )?,
        }
        Ok(())
    }
}

pub(super) fn shim(to: Option<&Path>) -> Result<()> {
    let beside = || {
        let program = std::env::current_exe().ok()?;
        Some(program.parent()?.join("lib"))
    };
    let folder = to.map(Path::to_owned).or_else(beside);
    let folder = folder.context("this program cannot find itself; say where with --to")?;
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    let library = compile_shim(&folder, &Toolchain::default())?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "compiled {}", library.display())?;
    Ok(())
}
