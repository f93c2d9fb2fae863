//! The command line: what can be asked, and how errors are told.

use crate::find::Way;
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
    /// Note something in the log of a run that is recording; under a policy that keeps windows, keep
    /// what is around it.
    Note(NoteArgs),
    /// Say what a log holds, whether it is whole, and what it needs.
    Inspect(InspectArgs),
    /// Mark a log as kept (or no longer), so that the quota never removes it.
    Keep(KeepArgs),
    /// Find moments of a recorded log by words: who was there, how the scene looked, what the log says.
    #[command(after_help = FIND_EXAMPLES)]
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

const FIND_EXAMPLES: &str = "Examples:
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

/// Commands on the engines.
#[derive(Debug, Subcommand)]
pub enum EngineCommand {
    /// The engines that are here, and for each model the one that was chosen, by a self-test whose
    /// outcome is recorded.
    List {
        /// Which models.
        #[command(flatten)]
        models: ModelsArgs,
        /// Test anew instead of reading the record.
        #[arg(long)]
        again: bool,
    },
    /// Build TensorRT's engines for the models ahead of time, so that no drive waits for them. Takes
    /// minutes on a board, and says how far it is.
    Build(BuildArgs),
    /// Compile the library that opens TensorRT, on the board, against JetPack's own headers.
    Shim {
        /// Where it goes: beside the program if left out.
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

/// Arguments of `engine build`.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// Which models.
    #[command(flatten)]
    pub models: ModelsArgs,
    /// The library that `engine shim` compiled, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_TENSORRT")]
    pub tensorrt: Option<PathBuf>,
    /// Build also what the cache holds already.
    #[arg(long)]
    pub again: bool,
}

/// Commands on model files.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// What is in a folder of models, and whether the files are whole.
    List(ModelsArgs),
    /// Run every model's reference vectors on every engine that is here.
    Verify(ModelsArgs),
    /// Fetch the files that are missing or damaged from the URLs that model.toml names.
    Pull(ModelsArgs),
}

/// Arguments of commands on models.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// Folder of models, each in a folder with a model.toml; or the folder of one.
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub dir: PathBuf,
    /// Configuration file whose [engine] table says how engines are opened, and where their record and
    /// cache are. None is read by itself: name the one that `run` is given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// The float model, an ONNX file.
    pub model: PathBuf,
    /// Samples: a folder with one folder each, with input_0.pb and so on (ONNX tensors, as in ONNX's
    /// own test data sets); a folder of training shards (drafthorse-shards), whose radar scans go
    /// through the encoder beside the model; or a log (a .mcap file or the folder of one run), whose
    /// pictures are scaled to the model's input.
    #[arg(long, value_name = "PATH")]
    pub samples: PathBuf,
    /// For a log with several cameras: the topic of the one whose pictures are taken.
    #[arg(long)]
    pub topic: Option<String>,
    /// For pictures: what is subtracted from each channel, of values 0 to 1; what the model.toml beside
    /// the model says of its input, where neither this nor --std is given.
    #[arg(long, value_name = "R,G,B", value_delimiter = ',')]
    pub mean: Vec<f32>,
    /// For pictures: what divides each channel then.
    #[arg(long, value_name = "R,G,B", value_delimiter = ',')]
    pub std: Vec<f32>,
    /// Where the quantised model goes; its report stands beside it (.json).
    #[arg(short, long, value_name = "FILE")]
    pub out: PathBuf,
    /// What it is to be.
    #[arg(long, value_enum, default_value_t = Target::X86)]
    pub target: Target,
    /// How ranges of activations are chosen.
    #[arg(long, value_enum, default_value_t = RangeMethod::MinMax)]
    pub method: RangeMethod,
    /// For `percentile`: so many percent of the values are inside.
    #[arg(long, value_name = "PERCENT", default_value_t = 99.99)]
    pub percentile: f64,
    /// Samples that are observed, at most.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub count: usize,
    /// Samples that are held out, to compare the result on.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub hold_out: usize,
    /// Which samples are drawn; the same seed draws the same.
    #[arg(long, default_value_t = 7)]
    pub seed: u64,
    /// A layer that stays float; may be given several times.
    #[arg(long, value_name = "LAYER")]
    pub keep: Vec<String>,
    /// Keep the worst layers float, one after the other, until the result is good enough.
    #[arg(long)]
    pub mixed: bool,
    /// Measure what each layer costs, and draw it (.svg beside the result).
    #[arg(long)]
    pub sensitivity: bool,
    /// Equalise the ranges of neighbouring convolutions first.
    #[arg(long)]
    pub equalise: bool,
    /// Leave biases as they are, instead of correcting them for what rounding shifts: quicker, worse.
    #[arg(long)]
    pub no_bias_correction: bool,
    /// For `w4`: spread each column's rounding error over the columns after it (GPTQ).
    #[arg(long)]
    pub gptq: bool,
    /// For `w4`: a zero point for each block.
    #[arg(long)]
    pub zero_points: bool,
    /// The result is refused where the cosine of any output of any held-out sample is below this.
    #[arg(long, value_name = "COSINE", default_value_t = 0.999)]
    pub min_cosine: f64,
    /// The same for the largest error of an element, in the output's units.
    #[arg(long, value_name = "ERROR", default_value_t = f64::INFINITY)]
    pub max_error: f64,
    /// Version of TensorRT for whose calibration cache is written too (.cache), for example 8601.
    #[arg(long, value_name = "VERSION")]
    pub tensorrt_cache: Option<u32>,
    /// The library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What a model is quantised for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// 8 bits for ONNX Runtime on x86 processors.
    X86,
    /// 8 bits for TensorRT.
    Tensorrt,
    /// 16-bit floats.
    F16,
    /// Weights of 4 bits in blocks of 32.
    W4,
}

/// How a range of activations is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RangeMethod {
    /// Everything that was seen.
    MinMax,
    /// All but the outermost values.
    Percentile,
    /// Where the quantised distribution differs least from the true one.
    Entropy,
    /// Where the mean square error is least.
    Mse,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// Labels: for `drives` and `nuscenes` a file of JSON lines or a folder of training shards; for the
    /// others a folder of KITTI files (docs/evaluation.md has the formats).
    #[arg(long, value_name = "PATH")]
    pub labels: PathBuf,
    /// Detections: a file of JSON lines, a folder of KITTI result files, or the folder of a detector
    /// (with a model.toml), which is run over the training shards.
    #[arg(value_name = "DETECTIONS|MODEL")]
    pub detections: PathBuf,
    /// By whose rules.
    #[arg(long, value_enum, default_value_t = EvalRules::Drives)]
    pub rules: EvalRules,
    /// Detections of the detector in use on the same scenes, or its folder: may the other one take its
    /// place? Exit code 1 says no.
    #[arg(long, value_name = "PATH")]
    pub gate: Option<PathBuf>,
    /// `--gate`: the gain in mean average precision that must be sure, percent points; negative for what
    /// may be lost, as by a quantised copy.
    #[arg(
        long,
        value_name = "POINTS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub least_gain: f64,
    /// For a detector's folder: the configuration whose [engine] table says what runs it. None is read by
    /// itself.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// For a detector's folder: the library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Evaluate only scenes that were answered, instead of refusing those that were not.
    #[arg(long)]
    pub answered: bool,
    /// Write a page with curves and pictures of the worst misses.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// A sentence that the page's readers must know, such as where the training data comes from; may be
    /// given several times.
    #[arg(long, value_name = "SENTENCE", requires = "report")]
    pub notice: Vec<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Rules of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvalRules {
    /// Synthetic and own drives: centre distance and bird's-eye overlap.
    Drives,
    /// View-of-Delft.
    ViewOfDelft,
    /// TJ4DRadSet.
    Tj4dradset,
    /// nuScenes.
    Nuscenes,
}

/// Arguments of `release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// Folder of all releases.
    #[arg(long, value_name = "DIR", default_value = "/opt/drafthorse")]
    pub root: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: ReleaseCommand,
}

/// Commands of `release`.
#[derive(Debug, Subcommand)]
pub enum ReleaseCommand {
    /// Say what is installed, what runs, what is trusted.
    Status {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Take the offer of a release from standard input, and say which of its chunks are missing.
    Begin,
    /// Take chunks of an offered release from standard input.
    Receive {
        /// The release.
        id: String,
    },
    /// Put an offered release together beside the others, verified and on the disk.
    Install {
        /// The release.
        id: String,
    },
    /// Let the service run an installed release; go back by itself where it does not perceive.
    Activate {
        /// The release.
        id: String,
    },
    /// Let the service run the release before the present one, in the same way.
    Rollback,
    /// Undo a trial that nobody watches any more; for the timer and the boot of the device.
    Settle {
        /// At boot, before the service is started: do not restart it.
        #[arg(long)]
        boot: bool,
    },
    /// Check each byte of an installed release and its signature.
    Verify {
        /// The release; the one that runs where absent.
        id: Option<String>,
    },
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Profile to compare this machine with; found by the device tree's model where absent.
    #[arg(long, value_name = "NAME")]
    pub board: Option<String>,
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
    /// `engine`: threads that work on one run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// `engine`, `detector`: the library of ONNX Runtime, where it is not found by itself.
    #[arg(long, value_name = "FILE", env = "DRAFTHORSE_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// The peer's Python: for `engine` one with the package `onnxruntime`, for `detector` one with
    /// what models/radar-gaussian/train/requirements.txt lists.
    #[arg(long, value_name = "PROGRAM", default_value = "python3")]
    pub python: PathBuf,
    /// `detector`: folder of the training code, the peer.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "models/radar-gaussian/train"
    )]
    pub training: PathBuf,
    /// `detector`, `vision`, `offload`: folder of the model; models/radar-gaussian-s or models/scene-vlm-s if left
    /// out. `find`: folder of the scene model; without it tracks and texts alone are searched.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// `keyframes`: generated drives whose incidents are looked for, half a minute each; 2 if left out.
    /// `find`: generated drives that are strung together, some seconds each; 120 if left out.
    #[arg(long, value_name = "N")]
    pub drives: Option<usize>,
    /// `find`, `vision`, `offload`: the town and the seeds that settings may be tuned on, in the place of those for
    /// judging.
    #[arg(long)]
    pub tuning: bool,
    /// `vision`: generated scenes whose questions are asked; 0 measures the prefill alone. `speculate`: those
    /// that are described. `offload`: keyframes of the drive, four frames each.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub scenes: usize,
    /// `offload`: rejected frames that are timed for each link and target; 0 leaves the times out.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub cells: usize,
    /// `offload`: the server, `drafthorse-target`; the one beside this program if left out.
    #[arg(long, value_name = "PROGRAM")]
    pub target_program: Option<PathBuf>,
    /// `offload`, `speculate`: folder of the drafter; models/scene-drafter-s if left out.
    #[arg(long, value_name = "DIR")]
    pub drafter: Option<PathBuf>,
    /// `speculate`: folder with drafters to compare with, where they are not with the drafter.
    #[arg(long, value_name = "DIR")]
    pub ladder: Option<PathBuf>,
    /// `vision`: other methods of pruning than the shipped ones, as docs/pruning.md has them.
    #[arg(long, value_name = "FILE")]
    pub methods: Option<PathBuf>,
    /// `vision`: only these methods, by name.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// `vision`: every answer of every method, and the tables, as JSON; a picture of them stands beside it
    /// (.svg). `offload`: blocks, cells and the curve over thresholds, and its picture.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The part of `engine` whose memory is measured, in a process of its own.
    #[arg(long, hide = true)]
    pub child: Option<String>,
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
    /// The Gaussian detector: encoder and splat beside PyTorch, the whole on each engine.
    Detector,
    /// Networks on each engine, beside ONNX Runtime's own Python package.
    Engine,
    /// What the selection of keyframes costs, and which incidents of generated drives it keeps, beside
    /// plain ways of choosing.
    Keyframes,
    /// Which share of what queries in words mean is found in generated drives, beside plain ways of
    /// choosing and with each stream left out.
    Find,
    /// Descriptions drafted in the vehicle and verified over an emulated link: time, bytes and quality, beside
    /// targets that do without drafts.
    Offload,
    /// Descriptions with drafts beside the target alone: speed, tokens a run of the target, and how often
    /// drafted words are right.
    Speculate,
    /// Pruning of vision tokens: accuracy kept by each method on questions about generated scenes, and
    /// what fewer tokens save.
    Vision,
}
