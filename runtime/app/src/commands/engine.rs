//! `drafthorse engine`: which engines are here, which runs what, and why.

use super::engine_build::{build, shim};
use super::models::{all_were_readable, engine_config, manifests};
use crate::cli::{EngineCommand, ModelsArgs};
use anyhow::Result;
use drafthorse_engine::Backend;
use drafthorse_engine_auto::{Choice, Engines, Verdict, plan_of};
use serde::Serialize;
use std::io::Write;

pub(super) fn engine(command: &EngineCommand) -> Result<()> {
    match command {
        EngineCommand::List { models, again } => list(models, *again),
        EngineCommand::Build(args) => build(args),
        EngineCommand::Shim { to } => shim(to.as_deref()),
    }
}

fn list(models: &ModelsArgs, again: bool) -> Result<()> {
    let config = engine_config(models.config.as_deref(), models.onnxruntime.as_deref())?;
    let engines = Engines::open(&config)?;
    let mut listing = Listing::of(&engines);
    let (manifests, mut unreadable) = manifests(&models.dir)?;
    for (folder, manifest) in manifests {
        if again {
            drafthorse_engine_auto::forget(&config.cache, &manifest);
        }
        let plan = match plan_of(&engines, &folder, config.threads, Some(&config.cache)) {
            Ok(plan) => plan,
            Err(error) => {
                unreadable += 1;
                eprintln!("drafthorse: {}: {error}", manifest.name);
                continue;
            }
        };
        listing.models.push(Chosen {
            recorded: plan.recorded,
            choice: plan.choice,
        });
    }
    let mut out = std::io::stdout().lock();
    if models.json {
        writeln!(out, "{}", serde_json::to_string(&listing)?)?;
    } else {
        listing.print(&mut out)?;
    }
    all_were_readable(unreadable)
}

#[derive(Serialize)]
struct Listing {
    engines: Vec<Present>,
    absent: Vec<String>,
    models: Vec<Chosen>,
}

#[derive(Serialize)]
struct Present {
    name: &'static str,
    version: String,
}

#[derive(Serialize)]
struct Chosen {
    /// The outcome was read from the record instead of being measured now.
    recorded: bool,
    #[serde(flatten)]
    choice: Choice,
}

impl Listing {
    fn of(engines: &Engines) -> Self {
        let present = |backend: &dyn Backend| Present {
            name: backend.name(),
            version: backend.version(),
        };
        Self {
            engines: engines.present().map(present).collect(),
            absent: engines.absent().iter().map(ToString::to_string).collect(),
            models: Vec::new(),
        }
    }

    fn print(&self, out: &mut impl Write) -> Result<()> {
        for engine in &self.engines {
            writeln!(out, "  {:<14} {}", engine.name, engine.version)?;
        }
        for why in &self.absent {
            writeln!(out, "  absent: {why}")?;
        }
        for Chosen { recorded, choice } in &self.models {
            let origin = if *recorded {
                "recorded"
            } else {
                "measured now"
            };
            writeln!(out, "\n{} ({origin})", choice.model)?;
            for (place, trial) in choice.trials.iter().enumerate() {
                let what = format!("{} with {}", trial.backend, trial.file.display());
                let how = match &trial.verdict {
                    Verdict::Passed {
                        agreement,
                        median_ms,
                    } => {
                        let place = if place == 0 { "chosen:" } else { "passed:" };
                        let checked = match agreement {
                            Some(found) => format!(
                                "largest error {:.1e}, cosine {:.6}",
                                found.max_error, found.cosine
                            ),
                            None => "not verified: model.toml names no references".to_owned(),
                        };
                        format!("{place} {median_ms:.3} ms a run, {checked}")
                    }
                    Verdict::Differs { agreement } => format!(
                        "wrong:  largest error {:.1e}, cosine {:.6}",
                        agreement.max_error, agreement.cosine
                    ),
                    Verdict::Failed { why } => format!("failed: {why}"),
                };
                writeln!(out, "  {what:<40} {how}")?;
            }
            if choice.usable().next().is_none() {
                writeln!(out, "  no engine here runs it rightly")?;
            }
        }
        Ok(())
    }
}
