//! Words of what works on logs: `replay`, `recover`, `inspect`, `keep`, `describe` and `find`.

use crate::find::Way;
use clap::Args;
use std::path::PathBuf;

/// Arguments of `describe`.
#[derive(Debug, Args)]
pub struct DescribeArgs {
    /// A log (a file, or a folder that holds one run's segments), whose keyframes are described by their
    /// previews; or a JPEG picture.
    #[arg(value_name = "LOG|PICTURE")]
    pub of: PathBuf,
    /// Folder of the model (docs/vision.md says which kinds are known); what the log's run was told
    /// where absent.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Precision of the model's graphs by the suffix of their names, `q4` for example.
    #[arg(long)]
    pub precision: Option<String>,
    /// Answer this instead, in words that the model knows.
    #[arg(long)]
    pub question: Option<String>,
    /// Share of a picture's tokens that the model sees, above 0, at most 1.
    #[arg(long, value_name = "SHARE")]
    pub keep: Option<f64>,
    /// How these tokens are chosen: a TOML file as in docs/pruning.md. Evenly spread where absent.
    #[arg(long, value_name = "FILE")]
    pub pruning: Option<PathBuf>,
    /// Threads of the model.
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// One JSON object a line and picture, with the tokens that were seen.
    #[arg(long)]
    pub json: bool,
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
    /// Also ask this machine's engines again what the networks answer, and compare that with the log
    /// within the models' tolerances. Without it the log's answers are taken as they are.
    #[arg(long)]
    pub networks: bool,
    /// `--networks`: folder of models, each in a folder of its name, where they are not where the run
    /// found them.
    #[arg(long, value_name = "DIR", requires = "networks")]
    pub models: Option<PathBuf>,
    /// `--networks`: configuration file whose [engine] table says how engines are opened. None is read by
    /// itself.
    #[arg(long, value_name = "FILE", requires = "networks")]
    pub config: Option<PathBuf>,
    /// `--networks`: the library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
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

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Log file, folder of its segments, or one log of a folder (FOLDER/NAME); several runs in their order share a page:
    /// what a later one learnt of an earlier one's drafts stands with them.
    #[arg(required = true)]
    pub logs: Vec<PathBuf>,
    /// The page; written over.
    #[arg(short, long, value_name = "FILE", default_value = "report.html")]
    pub out: PathBuf,
    /// Its title; the run's name if left out.
    #[arg(long, value_name = "WORDS")]
    pub title: Option<String>,
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

pub(super) const FIND_EXAMPLES: &str = "Examples:
  drafthorse find \"cyclist crossing in front at night\" drafthorse-out --model models/scene-vlm-s
  drafthorse find \"hard braking for a pedestrian\" drive-0000.mcap --html found.html
  drafthorse find \"radar dropped out\" /data/drives --top 3 --json

Words ask for road users (car, truck, cyclist, pedestrian; left, ahead, right; near, far; crossing, oncoming,
cutting in, overtaking, stopped, fast), for the scene (night, dusk, low sun, day, rain, drizzle, fog, red or green
light, zebra crossing, lots of traffic), or for what the log says (braking, takeover, faults; every other word is
looked for in notes, faults and descriptions). docs/find.md has the whole list and the formulas.";

/// Arguments of `find`.
#[derive(Debug, Args)]
pub struct FindArgs {
    /// What to look for, in words.
    pub query: String,
    /// A log file, or a folder that holds one run's segments.
    pub log: PathBuf,
    /// How many moments.
    #[arg(short = 'k', long, value_name = "N", default_value_t = 8)]
    pub top: usize,
    /// Folder of the scene model with its matching graphs (image_match.onnx, text_match.onnx). Without it
    /// road users are found by the tracks' classes alone.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Folder of a detector of pictures that you add, such as an export of YOLO-World (model.toml,
    /// detector.toml and an ONNX file); docs/find.md says how.
    #[arg(long, value_name = "DIR")]
    pub detector: Option<PathBuf>,
    /// An OpenAI-compatible endpoint whose language model shares the query out among the streams, as
    /// http(s)://HOST[:PORT][/v1]. It is sent the query and nothing of the log; where it fails the built-in
    /// gate of words takes over.
    #[arg(long, value_name = "URL", requires = "gate_model")]
    pub gate_endpoint: Option<String>,
    /// The model's name at that endpoint.
    #[arg(long, value_name = "NAME", requires = "gate_endpoint")]
    pub gate_model: Option<String>,
    /// The environment variable that holds the endpoint's key.
    #[arg(long, value_name = "VARIABLE", requires = "gate_endpoint")]
    pub gate_key_env: Option<String>,
    /// The file that holds the endpoint's key.
    #[arg(
        long,
        value_name = "FILE",
        requires = "gate_endpoint",
        conflicts_with = "gate_key_env"
    )]
    pub gate_key_file: Option<PathBuf>,
    /// How long the endpoint is waited for, s.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0)]
    pub gate_timeout: f64,
    /// Only this camera's pictures; all cameras' where absent.
    #[arg(long, value_name = "NAME")]
    pub camera: Option<String>,
    /// Length of a moment, s: of each camera, one picture a moment is looked at.
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5)]
    pub every: f64,
    /// Least time between two moments that are found, s.
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0)]
    pub gap: f64,
    /// How moments are chosen; all but the first are there to compare with.
    #[arg(long, value_enum, default_value_t = Way::Gated)]
    pub way: Way,
    /// Write a page with the pictures and the streams over time.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Configuration file whose [engine] table says what runs models. None is read by itself.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}
