//! The Gaussian detector: its encoder and splat beside the same in PyTorch and beside filling memory,
//! and the whole of it on each engine. Blocks of the sides take turns, so that what disturbs the machine
//! disturbs all.

use super::Figure;
use super::python::Python;
use crate::cli::DetectorBench;
use crate::pipeline::ask_scan::parts;
use anyhow::{Context, Result, ensure};
use drafthorse_engine::{Backend, Manifest, Model};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_gaussian::{Accumulator, Encoder, GaussianDetector, POINT, Splatter};
use drafthorse_samples::RadarEncoder;
use drafthorse_synth::{Drive, DriveConfig, Event, RadarKind, Town};
use serde_json::json;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Blocks of each side.
const BLOCKS: usize = 10;
/// Time that a block takes, about, s.
const BLOCK_S: f64 = 0.25;
/// Points of the scan that is compared.
const VIEW_OF_DELFT: usize = 320;
/// Points of the scans that show how time grows.
const SCALING: [usize; 4] = [100, 300, 800, 3000];
/// Between ours and PyTorch's view, relative to its largest element.
const SAME: f32 = 1e-4;

pub(super) fn run(args: &DetectorBench, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let dir = tempfile::tempdir().context("no folder for the weights could be made")?;
    let sample = RadarEncoder::view_of_delft();
    let weights = dir.path().join("encoder.safetensors");
    std::fs::write(&weights, sample.bytes())?;
    let mut torch = match Torch::start(args, &weights) {
        Ok(torch) => Some(torch),
        Err(error) => {
            eprintln!(
                "drafthorse: no PyTorch beside: {error:#}; run in the source folder and name with --python a Python that has models/radar-gaussian/train/requirements.txt"
            );
            None
        }
    };
    for count in [VIEW_OF_DELFT].into_iter().chain(SCALING) {
        let mut ours = Splat::new(&sample, count)?;
        if let Some(torch) = &mut torch {
            torch.points(&ours, dir.path())?;
        }
        let is_compared = count == VIEW_OF_DELFT;
        let mut fill = is_compared.then(|| Fill::of(&ours));
        let mut sides: Vec<&mut dyn Side> = vec![&mut ours];
        let with_torch = torch.is_some();
        sides.extend(torch.as_mut().map(|side| side as &mut dyn Side));
        sides.extend(fill.as_mut().map(|side| side as &mut dyn Side));
        let times = take_turns(&mut sides)?;
        let of_torch = with_torch.then(|| times[1].ms(0.5));
        if let (true, Some(torch_ms)) = (is_compared, of_torch) {
            let ms = times[0].ms(0.5);
            let name = "detector.encode_splat_speedup_vs_torch";
            let mut figure = Figure::alone(name, torch_ms / ms, "times");
            figure.beside = [
                ("ours_ms".to_owned(), ms),
                ("torch_ms".to_owned(), torch_ms),
            ]
            .into();
            print(figure)?;
        }
        if is_compared {
            let (ms, fill_ms) = (times[0].ms(0.5), times[times.len() - 1].ms(0.5));
            let mut figure = Figure::alone("detector.splat_over_zero_fill", ms / fill_ms, "times");
            figure.beside = [
                ("ours_ms".to_owned(), ms),
                ("zero_fill_ms".to_owned(), fill_ms),
            ]
            .into();
            print(figure)?;
            continue;
        }
        let mut figure = times[0].figure(&format!("detector.encode_splat_ms.{count}"));
        if let Some(torch_ms) = of_torch {
            figure.ratio = Some(figure.value / torch_ms);
            figure.beside.insert("torch_p50".to_owned(), torch_ms);
        }
        print(figure)?;
    }
    drop(torch);
    whole(args, print)
}

/// Something that is timed.
trait Side {
    /// Seconds of each of `count` runs.
    fn block(&mut self, count: usize) -> Result<Vec<f64>>;
}

/// Seconds of one side's runs, sorted.
struct Times(Vec<f64>);

impl Times {
    fn ms(&self, quantile: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = (quantile * last as f64).round() as usize;
        self.0.get(at).map_or(f64::NAN, |seconds| 1e3 * seconds)
    }

    fn figure(&self, name: &str) -> Figure {
        let mut figure = Figure::alone(name, self.ms(0.5), "ms");
        figure.beside.insert("p99".to_owned(), self.ms(0.99));
        figure
    }
}

fn take_turns(sides: &mut [&mut dyn Side]) -> Result<Vec<Times>> {
    let mut counts = Vec::new();
    for side in &mut *sides {
        side.block(2)?;
        let second = side.block(3)?[2];
        counts.push(((BLOCK_S / second.max(1e-6)) as usize).clamp(3, 2000));
    }
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for block in 0..BLOCKS {
        // Each is first in its turn.
        for turn in 0..sides.len() {
            let at = (turn + block) % sides.len();
            times[at].extend(sides[at].block(counts[at])?);
        }
    }
    let sorted = times.into_iter().map(|mut times| {
        times.sort_by(f64::total_cmp);
        Times(times)
    });
    Ok(sorted.collect())
}

fn timed(count: usize, mut run: impl FnMut() -> Result<()>) -> Result<Vec<f64>> {
    let each = (0..count).map(|_| {
        let begun = Instant::now();
        run()?;
        Ok(begun.elapsed().as_secs_f64())
    });
    each.collect()
}

/// Encoder and splat of ours over one scan.
struct Splat {
    encoder: Encoder,
    splatter: Splatter,
    points: Vec<[f32; POINT]>,
    view: Vec<f32>,
}

impl Splat {
    fn new(sample: &RadarEncoder, count: usize) -> Result<Self> {
        let encoder = Encoder::read(&sample.bytes())?;
        let splatter = Splatter::new(encoder.settings());
        let mut ours = Self {
            view: vec![0.0; splatter.view_len()],
            splatter,
            points: sample.scan(count),
            encoder,
        };
        ours.run();
        Ok(ours)
    }

    fn run(&mut self) {
        let gaussians = self.encoder.encode(&self.points);
        self.splatter.draw(gaussians, &mut self.view);
        black_box(&mut self.view);
    }
}

impl Side for Splat {
    fn block(&mut self, count: usize) -> Result<Vec<f64>> {
        timed(count, || {
            self.run();
            Ok(())
        })
    }
}

/// What encoder and splat together are held against: filling a buffer of the view's size with zeros: what any splat must do at least, unless it knows what
/// the last one left.
struct Fill(Vec<f32>);

impl Fill {
    fn of(splat: &Splat) -> Self {
        // Not zeros from the system, which are touched only when they are read or written.
        Self(vec![1.0; splat.view.len()])
    }
}

impl Side for Fill {
    fn block(&mut self, count: usize) -> Result<Vec<f64>> {
        timed(count, || {
            black_box(&mut self.0).fill(0.0);
            black_box(&mut self.0);
            Ok(())
        })
    }
}

/// The same encoder and splat in PyTorch.
struct Torch(Python);

impl Torch {
    fn start(args: &DetectorBench, weights: &Path) -> Result<Self> {
        let mut command = Command::new(&args.python);
        command.args(["-m", "radar_gaussian.bench"]);
        let shared = args.training.join("../../training");
        command.env(
            "PYTHONPATH",
            std::env::join_paths([&args.training, &shared])?,
        );
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let mut python = Python::start(command)?;
        eprintln!(
            "beside PyTorch {} of {}",
            python.version,
            args.python.display()
        );
        python.ask(&json!({"load": weights, "threads": 1}))?;
        Ok(Self(python))
    }

    /// Gives it a scan and holds what it makes of it against ours.
    fn points(&mut self, ours: &Splat, dir: &Path) -> Result<()> {
        let (points, view) = (dir.join("points.f32"), dir.join("view.f32"));
        let numbers = ours.points.as_flattened().iter();
        let bytes: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(&points, bytes)?;
        self.0.ask(&json!({"points": points, "view": view}))?;
        let theirs = std::fs::read(&view)?;
        let (theirs, _) = theirs.as_chunks();
        ensure!(
            theirs.len() == ours.view.len(),
            "PyTorch's view has another size"
        );
        let theirs = theirs.iter().copied().map(f32::from_le_bytes);
        let (mut apart, mut largest) = (0.0f32, 0.0f32);
        for (theirs, ours) in theirs.zip(&ours.view) {
            largest = largest.max(theirs.abs());
            // A cell where alpha is within rounding of its least may be lit in one of both alone.
            let faint = 1.01 / 255.0 * 4.0;
            let difference = (theirs - ours).abs();
            if difference.is_nan() {
                apart = f32::INFINITY;
            } else if (theirs == 0.0) == (*ours == 0.0) || difference > faint {
                apart = apart.max(difference);
            }
        }
        ensure!(
            apart <= SAME * largest,
            "PyTorch's view differs by {apart:e} where its largest element is {largest}"
        );
        Ok(())
    }
}

impl Side for Torch {
    fn block(&mut self, count: usize) -> Result<Vec<f64>> {
        self.0.seconds(&json!({"run": count}))
    }
}

/// The shipped detector on each engine, over scans of a synthetic drive, one thread.
fn whole(args: &DetectorBench, print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let folder = &args.model;
    let manifest = Manifest::read(folder).with_context(|| {
        format!(
            "no detector in {}; name the folder of one with --model",
            folder.display()
        )
    })?;
    let config = EngineConfig {
        threads: 1,
        onnxruntime_library: args.onnxruntime.clone(),
        ..EngineConfig::default()
    };
    let engines = Engines::open(&config)?;
    let scans = scans(folder, &manifest)?;
    let mut sides = Vec::new();
    for name in ["tract", "onnxruntime"] {
        match engines.by_name(name) {
            Some(backend) => sides.push((name, Whole::new(folder, &manifest, backend, &scans)?)),
            None => {
                eprintln!("drafthorse: {name} is not here; name its library with --onnxruntime");
            }
        }
    }
    let mut turns: Vec<&mut dyn Side> = Vec::new();
    for (_, side) in &mut sides {
        turns.push(side);
    }
    let times = take_turns(&mut turns)?;
    let per_second = |times: &Times| 1e3 / times.ms(0.5);
    for ((name, _), of_side) in sides.iter().zip(&times) {
        let name = format!("detector.scans_per_second.{name}");
        let mut figure = Figure::alone(&name, per_second(of_side), "scans/s");
        figure.beside.insert("p50_ms".to_owned(), of_side.ms(0.5));
        figure.beside.insert("p99_ms".to_owned(), of_side.ms(0.99));
        if let [ours, theirs] = &times[..]
            && name.ends_with("tract")
        {
            figure.ratio = Some(per_second(ours) / per_second(theirs));
        }
        print(figure)?;
    }
    Ok(())
}

/// Two seconds of scans of the dense radar, as the lane gathers them, but for the vehicle's pose: scans
/// that are laid together are not moved.
fn scans(folder: &Path, manifest: &Manifest) -> Result<Vec<Vec<[f32; POINT]>>> {
    let together = parts(folder, manifest)?.settings().scans;
    let mut drive = Drive::new(&DriveConfig {
        seconds: 2.0,
        camera_fps: 0.0,
        radar: RadarKind::Dense,
        town: Town::OldTown,
        ..DriveConfig::default()
    });
    let mount = drafthorse_core::Pose::default();
    let mut together = Accumulator::new(together);
    let mut scans = Vec::new();
    while let Some(event) = drive.next() {
        if let Event::Scan { scan, truth } = event {
            scans.push(together.take(scan, &truth.ego, [0.0; 3], &mount).to_vec());
        }
    }
    Ok(scans)
}

/// The whole detector on one engine.
struct Whole<'a> {
    detector: GaussianDetector<Box<dyn Model>>,
    scans: &'a [Vec<[f32; POINT]>],
    next: usize,
}

impl<'a> Whole<'a> {
    fn new(
        folder: &Path,
        manifest: &Manifest,
        backend: &dyn Backend,
        scans: &'a [Vec<[f32; POINT]>],
    ) -> Result<Self> {
        let parts = parts(folder, manifest)?;
        let file = manifest.files.first().context("the model has no file")?;
        let model = file.load(folder, backend, &manifest.options(1))?;
        Ok(Self {
            detector: GaussianDetector::new(parts, model)?,
            scans,
            next: 0,
        })
    }
}

impl Side for Whole<'_> {
    fn block(&mut self, count: usize) -> Result<Vec<f64>> {
        timed(count, || {
            let scan = &self.scans[self.next % self.scans.len()];
            self.next += 1;
            black_box(self.detector.detect(scan)?);
            Ok(())
        })
    }
}
