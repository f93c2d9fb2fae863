//! The Gaussian radar detector: drives, a run, the export.

use clap::{Args, ValueEnum};

use super::{Training, done, whole};
use crate::step::Step;

/// Drives that the shipped models are trained on.
const DRIVES: u32 = 120;

/// Which size of it.
#[derive(Clone, Copy, ValueEnum)]
enum Size {
    /// For one processor core.
    S,
    /// The paper's, for a GPU.
    M,
}

#[derive(Args)]
pub(super) struct Train {
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
pub(super) fn run(train: &Train) -> anyhow::Result<()> {
    let size = match train.size {
        Size::S => "s",
        Size::M => "m",
    };
    let work = &train.work;
    let training = Training::prepare("radar-gaussian", work)?;
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
    let mut words = vec!["radar_gaussian.train", "--config", &config];
    words.extend(["--data", &drives, "--out", &runs, "--seed", &seed]);
    words.extend(["--device", &train.device]);
    if let Some(steps) = &steps {
        words.extend(["--steps", steps]);
    }
    eprintln!("xtask: the log is {runs}/log.jsonl");
    training.step("training", &words)?;
    // A trial does not take the place of the shipped model unasked.
    let out = match is_whole {
        true => format!("models/radar-gaussian-{size}"),
        false => format!("{runs}/model"),
    };
    let out = train.out.as_ref().unwrap_or(&out);
    let checkpoint = format!("{runs}/checkpoint.pt");
    let mut words = vec!["radar_gaussian.export", "--checkpoint", &checkpoint];
    words.extend(["--data", &drives, "--out", out]);
    training.step("export", &words)?;
    println!("{out}: run it with [[networks]] model = \"{out}\"");
    Ok(())
}

/// The drives of a split.
fn generate(drives: &str, split: &str, count: u32, every: &str) -> anyhow::Result<()> {
    whole(&format!("{drives}/{split}"), |partial| {
        let count = count.to_string();
        let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse-synth"];
        words.extend(["--bin", "drafthorse-shards", "--", "--out", partial]);
        words.extend(["--split", split, "--drives", &count, "--every", every]);
        words.extend(["--seconds", "20", "--scans", "3", "--radar", "dense"]);
        done(&Step::cargo(&format!("{split} drives"), &words))
    })
}
