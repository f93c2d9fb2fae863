//! The vision-language model: scenes, two runs and a blind one, how they answer, the export.

use clap::Args;

use super::{Training, done, whole};
use crate::step::Step;

/// Scenes by folder: split, seed, how many.
const SCENES: [(&str, &str, &str, u32); 3] = [
    ("train", "train", "0", 13_000),
    ("more", "train", "1", 13_000),
    ("test", "test", "0", 1_000),
];

#[derive(Args)]
pub(super) struct Train {
    /// Where scenes, checkpoints and the Python environment are kept; a stopped training goes on there
    #[arg(long, value_name = "DIR", default_value = "target/models")]
    work: String,
    /// Folder that the trained model is written to [default: models/scene-vlm-s; with --share a folder beside
    /// the run]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Seed of the weights and of the order of scenes
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of the steps and scenes, for a trial
    #[arg(long, default_value_t = 1.0)]
    share: f64,
}

/// Runs it.
pub(super) fn run(train: &Train) -> anyhow::Result<()> {
    let work = &train.work;
    let training = Training::prepare("scene-vlm", work)?;
    let part = match train.share < 1.0 {
        true => format!("-share-{}", train.share),
        false => String::new(),
    };
    let scenes = format!("{work}/scenes{part}");
    for (folder, split, seed, count) in SCENES {
        let count = (f64::from(count) * train.share)
            .ceil()
            .max(64.0)
            .to_string();
        whole(&format!("{scenes}/{folder}"), |partial| {
            let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse-synth"];
            words.extend(["--bin", "drafthorse-scenes", "--", "--out", partial]);
            words.extend(["--split", split, "--seed", seed, "--scenes", &count]);
            done(&Step::cargo(&format!("{folder} scenes"), &words))
        })?;
    }
    let run = format!("{work}/scene-vlm-s-seed-{}{part}", train.seed);
    let (seed, share) = (train.seed.to_string(), train.share.to_string());
    let [first, second, blind] = ["first", "second", "blind"].map(|name| format!("{run}/{name}"));
    let of_run = |run: &str| format!("{run}/checkpoint.pt");
    let learn = |name: &str, config: &str, data: &str, out: &str, more: &[&str]| {
        let config = format!("models/scene-vlm/train/configs/{config}.toml");
        let data = format!("{scenes}/{data}");
        let mut words = vec!["scene_vlm.train", "--config", &config, "--data", &data];
        words.extend(["--out", out, "--seed", &seed, "--share", &share]);
        words.extend(more);
        eprintln!("xtask: the log is {out}/log.jsonl");
        training.step(name, &words)
    };
    learn("first run", "s", "train", &first, &[])?;
    let begun = of_run(&first);
    learn("second run", "s-more", "more", &second, &["--init", &begun])?;
    learn("blind run", "s", "train", &blind, &["--blind"])?;
    let out = match &train.out {
        Some(out) => out.clone(),
        // A trial does not take the place of the shipped model unasked.
        None if part.is_empty() => "models/scene-vlm-s".to_owned(),
        None => format!("{run}/model"),
    };
    let ready = of_run(&second);
    let words = ["scene_vlm.export", "--checkpoint", &ready, "--out", &out];
    training.step("export", &words)?;
    let (parser, test) = ("target/release/drafthorse-scenes", format!("{scenes}/test"));
    for (name, checkpoint) in [("test", ready), ("blind", of_run(&blind))] {
        let report = format!("{out}/{name}.json");
        let mut words = vec!["scene_vlm.evaluate", "--checkpoint", &checkpoint];
        words.extend(["--data", &test, "--parser", parser, "--out", &report]);
        training.step(&format!("evaluation ({name})"), &words)?;
    }
    println!(
        "{out}: describe with it by [vision] model = \"{out}\", or drafthorse describe --model {out}"
    );
    Ok(())
}
