//! `drafthorse models`: what model files are here, whether they are whole and right, and fetching
//! them.

use super::Failed;
use crate::cli::{ModelsArgs, ModelsCommand};
use crate::config::Config;
use crate::networks::check_backends;
use crate::pipeline::ask_scan::parts;
use anyhow::{Context, Result, bail};
use drafthorse_engine::{
    Agreement, Asset, Backend, EngineError, Manifest, ModelFile, Ports, Takes, Tolerance,
};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_engine_fetch::fetch;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal as _, Write};
use std::path::{Path, PathBuf};

pub(super) fn models(command: &ModelsCommand) -> Result<()> {
    match command {
        ModelsCommand::List(args) => list(args),
        ModelsCommand::Verify(args) => verify(args),
        ModelsCommand::Pull(args) => pull(args),
    }
}

/// How the engines are opened: as the configuration file says, if one is named.
pub(crate) fn engine_config(
    config: Option<&Path>,
    onnxruntime: Option<&Path>,
) -> Result<EngineConfig> {
    let mut config = match config {
        Some(path) => Config::read(path)?.engine,
        None => EngineConfig::default(),
    };
    if let Some(library) = onnxruntime {
        config.onnxruntime_library = Some(library.to_owned());
    }
    Ok(config)
}

/// The folders of models in `dir`, or `dir` itself where it is one.
pub(super) fn folders(dir: &Path) -> Result<Vec<PathBuf>> {
    if dir.join("model.toml").is_file() {
        return Ok(vec![dir.to_owned()]);
    }
    let entries = std::fs::read_dir(dir);
    let entries = entries.with_context(|| {
        format!(
            "cannot read {}; name a folder of models with --dir",
            dir.display()
        )
    })?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("model.toml").is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The models in `dir` with their manifests; those that cannot be read are told and counted.
pub(super) fn manifests(dir: &Path) -> Result<(Vec<(PathBuf, Manifest)>, usize)> {
    let mut unreadable = 0;
    let mut found = Vec::new();
    for folder in folders(dir)? {
        let read = Manifest::read(&folder).map_err(anyhow::Error::from);
        let read = read.and_then(|manifest| check_backends(&manifest).map(|()| manifest));
        match read {
            Ok(manifest) => found.push((folder, manifest)),
            Err(error) => {
                unreadable += 1;
                eprintln!("drafthorse: {error:#}");
            }
        }
    }
    Ok((found, unreadable))
}

/// Fails where models could not be read, after all others had their turn.
pub(super) fn all_were_readable(unreadable: usize) -> Result<()> {
    match unreadable {
        0 => Ok(()),
        count => Err(Failed(format!("{count} models could not be read")).into()),
    }
}

fn list(args: &ModelsArgs) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut all = Vec::new();
    let (manifests, unreadable) = manifests(&args.dir)?;
    for (folder, manifest) in manifests {
        if !args.json {
            writeln!(out, "{}  {}", manifest.name, manifest.description)?;
            writeln!(
                out,
                "  licence {}, origin {}",
                manifest.licence, manifest.origin
            )?;
            for file in manifest.all_files() {
                let precision = manifest.files.iter().find(|f| f.path == file.path);
                let precision = precision.map(|f| format!("{:?}", f.precision));
                writeln!(
                    out,
                    "  {:<32} {:<10} {}",
                    file.path.display(),
                    precision.unwrap_or_default(),
                    state(&file, &folder)
                )?;
            }
        }
        all.push(manifest);
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&all)?)?;
    } else if all.is_empty() && unreadable == 0 {
        writeln!(out, "no models in {}", args.dir.display())?;
    }
    all_were_readable(unreadable)
}

/// A file of a model on a backend.
#[derive(Serialize)]
struct Verified {
    model: String,
    file: PathBuf,
    backend: &'static str,
    tolerance: Tolerance,
    /// The worst over all references.
    agreement: Option<Agreement>,
    passed: bool,
    /// Why it could not be run.
    error: Option<String>,
}

fn verify(args: &ModelsArgs) -> Result<()> {
    let config = engine_config(args.config.as_deref(), args.onnxruntime.as_deref())?;
    let engines = Engines::open(&config)?;
    for why in engines.absent() {
        eprintln!("drafthorse: {why}");
    }
    let (manifests, unreadable) = manifests(&args.dir)?;
    if manifests.len() + unreadable == 0 {
        bail!("{} holds no folder with a model.toml", args.dir.display());
    }
    let mut rows = Vec::new();
    for (folder, manifest) in &manifests {
        for file in &manifest.files {
            for backend in engines.present() {
                if file.is_for(backend.name()) {
                    rows.push(check(folder, manifest, file, backend, config.threads));
                }
            }
        }
    }
    let mut out = std::io::stdout().lock();
    for row in &rows {
        if args.json {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        } else {
            row.print(&mut out)?;
        }
    }
    all_were_readable(unreadable)?;
    if rows.is_empty() {
        return Err(Failed(
            "no file is meant for an engine that is here: nothing was verified".to_owned(),
        )
        .into());
    }
    let failed = rows.iter().filter(|row| !row.passed).count();
    if failed > 0 {
        return Err(Failed(format!("{failed} of {} checks did not pass", rows.len())).into());
    }
    Ok(())
}

fn check(
    folder: &Path,
    manifest: &Manifest,
    file: &ModelFile,
    backend: &dyn Backend,
    threads: usize,
) -> Verified {
    let tolerance = manifest.tolerance(file.precision);
    let found = file
        .load(folder, backend, &manifest.options(threads))
        .map_err(anyhow::Error::from)
        .and_then(|mut model| {
            let ports = Ports {
                inputs: model.inputs().to_vec(),
                outputs: model.outputs().to_vec(),
                ..Ports::default()
            };
            manifest.check_names(&file.path.to_string_lossy(), &ports)?;
            if manifest.takes == Takes::RadarScan {
                let parts = parts(folder, manifest);
                parts.and_then(|parts| Ok(parts.check(&ports.inputs, &ports.outputs)?))?;
            }
            let mut worst: Option<Agreement> = None;
            for reference in &manifest.references {
                let found = reference.check(folder, model.as_mut())?;
                worst = Some(worst.map_or(found, |worst| worst.worse(found)));
            }
            Ok(worst)
        });
    let (agreement, error) = match found {
        Ok(None) => (
            None,
            Some("model.toml names no references to verify it by".to_owned()),
        ),
        Ok(agreement) => (agreement, None),
        Err(error) => (None, Some(format!("{error:#}"))),
    };
    Verified {
        model: manifest.name.clone(),
        file: file.path.clone(),
        backend: backend.name(),
        tolerance,
        passed: agreement.is_some_and(|agreement| agreement.is_within(&tolerance)),
        agreement,
        error,
    }
}

impl Verified {
    fn print(&self, out: &mut impl Write) -> Result<()> {
        let what = format!("{} {} on {}", self.model, self.file.display(), self.backend);
        let verdict = if self.passed { "ok" } else { "FAILED" };
        match (&self.agreement, &self.error) {
            (Some(found), _) => writeln!(
                out,
                "{verdict:<7} {what:<48} largest error {:.1e} (at most {:.1e}), cosine {:.6} (at least {:.6})",
                found.max_error, self.tolerance.max_error, found.cosine, self.tolerance.min_cosine
            )?,
            (None, why) => writeln!(
                out,
                "{verdict:<7} {what:<48} {}",
                why.as_deref().unwrap_or("-")
            )?,
        }
        Ok(())
    }
}

/// A file of a model that was looked at or fetched.
#[derive(Serialize)]
struct Pulled {
    model: String,
    file: PathBuf,
    /// It was here already.
    kept: bool,
    /// Why it is not here.
    error: Option<String>,
}

fn pull(args: &ModelsArgs) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut missing = 0;
    let (manifests, unreadable) = manifests(&args.dir)?;
    for (folder, manifest) in manifests {
        for file in manifest.all_files() {
            let kept = file.bytes(&folder).is_ok();
            let error = match kept {
                true => None,
                false => bring(&folder, &file, args.json).err(),
            };
            missing += usize::from(error.is_some());
            let row = Pulled {
                model: manifest.name.clone(),
                file: file.path,
                kept,
                error: error.map(|error| format!("{error:#}")),
            };
            if args.json {
                writeln!(out, "{}", serde_json::to_string(&row)?)?;
                continue;
            }
            let state = match (&row.error, kept) {
                (Some(error), _) => error.as_str(),
                (None, true) => "is here",
                (None, false) => "fetched",
            };
            writeln!(out, "{} {}: {state}", row.model, row.file.display())?;
        }
    }
    if missing > 0 {
        return Err(Failed(format!("{missing} files could not be fetched")).into());
    }
    all_were_readable(unreadable)
}

/// Whether a file is here and whole, in words.
fn state(file: &Asset, folder: &Path) -> String {
    match file.bytes(folder) {
        Ok(bytes) => format!("{:.1} MiB, whole", bytes.len() as f64 / 1048576.0),
        Err(EngineError::Read { .. }) => "not here".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// Fetches a file with a progress bar.
fn bring(folder: &Path, file: &Asset, quiet: bool) -> Result<()> {
    let url = file.url.as_deref().with_context(|| {
        format!(
            "{} is not here and model.toml names no url to fetch it from",
            folder.join(&file.path).display()
        )
    })?;
    let bar = match quiet || !std::io::stderr().is_terminal() {
        true => ProgressBar::hidden(),
        false => ProgressBar::new(0),
    };
    let style = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} to go";
    bar.set_style(ProgressStyle::with_template(style)?);
    let fetched = fetch(
        url,
        &folder.join(&file.path),
        &file.sha256,
        &mut |now, total| {
            bar.set_length(total.unwrap_or(now));
            bar.set_position(now);
        },
    );
    bar.finish_and_clear();
    Ok(fetched?)
}
