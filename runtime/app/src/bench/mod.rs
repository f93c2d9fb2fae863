//! Benches: each figure with a peer beside it in the same run where there is one.

mod allocations;
mod bootstrap;
mod chain;
mod decode;
mod detector;
mod engine;
mod engine_peer;
mod find;
mod keyframes;
mod offload;
mod pipeline;
mod plot;
mod python;
mod record;
mod speculate;
mod vision;

pub use allocations::{CountingAllocator, allocations};

use crate::cli::{Bench, BenchArgs, EngineArgs};
use anyhow::{Context as _, Result};
use drafthorse_engine::Backend;
use drafthorse_engine_auto::{EngineConfig, Engines};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

/// One measured figure. Its JSON form is a contract.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// `area.what`.
    pub name: String,
    /// Ours.
    pub value: f64,
    /// Unit of `value` and of the peers.
    pub unit: String,
    /// Peers by name, in the same unit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub beside: BTreeMap<String, f64>,
    /// Ours over the peer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
}

impl Figure {
    fn alone(name: &str, value: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            value,
            unit: unit.to_owned(),
            beside: BTreeMap::new(),
            ratio: None,
        }
    }

    fn beside(name: &str, value: f64, unit: &str, peer: &str, theirs: f64) -> Self {
        Self {
            beside: BTreeMap::from([(peer.to_owned(), theirs)]),
            ratio: Some(value / theirs),
            ..Self::alone(name, value, unit)
        }
    }
}

/// Measures and prints.
///
/// # Errors
/// Where a measurement cannot be made on this machine.
pub fn run(args: &BenchArgs) -> Result<()> {
    let mut print = |figure: Figure| -> Result<()> {
        let mut out = std::io::stdout().lock();
        if args.json {
            writeln!(out, "{}", serde_json::to_string(&figure)?)?;
        } else {
            write!(
                out,
                "{:<36} {:>12.3} {}",
                figure.name, figure.value, figure.unit
            )?;
            for (peer, theirs) in &figure.beside {
                write!(out, "   {peer} {theirs:.3}")?;
            }
            if let Some(ratio) = figure.ratio {
                write!(out, "   ratio {ratio:.3}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    };
    match &args.what {
        Bench::Pipeline => pipeline::run(&mut print),
        Bench::Record => {
            let mut failed = Ok(());
            record::run(&mut |name, value, unit, beside, ratio| {
                let figure = Figure {
                    beside: beside.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
                    ratio: Some(ratio),
                    ..Figure::alone(name, value, unit)
                };
                if let (Ok(()), Err(error)) = (&failed, print(figure)) {
                    failed = Err(error);
                }
            })?;
            failed
        }
        Bench::Decode => decode::run(&mut print),
        Bench::Detector(args) => detector::run(args, &mut print),
        Bench::Engine(args) => engine::run(args, &mut print),
        Bench::Keyframes(args) => keyframes::run(args, &mut print),
        Bench::Find(args) => find::run(args, &mut print),
        Bench::Offload(bench) => offload::run(bench, args.json, &mut print),
        Bench::Speculate(bench) => speculate::run(bench, args.json, &mut print),
        Bench::Vision(bench) => vision::run(bench, args.json, &mut print),
    }
}

/// The engines that are here.
fn engines(args: &EngineArgs) -> Result<Engines> {
    Ok(Engines::open(&EngineConfig {
        onnxruntime_library: args.onnxruntime.clone(),
        ..EngineConfig::default()
    })?)
}

/// The engine that whole models are measured on: ONNX Runtime, or the first one here.
fn preferred(engines: &Engines) -> Result<&dyn Backend> {
    engines
        .by_name("onnxruntime")
        .or_else(|| engines.present().next())
        .context("no engine is here")
}

/// A bar over so many of what is counted, where somebody looks.
fn progress(length: usize, what: &str) -> ProgressBar {
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new(length as u64),
        false => ProgressBar::hidden(),
    };
    let template = format!("{{bar:40.cyan/black}} {{pos}} of {{len}} {what}, {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar
}
