//! Record policies on a drive: `events` keeps every raw message of every window, byte for byte, also where
//! the process is killed in the middle of one; and every such log replays to the same bytes.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

mod command;

use command::{drafthorse, json};
use drafthorse::replay::{ReplayOptions, replay};
use drafthorse_record::messages::drafthorse::{KeptWindow, Keyframe, Note};
use drafthorse_record::{LogReader, LogSummary, inspect};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A raw message as recorded: topic, receive and capture stamps, bytes.
type Raw = (String, u64, u64, Vec<u8>);

/// The raw messages of a log, in order.
fn raws(log: &Path) -> Vec<Raw> {
    let mut reader = LogReader::open(log).unwrap();
    let mut found = Vec::new();
    while let Some(m) = reader.next().unwrap() {
        if m.channel
            .metadata
            .get("drafthorse.role")
            .is_some_and(|role| role == "raw")
        {
            let topic = m.channel.topic.clone();
            found.push((topic, m.log_time_ns, m.publish_time_ns, m.data.to_vec()));
        }
    }
    found
}

/// Levels that no cue reaches: only the notes of the test are triggers.
const NO_TRAFFIC: &str = "[record.events]
braking = { begins = 9, ends = 9 }
leader_braking = { begins = 9, ends = 9 }
conflict = { begins = 9, ends = 9 }
urgency = { begins = 9, ends = 9 }
entry = { begins = 9, ends = 9 }
";

fn within(raws: &[Raw], windows: &[RangeInclusive<u64>]) -> Vec<Raw> {
    let is_in = |raw: &&Raw| windows.iter().any(|window| window.contains(&raw.1));
    raws.iter().filter(is_in).cloned().collect()
}

/// The messages of one topic of a log.
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

/// Asserts that a log replays to the same bytes.
fn check(log: &Path) {
    let options = ReplayOptions {
        check: true,
        ..ReplayOptions::default()
    };
    let check = replay(log, &options).unwrap().check.unwrap();
    assert!(check.identical, "{:?}", check.first_mismatches);
    assert!(check.compared > 100, "{}", check.compared);
    let of_all = check.compared + check.not_recomputable + check.cut_off;
    println!(
        "{}: {} of {of_all} recomputed",
        log.display(),
        check.compared
    );
    assert!(check.compared * 10 > of_all * 6);
}

/// Writes a configuration of one source with a `[record]` table.
fn configure(dir: &Path, name: &str, source: &str, record: &str) -> String {
    let path = dir.join(format!("{name}.toml"));
    let text = format!(
        "name = {name:?}\nsensors = [{{ name = \"source\", source = {source:?} }}]\n[record]\nfree_space_floor_mib = 16\n{record}"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn write_notes(path: &Path, at_ns: impl Iterator<Item = u64>) {
    let lines: Vec<String> = at_ns
        .enumerate()
        .map(|(i, at_ns)| format!("{{\"at_ns\": {at_ns}, \"text\": \"trigger {i}\"}}"))
        .collect();
    std::fs::write(path, lines.join("\n")).unwrap();
}

const S: u64 = 1_000_000_000;

#[test]
fn events_keeps_every_raw_message_of_twelve_windows() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=7&seconds=48&camera_fps=10";
    let all = configure(dir.path(), "all", source, "");
    json(&drafthorse(
        dir.path(),
        &[
            "run",
            "--config",
            &all,
            "--out",
            "all",
            "--no-report",
            "--json",
        ],
    ))
    .unwrap();
    let all = raws(&dir.path().join("all"));
    let first = all[0].1;

    // Twelve, two of them close together, one at the beginning and one at the end.
    let at: Vec<u64> = [
        0.3, 4.0, 9.1, 9.9, 13.7, 18.0, 22.5, 26.2, 30.0, 35.3, 40.05, 47.6,
    ]
    .map(|s: f64| first + (s * 1e9) as u64)
    .into();
    write_notes(&dir.path().join("notes.jsonl"), at.iter().copied());
    let windows: Vec<_> = at.iter().map(|at| at - S.min(*at)..=at + S / 2).collect();
    let wanted = within(&all, &windows);
    for memory_mib in [0, 64] {
        let record = format!(
            "policy = \"events\"\n[record.windows]\npre_roll_s = 1.0\npost_roll_s = 0.5\ndecision_s = 2.0\nsegment_s = 1.0\nfaults = false\nring_memory_mib = {memory_mib}\n{NO_TRAFFIC}"
        );
        let events = configure(dir.path(), "events", source, &record);
        let out = format!("events-{memory_mib}");
        let args = [
            "run",
            "--config",
            &events,
            "--out",
            &out,
            "--notes",
            "notes.jsonl",
            "--json",
        ];
        let summary = json(&drafthorse(dir.path(), &args)).unwrap();
        let out = dir.path().join(out);
        let kept = raws(&out);
        println!(
            "{} raw messages, {} in windows, {} kept",
            all.len(),
            wanted.len(),
            kept.len()
        );
        assert!(
            within(&kept, &windows) == wanted,
            "a raw message in a window differs"
        );
        assert!(kept.len() < all.len() * 3 / 4);
        // The log says why, and that the rest is not lost.
        let notes: Vec<Note> = of_topic(&out, "/notes");
        let reasons: Vec<KeptWindow> = of_topic(&out, "/record/kept");
        assert_eq!((notes.len(), reasons.len()), (12, 12));
        assert!(
            reasons
                .iter()
                .zip(&at)
                .all(|(window, at)| window.at_ns == *at
                    && window.reason == "note"
                    && window.detail.starts_with("trigger"))
        );
        assert_eq!(summary["kept_windows"], 12);
        let log = inspect(&out).unwrap();
        assert!(log.complete, "{:?}", log.damage);
        assert!(log.dropped.len() >= 8, "{:?}", log.dropped);
        assert_eq!(summary["dropped_by_policy"]["messages"], dropped(&log));
        assert_eq!(summary["messages"], log_messages(&log) + dropped(&log));
        assert!(summary["report"].is_string());
        check(&out);
        let told = drafthorse(dir.path(), &["inspect", out.to_str().unwrap()]).stdout;
        let told = String::from_utf8(told).unwrap();
        assert!(
            told.contains("not kept, by policy") && !told.contains("damage"),
            "{told}"
        );
    }
}

#[test]
fn keyframes_keeps_every_raw_message_around_keyframes() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=11&seconds=40&camera_fps=5";
    let record = "policy = \"keyframes\"\n[record.windows]\npre_roll_s = 1.5\npost_roll_s = 1.0\nsegment_s = 1.5\n[keyframes.budget]\nleast = 0.05\n[keyframes.apex.weights]\nturnover = 0.2\n";
    let all = configure(dir.path(), "all", source, "");
    let keyframes = configure(dir.path(), "keyframes", source, record);
    let run = |config: &str, out: &str| {
        let args = [
            "run",
            "--config",
            config,
            "--out",
            out,
            "--no-report",
            "--json",
        ];
        json(&drafthorse(dir.path(), &args)).unwrap()
    };
    run(&all, "all");
    let summary = run(&keyframes, "keyframes");
    let out = dir.path().join("keyframes");
    let told: Vec<KeptWindow> = of_topic(&out, "/record/kept");
    let chosen: Vec<Keyframe> = of_topic(&out, "/keyframes");
    let windows: Vec<_> = told.iter().map(|w| w.from_ns..=w.to_ns).collect();
    println!("{} keyframes", windows.len());
    assert!(!windows.is_empty());
    assert_eq!((chosen.len(), told.len()), (windows.len(), windows.len()));
    assert_eq!(summary["keyframes"], summary["kept_windows"]);
    assert_eq!(summary["keyframes"], windows.len());
    let wanted = within(&raws(&dir.path().join("all")), &windows);
    assert!(within(&raws(&out), &windows) == wanted);
    let log = inspect(&out).unwrap();
    assert!(log.complete && dropped(&log) > 0, "{:?}", log.damage);
    check(&out);
}

fn dropped(log: &LogSummary) -> u64 {
    log.dropped.iter().map(|gap| gap.messages).sum()
}

/// Messages of a log without those that each segment repeats.
fn log_messages(log: &LogSummary) -> u64 {
    let counted = |role: &Option<String>| role.as_deref() != Some("static");
    let channels = log.channels.iter().filter(|c| counted(&c.role));
    let statics = log.channels.iter().filter(|c| !counted(&c.role));
    let files = log.segments as u64 - log.dropped.len() as u64;
    let latched: u64 = statics.map(|c| c.count / files).sum();
    let first_is_kept = u64::from(log.dropped.iter().all(|gap| gap.first_segment > 0));
    channels.map(|c| c.count).sum::<u64>() + latched * first_is_kept
}

/// The logs of a folder, by the beginning of their names.
fn log_of(out: &Path, name: &str) -> PathBuf {
    let begins = format!("{name}-");
    let files = std::fs::read_dir(out).unwrap().flatten();
    let names = files.filter_map(|file| {
        let file = file.file_name().into_string().unwrap();
        let stem = file.strip_suffix(".mcap")?.rsplit_once('-')?.0.to_owned();
        stem.starts_with(&begins).then_some(stem)
    });
    let names: BTreeSet<String> = names.collect();
    assert_eq!(names.len(), 1, "{names:?}");
    out.join(names.first().unwrap())
}

/// The highest number of a segment of `name` in the ring.
fn in_ring(out: &Path, name: &str) -> u32 {
    let Ok(files) = std::fs::read_dir(out.join("ring")) else {
        return 0;
    };
    let numbers = files.flatten().filter_map(|file| {
        let file = file.file_name().into_string().ok()?;
        let (log, number) = file.strip_suffix(".mcap")?.rsplit_once('-')?;
        log.starts_with(name).then(|| number.parse().ok())?
    });
    numbers.max().unwrap_or(0)
}

#[test]
fn a_run_killed_in_a_window_is_gone_on_with_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let args = [["run", "--json", "--no-report"].as_slice(), args].concat();
        json(&drafthorse(dir.path(), &args)).unwrap()
    };
    let source = "synth:?seed=3&seconds=46&camera_fps=10";
    let all = configure(dir.path(), "all", source, "rotate_s = 2\n");
    run(&["--config", &all, "--out", "all"]);
    let all = raws(&dir.path().join("all"));
    let first = all[0].1;
    // What the world went on with when the process was back.
    let later = dir.path().join("later");
    std::fs::create_dir(&later).unwrap();
    for file in std::fs::read_dir(dir.path().join("all")).unwrap().flatten() {
        let path = file.path();
        let number = path
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .rsplit_once('-')
            .unwrap()
            .1;
        if number.parse::<u32>().is_ok_and(|number| number >= 13) {
            std::fs::copy(&path, later.join(file.file_name())).unwrap();
        }
    }
    let back = raws(&later)[0].1;

    // A window from 13 to 27 s is open at the kill; one from 11 to 41 s is asked for after it.
    let record = |pre_roll_s: u32| {
        format!(
            "policy = \"events\"\n[record.windows]\npre_roll_s = {pre_roll_s}\npost_roll_s = 12\ndecision_s = 10\nsegment_s = 1\nfaults = false\n{NO_TRAFFIC}"
        )
    };
    write_notes(
        &dir.path().join("before.jsonl"),
        std::iter::once(first + 15 * S),
    );
    write_notes(
        &dir.path().join("after.jsonl"),
        std::iter::once(first + 29 * S),
    );
    let before = configure(dir.path(), "before", "mcap:all", &record(2));
    let after = configure(dir.path(), "after", "mcap:later", &record(18));
    let out = dir.path().join("out");
    let mut killed = Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args([
            "run",
            "--config",
            &before,
            "--out",
            "out",
            "--notes",
            "before.jsonl",
        ])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while in_ring(&out, "before") < 18 {
        assert_eq!(
            killed.try_wait().unwrap(),
            None,
            "it ended before it could be killed"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    run(&["--config", &after, "--out", "out", "--notes", "after.jsonl"]);

    let (before, after) = (log_of(&out, "before"), log_of(&out, "after"));
    let (kept_before, kept_after) = (raws(&before), raws(&after));
    let last = kept_before.last().unwrap().1;
    println!("killed at {:.2} s", (last - first) as f64 / 1e9);
    assert!(last > first + 17 * S && last < back);
    for (kept, window) in [
        (&kept_before, first + 11 * S..=last),
        (&kept_after, back..=first + 41 * S),
    ] {
        let window = std::slice::from_ref(&window);
        assert!(within(kept, window) == within(&all, window));
    }
    let (cut, whole) = (inspect(&before).unwrap(), inspect(&after).unwrap());
    assert!(dropped(&cut) > 100 && dropped(&whole) > 10);
    assert!(whole.complete, "{:?}", whole.damage);
    assert!(
        cut.damage
            .iter()
            .all(|damage| damage.missing_segments == 0
                || damage.reason.starts_with("the log goes on")),
        "{:?}",
        cut.damage
    );
    check(&before);
    check(&after);
}

#[test]
fn a_note_reaches_the_run_that_is_recording() {
    let dir = tempfile::tempdir().unwrap();
    let note = |text: &str| drafthorse(dir.path(), &["note", "out", text]);
    std::fs::create_dir(dir.path().join("out")).unwrap();
    assert_eq!(note("nobody is there").status.code(), Some(2));
    let record = "policy = \"keyframes\"\n[record.windows]\npre_roll_s = 0.5\npost_roll_s = 0.5\nsegment_s = 0.5\n";
    let config = configure(
        dir.path(),
        "live",
        "synth:?seconds=6&camera_fps=2&live=1",
        record,
    );
    let mut run = Command::new(env!("CARGO_BIN_EXE_drafthorse"))
        .args(["run", "--config", &config, "--out", "out", "--no-report"])
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while in_ring(&dir.path().join("out"), "live") < 2 {
        assert_eq!(run.try_wait().unwrap(), None, "it ended before the note");
        std::thread::sleep(Duration::from_millis(20));
    }
    let noted = note("a deer on the road");
    assert!(noted.status.success(), "{noted:?}");
    assert!(run.wait().unwrap().success());
    let log = dir.path().join("out");
    let notes: Vec<Note> = of_topic(&log, "/notes");
    let mut windows: Vec<KeptWindow> = of_topic(&log, "/record/kept");
    windows.retain(|window| window.reason == "note");
    assert_eq!((notes.len(), windows.len()), (1, 1));
    assert_eq!(notes[0].text, "a deer on the road");
    assert_eq!(
        (windows[0].at_ns, windows[0].reason.as_str()),
        (notes[0].at_ns, "note")
    );
    assert!(!log.join("notes.sock").exists());
    check(&log);
}

/// Windows that a run under `events` kept with the levels that are the default, and the summary.
fn events_of(dir: &Path, source: &str, windows: &str) -> (Vec<KeptWindow>, serde_json::Value) {
    let record = format!("policy = \"events\"\n[record.windows]\n{windows}");
    let config = configure(dir, "events", source, &record);
    let args = ["run", "--config", &config, "--out", "events", "--json"];
    let summary = json(&drafthorse(dir, &args)).unwrap();
    (of_topic(&dir.join("events"), "/record/kept"), summary)
}

#[test]
fn incidents_of_a_drive_are_events_at_the_default_levels() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=7&seconds=60&camera_fps=2&incidents=3";
    let (kept, summary) = events_of(
        dir.path(),
        source,
        "pre_roll_s = 2\npost_roll_s = 1\nsegment_s = 1\n",
    );
    let events: Vec<_> = kept
        .iter()
        .filter(|window| window.reason == "event")
        .collect();
    println!("{:?}", events.iter().map(|w| &w.detail).collect::<Vec<_>>());
    assert!(!events.is_empty());
    assert!(events.iter().all(|window| !window.detail.is_empty()));
    assert_eq!(summary["kept_windows"], kept.len());
    let out = dir.path().join("events");
    let (held, log) = (raws(&out), inspect(&out).unwrap());
    assert!(log.complete && dropped(&log) > 0, "{:?}", log.damage);
    // Twenty scans and two pictures a second, in the whole of each window that the drive has.
    let begins = log.dropped.iter().map(|gap| gap.from_ns);
    let ends = log.dropped.iter().map(|gap| gap.to_ns);
    let (first, last) = (held[0].1, held[held.len() - 1].1);
    let begin = begins.fold(first, u64::min);
    let end = ends.fold(last, u64::max);
    for window in &events {
        let window = window.from_ns.max(begin)..=window.to_ns.min(end);
        let seconds = (window.end() - window.start()) as f64 / 1e9;
        let held = within(&held, std::slice::from_ref(&window)).len();
        assert!(
            held as f64 >= 20.0 * seconds,
            "{held} raw messages in {seconds} s"
        );
    }
    check(&out);
}

#[test]
fn a_picture_that_cannot_be_decoded_is_an_event() {
    let dir = tempfile::tempdir().unwrap();
    let pictures = dir.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    for i in 0..150 {
        let mut jpeg = Vec::new();
        let rgb = [(i % 251) as u8; 160 * 90 * 3];
        jpeg_encoder::Encoder::new(&mut jpeg, 90)
            .encode(&rgb, 160, 90, jpeg_encoder::ColorType::Rgb)
            .unwrap();
        // Eight seconds into the drive half of a picture is missing its beginning.
        if i == 80 {
            jpeg.drain(2..jpeg.len() / 2);
        }
        std::fs::write(pictures.join(format!("{i:03}.jpg")), jpeg).unwrap();
    }
    let source = format!("jpeg:{}?fps=10", pictures.display());
    let (kept, summary) = events_of(
        dir.path(),
        &source,
        "pre_roll_s = 1\npost_roll_s = 1\nsegment_s = 1\n",
    );
    assert_eq!(summary["faults_by_kind"]["undecodable"], 1);
    let told: Vec<_> = kept
        .iter()
        .map(|w| (w.reason.as_str(), w.detail.as_str()))
        .collect();
    assert_eq!(told, [("fault", "undecodable source")]);
    let out = dir.path().join("events");
    let held = raws(&out);
    let window = kept[0].from_ns..=kept[0].to_ns;
    let within = within(&held, std::slice::from_ref(&window));
    assert_eq!(within.len(), 21);
    assert!(held.len() < 60 && dropped(&inspect(&out).unwrap()) > 0);
}

#[test]
fn notes_behind_the_end_are_taken_or_told() {
    let dir = tempfile::tempdir().unwrap();
    let source = "synth:?seed=3&seconds=2&camera_fps=0";
    let config = configure(dir.path(), "all", source, "");
    let run = |out: &str, more: &[&str]| {
        let args = [
            "run",
            "--config",
            &config,
            "--out",
            out,
            "--json",
            "--no-report",
        ];
        drafthorse(dir.path(), &[args.as_slice(), more].concat())
    };
    json(&run("first", &[])).unwrap();
    let last = raws(&dir.path().join("first")).last().unwrap().1;
    write_notes(
        &dir.path().join("notes.jsonl"),
        [last + 5 * S, last + 11 * S, last + 12 * S].into_iter(),
    );
    let second = run("second", &["--notes", "notes.jsonl"]);
    let notes: Vec<Note> = of_topic(&dir.path().join("second"), "/notes");
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].at_ns, last + 5 * S);
    let told = String::from_utf8(second.stderr.clone()).unwrap();
    assert!(told.contains("2 notes are not in the log"), "{told}");
    json(&second).unwrap();
}
