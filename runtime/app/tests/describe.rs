//! Keyframes described in a run, and again from its log. The model's weights are random: what it says means
//! nothing, and is the same each time.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

mod command;

use command::{drafthorse, json};
use drafthorse::replay::{ReplayOptions, replay};
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
    assert_ne!(kept("where is the car ?"), kept("what weather"));
}

#[test]
fn what_cannot_be_described_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let model = model();
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
    ] {
        let config = configure(dir.path(), "drive", &tables);
        let error = run(dir.path(), &config, "out").unwrap_err();
        assert!(error.contains(told), "{told}: {error}");
    }
    std::fs::write(dir.path().join("no.jpg"), b"\xff\xd8 no picture").unwrap();
    let args = ["describe", "no.jpg", "--model", &model];
    let out = drafthorse(dir.path(), &args);
    assert_eq!(out.status.code(), Some(2));
    let out = drafthorse(dir.path(), &["describe", "no.jpg"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("--model"));
}
