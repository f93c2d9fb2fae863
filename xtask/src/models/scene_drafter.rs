//! The drafter: scenes, what the target says of them, the drafters, the code for image tokens, the router, the export.

use clap::Args;

use super::{Training, done, whole};
use crate::step::Step;

/// Scenes by folder: split, seed, how many, greedy descriptions of each, whether other texts are collected too.
/// The target was trained on the seeds 0 and 1.
const SCENES: [(&str, &str, &str, u32, &str, bool); 4] = [
    ("drafter", "train", "2", 3_500, "2", true),
    ("router", "train", "5", 2_000, "1", false),
    ("drafter-val", "val", "0", 400, "1", false),
    ("test", "test", "0", 1_000, "1", false),
];

/// Drafters to compare with, and what they are told beside their configuration.
const RUNGS: [&str; 4] = ["plain", "compressed", "global", "no-vision"];

/// The target, and the program that knows its language.
const TARGET: &str = "models/scene-vlm-s";
const PARSER: &str = "target/release/drafthorse-scenes";

#[derive(Args)]
pub(super) struct Train {
    /// Where scenes, texts, checkpoints and the Python environment are kept; a stopped training goes on there
    #[arg(long, value_name = "DIR", default_value = "target/models")]
    work: String,
    /// Folder that the trained model is written to [default: models/scene-drafter-s; with --share a folder beside
    /// the runs]
    #[arg(long, value_name = "DIR")]
    out: Option<String>,
    /// Seed of the weights and of the order of texts
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of the steps and scenes, for a trial
    #[arg(long, default_value_t = 1.0)]
    share: f64,
}

/// Runs it.
pub(super) fn run(train: &Train) -> anyhow::Result<()> {
    let work = &train.work;
    let training = Training::prepare("scene-drafter", work)?.beside("scene-vlm");
    let part = match train.share < 1.0 {
        true => format!("-share-{}", train.share),
        false => String::new(),
    };
    let (scenes, texts) = (format!("{work}/scenes{part}"), format!("{work}/texts{part}"));
    for (folder, split, seed, count, greedy, others) in SCENES {
        let count = (f64::from(count) * train.share)
            .ceil()
            .max(64.0)
            .to_string();
        let data = format!("{scenes}/{folder}");
        whole(&data, |partial| {
            let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse-synth"];
            words.extend(["--bin", "drafthorse-scenes", "--", "--out", partial]);
            words.extend(["--split", split, "--seed", seed, "--scenes", &count]);
            done(&Step::cargo(&format!("{folder} scenes"), &words))
        })?;
        let out = format!("{texts}/{folder}");
        let mut words = vec!["scene_drafter.collect", "--target", TARGET, "--data", &data];
        words.extend(["--out", &out, "--greedy", greedy]);
        if !others {
            words.push("--only-greedy");
        }
        training.step(&format!("what the target says of {folder}"), &words)?;
    }
    let run = format!("{work}/scene-drafter-s-seed-{}{part}", train.seed);
    let (seed, share) = (train.seed.to_string(), train.share.to_string());
    let [data, router_data, val, test] =
        ["drafter", "router", "drafter-val", "test"].map(|folder| format!("{texts}/{folder}"));
    let of_run = |name: &str| format!("{run}/{name}/checkpoint.pt");
    let learn = |name: &str, more: &[&str]| {
        let config = format!("models/scene-drafter/train/configs/{name}.toml");
        let out = format!("{run}/{name}");
        let mut words = vec!["scene_drafter.train", "--config", &config, "--target", TARGET];
        words.extend(["--parser", PARSER, "--data", &data, "--test", &test]);
        words.extend(["--out", &out, "--seed", &seed, "--share", &share]);
        words.extend(more);
        eprintln!("xtask: the log is {out}/log.jsonl");
        training.step(name, &words)
    };
    learn("standalone", &[])?;
    let standalone = of_run("standalone");
    let look = ["--look-as", standalone.as_str()];
    for name in ["colocated", "plain", "compressed", "global"] {
        learn(name, &look)?;
    }
    learn("no-vision", &[])?;
    let code = format!("{run}/code");
    let config = "models/scene-drafter/train/configs/code.toml";
    let mut words = vec!["scene_drafter.train_code", "--config", config, "--target", TARGET];
    words.extend(["--data", &data, "--out", &code, "--seed", &seed]);
    training.step("code for image tokens", &words)?;
    let router = format!("{run}/router");
    let scenes = format!("{scenes}/test");
    let mut words = vec!["scene_drafter.train_router", "--target", TARGET];
    words.extend(["--drafter", &standalone, "--parser", PARSER, "--data", &router_data]);
    words.extend(["--val", &val, "--test", &test, "--scenes", &scenes]);
    words.extend(["--out", &router, "--seed", &seed]);
    training.step("router", &words)?;
    let out = match &train.out {
        Some(out) => out.clone(),
        // A trial does not take the place of the shipped model unasked.
        None if part.is_empty() => "models/scene-drafter-s".to_owned(),
        None => format!("{run}/model"),
    };
    let [colocated, code, router] = ["colocated", "code", "router"].map(of_run);
    let rungs = RUNGS.map(of_run);
    let mut words = vec!["scene_drafter.export", "--target", TARGET, "--parser", PARSER];
    words.extend(["--standalone", &standalone, "--colocated", &colocated]);
    words.extend(["--code", &code, "--router", &router, "--out", &out]);
    for rung in &rungs {
        words.extend(["--rung", rung]);
    }
    training.step("export", &words)?;
    for form in ["standalone", "colocated"] {
        let graph = format!("{out}/onnx/{form}.onnx");
        let narrow = format!("{out}/onnx/{form}_q4.onnx");
        let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse", "--"];
        words.extend(["calibrate", &graph, "--target", "w4", "-o", &narrow]);
        done(&Step::cargo(&format!("{form} in 4 bits"), &words))?;
    }
    println!("{out}: draft with it beside {TARGET}");
    Ok(())
}
