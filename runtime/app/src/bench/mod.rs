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

use crate::cli::{BenchArgs, BenchKind};
use anyhow::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write as _;

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
    match args.what {
        BenchKind::Pipeline => pipeline::run(&mut print),
        BenchKind::Record => {
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
        BenchKind::Decode => decode::run(&mut print),
        BenchKind::Detector => detector::run(args, &mut print),
        BenchKind::Engine => engine::run(args, &mut print),
        BenchKind::Keyframes => keyframes::run(args, &mut print),
        BenchKind::Find => find::run(args, &mut print),
        BenchKind::Offload => offload::run(args, &mut print),
        BenchKind::Speculate => speculate::run(args, &mut print),
        BenchKind::Vision => vision::run(args, &mut print),
    }
}
