//! `cargo xtask models train`: from nothing to a model folder, each part only where it is missing.

use anyhow::ensure;
use clap::{Args, Subcommand, ValueEnum};

use crate::step::Step;
use crate::workspace;

/// Drives that the shipped models are trained on.
const DRIVES: u32 = 120;

/// Models of this project.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate drives, train a model on them and write its folder to models/
    Train(Train),
}

/// Which model.
#[derive(Clone, Copy, ValueEnum)]
enum Model {
    /// The Gaussian radar detector.
    RadarGaussian,
}

/// Which size of it.
#[derive(Clone, Copy, ValueEnum)]
enum Size {
    /// For one processor core.
    S,
    /// The paper's, for a GPU.
    M,
}

#[derive(Args)]
struct Train {
    model: Model,
    /// Size of the model
    #[arg(long, value_enum, default_value_t = Size::S)]
    size: Size,
    /// Where drives, checkpoints and the Python environment are kept; a stopped training goes on there
    #[arg(long, value_name = "DIR", default_value = "target/models")]
    work: String,
    /// Folder that the trained model is written to [default: models/radar-gaussian-SIZE; with --steps or
    /// --drives a folder beside the run]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Seed of the weights and of the order of frames
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Steps instead of the configuration's
    #[arg(long)]
    steps: Option<u64>,
    /// Drives for training
    #[arg(long, default_value_t = DRIVES)]
    drives: u32,
    /// Where the network is trained: cpu or cuda
    #[arg(long, default_value = "cpu")]
    device: String,
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Command::Train(train) = &arguments.command;
    let Model::RadarGaussian = train.model;
    let size = match train.size {
        Size::S => "s",
        Size::M => "m",
    };
    let work = &train.work;
    let python = format!("{work}/venv/bin/python");
    let requirements = "models/radar-gaussian/train/requirements.txt";
    if !workspace::root().join(&python).exists() {
        let venv = format!("{work}/venv");
        done(&Step::new(
            "Python environment",
            "python3",
            &["-m", "venv", &venv],
        ))?;
    }
    let pip = ["-m", "pip", "install", "--quiet", "-r", requirements];
    done(&Step::new("PyTorch", &python, &pip))?;
    let drives = format!("{work}/drives-{}", train.drives);
    for (split, count, every) in [
        ("train", train.drives, "4"),
        ("val", 20, "4"),
        ("test", 60, "8"),
    ] {
        generate(&drives, split, count, every)?;
    }
    let config = format!("models/radar-gaussian/train/configs/{size}.toml");
    let steps = train.steps.map(|steps| steps.to_string());
    let length = steps
        .as_ref()
        .map_or(String::new(), |steps| format!("-{steps}-steps"));
    let is_whole = steps.is_none() && train.drives == DRIVES;
    let runs = format!(
        "{work}/radar-gaussian-{size}-{}-drives-seed-{}{length}",
        train.drives, train.seed
    );
    let seed = train.seed.to_string();
    let mut words = vec!["-m", "radar_gaussian.train", "--config", &config];
    words.extend(["--data", &drives, "--out", &runs, "--seed", &seed]);
    words.extend(["--device", &train.device]);
    if let Some(steps) = &steps {
        words.extend(["--steps", steps]);
    }
    eprintln!("xtask: the log is {runs}/log.jsonl");
    done(&training(Step::new("training", &python, &words)))?;
    // A trial does not take the place of the shipped model unasked.
    let out = match is_whole {
        true => format!("models/radar-gaussian-{size}"),
        false => format!("{runs}/model"),
    };
    let out = train.out.as_ref().unwrap_or(&out);
    let checkpoint = format!("{runs}/checkpoint.pt");
    let mut words = vec!["-m", "radar_gaussian.export", "--checkpoint", &checkpoint];
    words.extend(["--data", &drives, "--out", out]);
    done(&training(Step::new("export", &python, &words)))?;
    println!("{out}: run it with [[networks]] model = \"{out}\"");
    Ok(())
}

/// The drives of a split, all or none.
fn generate(drives: &str, split: &str, count: u32, every: &str) -> anyhow::Result<()> {
    let folder = format!("{drives}/{split}");
    let whole = workspace::root().join(&folder);
    if whole.exists() {
        return Ok(());
    }
    let (partial, count) = (format!("{folder}.partial"), count.to_string());
    let left = workspace::root().join(&partial);
    if left.exists() {
        std::fs::remove_dir_all(&left)?;
    }
    let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse-synth"];
    words.extend(["--bin", "drafthorse-shards", "--", "--out", &partial]);
    words.extend(["--split", split, "--drives", &count, "--every", every]);
    words.extend(["--seconds", "20", "--scans", "3", "--radar", "dense"]);
    done(&Step::cargo(&format!("{split} drives"), &words))?;
    std::fs::rename(left, &whole)?;
    Ok(())
}

fn training(step: Step) -> Step {
    step.env("PYTHONPATH", "models/radar-gaussian/train:models/training")
        .env("PYTHONDONTWRITEBYTECODE", "1")
}

fn done(step: &Step) -> anyhow::Result<()> {
    let outcome = step.run(false);
    ensure!(
        outcome.passed,
        "{} failed; call this again to go on from there",
        outcome.name
    );
    Ok(())
}
