//! The commands as a person or a script calls them: exit codes, JSON contracts, real recordings.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn drafthorse(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args(args)
        .output()
        .unwrap()
}

/// Standard output of a call that must succeed.
fn succeed(args: &[&str]) -> String {
    let output = drafthorse(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The real recordings, or `None` where they are absent.
fn recordings() -> Option<PathBuf> {
    let folder = std::env::var_os("DRAFTHORSE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    if !folder.join("ars548").exists() {
        println!("skipped: no real recordings in {}", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn decodes_the_real_scan_as_published() {
    let Some(data) = recordings() else { return };
    let uri = format!("ars548:{}/ars548/detection_list.bin", data.display());
    let lines = json_lines(&succeed(&["decode", &uri, "--json"]));
    let scan = lines.iter().find(|l| l["kind"] == "radar_scan").unwrap();
    let points = scan["points"].as_array().unwrap();
    let yaml = std::fs::read_to_string(data.join("ars548/detection_list.yaml")).unwrap();
    let published = |key: &str| -> Vec<f64> {
        let key = format!("{key}:");
        yaml.lines()
            .filter_map(|l| {
                l.trim_start_matches([' ', '-'])
                    .strip_prefix(&key)?
                    .trim()
                    .parse()
                    .ok()
            })
            .collect()
    };
    for (ours, theirs, tolerance) in [
        ("azimuth_rad", "azimuth_angle", 1e-6),
        ("elevation_rad", "elevation_angle", 1e-6),
        ("range_m", "range", 1e-3),
        ("range_rate_mps", "range_rate", 1e-4),
        ("rcs_dbsm", "rcs", 0.0),
    ] {
        let theirs = published(theirs);
        assert_eq!((points.len(), theirs.len()), (308, 308), "{ours}");
        for (point, expected) in points.iter().zip(theirs) {
            let found = point[ours].as_f64().unwrap();
            assert!(
                (found - expected).abs() <= tolerance,
                "{ours}: {found} instead of {expected}"
            );
        }
    }
}

#[test]
fn decodes_all_published_can_tracks_exactly() {
    let Some(data) = recordings() else { return };
    let uri = format!(
        "can+candump:{}/comma2k19/can.candump.log?map=toyota-tracks",
        data.display()
    );
    let mut found: Vec<[String; 6]> = json_lines(&succeed(&["decode", &uri, "--json"]))
        .iter()
        .filter(|l| l["kind"] == "radar_tracks")
        .flat_map(|l| l["tracks"].as_array().unwrap().clone())
        .map(|t| {
            [
                format!("{:.6}", t["captured_ns"].as_u64().unwrap() as f64 / 1e9),
                format!("{:?}", t["forward_m"].as_f64().unwrap()),
                format!("{:?}", t["left_m"].as_f64().unwrap()),
                format!("{:?}", t["rel_speed_mps"].as_f64().unwrap()),
                t["address"].to_string(),
                u8::from(t["new_track"].as_bool().unwrap()).to_string(),
            ]
        })
        .collect();
    let csv = std::fs::read_to_string(data.join("comma2k19/radar_tracks.csv")).unwrap();
    let mut published: Vec<[String; 6]> = csv
        .lines()
        .skip(1)
        .map(|line| {
            let f: Vec<&str> = line.split(',').collect();
            let number = |i: usize| format!("{:?}", f[i].parse::<f64>().unwrap());
            [
                f[0].to_owned(),
                number(1),
                number(2),
                number(3),
                f[4].to_owned(),
                f[5].to_owned(),
            ]
        })
        .collect();
    assert_eq!((found.len(), published.len()), (5323, 5323));
    found.sort();
    published.sort();
    let differs = found.iter().zip(&published).find(|(a, b)| a != b);
    assert_eq!(differs, None);
}

#[test]
fn runs_and_replays_real_recordings_alone_and_together() {
    let Some(data) = recordings() else { return };
    let data = data.display();
    let radar = format!("ars548:{data}/ars548/detection_list.bin");
    let can = format!("can+candump:{data}/comma2k19/can.candump.log?map=toyota-tracks");
    let video = format!("video:{data}/video/highway.mp4");
    for (sources, scans, frames) in [
        (vec![&radar], 1, 0),
        (vec![&can], 600, 0),
        (vec![&video], 0, 221),
        (vec![&radar, &can, &video], 601, 221),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let out = dir.path().to_str().unwrap();
        let mut args = vec!["run", "--json", "--unrelated", "--out", out];
        for source in &sources {
            args.extend(["--source", source]);
        }
        let summary: Value = serde_json::from_str(&succeed(&args)).unwrap();
        assert_eq!(summary["scans"], scans, "{sources:?}");
        assert_eq!(summary["frames"], frames, "{sources:?}");
        assert_eq!(summary["drops"], 0);
        assert!(summary["latency_ms"]["total"]["p99"].as_f64().unwrap() > 0.0);
        assert!(Path::new(summary["report"].as_str().unwrap()).exists());
        let log = summary["log"].as_str().unwrap();
        let check: Value =
            serde_json::from_str(&succeed(&["replay", log, "--check", "--json"])).unwrap();
        assert_eq!(check["check"]["identical"], true);
        assert!(check["check"]["compared"].as_u64().unwrap() > 0);
    }
}

#[test]
fn errors_are_one_sentence_with_what_to_do_and_exit_code_2() {
    let dir = tempfile::tempdir().unwrap();
    let bad_config = dir.path().join("bad.toml");
    std::fs::write(&bad_config, "sensors = []\nspeed = 3\n").unwrap();
    let not_a_log = dir.path().join("not.mcap");
    std::fs::write(&not_a_log, "hello").unwrap();
    let bad_config = bad_config.to_str().unwrap();
    let with = |name: &str, source: &str, record: &str| {
        let file = dir.path().join(name);
        let text =
            format!("[[sensors]]\nname = \"it\"\nsource = \"{source}\"\n[record]\n{record}\n");
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let bad_synth = with("synth.toml", "synth:?sed=3", "");
    let bad_map = with("map.toml", "can+socket:can0?map=absent.toml", "");
    let bad_quota = with("quota.toml", "synth:", "quota_mib = 1000");
    let bad_window = with("window.toml", "synth:", "[keyframes.apex]\nwindow = 0");
    let bad_weight = with(
        "weight.toml",
        "synth:",
        "[keyframes.apex.weights]\nbraking = nan",
    );
    let empty = dir.path().join("empty.mcap");
    std::fs::write(&empty, "").unwrap();
    let empty = empty.to_str().unwrap();
    let not_a_log = not_a_log.to_str().unwrap();
    for (args, hint) in [
        (vec!["decode", "ars548:absent.bin"], "absent.bin"),
        (vec!["decode", "lidar:x"], "ars548"),
        (vec!["run", "--source", "video:absent.mp4"], "absent.mp4"),
        (vec!["run", "--config", "absent.toml"], "config schema"),
        (vec!["run", "--out", not_a_log], "--out"),
        (vec!["keep", not_a_log], "not.mcap"),
        (vec!["config", "check", bad_config], "speed"),
        (vec!["config", "check", &bad_synth], "seed"),
        (vec!["config", "check", &bad_map], "toyota-tracks"),
        (vec!["config", "check", &bad_quota], "rotate_mib"),
        (
            vec!["config", "check", &bad_window],
            "window is 0; choose 1 to 100",
        ),
        (
            vec!["config", "check", &bad_weight],
            "weights.braking is NaN; choose 0 to",
        ),
        (vec!["replay", empty], "does not begin like a log"),
        (vec!["run", "--source", "synth:?sed=3"], "seed"),
        (
            vec!["run", "--source", "can+candump:x?map=tesla"],
            "toyota-tracks",
        ),
        (vec!["replay", not_a_log], "not.mcap"),
        (vec!["inspect", "absent.mcap"], "absent.mcap"),
    ] {
        let output = drafthorse(&args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {errors}");
        assert!(errors.contains(hint), "{args:?}: {errors}");
        assert!(output.stdout.is_empty());
        assert!(!errors.contains("panicked"), "{errors}");
    }
}

#[test]
fn a_configuration_is_checked_described_and_run() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("drafthorse.toml");
    std::fs::write(
        &file,
        r#"
name = "test"
[[sensors]]
name = "world"
source = "synth:?seed=3&seconds=1"
[record]
compression = "zstd"
"#,
    )
    .unwrap();
    let file = file.to_str().unwrap();
    assert!(succeed(&["config", "check", file]).contains("valid"));
    let schema: Value = serde_json::from_str(&succeed(&["config", "schema"])).unwrap();
    for table in ["sensors", "clock", "detector", "record", "lanes", "camera"] {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
    let out = dir.path().join("out");
    let out = out.to_str().unwrap();
    let summary: Value =
        serde_json::from_str(&succeed(&["run", "--config", file, "--out", out, "--json"])).unwrap();
    assert_eq!(
        (&summary["scans"], &summary["frames"]),
        (&20.into(), &15.into())
    );
    let inspected: Value = serde_json::from_str(&succeed(&[
        "inspect",
        summary["log"].as_str().unwrap(),
        "--json",
    ]))
    .unwrap();
    assert_eq!(inspected["complete"], true);
}

#[test]
fn a_signal_finishes_the_log_and_a_cut_log_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().to_str().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args(["run", "--json", "--no-report", "--out", out])
        .args(["--source", "synth:?seconds=60&live=1&camera_fps=0"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Once some seconds are in the log, however long the machine takes for that.
    let recorded = || {
        std::fs::read_dir(dir.path())
            .unwrap()
            .filter_map(|entry| entry.unwrap().metadata().ok())
            .map(|log| log.len())
            .sum::<u64>()
    };
    let began = std::time::Instant::now();
    while recorded() < 300_000 {
        assert!(began.elapsed().as_secs() < 120, "nothing was recorded");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let killed = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    let scans = summary["scans"].as_u64().unwrap();
    assert!((5..1200).contains(&scans), "{scans} scans of 1200");
    let log = summary["log"].as_str().unwrap();
    succeed(&["replay", log, "--check"]);

    let bytes = std::fs::read(log).unwrap();
    let cut = dir.path().join("cut.mcap");
    std::fs::write(&cut, &bytes[..bytes.len() * 2 / 3]).unwrap();
    let whole = dir.path().join("whole.mcap");
    let (cut, whole) = (cut.to_str().unwrap(), whole.to_str().unwrap());
    let report: Value =
        serde_json::from_str(&succeed(&["recover", cut, "-o", whole, "--json"])).unwrap();
    assert_eq!(report["complete"], false);
    assert!(report["lost_bytes"].as_u64().unwrap() > 0);
    let inspected: Value = serde_json::from_str(&succeed(&["inspect", whole, "--json"])).unwrap();
    assert_eq!(inspected["complete"], true);
    assert_eq!(inspected["messages"], report["messages"]);
    succeed(&["replay", cut, "--check"]);
    assert_eq!(
        drafthorse(&["recover", cut, "-o", whole]).status.code(),
        Some(2),
        "an existing file is never overwritten"
    );
}

#[test]
fn doctor_tells_what_this_machine_can_do() {
    let found: Value = serde_json::from_str(&succeed(&["doctor", "--json"])).unwrap();
    for key in ["board", "cameras", "can", "engines", "disk", "clock"] {
        assert!(!found[key].is_null(), "{key}");
    }
    assert!(found["disk"]["sync_1mib_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_gave_nothing_fails() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(path("pictures")).unwrap();
    std::fs::write(path("pictures/1.jpg"), "").unwrap();
    std::fs::write(path("empty.mcap"), "").unwrap();
    let pictures = format!("jpeg:{}?fps=10", path("pictures"));
    for (args, hint) in [
        (
            ["run", "--source", &pictures, "--out", &path("out")],
            "no frame",
        ),
        (
            [
                "recover",
                &path("empty.mcap"),
                "-o",
                &path("o.mcap"),
                "--json",
            ],
            "nothing that could be kept",
        ),
    ] {
        let output = drafthorse(&args);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
        assert!(errors.contains(hint), "{args:?}: {errors}");
    }
    let decoded = drafthorse(&["decode", &pictures, "--json"]).stdout;
    let fault: Value = serde_json::from_slice(&decoded).unwrap();
    assert!(fault["detail"].as_str().unwrap().contains("it is empty"));
}

#[test]
fn each_bench_has_help_of_its_own() {
    let help = |bench| succeed(&["bench", bench, "--help"]);
    assert!(help("offload").contains("--cells"));
    for bench in ["record", "find", "vision"] {
        let help = help(bench);
        assert!(
            help.contains("--json") && !help.contains("--cells"),
            "{help}"
        );
    }
}
