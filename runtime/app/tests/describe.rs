//! Keyframes described in a run, and again from its log. The model's weights are random: what it says means
//! nothing, and is the same each time.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

mod command;

use command::{drafthorse, json};
use drafthorse::describe::{Describer, View, VisionSettings, Watch};
use drafthorse::pipeline::channels::Channels;
use drafthorse::replay::{ReplayOptions, read_plan, replay};
use drafthorse_engine_auto::{BackendName, EngineConfig, Engines};
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::{Description, Keyframe};
use serde_json::Value;
use std::path::Path;

/// A drive in which many moments are keyframes.
const DRIVE: &str = "synth:?seed=11&seconds=30&camera_fps=5";
const KEYFRAMES: &str =
    "[keyframes.budget]\nleast = 0.05\n[keyframes.apex.weights]\nturnover = 0.2\n";

fn model() -> String {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../vision/tests/data/scene_vlm"
    );
    folder.to_owned()
}

/// Writes a configuration of the drive with more tables.
fn configure(dir: &Path, name: &str, tables: &str) -> String {
    let path = dir.join(format!("{name}.toml"));
    let text = format!(
        "sensors = [{{ name = \"source\", source = {DRIVE:?} }}]\n{KEYFRAMES}[engine]\nbackend = \"tract\"\n{tables}"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn run(dir: &Path, config: &str, out: &str) -> Result<Value, String> {
    let args = ["run", "--config", config, "--out", out, "--json"];
    json(&drafthorse(dir, &args))
}

fn of_topic<M: prost::Message + Default>(log: &Path, topic: &str) -> Vec<M> {
    let mut reader = LogReader::open(log).unwrap();
    let mut found = Vec::new();
    while let Some(m) = reader.next().unwrap() {
        if m.channel.topic == topic {
            found.push(M::decode(m.data).unwrap());
        }
    }
    found
}

/// The lines that `describe --json` prints.
fn described(dir: &Path, args: &[&str]) -> Vec<Value> {
    let out = drafthorse(dir, &[&["describe", "--json"], args].concat());
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A picture of stripes.
fn write_picture(path: &Path) {
    let mut jpeg = Vec::new();
    let rgb: Vec<u8> = (0..160 * 90 * 3).map(|i| (i % 251) as u8).collect();
    jpeg_encoder::Encoder::new(&mut jpeg, 90)
        .encode(&rgb, 160, 90, jpeg_encoder::ColorType::Rgb)
        .unwrap();
    std::fs::write(path, jpeg).unwrap();
}

#[test]
fn every_keyframe_is_described_and_the_log_gives_the_same_words_again() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
    let vision = format!(
        "[vision]\nmodel = {model:?}\nkeep = 0.25\nlongest = 12\n[[vision.pruning.parts]]\nmethod = \"ranked\"\nimportance = {{ radar = 1.0 }}\n"
    );
    let config = configure(dir.path(), "drive", &vision);
    let summary = run(dir.path(), &config, "out").unwrap();
    let out = dir.path().join("out");
    let keyframes: Vec<Keyframe> = of_topic(&out, "/keyframes");
    let said: Vec<Description> = of_topic(&out, "/descriptions");
    assert!(keyframes.len() >= 3, "{}", keyframes.len());
    assert_eq!(said.len(), keyframes.len());
    assert_eq!(summary["descriptions"], said.len());
    assert_eq!(summary["drops_by_lane"]["vision"], 0);
    assert!(summary["latency_ms"]["vision.answer"].is_object());
    for (said, keyframe) in said.iter().zip(&keyframes) {
        assert_eq!(said.keyframe_ns, keyframe.begin_ns);
        assert!(said.captured_ns.abs_diff(keyframe.captured_ns) <= 200_000_000);
        assert_eq!((said.tokens, said.kept.len()), (128, 32));
        assert_eq!(
            (said.camera.as_str(), said.engine.as_str()),
            ("camera_front", "tract")
        );
        assert!(!said.text.is_empty() && said.log_probabilities.iter().all(|p| *p <= 0.0));
    }
    // The radar says where to look: not at the same places each time.
    assert!(said.windows(2).any(|pair| pair[0].kept != pair[1].kept));

    // The log alone gives the same, with the run's own settings.
    let again = described(dir.path(), &["out"]);
    assert_eq!(again.len(), said.len());
    for (line, said) in again.iter().zip(&said) {
        assert_eq!(line["keyframe_ns"], said.keyframe_ns);
        assert_eq!(line["text"], said.text);
        let kept: Vec<[f32; 4]> = serde_json::from_value(line["kept"].clone()).unwrap();
        let places = said.kept.iter();
        assert!(places.map(|p| [p.left, p.top, p.width, p.height]).eq(kept));
    }
    let all = described(dir.path(), &["out", "--keep", "1"]);
    assert!(
        all.iter()
            .all(|line| line["kept"].as_array().unwrap().len() == 128)
    );

    let options = ReplayOptions {
        check: true,
        ..ReplayOptions::default()
    };
    let check = replay(&out, &options).unwrap().check.unwrap();
    assert!(check.identical, "{:?}", check.first_mismatches);
    let report = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(report.contains(&serde_json::to_string(&said[0].text).unwrap()));
}

#[test]
fn what_changed_since_the_keyframe_before_is_known_in_a_run() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
    for cue in ["change", "revisit"] {
        let vision = format!(
            "[vision]\nmodel = {model:?}\nkeep = 0.25\nlongest = 1\n[[vision.pruning.parts]]\nmethod = \"ranked\"\nimportance = {{ {cue} = 1.0 }}\n"
        );
        let config = configure(dir.path(), cue, &vision);
        run(dir.path(), &config, cue).unwrap();
        let said: Vec<Description> = of_topic(&dir.path().join(cue), "/descriptions");
        assert!(said.len() >= 3, "{}", said.len());
        // All of a first picture is new: tokens at an even stride. Later ones have their own.
        let of_next = said.windows(2).filter(|pair| pair[0].kept != pair[1].kept);
        assert_eq!(of_next.count(), said.len() - 1, "{cue}");
        let lefts: Vec<f32> = said[0].kept.iter().map(|place| place.left).collect();
        let again = described(dir.path(), &[cue]);
        let kept: Vec<[f32; 4]> = serde_json::from_value(again[0]["kept"].clone()).unwrap();
        assert!(kept.iter().map(|place| place[0]).eq(lefts));
    }
}

#[test]
fn a_view_has_what_the_radar_saw() {
    let dir = tempfile::tempdir().unwrap();
    let config = configure(dir.path(), "drive", "");
    run(dir.path(), &config, "out").unwrap();
    let log = dir.path().join("out");
    let plan = read_plan(&log).unwrap();
    let channels = Channels::new(&plan);
    let views = |importance: &str| {
        let pruning = format!("[[parts]]\nmethod = \"ranked\"\nimportance = {importance}");
        let settings = VisionSettings {
            pruning: toml::from_str(&pruning).unwrap(),
            ..VisionSettings::new(model())
        };
        let mut watch = Watch::new(&plan, &channels, &settings);
        let (mut reader, mut views) = (LogReader::open(&log).unwrap(), Vec::new());
        while let Some(m) = reader.next().unwrap() {
            let times = [m.log_time_ns, m.publish_time_ns];
            let channel = channels.by_topic(&m.channel.topic);
            views.extend(
                channel.map_or_else(Vec::new, |channel| watch.take(channel, times, m.data)),
            );
        }
        views
    };
    let with = views("{ radar = 1.0 }");
    assert!(with.len() >= 3, "{}", with.len());
    for view in &with {
        assert!(view.returns.len() > 50, "{}", view.returns.len());
        assert!(view.returns.iter().all(|at| at.x_m > 0.0 && at.x_m < 400.0));
        // Most of what a radar sees stands, once the vehicle's own motion is out of it.
        let still = view.returns.iter().filter(|at| at.speed_mps.abs() < 0.5);
        let (still, of) = (still.count(), view.returns.len());
        assert!(still * 2 > of, "{still} of {of} stand");
    }
    assert!(
        views("{ saliency = 1.0 }")
            .iter()
            .all(|view| view.returns.is_empty())
    );
}

#[test]
fn descriptions_stay_where_only_keyframes_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
    let tables = format!(
        "[vision]\nmodel = {model:?}\nlongest = 4\n[record]\npolicy = \"keyframes\"\nfree_space_floor_mib = 16\n[record.windows]\npre_roll_s = 1.5\npost_roll_s = 1.0\nsegment_s = 1.5\n"
    );
    let config = configure(dir.path(), "drive", &tables);
    let summary = run(dir.path(), &config, "out").unwrap();
    assert!(summary["dropped_by_policy"]["messages"].as_u64().unwrap() > 0);
    let out = dir.path().join("out");
    let keyframes: Vec<Keyframe> = of_topic(&out, "/keyframes");
    let said: Vec<Description> = of_topic(&out, "/descriptions");
    assert!(!keyframes.is_empty() && said.len() == keyframes.len());
    assert_eq!(described(dir.path(), &["out"]).len(), said.len());
}

#[test]
fn a_picture_is_described_too() {
    let dir = tempfile::tempdir().unwrap();
    write_picture(&dir.path().join("picture.jpg"));
    let model = model();
    let lines = described(
        dir.path(),
        &["picture.jpg", "--model", &model, "--keep", "0.5"],
    );
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["kept"].as_array().unwrap().len(), 64);
    assert!(lines[0]["text"].is_string());
}

#[test]
fn tokens_are_chosen_by_the_question_and_by_what_they_show() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
    std::fs::write(
        dir.path().join("pruning.toml"),
        "[[parts]]\nmethod = \"pyramid\"\nimportance = { saliency = 0.5, instruction = 0.5, scale_attention = true }\n[[parts]]\nmethod = \"uniform\"\n",
    )
    .unwrap();
    write_picture(&dir.path().join("picture.jpg"));
    let kept = |question: &str| {
        let of = ["picture.jpg", "--model", &model, "--keep", "0.25"];
        let how = ["--pruning", "pruning.toml", "--question", question];
        let line = described(dir.path(), &[of.as_slice(), &how].concat()).remove(0);
        let kept = line["kept"].as_array().unwrap().clone();
        assert_eq!(kept.len(), 32);
        kept
    };
    assert_eq!(kept("where is the car ?"), kept("where is the car ?"));
    assert_ne!(kept("where is the car ?"), kept("is fog ahead ?"));
}

#[test]
fn a_model_without_its_first_layers_goes_by_the_cosine_with_the_question() {
    let dir = tempfile::tempdir().unwrap();
    let headless = copy_without(dir.path(), &["decoder_head.onnx"]);
    let blind = copy_without(dir.path(), &["decoder_head.onnx", "image_match.onnx"]);
    let pruning = "[[parts]]\nmethod = \"ranked\"\nimportance = { instruction = 1.0 }\n";
    std::fs::write(dir.path().join("pruning.toml"), pruning).unwrap();
    write_picture(&dir.path().join("picture.jpg"));
    let args = |model, question| {
        let of = ["picture.jpg", "--model", model, "--keep", "0.25"];
        let how = ["--pruning", "pruning.toml", "--question", question];
        [of.as_slice(), &how].concat()
    };
    let kept = |question| described(dir.path(), &args(&headless, question))[0]["kept"].clone();
    assert_eq!(kept("where is the car ?"), kept("where is the car ?"));
    assert_ne!(kept("where is the car ?"), kept("is fog ahead ?"));
    let args = [&["describe"], args(&blind, "is fog ahead ?").as_slice()].concat();
    let error = json(&drafthorse(dir.path(), &args)).unwrap_err();
    assert!(error.contains("image_match.onnx"), "{error}");
}

/// A `[vision]` table with one method.
fn pruned(model: &str, method: &str) -> String {
    format!(
        "[vision]\nmodel = {model:?}\nkeep = 0.25\n[[vision.pruning.parts]]\nmethod = \"{method}\"\n"
    )
}

/// The model without some of its graphs.
fn copy_without(dir: &Path, without: &[&str]) -> String {
    let to = dir.join(format!("model_{}", without.len()));
    std::fs::create_dir_all(to.join("onnx")).unwrap();
    for folder in ["", "onnx"] {
        for file in std::fs::read_dir(Path::new(&model()).join(folder)).unwrap() {
            let (path, name) = file.map(|file| (file.path(), file.file_name())).unwrap();
            if path.is_file() && !without.iter().any(|without| *without == name) {
                std::fs::copy(path, to.join(folder).join(name)).unwrap();
            }
        }
    }
    to.to_str().unwrap().to_owned()
}

#[test]
fn what_cannot_be_described_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
    let headless = copy_without(dir.path(), &["decoder_head.onnx"]);
    for (tables, told) in [
        ("[vision]\nmodel = \"nowhere\"\n".to_owned(), "nowhere"),
        (
            format!("[vision]\nmodel = {model:?}\nkeep = 0.0\n"),
            "vision.keep",
        ),
        (
            format!(
                "[vision]\nmodel = {model:?}\n[[vision.pruning.parts]]\nmethod = \"ranked\"\nshare = 0.0\n"
            ),
            "share",
        ),
        (
            format!("[vision]\nmodel = {model:?}\n[camera]\npreview_hz = 0.0\n"),
            "preview_hz",
        ),
        (format!("[vision]\nmodel = {model:?}\nkep = 0.5\n"), "kep"),
        (
            pruned(&model, "ranked\"\nimportance = { expected = 1.0 } #"),
            "`expected`",
        ),
        (pruned(&model, "pyramid"), "nothing is asked"),
        (
            pruned(&model, "ranked\"\nimportance = { instruction = 1.0 } #"),
            "nothing is asked",
        ),
        (pruned(&headless, "fastv"), "decoder_head.onnx"),
    ] {
        let config = configure(dir.path(), "drive", &tables);
        let error = run(dir.path(), &config, "out").unwrap_err();
        assert!(error.contains(told), "{told}: {error}");
    }
    // A camera of which no calibration is known, and no radar.
    let pictures = dir.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    (0..3).for_each(|i| write_picture(&pictures.join(format!("{i}.jpg"))));
    let source = format!("jpeg:{}?fps=5", pictures.display());
    for method in [
        "navigation\"\nimportance = { saliency = 1.0 } #",
        "ranked\"\nimportance = { radar = 1.0 } #",
    ] {
        let tables = pruned(&model, method);
        let config = dir.path().join("uncalibrated.toml");
        let text = format!("sensors = [{{ name = \"front\", source = {source:?} }}]\n{tables}");
        std::fs::write(&config, text).unwrap();
        let error = run(dir.path(), config.to_str().unwrap(), "out").unwrap_err();
        assert!(error.contains("calibration of front"), "{error}");
    }
    std::fs::write(dir.path().join("no.jpg"), b"\xff\xd8 no picture").unwrap();
    let args = ["describe", "no.jpg", "--model", &model];
    let out = drafthorse(dir.path(), &args);
    assert_eq!(out.status.code(), Some(2));
    let out = drafthorse(dir.path(), &["describe", "no.jpg"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("--model"));
}

#[test]
fn what_the_governor_takes_off_tokens_and_words_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let picture = dir.path().join("picture.jpg");
    write_picture(&picture);
    let view = View::of_picture(std::fs::read(&picture).unwrap());
    let settings = VisionSettings {
        keep: 0.5,
        longest: Some(8),
        ..VisionSettings::new(model())
    };
    let config = EngineConfig {
        backend: BackendName::Tract,
        ..EngineConfig::default()
    };
    let engines = Engines::open(&config).unwrap();
    let mut describer = Describer::open(&settings, &engines, 1).unwrap();
    let mut describe = |tokens, longest| {
        describer.shorten(tokens, longest);
        let described = describer.describe(&view).unwrap().description;
        (
            described.kept.len(),
            described.log_probabilities.len(),
            described.text,
        )
    };
    let whole = describe(1.0, 1.0);
    let (kept, words, _) = describe(0.5, 0.25);
    assert!(
        (1..=whole.0.div_ceil(2)).contains(&kept),
        "{kept} of {}",
        whole.0
    );
    assert!(words <= 2 && words < whole.1, "{words} of {}", whole.1);
    // At least a token of either.
    let (kept, words, _) = describe(0.0, 0.0);
    assert!(kept <= 1 && words == 1, "{kept}, {words}");
    assert_eq!(describe(1.0, 1.0), whole);
}

/// The real motorway, as in `tests/cli.rs`; none where it is not there.
fn highway() -> Option<String> {
    let folder = std::env::var_os("DRAFTHORSE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        std::path::PathBuf::from,
    );
    let file = folder.join("video/highway.mp4");
    if !file.exists() {
        println!("skipped: {} is not there", file.display());
        return None;
    }
    Some(format!("video:{}", file.display()))
}

#[test]
fn a_real_motorway_goes_through_keyframes_tokens_and_descriptions_into_the_report() {
    let Some(source) = highway() else { return };
    let dir = tempfile::tempdir().unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/scene-vlm-s");
    let config = dir.path().join("highway.toml");
    let text = format!(
        "sensors = [{{ name = \"front\", source = {source:?} }}]\n[keyframes.budget]\nkeyframes = 2\n[vision]\nmodel = {model:?}\nkeep = 0.25\nlongest = 6\n[[vision.pruning.parts]]\nmethod = \"diverse\"\n"
    );
    std::fs::write(&config, text).unwrap();
    let summary = run(dir.path(), config.to_str().unwrap(), "out").unwrap();
    assert_eq!(
        (&summary["frames"], &summary["drops"]),
        (&221.into(), &0.into())
    );
    let out = dir.path().join("out");
    let keyframes: Vec<Keyframe> = of_topic(&out, "/keyframes");
    let said: Vec<Description> = of_topic(&out, "/descriptions");
    assert_eq!((keyframes.len(), said.len()), (2, 2));
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    for said in &said {
        assert_eq!((said.tokens, said.kept.len()), (128, 32));
        assert!(!said.text.is_empty() && said.camera == "front");
        println!("{}", said.text);
        // The words, and where the tokens lie that the model saw, as the page draws them.
        assert!(page.contains(&serde_json::to_string(&said.text).unwrap()));
        let permille = |share: f32| (share * 1000.0).round() as i32;
        let places = said.kept.iter();
        let kept: Vec<[i32; 4]> = places
            .map(|p| [p.left, p.top, p.width, p.height].map(permille))
            .collect();
        assert!(
            page.contains(&serde_json::to_string(&kept).unwrap()),
            "{kept:?}"
        );
    }
}

#[test]
fn a_question_is_taken_as_people_write_it_and_refused_in_words_that_nobody_taught() {
    let dir = tempfile::tempdir().unwrap();
    write_picture(&dir.path().join("view.jpg"));
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/scene-vlm-s");
    let ask = |question: &str| {
        let args = [
            "describe",
            "view.jpg",
            "--model",
            model,
            "--question",
            question,
        ];
        drafthorse(dir.path(), &args)
    };
    let answer = |question: &str| {
        let out = ask(question);
        assert!(out.status.success(), "{out:?}");
        String::from_utf8(out.stdout).unwrap()
    };
    let taught = answer("how many cars are there ?");
    assert_eq!(answer("How many cars are there?"), taught);
    let refused = ask("is there a unicorn ahead?");
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("does not know \"unicorn\";"),
        "{why}"
    );
}

#[test]
fn a_configuration_is_checked_for_the_model_and_the_camera_that_it_describes() {
    let dir = tempfile::tempdir().unwrap();
    let told = |sensors: &str, tables: &str| {
        let path = dir.path().join("checked.toml");
        std::fs::write(&path, format!("{sensors}\n{tables}")).unwrap();
        let out = drafthorse(dir.path(), &["config", "check", path.to_str().unwrap()]);
        let errors = String::from_utf8_lossy(&out.stderr).into_owned();
        (out.status.success(), errors)
    };
    let world = format!("sensors = [{{ name = \"source\", source = {DRIVE:?} }}]");
    let radar = "sensors = [{ name = \"radar_0\", source = \"ars548+udp:224.0.2.2:42102\" }]";
    let vision = format!("[vision]\nmodel = {:?}\n", model());
    assert_eq!(told(&world, &vision), (true, String::new()));
    let (valid, why) = told(&world, "[vision]\nmodel = \"elsewhere\"\n");
    assert!(!valid && why.contains("elsewhere"), "{why}");
    let (valid, why) = told(radar, &vision);
    assert!(!valid && why.contains("no camera"), "{why}");
    // What would end the descriptions of a run is refused before it begins.
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
    let offload = |more: &str| {
        let tables = format!(
            "[vision]\nmodel = \"{models}/scene-vlm-s\"\ndrafter = \"{models}/scene-drafter-s\"\n[offload]\nspool = \"spool\"\n{more}[offload.target]\naddress = \"http://127.0.0.1:1\"\ninsecure = true\n"
        );
        told(&world, &tables)
    };
    assert_eq!(offload(""), (true, String::new()));
    for wrong in [
        "deadline_s = -1.0",
        "deadline_s = nan",
        "probe_s = inf",
        "spool_mib = 0",
    ] {
        let (valid, why) = offload(&format!("{wrong}\n"));
        let name = wrong.split(' ').next().unwrap();
        assert!(
            !valid && why.contains(&format!("{name} is ")),
            "{wrong}: {why}"
        );
    }
    let reached = |target: &str| {
        let drafted = format!("{vision}drafter = \"{models}/scene-drafter-s\"\n");
        told(
            &world,
            &format!("{drafted}[offload]\nspool = \"spool\"\ntarget = {{ {target} }}\n"),
        )
    };
    let (valid, why) = reached("address = \"https://127.0.0.1:1\"");
    assert!(!valid && why.contains("`ca` is missing"), "{why}");
    // Certificates may lie in the vehicle alone.
    let files = "ca = \"ca.pem\", certificate = \"car.pem\", key = \"car.key\"";
    let (valid, why) = reached(&format!("address = \"https://127.0.0.1:1\", {files}"));
    assert!(valid && why.contains("was not checked"), "{why}");
    let (valid, why) = offload("[router]\nthreshold = { fixed = { tau = 1.8 } }\n");
    assert!(!valid && why.contains("tau is 1.8"), "{why}");
    let (valid, why) = offload("[record]\npolicy = \"events\"\n");
    assert!(!valid && why.contains("choose keyframes or all"), "{why}");
    // A table that says nothing under this policy is no error, and is told.
    let (valid, why) = told(&world, "[record.windows]\npre_roll_s = 3.0\n");
    assert!(
        valid && why.contains("record.windows is set, and record.policy is all"),
        "{why}"
    );
}
