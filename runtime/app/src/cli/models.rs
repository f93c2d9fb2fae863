//! Words of `engine`, `models`, `calibrate` and `eval`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

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
