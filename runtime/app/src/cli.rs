//! The command line: what can be asked, and how errors are told.

use clap::{Args, Parser, Subcommand, ValueEnum};
use drafthorse_sensors::SourceUri;
use std::path::PathBuf;

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

Exit codes: 0 done, 1 the run failed or a check found differences, 2 bad input or configuration.
Set DRAFTHORSE_LOG=debug to see what happens inside.";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline: read, perceive, record, report. The sample drive without a source.
    Run(RunArgs),
    /// Decode a source and print its messages, without perception or recording.
    Decode(DecodeArgs),
    /// Recompute a log's derived messages from its raw ones.
    Replay(ReplayArgs),
    /// Rewrite a cut or damaged log into a whole one and say what was lost.
    Recover(RecoverArgs),
    /// Say what a log holds, whether it is whole, and what it needs.
    Inspect(InspectArgs),
    /// Mark a log as kept (or no longer), so that the quota never removes it.
    Keep(KeepArgs),
    /// Check a configuration, or print its JSON schema.
    Config {
        /// Which.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Say what this machine can do: cameras, CAN, engines, disk, clock.
    Doctor(DoctorArgs),
    /// Measure this machine, with a peer beside each figure where there is one.
    Bench(BenchArgs),
}

/// Arguments of `run`.
#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// Configuration file (TOML); `drafthorse config schema` describes it.
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    pub config: Option<PathBuf>,
    /// A source URI; may be given several times. Forms: ars548:FILE, ars548+pcap:FILE,
    /// ars548+udp:GROUP:PORT, ti:FILE, ti+serial:DEVICE, can+candump:FILE?map=NAME,
    /// can+socket:IFACE?map=NAME, video:FILE, jpeg:DIR, v4l2:DEVICE, mcap:FILE,
    /// synth:?seed=7&seconds=20
    #[arg(long, value_name = "URI")]
    pub source: Vec<SourceUri>,
    /// Folder for the log and the report.
    #[arg(long, value_name = "DIR", default_value = "drafthorse-out")]
    pub out: PathBuf,
    /// The sources are recordings of different drives: give them one beginning, pair nothing.
    #[arg(long)]
    pub unrelated: bool,
    /// Print the summary as one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Write no report.
    #[arg(long)]
    pub no_report: bool,
}

/// Arguments of `decode`.
#[derive(Debug, Args)]
pub struct DecodeArgs {
    /// The source URI.
    pub source: SourceUri,
    /// One JSON object a line and message instead of a line of words.
    #[arg(long)]
    pub json: bool,
    /// Stop after this many messages.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
}

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A log file, or a folder that holds one run's segments.
    pub log: PathBuf,
    /// Compare every recomputed message with the recorded bytes.
    #[arg(long)]
    pub check: bool,
    /// Write a new log and report here.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Print the outcome as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `recover`.
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// The cut log: a file, or a folder that holds one run's segments.
    pub log: PathBuf,
    /// Where the whole log goes, which must not exist: a file for a file, a folder for a folder.
    #[arg(short, long, value_name = "PATH")]
    pub out: PathBuf,
    /// Print the outcome as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A log file, or a folder that holds one run's segments.
    pub log: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `keep`.
#[derive(Debug, Args)]
pub struct KeepArgs {
    /// The log.
    pub log: PathBuf,
    /// Remove the mark instead.
    #[arg(long)]
    pub release: bool,
}

/// Commands on the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the JSON schema of drafthorse.toml.
    Schema,
    /// Read a configuration, open nothing, say what it means.
    Check {
        /// The file.
        #[arg(default_value = "drafthorse.toml")]
        file: PathBuf,
        /// Print the resolved configuration as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Folder whose disk is examined.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub disk: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// What to measure.
    pub what: BenchKind,
    /// One JSON object a line.
    #[arg(long)]
    pub json: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchKind {
    /// The lane hand-off and a ten-stage chain, beside cu29; allocations per radar scan.
    Pipeline,
    /// The recorder with its durability on, beside the mcap crate.
    Record,
    /// Decoding.
    Decode,
}
