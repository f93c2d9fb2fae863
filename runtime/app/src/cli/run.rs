//! Words of `run`, `note`, `decode` and `config`.

use clap::{Args, Subcommand};
use drafthorse_sensors::SourceUri;
use std::path::PathBuf;

/// Arguments of `run`.
#[derive(Debug, Default, Args)]
pub struct RunArgs {
    /// Configuration file (TOML); `drafthorse config schema` describes it. None is read by itself.
    #[arg(long, value_name = "FILE", conflicts_with = "source")]
    pub config: Option<PathBuf>,
    /// A source URI; may be given several times. Forms: ars548:FILE, ars548+pcap:FILE,
    /// ars548+udp:GROUP:PORT, ti:FILE, ti+serial:DEVICE, can+candump:FILE?map=NAME,
    /// can+socket:IFACE?map=NAME, video:FILE, jpeg:DIR, v4l2:DEVICE, sync:DEVICE, mcap:FILE,
    /// synth:?seed=7&seconds=20&town=old-town&radar=dense
    #[arg(long, value_name = "URI")]
    pub source: Vec<SourceUri>,
    /// Folder for the log and the report.
    #[arg(long, value_name = "DIR", default_value = "drafthorse-out")]
    pub out: PathBuf,
    /// The sources are recordings of different drives: give them one beginning, pair nothing.
    #[arg(long)]
    pub unrelated: bool,
    /// The library of ONNX Runtime, where neither [engine] names it nor it is found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Notes for a run over recordings, a JSON object a line with at_ns and text: logged when the
    /// recordings reach them, as `drafthorse note` does in a live run.
    #[arg(long, value_name = "FILE")]
    pub notes: Option<PathBuf>,
    /// Print the summary as one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Write no report.
    #[arg(long)]
    pub no_report: bool,
    /// Live runs: write the state of the lanes here each second, as JSON; the file is always whole.
    #[arg(long, value_name = "FILE")]
    pub status: Option<PathBuf>,
}

/// Arguments of `note`.
#[derive(Debug, Args)]
pub struct NoteArgs {
    /// The folder that the run records into, or a file of its log.
    pub log: PathBuf,
    /// The note.
    pub text: String,
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
