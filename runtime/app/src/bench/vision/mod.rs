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

use super::plot::{Axis, Plot};
use super::{Figure, engines, preferred, progress};
use crate::cli::VisionBench;
use crate::describe::class_names;
use anyhow::{Context, Result};
use drafthorse_synth::scenes::Split;

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

pub(super) fn run(
    args: &VisionBench,
    json: bool,
    print: &mut dyn FnMut(Figure) -> Result<()>,
) -> Result<()> {
    let engines = engines(&args.engine)?;
    let backend = preferred(&engines)?;
    for figure in prefill::figures(backend, args.engine.threads)? {
        print(figure)?;
    }
    if args.scenes == 0 {
        return Ok(());
    }
    let methods = methods::read(args.methods.as_deref(), &args.only)?;
    let mut model = model::SceneModel::open(&args.model, backend)?;
    let bar = progress(EXPECTED_SCENES + args.scenes, "scenes");
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
    let blind = score::Blind::new(&args.model.join("blind.json"), trial.asked())?;
    let report = report::Report::new(&trial, &blind);
    if let Some(out) = &args.out {
        let why = || format!("cannot write {}", out.display());
        std::fs::write(out, report.json(&trial)?).with_context(why)?;
        std::fs::write(out.with_extension("svg"), PLOT.draw(&report.points())).with_context(why)?;
    }
    if !json {
        eprint!("{}", report.table());
    }
    report.figures(&methods).into_iter().try_for_each(print)
}
