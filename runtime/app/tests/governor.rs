//! A live run on a board that gets hot and cools again: the board's files are a folder of the test's. Knobs go down in
//! their order and come back, the log says so, and replay does what the lanes did.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod command;

use command::{drafthorse, json};
use drafthorse_record::LogReader;
use drafthorse_record::messages::drafthorse::{FrameInfo, Governor, LaneStep};
use drafthorse_release::RunStatus;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const DETECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/radar-gaussian-s");
const WORDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../vision/tests/data/scene_vlm"
);
/// One step a knob, in the declared order; nothing is offloaded in this run, so that its knob has no rung.
const ORDER: [(&str, f64, f64); 5] = [
    ("token_keep", 1.0, 0.5),
    ("draft_length", 1.0, 0.5),
    ("described_keyframes", 1.0, 0.0),
    ("detector", 1.0, 0.5),
    ("camera_rate", 1.0, 0.25),
];
/// What takes longer than this will not come.
const PATIENCE: Duration = Duration::from_secs(180);

/// The files of a board, in a folder.
struct Board(PathBuf);

impl Board {
    fn new(dir: &Path) -> Self {
        let board = Self(dir.join("board"));
        board.at_c(60.0);
        let zone = "sys/class/thermal/thermal_zone0";
        board.put(&format!("{zone}/trip_point_0_type"), "passive");
        board.put(&format!("{zone}/trip_point_0_temp"), "95000");
        board.put("sys/class/hwmon/hwmon0/name", "ina3221");
        board.put("sys/class/hwmon/hwmon0/in1_label", "VDD_IN");
        board.put("sys/class/hwmon/hwmon0/in1_input", "5000");
        board.put("sys/class/hwmon/hwmon0/curr1_input", "1500");
        board.put("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0");
        board
    }

    fn at_c(&self, degrees: f64) {
        let millidegrees = (1000.0 * degrees).to_string();
        self.put("sys/class/thermal/thermal_zone0/temp", &millidegrees);
    }

    /// Whole at any time, as the kernel's files are.
    fn put(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let partial = path.with_extension("partial");
        fs::write(&partial, format!("{text}\n")).unwrap();
        fs::rename(partial, path).unwrap();
    }
}

/// A live drive whose lanes have all the time there is: what is given up is given up for heat.
fn configure(dir: &Path, enabled: bool) {
    let mut steps = ORDER.to_vec();
    steps.insert(3, ("offload_threshold", 0.0, 0.2));
    let steps: String = steps
        .iter()
        .map(|(knob, _, to)| {
            format!("[[governor.steps]]\nknob = {knob:?}\nto = {to}\nsaves = 0.1\ncosts = 0.1\n")
        })
        .collect();
    let text = format!(
        r#"
        [[sensors]]
        name = "world"
        source = "synth:?seed=11&seconds=600&live=1&camera_fps=4&radar_hz=4"
        [[networks]]
        model = {DETECTOR:?}
        [vision]
        model = {WORDS:?}
        keep = 0.5
        [keyframes.budget]
        least = 0.05
        [engine]
        backend = "tract"
        [record]
        rotate_s = 3
        [lanes]
        radar_queue = 4000
        camera_queue = 4000
        radar_deadline_ms = 3e6
        camera_deadline_ms = 3e6
        [governor]
        enabled = {enabled}
        board_root = "board"
        tegrastats = "no-such-program"
        look_ahead_s = 0.5
        heat_settles_s = 0.5
        up_after_s = 0.5
        {steps}
        "#
    );
    fs::write(dir.join("car.toml"), text).unwrap();
}

/// A live run, with the summary that it prints once it is told to stop.
fn run_while(dir: &Path, meanwhile: impl FnOnce(&dyn Fn(&dyn Fn(&RunStatus) -> bool))) -> Value {
    let status = dir.join("status.json");
    let summary = dir.join("summary.json");
    let mut run = Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args([
            "run", "--config", "car.toml", "--out", "out", "--json", "--status",
        ])
        .arg(&status)
        .current_dir(dir)
        .stdout(fs::File::create(&summary).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    meanwhile(&|is_so| {
        let began = Instant::now();
        while !RunStatus::read(&status).is_some_and(|status| is_so(&status)) {
            assert!(began.elapsed() < PATIENCE, "{:?}", RunStatus::read(&status));
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let stop = Command::new("kill").arg(run.id().to_string()).status();
    assert!(stop.unwrap().success());
    assert!(run.wait().unwrap().success());
    serde_json::from_slice(&fs::read(summary).unwrap()).unwrap()
}

fn of_topic<M: prost::Message + Default>(dir: &Path, summary: &Value, topic: &str) -> Vec<M> {
    let mut found = Vec::new();
    for log in summary["logs"].as_array().unwrap() {
        let mut reader = LogReader::open(dir.join(log.as_str().unwrap())).unwrap();
        while let Some(m) = reader.next().unwrap() {
            if m.channel.topic == topic {
                found.push(M::decode(m.data).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_board_that_gets_hot_gives_up_in_order_and_takes_back_and_replays() {
    let dir = tempfile::tempdir().unwrap();
    let board = Board::new(dir.path());
    configure(dir.path(), true);
    let summary = run_while(dir.path(), |until| {
        until(&|status| status.lanes.iter().all(|lane| lane.steps > 0));
        assert_eq!(
            RunStatus::read(&dir.path().join("status.json"))
                .unwrap()
                .governor_rung,
            Some(0)
        );
        board.at_c(93.5);
        until(&|status| status.governor_rung == Some(5));
        // Some pictures at the lowest rung.
        let steps = |status: &RunStatus| status.lanes[1].steps;
        let now = steps(&RunStatus::read(&dir.path().join("status.json")).unwrap());
        until(&|status| steps(status) >= now + 8);
        board.at_c(55.0);
        until(&|status| status.governor_rung == Some(0));
    });

    // Down in the declared order, up in the opposite one, with reasons, in the log and in the summary.
    let reports: Vec<Governor> = of_topic(dir.path(), &summary, "/governor");
    let turned: Vec<_> = reports
        .iter()
        .flat_map(|report| report.turns.iter().map(|turn| (turn, &*report.reason)))
        .map(|(turn, reason)| (&*turn.knob, turn.from, turn.to, reason))
        .collect();
    let down = ORDER.map(|(knob, from, to)| (knob, from, to, "hot"));
    let mut up = ORDER.map(|(knob, from, to)| (knob, to, from, "room"));
    up.reverse();
    assert_eq!(turned, [down, up].concat());
    assert!(reports.iter().all(|report| report.power_w == Some(7.5)));
    let of_summary = &summary["governor"];
    assert_eq!(of_summary["changes"], 10);
    assert_eq!(of_summary["changes_by_reason"]["hot"], 5);
    assert_eq!(of_summary["hottest_c"], 93.5);
    assert_eq!(of_summary["turns"][0]["knob"], "token_keep");
    assert_eq!(of_summary["turns"][0]["reason"], "hot");
    assert!(of_summary["below_full_s"].as_f64().unwrap() > 3.0);

    // What the lanes were spared: pictures that nothing was found in, scans that nobody was asked about.
    let steps: Vec<LaneStep> = of_topic(dir.path(), &summary, "/lanes/step");
    let spared = |lane: &str| -> BTreeSet<u32> {
        let of = steps.iter().filter(|step| step.lane == lane && step.spared);
        of.map(|step| step.sequence).collect()
    };
    let pictures = spared("camera_front");
    assert!(pictures.len() >= 6, "{pictures:?}");
    let frames: Vec<FrameInfo> = of_topic(dir.path(), &summary, "/camera_front/frame");
    assert!(
        frames
            .iter()
            .all(|frame| !pictures.contains(&frame.sequence))
    );
    assert_eq!(summary["spared_by_lane"]["camera_front"], pictures.len());
    let scans = spared("radar").len();
    assert!(scans > 0);
    assert_eq!(summary["spared_by_lane"]["radar"], scans);
    let network = &summary["networks"]["radar-gaussian-s"];
    let all = summary["scans"].as_u64().unwrap();
    assert_eq!(network["clusters"]["scans"], all - scans as u64);
    assert_eq!(network["clusters"]["stood_in"], 0);
    let page = fs::read_to_string(dir.path().join("out/report.html")).unwrap();
    assert!(page.contains("\"knob\":\"camera_rate\""));

    // Replay turns no knob: the steps say what was spared. All together, and each segment alone.
    let logs = summary["logs"].as_array().unwrap();
    assert!(logs.len() > 2, "{logs:?}");
    for log in [Value::from("out")].iter().chain(logs) {
        let words = ["replay", log.as_str().unwrap(), "--check", "--json"];
        let replayed = json(&drafthorse(dir.path(), &words)).unwrap();
        assert_eq!(
            replayed["check"]["identical"], true,
            "{log}: {}",
            replayed["check"]
        );
        if log == "out" {
            assert_eq!(replayed["check"]["not_recomputable"], 0);
            for same in ["scans", "frames", "tracks"] {
                assert_eq!(replayed[same], summary[same], "{same}");
            }
            for lane in ["radar", "camera_front"] {
                assert_eq!(
                    replayed["spared_by_lane"][lane],
                    summary["spared_by_lane"][lane]
                );
            }
        }
    }
}

#[test]
fn a_run_without_a_governor_gives_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let board = Board::new(dir.path());
    configure(dir.path(), false);
    board.at_c(94.5);
    let summary = run_while(dir.path(), |until| {
        until(&|status| status.lanes.iter().all(|lane| lane.steps > 12));
    });
    assert_eq!(summary["governor"], Value::Null);
    assert_eq!(summary["spared_by_lane"], serde_json::json!({}));
    assert!(of_topic::<Governor>(dir.path(), &summary, "/governor").is_empty());
}

#[test]
fn a_ladder_that_cannot_be_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |table: &str, word: &str| {
        let text = format!("sensors = [{{ name = \"world\", source = \"synth:\" }}]\n{table}");
        fs::write(dir.path().join("car.toml"), text).unwrap();
        let out = drafthorse(dir.path(), &["run", "--config", "car.toml", "--out", "out"]);
        assert_eq!(out.status.code(), Some(2));
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(error.contains(word), "{error}");
    };
    refused("[governor]\nhigh = 1.5", "governor.high");
    refused("[lanes]\nradar_deadline_ms = 0.0", "radar_deadline_ms");
    refused(
        "[[governor.steps]]\nknob = \"camera_rate\"\nto = 1.5\nsaves = 0.1\ncosts = 0.1",
        "governor.steps[0]",
    );
}
