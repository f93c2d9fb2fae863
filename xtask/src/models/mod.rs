//! `cargo xtask models train`: from nothing to a model folder, each part only where it is missing.

mod radar_gaussian;
mod scene_drafter;
mod scene_vlm;

use anyhow::ensure;
use clap::{Args, Subcommand};

use crate::step::Step;
use crate::workspace;

/// Models of this project.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate data, train a model on it and write its folder to models/
    Train {
        /// Which model.
        #[command(subcommand)]
        model: Model,
    },
}

#[derive(Subcommand)]
enum Model {
    /// The Gaussian radar detector: half a day of one core at size s
    RadarGaussian(radar_gaussian::Train),
    /// The vision-language model that describes keyframes: some three hours of one core
    SceneVlm(SceneModel),
    /// The drafter of its descriptions, with router and code for image tokens: some two hours of one core
    SceneDrafter(SceneModel),
}

/// What the models of scenes are trained with.
#[derive(Args)]
struct SceneModel {
    /// Where scenes, checkpoints and the Python environment are kept; a stopped training goes on there
    #[arg(long, value_name = "DIR", default_value = "target/models")]
    work: String,
    /// Folder that the trained model is written to [default: the shipped one's, models/NAME-s; with --share a folder
    /// beside the run]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Seed of the weights and of the order of what is learnt
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of the steps and scenes, for a trial
    #[arg(long, default_value_t = 1.0)]
    share: f64,
}

impl SceneModel {
    /// What a trial's folders have behind their names; nothing for the whole.
    fn part(&self) -> String {
        match self.share < 1.0 {
            true => format!("-share-{}", self.share),
            false => String::new(),
        }
    }

    /// Where the model of a run goes.
    fn out(&self, shipped: &str, run: &str) -> String {
        match &self.out {
            Some(out) => out.clone(),
            // A trial does not take the place of the shipped model unasked.
            None if self.part().is_empty() => shipped.to_owned(),
            None => format!("{run}/model"),
        }
    }

    /// Makes a folder of scenes where it is missing.
    fn scenes(&self, data: &str, split: &str, seed: &str, count: u32) -> anyhow::Result<()> {
        let count = (f64::from(count) * self.share).ceil().max(64.0).to_string();
        whole(data, |partial| {
            let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse-synth"];
            words.extend(["--bin", "drafthorse-scenes", "--", "--out", partial]);
            words.extend(["--split", split, "--seed", seed, "--scenes", &count]);
            done(&Step::cargo(&format!("scenes for {data}"), &words))
        })
    }
}

/// Runs it.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Command::Train { model } = &arguments.command;
    match model {
        Model::RadarGaussian(train) => radar_gaussian::run(train),
        Model::SceneVlm(train) => scene_vlm::run(train),
        Model::SceneDrafter(train) => scene_drafter::run(train),
    }
}

/// The training code of a model, run by a Python of its own.
struct Training {
    python: String,
    path: String,
}

impl Training {
    /// Makes the environment in the folder `work` where it is missing.
    fn prepare(model: &str, work: &str) -> anyhow::Result<Self> {
        let venv = format!("{work}/venv");
        let python = format!("{venv}/bin/python");
        if !workspace::root().join(&python).exists() {
            let words = ["-m", "venv", &venv];
            done(&Step::new("Python environment", "python3", &words))?;
        }
        let requirements = format!("models/{model}/train/requirements.txt");
        let pip = ["-m", "pip", "install", "--quiet", "-r", &requirements];
        done(&Step::new("PyTorch", &python, &pip))?;
        Ok(Self {
            python,
            path: format!("models/{model}/train:models/training"),
        })
    }

    /// The same with the training code of another model that this one builds on.
    fn beside(mut self, model: &str) -> Self {
        self.path = format!("models/{model}/train:{}", self.path);
        self
    }

    /// Runs a module of the training code.
    fn step(&self, name: &str, words: &[&str]) -> anyhow::Result<()> {
        let words = [&["-m"], words].concat();
        let step = Step::new(name, &self.python, &words)
            .env("PYTHONPATH", &self.path)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        done(&step)
    }
}

/// Makes a folder by a command that writes into the folder it is told, all or none, where it is missing.
fn whole(folder: &str, make: impl FnOnce(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let ready = workspace::root().join(folder);
    if ready.exists() {
        return Ok(());
    }
    let partial = format!("{folder}.partial");
    let left = workspace::root().join(&partial);
    if left.exists() {
        std::fs::remove_dir_all(&left)?;
    }
    make(&partial)?;
    std::fs::rename(left, ready)?;
    Ok(())
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
