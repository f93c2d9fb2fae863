//! The shipped Gaussian detector in the radars' lane: over a synthetic drive, over a real scan, replayed,
//! and where no engine runs it.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod command;

use command::{drafthorse, json};
use drafthorse_engine::Asset;
use serde_json::Value;
use std::path::{Path, PathBuf};

const DRIVE: &str = "synth:?seed=11&seconds=2&camera_fps=0&radar=dense&town=old-town";

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/radar-gaussian-s")
}

/// A copy of the shipped model, its model.toml changed.
fn model(dir: &Path, change: impl Fn(String) -> String) {
    let folder = dir.join("detector");
    std::fs::create_dir_all(folder.join("reference")).unwrap();
    for file in [
        "backbone.onnx",
        "encoder.safetensors",
        "decode.json",
        "model.toml",
        "reference/input_0.pb",
        "reference/output_0.pb",
        "reference/output_1.pb",
    ] {
        std::fs::copy(shipped().join(file), folder.join(file)).unwrap();
    }
    let path = folder.join("model.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, change(text)).unwrap();
}

/// Lets the copy take three scans together, so that the lane has scans to keep.
fn with_three_scans(dir: &Path) {
    let folder = dir.join("detector");
    let weights = folder.join("encoder.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    let (one, three) = (br#""scans":"1""#, br#""scans":"3""#);
    let at = bytes.windows(one.len()).position(|part| part == one);
    bytes[at.unwrap()..][..three.len()].copy_from_slice(three);
    let hash = |bytes: &[u8]| Asset::of("", bytes).sha256;
    let manifest = folder.join("model.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let before = hash(&std::fs::read(&weights).unwrap());
    std::fs::write(manifest, text.replace(&before, &hash(&bytes))).unwrap();
    std::fs::write(weights, bytes).unwrap();
}

const TRACT: &str = "backend = \"tract\"";

fn config(dir: &Path, out: &str, sensors: &str, network: &str, engine: &str) -> String {
    let text = format!(
        "{sensors}\n[[networks]]\nmodel = \"detector\"\n{network}\n[engine]\n{engine}\n\n[record]\nrotate_s = 1\n"
    );
    let file = format!("{out}.toml");
    std::fs::write(dir.join(&file), text).unwrap();
    file
}

fn run(dir: &Path, out: &str, sensors: &str, network: &str) -> Result<Value, String> {
    let file = config(dir, out, sensors, network, TRACT);
    json(&drafthorse(
        dir,
        &["run", "--config", &file, "--out", out, "--json"],
    ))
}

fn sensor(name: &str, source: &str) -> String {
    format!("[[sensors]]\nname = \"{name}\"\nsource = {source:?}\n")
}

#[test]
fn its_boxes_are_logged_checked_and_replayed() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), |text| text);
    with_three_scans(dir.path());
    let summary = run(dir.path(), "out", &sensor("world", DRIVE), "").unwrap();
    let scans = summary["scans"].as_u64().unwrap();
    let network = &summary["networks"]["radar-gaussian-s"];
    let clusters = &network["clusters"];
    assert_eq!(clusters["scans"], scans);
    assert_eq!(clusters["stood_in"], 0);
    assert!(clusters["boxes"].as_u64().unwrap() > scans, "{clusters}");
    assert!(clusters["agreement"].as_f64().unwrap() > 0.1, "{clusters}");
    assert!(summary["latency_ms"]["radar.network"].is_object());
    assert!(summary["tracks"].as_u64().unwrap() > 0);

    // Where the model comes from is in the log and on the page.
    let page = std::fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("trained on synthetic drives"), "no origin");
    assert!(page.contains("was found by both"), "no agreement");

    // Without the model's folder, each segment by itself too; then asked again.
    std::fs::rename(dir.path().join("detector"), dir.path().join("away")).unwrap();
    let logs = summary["logs"].as_array().unwrap();
    assert!(logs.len() > 1);
    let names = [Value::from("out")];
    for log in names.iter().chain(logs) {
        let words = ["replay", log.as_str().unwrap(), "--check", "--json"];
        let replayed = json(&drafthorse(dir.path(), &words)).unwrap();
        assert_eq!(replayed["check"]["identical"], true, "{log}");
    }
    std::fs::rename(dir.path().join("away"), dir.path().join("detector")).unwrap();
    let words = [
        "replay",
        "out",
        "--networks",
        "--config",
        "out.toml",
        "--json",
    ];
    let replayed = json(&drafthorse(dir.path(), &words)).unwrap();
    let check = &replayed["networks"]["radar-gaussian-s"]["check"];
    assert_eq!(check["identical"], scans, "{check}");
}

#[test]
fn two_engines_find_the_same_boxes() {
    let Some(library) = std::env::var_os("DRAFTHORSE_ONNXRUNTIME") else {
        println!("skipped: the second engine needs DRAFTHORSE_ONNXRUNTIME");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), |text| text);
    let world = sensor("world", DRIVE);
    let onnxruntime = format!("backend = \"onnxruntime\"\nonnxruntime_library = {library:?}");
    let engines = [("tract", TRACT), ("onnxruntime", &onnxruntime)];
    for (name, engine) in engines {
        config(dir.path(), name, &world, "", engine);
    }
    for [name, other] in [["tract", "onnxruntime"], ["onnxruntime", "tract"]] {
        let file = format!("{name}.toml");
        let run = ["run", "--config", &file, "--out", name, "--json"];
        let summary = json(&drafthorse(dir.path(), &run)).unwrap();
        let network = &summary["networks"]["radar-gaussian-s"];
        assert!(network["clusters"]["boxes"].as_u64().unwrap() > 0);
        let file = format!("{other}.toml");
        let again = ["replay", name, "--networks", "--config", &file, "--json"];
        let again = json(&drafthorse(dir.path(), &again)).unwrap();
        let check = &again["networks"]["radar-gaussian-s"]["check"];
        let compared = check["compared"].as_object().unwrap();
        let (by, count) = compared.iter().next().unwrap();
        assert!(by.starts_with(&format!("{other} ")), "{by}");
        assert_eq!(*count, summary["scans"]);
        assert_eq!(check["outside"], 0, "{check}");
    }
}

#[test]
fn a_detector_that_sees_no_scan_says_so() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), |text| text);
    let silent = sensor("world", "synth:?seed=3&seconds=1&radar_hz=0");
    let summary = run(dir.path(), "out", &silent, "").unwrap();
    assert_eq!(summary["scans"], 0);
    let network = &summary["networks"]["radar-gaussian-s"];
    assert_eq!(
        (&network["answers"], &network["failures"]),
        (&serde_json::json!({}), &0.into())
    );
    let page = std::fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("nothing: no radar scan came for it"));
    let run = ["run", "--config", "out.toml", "--out", "words"];
    let words = drafthorse(dir.path(), &run).stdout;
    let words = String::from_utf8(words).unwrap();
    assert!(
        words.contains("had nothing to do: no picture or scan came for it"),
        "{words}"
    );
}

#[test]
fn a_configuration_is_checked_for_what_its_networks_look_at() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), |text| text);
    let check = |sensors: &str, network: &str| {
        let file = config(dir.path(), "checked", sensors, network, TRACT);
        drafthorse(dir.path(), &["config", "check", &file])
    };
    let refused = |sensors: &str, network: &str, because: &str| {
        let output = check(sensors, network);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(because), "{errors}");
    };
    let front = "sensors = [\"radar_front\"]";
    let (wrong, there) = (
        "sensors = [\"radar_frnt\"]",
        "names \"radar_frnt\", which is no radar with detections of this run; there is: radar_front",
    );
    let world = sensor("world", DRIVE);
    assert!(check(&world, front).status.success());
    refused(&world, wrong, there);
    let live = sensor("radar_front", "ars548+udp:224.0.2.2:42102") + &sensor("cam", "jpeg:none");
    assert!(check(&live, front).status.success());
    refused(&live, wrong, there);
    refused(&live, "sensors = [\"cam\"]", "there is: radar_front");
    let second = "[[networks]]\nmodel = \"detector\"\n";
    refused(&world, second, "two networks are named");

    // A log is read for the sensors in it; one that is elsewhere leaves them open, and that is said.
    run(dir.path(), "drive", &world, "").unwrap();
    // A log of one sensor gives it the name that stands here.
    let log = sensor("recorded", "mcap:drive");
    assert!(check(&log, "sensors = [\"recorded\"]").status.success());
    refused(&log, front, "there is: recorded");
    let elsewhere = check(&sensor("drive", "mcap:elsewhere.mcap"), wrong);
    assert!(elsewhere.status.success());
    let told = String::from_utf8_lossy(&elsewhere.stderr).into_owned();
    assert!(
        told.contains("sensors were not checked") && told.contains("elsewhere.mcap"),
        "{told}"
    );
}

#[test]
fn clusters_stand_in_where_no_engine_runs_it() {
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), |text| {
        text.replace(
            "path = \"backbone.onnx\"",
            "path = \"backbone.onnx\"\nbackends = [\"onnxruntime\"]",
        )
    });
    let summary = run(dir.path(), "out", &sensor("world", DRIVE), "").unwrap();
    let network = &summary["networks"]["radar-gaussian-s"];
    assert_eq!(network["failures"], summary["scans"]);
    assert_eq!(network["clusters"]["stood_in"], summary["scans"]);
    assert!(network["clusters"]["agreement"].is_null());
    assert_eq!(summary["faults_by_kind"]["network_failed"], 1);
    assert!(summary["tracks"].as_u64().unwrap() > 0);
    let page = std::fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("clusters are the detections meanwhile"));
    let words = ["replay", "out", "--check", "--json"];
    let replayed = json(&drafthorse(dir.path(), &words)).unwrap();
    assert_eq!(replayed["check"]["identical"], true);
}

#[test]
fn what_cannot_be_is_refused_before_the_drive() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |change: (&str, &str), sensors: &str, network: &str, because: &str| {
        model(dir.path(), |text| text.replace(change.0, change.1));
        let error = run(dir.path(), "out", sensors, network).unwrap_err();
        assert!(error.contains(because), "{error}");
    };
    let world = sensor("world", DRIVE);
    let same = ("name", "name");
    refused(same, &world, "hz = 10.0", "leave hz out");
    refused(
        same,
        &world,
        "sensors = [\"camera_world\"]",
        "which is no radar with detections of this run; there is: radar_",
    );
    let camera = sensor("front", "jpeg:pictures");
    refused(same, &camera, "", "this run has no radar with detections");
    refused(
        (
            "[[assets]]\npath = \"decode.json\"",
            "[[assets]]\npath = \"other.json\"",
        ),
        &world,
        "",
        "has no asset decode.json",
    );
    model(dir.path(), |text| text);
    let asset = dir.path().join("detector/decode.json");
    let text = std::fs::read_to_string(&asset).unwrap();
    std::fs::write(&asset, text.replace("0.02", "0.03")).unwrap();
    let error = run(dir.path(), "out", &world, "").unwrap_err();
    assert!(
        error.contains("is not the file that was declared"),
        "{error}"
    );
}

#[test]
fn it_runs_on_a_real_scan() {
    let data = std::env::var_os("DRAFTHORSE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let scan = data.join("ars548/detection_list.bin");
    if !scan.exists() {
        println!("skipped: no real recordings in {}", data.display());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    model(dir.path(), |text| text);
    let source = format!("ars548:{}", scan.display());
    let summary = run(dir.path(), "out", &sensor("front", &source), "").unwrap();
    let network = &summary["networks"]["radar-gaussian-s"];
    assert_eq!(network["failures"], 0);
    assert_eq!(network["clusters"]["scans"], summary["scans"]);
    let words = ["replay", "out", "--check", "--json"];
    let replayed = json(&drafthorse(dir.path(), &words)).unwrap();
    assert_eq!(replayed["check"]["identical"], true);
}
