//! The command line: what can be asked, and how errors are told.

mod bench;
mod device;
mod logs;
mod models;
mod run;

pub use bench::{
    Bench, BenchArgs, DetectorBench, EngineArgs, EngineBench, FindBench, KeyframesBench,
    OffloadBench, SpeculateBench, VisionBench,
};
pub use device::{DoctorArgs, ReleaseArgs, ReleaseCommand};
pub use logs::{
    DescribeArgs, FindArgs, InspectArgs, KeepArgs, RecoverArgs, ReplayArgs, ReportArgs,
};
pub use models::{
    BuildArgs, CalibrateArgs, EngineCommand, EvalArgs, EvalRules, ModelsArgs, ModelsCommand,
    RangeMethod, Target,
};
pub use run::{ConfigCommand, DecodeArgs, NoteArgs, RunArgs};

use clap::{Parser, Subcommand};

/// Edge perception runtime and recorder for vehicles: cameras and 4D radar in, tracked objects and
/// a crash-safe, replayable MCAP log out.
///
/// Without a command, the sample drive runs.
#[derive(Debug, Parser)]
#[command(name = "drafthorse", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do; `run` if left out.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const EXAMPLES: &str = "Examples:
  drafthorse                                         run the sample drive
  drafthorse run --source ars548+udp:224.0.2.2:42102 --source v4l2:/dev/video0
  drafthorse run --config drafthorse.toml --out /data/drives
  drafthorse decode ars548:detections.bin --json     one JSON object a message
  drafthorse replay drafthorse-out/drive-0000.mcap --check
  drafthorse recover cut.mcap -o whole.mcap
  drafthorse find \"cyclist crossing in front at night\" /data/drives --html found.html

Exit codes: 0 done, 1 the run failed or a check found differences, 2 bad input or configuration.
Set DRAFTHORSE_LOG=debug to see what happens inside.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline: read, perceive, record, report. The sample drive without a source.
    Run(RunArgs),
    /// Decode a source and print its messages, without perception or recording.
    Decode(DecodeArgs),
    /// Describe a log's keyframes, or a picture, with a vision-language model; or ask it about them.
    Describe(DescribeArgs),
    /// Recompute a log's derived messages from its raw ones.
    Replay(ReplayArgs),
    /// Rewrite a cut or damaged log into a whole one and say what was lost.
    Recover(RecoverArgs),
    /// Draw the report of logs anew: one HTML page, as a run writes it at its end.
    Report(ReportArgs),
    /// Note something in the log of a run that is recording; under a policy that keeps windows, keep
    /// what is around it.
    Note(NoteArgs),
    /// Say what a log holds, whether it is whole, and what it needs.
    Inspect(InspectArgs),
    /// Mark a log as kept (or no longer), so that the quota never removes it.
    Keep(KeepArgs),
    /// Find moments of a recorded log by words: who was there, how the scene looked, what the log says.
    #[command(after_help = logs::FIND_EXAMPLES)]
    Find(FindArgs),
    /// Check a configuration, or print its JSON schema.
    Config {
        /// Which.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Say which engines are here, which runs each model, and why.
    Engine {
        /// Which.
        #[command(subcommand)]
        command: EngineCommand,
    },
    /// List model files and check them against their reference vectors.
    Models {
        /// Which.
        #[command(subcommand)]
        command: ModelsCommand,
    },
    /// Quantise a model with samples, reproducibly, and check the result against the float model.
    Calibrate(CalibrateArgs),
    /// Evaluate detections against labels by the rules of a dataset, or of synthetic drives; with
    /// --gate, say whether they may take the place of another detector's.
    Eval(EvalArgs),
    /// The device's side of a deployment: take, install, try, keep or leave releases (docs/deploy.md).
    Release(ReleaseArgs),
    /// Say what this machine can do, beside what its board's profile promises.
    Doctor(DoctorArgs),
    /// Measure this machine, with a peer beside each figure where there is one.
    Bench(BenchArgs),
}
