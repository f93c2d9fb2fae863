//! The drafter: scenes, what the target says of them, the drafters, the code for image tokens, the export, the router.

use super::{SceneModel, Training, done};
use crate::step::Step;
use crate::workspace;

/// Scenes by folder: split, seed, how many, greedy descriptions of each, whether other texts are collected too.
/// The target was trained on the seeds 0 and 1.
const SCENES: [(&str, &str, &str, u32, &str, bool); 4] = [
    ("drafter", "train", "2", 2_000, "2", true),
    ("router", "train", "5", 4_000, "0", false),
    ("drafter-val", "val", "0", 1_000, "0", false),
    ("test", "test", "0", 1_000, "1", false),
];

/// Drafters to compare with, and what they are told beside their configuration.
const RUNGS: [&str; 4] = ["plain", "compressed", "global", "no-vision"];

/// The target, and the program that knows its language.
const TARGET: &str = "models/scene-vlm-s";
const PARSER: &str = "target/release/drafthorse-scenes";

/// Runs it.
pub(super) fn run(train: &SceneModel) -> anyhow::Result<()> {
    let work = &train.work;
    let training = Training::prepare("scene-drafter", work)?.beside("scene-vlm");
    let part = train.part();
    let (scenes, texts) = (
        format!("{work}/scenes{part}"),
        format!("{work}/texts{part}"),
    );
    for (folder, split, seed, count, greedy, others) in SCENES {
        let data = format!("{scenes}/{folder}");
        train.scenes(&data, split, seed, count)?;
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
        let mut words = vec![
            "scene_drafter.train",
            "--config",
            &config,
            "--target",
            TARGET,
        ];
        words.extend(["--parser", PARSER, "--data", &data, "--test", &test]);
        words.extend(["--out", &out, "--seed", &seed, "--share", &share]);
        words.extend(more);
        eprintln!("xtask: the log is {out}/log.jsonl");
        training.step(name, &words)
    };
    learn("standalone-first", &[])?;
    let first = of_run("standalone-first");
    learn("standalone", &["--init", &first])?;
    let standalone = of_run("standalone");
    let look = ["--look-as", standalone.as_str()];
    for name in ["colocated", "plain", "compressed", "global"] {
        learn(name, &look)?;
    }
    learn("no-vision", &[])?;
    let code = format!("{run}/code");
    let config = "models/scene-drafter/train/configs/code.toml";
    let mut words = vec![
        "scene_drafter.train_code",
        "--config",
        config,
        "--target",
        TARGET,
    ];
    words.extend(["--data", &data, "--out", &code, "--seed", &seed]);
    training.step("code for image tokens", &words)?;
    let out = train.out("models/scene-drafter-s", &run);
    let [colocated, code] = ["colocated", "code"].map(of_run);
    let rungs = RUNGS.map(of_run);
    let export = |to: &str, more: &[&str]| {
        let mut words = vec![
            "scene_drafter.export",
            "--target",
            TARGET,
            "--parser",
            PARSER,
        ];
        words.extend(["--standalone", &standalone, "--colocated", &colocated]);
        words.extend(["--code", &code, "--out", to]);
        words.extend(more);
        training.step("export", &words)
    };
    // What is narrowed for shipping is no model to quantise.
    let wide = format!("{run}/wide");
    export(&wide, &[])?;
    let mut more = vec!["--narrow"];
    rungs.iter().for_each(|rung| more.extend(["--rung", rung]));
    export(&out, &more)?;
    for (form, checkpoint) in [("standalone", &standalone), ("colocated", &colocated)] {
        let samples = format!("{run}/samples-{form}");
        let mut words = vec!["scene_drafter.samples", "--target", TARGET];
        words.extend([
            "--checkpoint",
            checkpoint,
            "--data",
            &data,
            "--out",
            &samples,
        ]);
        training.step(&format!("samples for {form}"), &words)?;
        let graph = format!("{wide}/onnx/{form}.onnx");
        let narrow = format!("{out}/onnx/{form}_q4.onnx");
        let mut words = vec!["run", "--release", "--locked", "-p", "drafthorse", "--"];
        words.extend(["calibrate", &graph, "--samples", &samples, "--count", "128"]);
        words.extend([
            "--target",
            "w4",
            "--gptq",
            "--min-cosine",
            "0.99",
            "-o",
            &narrow,
        ]);
        done(&Step::cargo(&format!("{form} in 4 bits"), &words))?;
    }
    // It judges the drafts that the vehicle writes, so it learns from these.
    let router = format!("{run}/router");
    let scenes = format!("{scenes}/test");
    let mut words = vec!["scene_drafter.train_router", "--target", TARGET];
    words.extend(["--model", &out, "--parser", PARSER, "--data", &router_data]);
    words.extend(["--val", &val, "--test", &test, "--scenes", &scenes]);
    words.extend(["--out", &router, "--seed", &seed]);
    training.step("router", &words)?;
    let learnt = of_run("router");
    let words = [
        "scene_drafter.export_router",
        "--router",
        &learnt,
        "--model",
        &out,
    ];
    training.step("export of the router", &words)?;
    let root = workspace::root();
    std::fs::copy(
        root.join(format!("{router}/test.json")),
        root.join(format!("{out}/router.json")),
    )?;
    let report = format!("{out}/test.json");
    let mut words = vec![
        "scene_drafter.evaluate",
        "--target",
        TARGET,
        "--model",
        &out,
    ];
    words.extend(["--data", &test, "--out", &report]);
    training.step("evaluation", &words)?;
    println!("{out}: draft with it beside {TARGET}");
    Ok(())
}
