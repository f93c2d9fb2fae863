//! `drafthorse eval` and its gate.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_synth::shard::{ShardConfig, play, save};
use drafthorse_synth::{DriveConfig, RadarKind, Town};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};

fn eval(dir: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .arg("eval")
        .args(args)
        .current_dir(dir)
        .output()
        .unwrap()
}

/// 120 scenes of 12 drives with a car and a pedestrian each; `found` says which cars are detected.
fn write(dir: &Path, name: &str, found: impl Fn(usize) -> bool) {
    let (mut labels, mut detections) = (String::new(), String::new());
    for scene in 0..120 {
        let id = format!("drive-{}/{:06}", scene / 10, scene % 10);
        let x = 10.0 + scene as f64 / 4.0;
        let boxed = |class: &str, x: f64, extra: (&str, Value)| {
            let mut object = json!({"class": class, "centre_m": [x, 1.0, 0.5], "size_m": [4.0, 2.0, 1.5], "yaw_rad": 0.1});
            object[extra.0] = extra.1;
            object
        };
        let truth = [
            boxed("car", x, ("returns", json!(5))),
            boxed("pedestrian", x + 9.0, ("returns", json!(2))),
        ];
        labels += &format!("{}\n", json!({"scene": id, "truth": truth}));
        let mut answer = vec![boxed("pedestrian", x + 9.2, ("score", json!(0.7)))];
        if found(scene) {
            answer.push(boxed("car", x + 0.1, ("score", json!(0.9))));
        }
        detections += &format!("{}\n", json!({"scene": id, "detections": answer}));
    }
    std::fs::write(dir.join("labels.jsonl"), labels).unwrap();
    std::fs::write(dir.join(name), detections).unwrap();
}

#[test]
fn detections_are_judged_and_the_gate_decides() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "all.jsonl", |_| true);
    write(dir.path(), "half.jsonl", |scene| scene % 2 == 0);
    let judged = eval(
        dir.path(),
        &["--labels", "labels.jsonl", "half.jsonl", "--json"],
    );
    assert!(judged.status.success());
    let judged: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged["evaluation"]["scenes"], 120);
    let classes = judged["evaluation"]["classes"].as_array().unwrap();
    let ap = |class: &str| {
        let found = classes
            .iter()
            .find(|c| c["class"] == class && c["measure"] == "distance");
        found.unwrap()["ap_percent"].as_f64().unwrap()
    };
    assert!(
        ap("pedestrian") > 99.0 && (35.0..=55.0).contains(&ap("car")),
        "{}",
        ap("car")
    );

    let gate = [
        "--labels",
        "labels.jsonl",
        "all.jsonl",
        "--gate",
        "half.jsonl",
    ];
    let yes = eval(
        dir.path(),
        &[&gate[..], &["--report", "page.html", "--json"]].concat(),
    );
    assert!(
        yes.status.success(),
        "{}",
        String::from_utf8_lossy(&yes.stderr)
    );
    let answer: Value = serde_json::from_slice(&yes.stdout).unwrap();
    assert_eq!(answer["verdict"]["yes"], true);
    let page = std::fs::read_to_string(dir.path().join("page.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("half.jsonl"));

    let worse = [
        "--labels",
        "labels.jsonl",
        "half.jsonl",
        "--gate",
        "all.jsonl",
    ];
    let no = eval(dir.path(), &worse);
    assert_eq!(no.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&no.stderr).contains("may not take the place"));
    // As much as that may be lost, and still a class loses too much.
    let no = eval(dir.path(), &[&worse[..], &["--least-gain", "-60"]].concat());
    assert_eq!(no.status.code(), Some(1));

    let missing = eval(dir.path(), &["--labels", "nowhere.jsonl", "all.jsonl"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.jsonl"));
}

#[test]
fn a_detectors_folder_is_run_over_the_drives() {
    let dir = tempfile::tempdir().unwrap();
    let drive = DriveConfig {
        seed: 5,
        seconds: 2.0,
        town: Town::OldTown,
        radar: RadarKind::Dense,
        ..DriveConfig::default()
    };
    let shard = play(&drive, ShardConfig { scans: 3, every: 4 });
    let frames = shard.frames();
    std::fs::create_dir(dir.path().join("drives")).unwrap();
    save(&shard, &dir.path().join("drives/test-00000.safetensors")).unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/radar-gaussian-s");
    let judged = eval(dir.path(), &["--labels", "drives", model, "--json"]);
    let why = String::from_utf8_lossy(&judged.stderr).into_owned();
    assert!(judged.status.success(), "{why}");
    let judged: Value = serde_json::from_slice(&judged.stdout).unwrap();
    let evaluation = &judged["evaluation"];
    assert_eq!(evaluation["scenes"], frames);
    let map = evaluation["means"][0]["map_percent"].as_f64().unwrap();
    assert!(map > 10.0, "{map}");
    // Detections of a file need no drives, a detector does.
    write(dir.path(), "all.jsonl", |_| true);
    let refused = eval(dir.path(), &["--labels", "labels.jsonl", model]);
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        why.contains("--labels must be a folder of training shards"),
        "{why}"
    );
}
