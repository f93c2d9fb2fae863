//! How many of a model's right answers are kept when fewer and fewer image tokens are, by method.
//!
//!     cargo run --release -p drafthorse-vision --example pruning -- --model models/scene-vlm-s \
//!         --scenes scenes/test --methods runtime/vision/examples/pruning/methods.toml --out pruning.json
//!
//! Scenes are those of `drafthorse-scenes`, the model is an export of `models/scene-vlm`. A picture is encoded once
//! for all methods. An answer is right where each of its words, and the end, is the likeliest after those before,
//! which is what greedy decoding gives. Settings are chosen on the split `val`; a table is made of `test`.
#![allow(clippy::print_stdout)] // A command that prints.

mod graph;
mod methods;
mod model;
mod report;
mod scenes;
mod score;
mod trial;

use clap::Parser;
use drafthorse_engine_onnxruntime::{OnnxRuntime, OnnxRuntimeConfig};
use std::path::PathBuf;

#[derive(Parser)]
struct Args {
    /// Folder of the exported model
    #[arg(long)]
    model: PathBuf,
    /// Folder of scenes
    #[arg(long)]
    scenes: PathBuf,
    /// The methods, see methods.toml
    #[arg(long)]
    methods: PathBuf,
    /// Only these methods, by name
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Shares of the tokens that are kept, in percent
    #[arg(long, value_delimiter = ',', default_value = "75,50,35,25,15")]
    keep: Vec<f64>,
    /// Seeds of methods that draw
    #[arg(long, default_value_t = 3)]
    seeds: u64,
    /// So many scenes, evenly spread; all otherwise
    #[arg(long)]
    limit: Option<usize>,
    /// Folder of other scenes, from which is learnt where road users are to be expected
    #[arg(long)]
    expected: Option<PathBuf>,
    /// Report of `scene_vlm.evaluate` over the blind model on the same scenes; the commonest answer of each
    /// question otherwise
    #[arg(long)]
    blind: Option<PathBuf>,
    /// The ONNX Runtime library
    #[arg(long)]
    onnxruntime: Option<PathBuf>,
    /// Every answer of every method, and the tables, as JSON
    #[arg(long)]
    out: Option<PathBuf>,
}

/// What a command fails with.
type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let methods = methods::read(&args.methods, &args.only)?;
    let config = OnnxRuntimeConfig {
        library: args.onnxruntime.clone(),
        ..OnnxRuntimeConfig::default()
    };
    let mut model = model::SceneModel::open(&args.model, &OnnxRuntime::open(&config)?)?;
    let scenes = scenes::read(&args.scenes, args.limit)?;
    let names = scenes::names(&args.scenes)?;
    let expected = args.expected.as_deref().map(scenes::expected).transpose()?;
    let known = trial::Beforehand { names, expected };
    let mut trial = trial::Trial::new(&methods, &args.keep, args.seeds);
    for (index, scene) in scenes.iter().enumerate() {
        trial.add(&mut model, &known, scene)?;
        if (index + 1) % 20 == 0 || index + 1 == scenes.len() {
            eprintln!("{} of {} scenes", index + 1, scenes.len());
        }
    }
    let blind = score::Blind::new(args.blind.as_deref(), trial.asked())?;
    let report = report::Report::new(&trial, &blind);
    if let Some(out) = &args.out {
        std::fs::write(out, report.json(&trial)?)?;
    }
    print!("{}", report.table());
    Ok(())
}
