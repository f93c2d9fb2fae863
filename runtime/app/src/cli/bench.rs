//! Words of `bench`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub what: Bench,
    /// One JSON object a line.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be measured.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// The lane hand-off and a ten-stage chain, beside cu29; allocations per radar scan.
    Pipeline,
    /// The recorder with its durability on, beside the mcap crate.
    Record,
    /// Decoding.
    Decode,
    /// The Gaussian detector: encoder and splat beside PyTorch, the whole on each engine.
    Detector(DetectorBench),
    /// Networks on each engine, beside ONNX Runtime's own Python package.
    Engine(EngineBench),
    /// What the selection of keyframes costs, and which incidents of generated drives it keeps, beside
    /// plain ways of choosing.
    Keyframes(KeyframesBench),
    /// Which share of what queries in words mean is found in generated drives, beside plain ways of
    /// choosing and with each stream left out.
    Find(FindBench),
    /// Descriptions drafted in the vehicle and verified over an emulated link: time, bytes and quality, beside
    /// targets that do without drafts.
    Offload(OffloadBench),
    /// Descriptions with drafts beside the target alone: speed, tokens a run of the target, and how often
    /// drafted words are right.
    Speculate(SpeculateBench),
    /// Pruning of vision tokens: accuracy kept by each method on questions about generated scenes, and
    /// what fewer tokens save.
    Vision(VisionBench),
}

/// How networks are run.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Threads that work on one run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
}

/// Arguments of `bench detector`.
#[derive(Debug, Args)]
pub struct DetectorBench {
    /// Folder of the model.
    #[arg(long, value_name = "DIR", default_value = "models/radar-gaussian-s")]
    pub model: PathBuf,
    /// The peer's Python, with what models/radar-gaussian/train/requirements.txt lists.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: PathBuf,
    /// Folder of the training code, the peer.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "models/radar-gaussian/train"
    )]
    pub training: PathBuf,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
}

/// Arguments of `bench engine`.
#[derive(Debug, Args)]
pub struct EngineBench {
    /// How networks are run.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// The peer's Python, with the package `onnxruntime`.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: PathBuf,
    /// The part whose memory is measured, in a process of its own.
    #[arg(long, hide = true)]
    pub child: Option<String>,
}

/// Arguments of `bench keyframes`.
#[derive(Debug, Args)]
pub struct KeyframesBench {
    /// Generated drives whose incidents are looked for, half a minute each.
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub drives: usize,
}

/// Arguments of `bench find`.
#[derive(Debug, Args)]
pub struct FindBench {
    /// Folder of the scene model; without it tracks and texts alone are searched.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Generated drives that are strung together, some seconds each.
    #[arg(long, value_name = "N", default_value_t = 120)]
    pub drives: usize,
    /// The town and the seeds that settings may be tuned on, in the place of those for judging.
    #[arg(long)]
    pub tuning: bool,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
}

/// Arguments of `bench offload`.
#[derive(Debug, Args)]
pub struct OffloadBench {
    /// How networks are run.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Folder of the target's model.
    #[arg(long, value_name = "DIR", default_value = "models/scene-vlm-s")]
    pub model: PathBuf,
    /// Folder of the drafter.
    #[arg(long, value_name = "DIR", default_value = "models/scene-drafter-s")]
    pub drafter: PathBuf,
    /// The server, `drafthorse-target`; the one beside this program if left out.
    #[arg(long, value_name = "PROGRAM")]
    pub target_program: Option<PathBuf>,
    /// Keyframes of the drive, four frames each.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub scenes: usize,
    /// Rejected frames that are timed for each link and target; 0 leaves the times out.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub cells: usize,
    /// The town and the seeds that settings may be tuned on, in the place of those for judging.
    #[arg(long)]
    pub tuning: bool,
    /// Blocks, cells and the curve over thresholds as JSON; its picture stands beside it (.svg).
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Arguments of `bench speculate`.
#[derive(Debug, Args)]
pub struct SpeculateBench {
    /// How networks are run.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Folder of the target's model.
    #[arg(long, value_name = "DIR", default_value = "models/scene-vlm-s")]
    pub model: PathBuf,
    /// Folder of the drafter.
    #[arg(long, value_name = "DIR", default_value = "models/scene-drafter-s")]
    pub drafter: PathBuf,
    /// Folder with drafters to compare with, where they are not with the drafter.
    #[arg(long, value_name = "DIR")]
    pub ladder: Option<PathBuf>,
    /// Generated scenes that are described.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub scenes: usize,
    /// The town and the seeds that settings may be tuned on, in the place of those for judging.
    #[arg(long)]
    pub tuning: bool,
}

/// Arguments of `bench vision`.
#[derive(Debug, Args)]
pub struct VisionBench {
    /// How networks are run.
    #[command(flatten)]
    pub engine: EngineArgs,
    /// Folder of the model.
    #[arg(long, value_name = "DIR", default_value = "models/scene-vlm-s")]
    pub model: PathBuf,
    /// Generated scenes whose questions are asked; 0 measures the prefill alone.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub scenes: usize,
    /// The town and the seeds that settings may be tuned on, in the place of those for judging.
    #[arg(long)]
    pub tuning: bool,
    /// Other methods of pruning than the shipped ones, as docs/pruning.md has them.
    #[arg(long, value_name = "FILE")]
    pub methods: Option<PathBuf>,
    /// Only these methods, by name.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Every answer of every method, and the tables, as JSON; a picture of them stands beside it (.svg).
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
