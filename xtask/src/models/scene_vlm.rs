//! The vision-language model: scenes, two runs and a blind one, how they answer, the export.

use super::{SceneModel, Training};

/// Scenes by folder: split, seed, how many.
const SCENES: [(&str, &str, &str, u32); 3] = [
    ("train", "train", "0", 13_000),
    ("more", "train", "1", 13_000),
    ("test", "test", "0", 1_000),
];

/// Runs it.
pub(super) fn run(train: &SceneModel) -> anyhow::Result<()> {
    let work = &train.work;
    let training = Training::prepare("scene-vlm", work)?;
    let part = train.part();
    let scenes = format!("{work}/scenes{part}");
    for (folder, split, seed, count) in SCENES {
        train.scenes(&format!("{scenes}/{folder}"), split, seed, count)?;
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
    let out = train.out("models/scene-vlm-s", &run);
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
