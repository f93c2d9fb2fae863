//! `drafthorse calibrate`: a quantised model from a float one and samples, checked on samples it has
//! not seen.

use super::Failed;
use super::calibrate_samples::draw;
use super::sensitivity_plot::plot;
use crate::cli::{CalibrateArgs, RangeMethod, Target};
use anyhow::{Context, Result, bail};
use drafthorse_engine::{Backend, Tensor, Tolerance};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_onnx::proto::Model;
use drafthorse_quantise::blockwise::{BlockOptions, Correction, quantise_blocks};
use drafthorse_quantise::qdq::{self, Convention, Options};
use drafthorse_quantise::sensitivity::{LayerLoss, Study};
use drafthorse_quantise::{
    Grid, Method, QuantiseError, Report, correct_biases, equalise, gate, half, observe, tensorrt,
};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What was made and how good it is.
#[derive(Serialize)]
struct Outcome {
    model: PathBuf,
    model_sha256: String,
    result: PathBuf,
    result_sha256: String,
    engine: String,
    target: String,
    observed: usize,
    seed: u64,
    /// Layers that stay float.
    float: Vec<String>,
    /// What each layer costs, worst first; with `--sensitivity`.
    layers: Vec<LayerLoss>,
    report: Report,
}

pub(super) fn calibrate(args: &CalibrateArgs) -> Result<()> {
    let engines = Engines::open(&EngineConfig {
        onnxruntime_library: args.onnxruntime.clone(),
        ..EngineConfig::default()
    })?;
    // The processor's: ranges measured in half precision would not be the model's.
    let backend = engines.by_name("onnxruntime").or(engines.by_name("tract"));
    let backend = backend.context("no engine is here")?;
    if args.out == args.model {
        bail!("--out is the model itself; name another file");
    }
    let bytes = std::fs::read(&args.model)
        .with_context(|| format!("cannot read the model {}", args.model.display()))?;
    let model = drafthorse_onnx::parse(&bytes)
        .with_context(|| format!("{} is not a model", args.model.display()))?;
    let drawn = draw(args, &model)?;
    let (held_out, observed) = drawn.split_at(args.hold_out);
    let work = Work {
        args,
        backend,
        observed,
        tolerance: Tolerance {
            max_error: args.max_error,
            min_cosine: args.min_cosine,
        },
    };
    let made = work.make(&model)?;
    let artefact = drafthorse_onnx::encode(&made.model);
    let report = gate(&bytes, &artefact, backend, held_out, work.tolerance)?;
    let outcome = Outcome {
        model: args.model.clone(),
        model_sha256: hash(&bytes),
        result: args.out.clone(),
        result_sha256: hash(&artefact),
        engine: format!("{} {}", backend.name(), backend.version()),
        target: format!("{:?}", args.target).to_lowercase(),
        observed: observed.len(),
        seed: args.seed,
        float: made.float,
        layers: made.layers,
        report,
    };
    keep(args, &outcome, &artefact, made.cache.as_deref())?;
    print(args, &outcome, artefact.len(), bytes.len())?;
    if !outcome.report.passed {
        return Err(Failed(format!(
            "the result is not good enough and was not written: cosine {:.6} (at least {:.6}), largest error {:.3e} (at most {:.3e}); try --mixed, another --method, or --keep what --sensitivity shows",
            outcome.report.worst.cosine,
            args.min_cosine,
            outcome.report.worst.max_error,
            args.max_error
        ))
        .into());
    }
    Ok(())
}

struct Work<'a> {
    args: &'a CalibrateArgs,
    backend: &'a dyn Backend,
    observed: &'a [Vec<Tensor>],
    tolerance: Tolerance,
}

struct Made {
    model: Model,
    float: Vec<String>,
    layers: Vec<LayerLoss>,
    /// TensorRT's calibration cache.
    cache: Option<String>,
}

impl Work<'_> {
    fn make(&self, model: &Model) -> Result<Made> {
        let args = self.args;
        let keep = args.keep.iter().cloned().collect();
        let convention = match args.target {
            Target::X86 => Convention::U8S8,
            Target::Tensorrt => Convention::S8S8,
            Target::F16 => return Ok(self.plain(half::to_half(model, &keep)?)),
            Target::W4 => {
                let options = BlockOptions {
                    zero_points: args.zero_points,
                    exclude: keep,
                };
                let correction = Correction {
                    backend: self.backend,
                    samples: self.observed,
                    damping: 0.01,
                };
                let correction = args.gptq.then_some(&correction);
                return Ok(self.plain(quantise_blocks(model, &options, correction)?));
            }
        };
        let options = Options {
            exclude: keep,
            ..Options::new(convention)
        };
        self.eight_bits(model, options)
    }

    fn plain(&self, model: Model) -> Made {
        Made {
            model,
            float: self.args.keep.clone(),
            layers: Vec::new(),
            cache: None,
        }
    }

    fn eight_bits(&self, model: &Model, mut options: Options) -> Result<Made> {
        let args = self.args;
        let method = method(args);
        let mut file = qdq::lower(model, options.convention)?;
        if args.equalise {
            file = equalise(&file)?.0;
        }
        let mut layers = Vec::new();
        if args.mixed || args.sensitivity {
            let study = Study::new(&file, self.backend, self.observed, method, &options)?;
            layers = study.losses()?;
            if args.mixed {
                let mixed = study.mixed(&layers, self.tolerance)?;
                options.exclude.extend(mixed.float);
            }
            layers.sort_by(|a, b| b.cosine_loss.total_cmp(&a.cosine_loss));
        }
        let plan = qdq::plan(&file, &options)?;
        if plan.layers().is_empty() {
            let error = QuantiseError::Nothing {
                what: "convolution or matrix product",
                instead: "leave fewer of them float (--keep, or --mixed with a lower --min-cosine), or use --target f16",
            };
            return Err(error.into());
        }
        let grid = options.convention.grid();
        let ranges = observe(
            &file,
            plan.values(),
            self.backend,
            self.observed,
            method,
            grid,
        )?;
        if !args.no_bias_correction {
            file = correct_biases(&file, &plan, &ranges, self.backend, self.observed)?;
        }
        let cache = match args.tensorrt_cache {
            None => None,
            Some(version) if grid == Grid::S8 => {
                Some(tensorrt::calibration_cache(version, &ranges))
            }
            Some(_) => bail!("--tensorrt-cache goes with --target tensorrt"),
        };
        Ok(Made {
            model: qdq::rewrite(&file, &plan, &ranges)?,
            float: options.exclude.into_iter().collect(),
            layers,
            cache,
        })
    }
}

fn method(args: &CalibrateArgs) -> Method {
    match args.method {
        RangeMethod::MinMax => Method::MinMax,
        RangeMethod::Percentile => Method::Percentile(args.percentile),
        RangeMethod::Entropy => Method::Entropy,
        RangeMethod::Mse => Method::Mse,
    }
}

/// Writes what there is to keep: the report and the picture always, the result where it is good. What
/// is said of a refused one stands apart (`NAME.refused.json`), since an earlier result may be there.
fn keep(
    args: &CalibrateArgs,
    outcome: &Outcome,
    artefact: &[u8],
    cache: Option<&str>,
) -> Result<()> {
    let write = |path: &Path, bytes: &[u8]| {
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
    };
    if let Some(folder) = args.out.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let beside = |extension: &str| match outcome.report.passed {
        true => args.out.with_extension(extension),
        false => args.out.with_extension(format!("refused.{extension}")),
    };
    write(&beside("json"), &serde_json::to_vec_pretty(outcome)?)?;
    if !outcome.layers.is_empty() {
        write(&beside("svg"), plot(&outcome.layers).as_bytes())?;
    }
    if outcome.report.passed {
        for extension in ["refused.json", "refused.svg"] {
            // What was said of an earlier one that was refused; mostly there is none.
            let _ = std::fs::remove_file(args.out.with_extension(extension));
        }
        write(&args.out, artefact)?;
        if let Some(cache) = cache {
            write(&args.out.with_extension("cache"), cache.as_bytes())?;
        }
    }
    Ok(())
}

fn print(args: &CalibrateArgs, outcome: &Outcome, size: usize, before: usize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(outcome)?)?;
        return Ok(());
    }
    for layer in &outcome.layers {
        writeln!(
            out,
            "  {:<40} cosine loss {:.2e}   largest error {:.2e}",
            layer.layer, layer.cosine_loss, layer.max_error
        )?;
    }
    for name in &outcome.float {
        writeln!(out, "  stays float: {name}")?;
    }
    for output in &outcome.report.outputs {
        writeln!(
            out,
            "  {:<24} cosine {:.6}   largest error {:.3e}   (worst of {} held-out samples)",
            output.output, output.worst.cosine, output.worst.max_error, outcome.report.samples
        )?;
    }
    writeln!(
        out,
        "  {} bytes from {before}, {:.2} of its size, on {}",
        size,
        size as f64 / before as f64,
        outcome.engine
    )?;
    if outcome.report.passed {
        writeln!(out, "  written to {}", args.out.display())?;
    }
    Ok(())
}

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
