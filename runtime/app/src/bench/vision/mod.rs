//! Vision tokens: how many of a model's right answers are kept when fewer and fewer tokens are, by method, and what
//! that saves.
//!
//! Scenes are generated; a picture is encoded once for all methods. An answer is right where each of its words, and
//! the end, is the likeliest after those before, which is what greedy decoding gives. Settings are chosen on the
//! split `val`; figures are of `test`, whose town nothing was trained or tuned on.

mod graph;
mod methods;
mod model;
mod prefill;
mod report;
mod scenes;
mod score;
mod trial;

use super::Figure;
use super::plot::{Axis, Plot};
use crate::cli::BenchArgs;
use crate::describe::class_names;
use anyhow::{Context, Result};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_synth::scenes::Split;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal as _;

/// The model, where none is named.
const MODEL: &str = "models/scene-vlm-s";
/// Shares of the tokens that are kept, in percent.
const KEEP: [f64; 5] = [75.0, 50.0, 35.0, 25.0, 15.0];
/// Accuracy kept against tokens kept.
const PLOT: Plot = Plot {
    title: "accuracy kept, percent of what the picture adds",
    x: Axis {
        label: "tokens kept",
        ends: [10.0, 80.0],
        ticks: &[15.0, 25.0, 35.0, 50.0, 75.0],
        unit: " %",
    },
    y: Axis {
        label: "",
        ends: [40.0, 104.0],
        ticks: &[40.0, 60.0, 80.0, 100.0],
        unit: "",
    },
};
/// Budgets of the figures.
const FIGURES: [f64; 2] = [50.0, 25.0];
/// Seeds of methods that draw.
const SEEDS: u64 = 3;
/// Scenes of `train` from which is learnt where road users are to be expected.
const EXPECTED_SCENES: usize = 600;

pub(super) fn run(args: &BenchArgs, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let engines = Engines::open(&EngineConfig {
        onnxruntime_library: args.onnxruntime.clone(),
        ..EngineConfig::default()
    })?;
    let backend = engines
        .by_name("onnxruntime")
        .or_else(|| engines.present().next())
        .context("no engine is here")?;
    for figure in prefill::figures(backend, args.threads)? {
        print(figure)?;
    }
    if args.scenes == 0 {
        return Ok(());
    }
    let methods = methods::read(args.methods.as_deref(), &args.only)?;
    let folder = args.model.clone().unwrap_or_else(|| MODEL.into());
    let mut model = model::SceneModel::open(&folder, backend)?;
    let bar = progress(EXPECTED_SCENES + args.scenes);
    let expected = match methods.iter().any(methods::Named::expects) {
        true => Some(scenes::expected(EXPECTED_SCENES, &bar)),
        false => None,
    };
    bar.set_position(EXPECTED_SCENES as u64);
    let known = trial::Beforehand {
        names: class_names(),
        expected,
    };
    let mut trial = trial::Trial::new(&methods, &KEEP, SEEDS);
    let split = match args.tuning {
        true => Split::Val,
        false => Split::Test,
    };
    for scene in scenes::of(split, args.scenes) {
        trial.add(&mut model, &known, &scene)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let blind = score::Blind::new(&folder.join("blind.json"), trial.asked())?;
    let report = report::Report::new(&trial, &blind);
    if let Some(out) = &args.out {
        let why = || format!("cannot write {}", out.display());
        std::fs::write(out, report.json(&trial)?).with_context(why)?;
        std::fs::write(out.with_extension("svg"), PLOT.draw(&report.points())).with_context(why)?;
    }
    if !args.json {
        eprint!("{}", report.table());
    }
    report.figures(&methods).into_iter().try_for_each(print)
}

fn progress(length: usize) -> ProgressBar {
    let bar = match std::io::stderr().is_terminal() {
        true => ProgressBar::new(length as u64),
        false => ProgressBar::hidden(),
    };
    let template = "{bar:40.cyan/black} {pos} of {len} scenes, {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
