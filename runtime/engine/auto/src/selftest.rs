//! Trying a model's files on all backends: which reproduce the references, and how fast.

use crate::choice::{Choice, Trial, Verdict};
use crate::engines::Engines;
use crate::record;
use drafthorse_engine::{Agreement, Backend, EngineError, Manifest, ModelFile, ViewMut};
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::time::{Duration, Instant};

/// Runs before the clock counts.
const WARM_UP: usize = 2;
/// Runs that are timed, at most.
const TIMED: usize = 15;
/// Time that timed runs take, at most.
const PATIENCE: Duration = Duration::from_secs(2);

/// A model's folder with the choice for it.
#[derive(Clone)]
pub struct Plan {
    /// The manifest.
    pub manifest: Manifest,
    /// The outcome of the self-test.
    pub choice: Choice,
    /// Whether the outcome was read from the record instead of being measured now.
    pub recorded: bool,
}

/// Reads a model's folder and chooses a backend for it: as the record in `cache` says, or, where it
/// says nothing for this machine, by a self-test that is recorded then.
///
/// # Errors
/// A folder that cannot be read. What fails in the test is part of the outcome.
pub fn plan_of(
    engines: &Engines,
    folder: &Path,
    threads: usize,
    cache: Option<&Path>,
) -> Result<Plan, EngineError> {
    let manifest = Manifest::read(folder)?;
    let key = key(folder, &manifest, engines, threads)?;
    if let Some(choice) = cache.and_then(|cache| record::find(cache, &manifest, &key)) {
        return Ok(Plan {
            manifest,
            choice,
            recorded: true,
        });
    }
    let mut choice = Choice {
        model: manifest.name.clone(),
        key,
        trials: Vec::new(),
    };
    let mut is_lasting = true;
    for backend in engines.present() {
        let files = manifest.files.iter();
        for file in files.filter(|file| file.is_for(backend.name())) {
            let verdict = try_file(backend, folder, &manifest, file, threads);
            choice.trials.push(Trial {
                backend: backend.name().to_owned(),
                version: backend.version(),
                file: file.path.clone(),
                precision: file.precision,
                verdict: verdict.unwrap_or_else(|error| {
                    is_lasting &= !is_curable(&error);
                    Verdict::Failed {
                        why: error.to_string(),
                    }
                }),
            });
        }
    }
    choice.rank();
    // What a fetched file or a built engine would cure is asked again.
    if let Some(cache) = cache.filter(|_| is_lasting) {
        record::keep(cache, &manifest, &choice);
    }
    Ok(Plan {
        manifest,
        choice,
        recorded: false,
    })
}

fn try_file(
    backend: &dyn Backend,
    folder: &Path,
    manifest: &Manifest,
    file: &ModelFile,
    threads: usize,
) -> Result<Verdict, EngineError> {
    let mut model = file.load(folder, backend, &manifest.options(threads))?;
    let mut agreement: Option<Agreement> = None;
    for reference in &manifest.references {
        let found = reference.check(folder, model.as_mut())?;
        agreement = Some(agreement.map_or(found, |before| before.worse(found)));
    }
    match agreement {
        Some(found) if !found.is_within(&manifest.tolerance(file.precision)) => {
            return Ok(Verdict::Differs { agreement: found });
        }
        Some(_) => {}
        // Without references nothing proves it right or wrong; any input will do to time it.
        None => {
            for input in 0..model.inputs().len() {
                let shape = model.inputs()[input].shape_with(1);
                model.resize(input, &shape)?;
                ViewMut::clear(model.input_mut(input));
            }
        }
    }
    let mut times = Vec::with_capacity(TIMED);
    let begun = Instant::now();
    for run in 0..WARM_UP + TIMED {
        model.reset()?;
        let started = Instant::now();
        model.run()?;
        if run >= WARM_UP {
            times.push(started.elapsed());
        }
        if begun.elapsed() > PATIENCE && !times.is_empty() {
            break;
        }
    }
    times.sort();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    Ok(Verdict::Passed {
        agreement,
        median_ms: median.as_secs_f64() * 1e3,
    })
}

/// Whether fetching a file or building an engine may cure it.
fn is_curable(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Read { .. }
            | EngineError::Reference { .. }
            | EngineError::Hash { .. }
            | EngineError::Cache { .. }
    )
}

/// What an outcome holds for.
fn key(
    folder: &Path,
    manifest: &Manifest,
    engines: &Engines,
    threads: usize,
) -> Result<String, EngineError> {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    put(format!("{manifest:?}").as_bytes());
    for reference in &manifest.references {
        for bytes in reference.bytes(folder)? {
            put(&bytes);
        }
    }
    for backend in engines.present() {
        put(backend.name().as_bytes());
        put(backend.version().as_bytes());
    }
    put(engines.settings().as_bytes());
    put(threads.to_string().as_bytes());
    put(processor().as_bytes());
    let digest = hash.finalize();
    Ok(digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// The processor's name and what it can do, as the kernel tells.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let about = ["model name", "flags", "CPU part", "Features"];
    let lines = text.lines().take_while(|line| !line.is_empty());
    let lines = lines.filter(|line| about.iter().any(|name| line.starts_with(name)));
    lines.collect::<Vec<_>>().join("\n")
}
