//! Networks on each engine, beside ONNX Runtime's own Python package in the same run: blocks of runs
//! of the one and of the other take turns, so that what disturbs the machine disturbs both.

use super::Figure;
use super::engine_peer::Peer;
use crate::cli::EngineBench;
use anyhow::{Context, Result, bail};
use drafthorse_engine::{
    Artefact, Backend, Manifest, Model, ModelFile, Precision, Reference, Tensor, Tolerance,
    read_tensors,
};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_quantise::blockwise::{BlockOptions, quantise_blocks};
use drafthorse_quantise::qdq::{self, Convention, Options};
use drafthorse_quantise::{Method, correct_biases, gate, observe};
use drafthorse_samples::{Sample, Size, all};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Blocks of each side.
const BLOCKS: usize = 8;
/// Steps of one token in a block of the decoder.
const STEPS: usize = 48;
/// Time that a block of another network takes, about, s.
const BLOCK_S: f64 = 0.35;

/// One side of the comparison.
pub(super) trait Side {
    /// Seconds of each of `count` runs of the sample's inputs.
    fn block(&mut self, count: usize) -> Result<Vec<f64>>;
    /// Seconds of each of `count` runs of one token, after the sample's inputs from empty state.
    fn steps(&mut self, count: usize) -> Result<Vec<f64>>;
}

/// A model of ours.
struct Ours {
    model: Box<dyn Model>,
    inputs: Vec<Tensor>,
}

impl Ours {
    fn new(backend: &dyn Backend, sample: &Sample, threads: usize) -> Result<Self> {
        Self::of(backend, sample, &sample.bytes(), threads)
    }

    /// The sample in another form.
    fn of(backend: &dyn Backend, sample: &Sample, bytes: &[u8], threads: usize) -> Result<Self> {
        let artefact = Artefact {
            name: sample.name,
            bytes,
        };
        let model = backend.load(artefact, &sample.options(threads))?;
        let inputs = sample.inputs(1);
        let mut ours = Self { model, inputs };
        ours.fill()?;
        Ok(ours)
    }

    fn fill(&mut self) -> Result<()> {
        for (index, input) in self.inputs.iter().enumerate() {
            self.model.resize(index, input.shape())?;
            if !self.model.input_mut(index).copy_from(input.view()) {
                bail!("the sample's input {index} does not fit its own model");
            }
        }
        Ok(())
    }

    fn run(&mut self) -> Result<f64> {
        let begun = Instant::now();
        self.model.run()?;
        Ok(begun.elapsed().as_secs_f64())
    }
}

impl Side for Ours {
    fn block(&mut self, count: usize) -> Result<Vec<f64>> {
        (0..count).map(|_| self.run()).collect()
    }

    fn steps(&mut self, count: usize) -> Result<Vec<f64>> {
        self.model.reset()?;
        self.fill()?;
        self.run()?;
        let token = Tensor::new(&[1, 1], vec![1i64]);
        self.model.resize(0, token.shape())?;
        if !self.model.input_mut(0).copy_from(token.view()) {
            bail!("a decoder takes tokens as i64");
        }
        (0..count).map(|_| self.run()).collect()
    }
}

pub(super) fn run(args: &EngineBench, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    if let Some(child) = &args.child {
        return peak_of_child(child, args);
    }
    let engines = Engines::open(&config(args))?;
    let dir = tempfile::tempdir().context("no folder for the models could be made")?;
    let mut peer = match engines.by_name("onnxruntime") {
        Some(_) => Peer::start(&args.python),
        None => None,
    };
    for error in engines.absent() {
        eprintln!("drafthorse: {error}");
    }
    if let (Some(peer), Some(ours)) = (&peer, engines.by_name("onnxruntime"))
        && !peer.version().starts_with(&ours.version())
    {
        eprintln!(
            "drafthorse: ours is ONNX Runtime {}: the overhead is between two versions of it; `pip install onnxruntime=={}` compares like with like",
            ours.version(),
            ours.version()
        );
    }
    for sample in all(Size::Bench) {
        measure(args, &engines, peer.as_mut(), &sample, dir.path(), print)?;
    }
    Ok(())
}

fn config(args: &EngineBench) -> EngineConfig {
    EngineConfig {
        threads: args.engine.threads,
        onnxruntime_library: args.engine.onnxruntime.clone(),
        ..EngineConfig::default()
    }
}

/// The name that a sample's figures have.
fn short(sample: &Sample) -> &str {
    sample.name.split('_').next().unwrap_or(sample.name)
}

fn measure(
    args: &EngineBench,
    engines: &Engines,
    peer: Option<&mut Peer>,
    sample: &Sample,
    dir: &Path,
    print: &mut dyn FnMut(Figure) -> Result<()>,
) -> Result<()> {
    let name = |what: &str| format!("engine.{}.{what}", short(sample));
    let threads = args.engine.threads;
    let tract = engines.by_name("tract");
    let tract = tract
        .map(|tract| Ours::new(tract, sample, threads))
        .transpose()?;
    let ort = engines.by_name("onnxruntime");
    let Some(ort) = ort else {
        if let Some(mut tract) = tract {
            let [ms] = medians(sample, [&mut tract])?;
            print(Figure::alone(&name("tract_ms"), ms, "ms"))?;
        }
        return Ok(());
    };
    let mut ours = Ours::new(ort, sample, threads)?;
    if let Some(peer) = peer {
        peer.load(sample, dir, threads)?;
        let [ours_ms, theirs_ms] = medians(sample, [&mut ours, &mut *peer])?;
        let beside = "python_onnxruntime";
        print(Figure::beside(
            &name("ort_overhead"),
            ours_ms,
            "ms",
            beside,
            theirs_ms,
        ))?;
    } else {
        let [ms] = medians(sample, [&mut ours])?;
        print(Figure::alone(&name("ort_ms"), ms, "ms"))?;
    }
    if let Some((what, bytes)) = quantised(ort, sample)? {
        let mut small = Ours::of(ort, sample, &bytes, threads)?;
        let [float_ms, small_ms] = medians(sample, [&mut ours, &mut small])?;
        let speedup = float_ms / small_ms;
        let mut figure = Figure::alone(&name(&format!("{what}_speedup")), speedup, "times float32");
        figure.beside.insert("float32_ms".to_owned(), float_ms);
        figure.beside.insert(format!("{what}_ms"), small_ms);
        figure
            .beside
            .insert("cosine".to_owned(), cosine(ort, sample, &bytes)?);
        print(figure)?;
    }
    if let Some(mut tract) = tract {
        let [tract_ms, ort_ms] = medians(sample, [&mut tract, &mut ours])?;
        print(Figure::beside(
            &name("tract_ratio"),
            tract_ms,
            "ms",
            "onnxruntime",
            ort_ms,
        ))?;
    }
    let folder = write_folder(sample, dir)?;
    let ours = peak(args, &folder, "onnxruntime")?;
    let mut figure = Figure::alone(&name("peak_mb"), ours, "MiB");
    figure
        .beside
        .insert("tract".to_owned(), peak(args, &folder, "tract")?);
    if let Some(theirs) = Peer::peak(&args.python, sample, dir, threads)? {
        figure
            .beside
            .insert("python_onnxruntime".to_owned(), theirs);
        figure.ratio = Some(figure.value / theirs);
    }
    print(figure)
}

/// The network in the form that its kind is run in on a processor, and what that is called: none for
/// those that are not measured so.
fn quantised(backend: &dyn Backend, sample: &Sample) -> Result<Option<(&'static str, Vec<u8>)>> {
    let model = match sample.name {
        "bev_cnn" => {
            let samples: Vec<_> = (100..116).map(|index| sample.inputs(index)).collect();
            let options = Options::new(Convention::U8S8);
            let float = qdq::lower(&sample.model, options.convention)?;
            let plan = qdq::plan(&float, &options)?;
            let grid = options.convention.grid();
            let method = Method::MinMax;
            let ranges = observe(&float, plan.values(), backend, &samples, method, grid)?;
            let float = correct_biases(&float, &plan, &ranges, backend, &samples)?;
            ("int8", qdq::rewrite(&float, &plan, &ranges)?)
        }
        "decoder" => (
            "w4",
            quantise_blocks(&sample.model, &BlockOptions::default(), None)?,
        ),
        _ => return Ok(None),
    };
    Ok(Some((model.0, drafthorse_onnx::encode(&model.1))))
}

/// The worst cosine to the float model on samples that nothing was fitted to.
fn cosine(backend: &dyn Backend, sample: &Sample, bytes: &[u8]) -> Result<f64> {
    let any = Tolerance {
        max_error: f64::INFINITY,
        min_cosine: -1.0,
    };
    let held_out: Vec<_> = (0..8)
        .map(|index| [sample.inputs(index), sample.initial_state()].concat())
        .collect();
    Ok(gate(&sample.bytes(), bytes, backend, &held_out, any)?
        .worst
        .cosine)
}

/// Median times of a run, ms, of sides that take turns.
fn medians<const N: usize>(sample: &Sample, mut sides: [&mut dyn Side; N]) -> Result<[f64; N]> {
    let is_decoder = !sample.state.is_empty();
    let mut count = 1;
    if !is_decoder {
        // Warm, and as many runs a block as fit.
        let mut slowest = 0.0f64;
        for side in &mut sides {
            side.block(1)?;
            slowest = slowest.max(side.block(1)?[0]);
        }
        count = ((BLOCK_S / slowest.max(1e-6)) as usize).clamp(2, 200);
    }
    let mut times: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for block in 0..BLOCKS {
        // Each is first half of the time.
        for turn in 0..N {
            let at = (turn + block) % N;
            let new = match is_decoder {
                true => sides[at].steps(STEPS)?,
                false => sides[at].block(count)?,
            };
            times[at].extend(new);
        }
    }
    Ok(times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2] * 1e3
    }))
}

/// The sample as a model's folder with its inputs, so that who runs it need not make it first.
fn write_folder(sample: &Sample, dir: &Path) -> Result<PathBuf> {
    let folder = dir.join(format!("{}-folder", sample.name));
    std::fs::create_dir_all(&folder)?;
    let bytes = sample.bytes();
    std::fs::write(folder.join("model.onnx"), &bytes)?;
    let inputs = Reference {
        folder: "inputs".into(),
    };
    inputs.write(&folder, &sample.inputs(1), &[])?;
    let manifest = Manifest {
        name: sample.name.to_owned(),
        files: vec![ModelFile::of("model.onnx", Precision::F32, &bytes)],
        state: sample.state.clone(),
        ..Manifest::default()
    };
    manifest.write(&folder)?;
    Ok(folder)
}

/// Peak memory of a process that does nothing but run the model, MiB.
fn peak(args: &EngineBench, folder: &Path, backend: &str) -> Result<f64> {
    let this = std::env::current_exe().context("this program cannot find itself")?;
    let mut command = Command::new(this);
    command
        .args(["bench", "engine", "--child"])
        .arg(format!("{backend}:{}", folder.display()))
        .args(["--threads", &args.engine.threads.to_string()]);
    if let Some(library) = &args.engine.onnxruntime {
        command.arg("--onnxruntime").arg(library);
    }
    let output = command
        .output()
        .context("this program cannot start itself")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let peak = text.trim().parse();
    peak.with_context(|| {
        format!(
            "the run for memory failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

/// The process whose memory is measured.
fn peak_of_child(child: &str, args: &EngineBench) -> Result<()> {
    let (backend, folder) = child
        .split_once(':')
        .context("--child takes BACKEND:FOLDER")?;
    let folder = Path::new(folder);
    let engines = Engines::open(&config(args))?;
    let backend = engines
        .by_name(backend)
        .context("that engine is not here")?;
    let manifest = Manifest::read(folder)?;
    let file = manifest.files.first().context("the model has no file")?;
    let model = file.load(folder, backend, &manifest.options(args.engine.threads))?;
    let inputs = read_tensors(&folder.join("inputs"), "input", model.inputs().len())?;
    let mut ours = Ours { model, inputs };
    ours.fill()?;
    match manifest.state.is_empty() {
        true => ours.block(4)?,
        false => ours.steps(STEPS)?,
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: f64 = kib.context("the kernel tells no peak memory")?.parse()?;
    writeln!(std::io::stdout(), "{}", kib / 1024.0)?;
    Ok(())
}
