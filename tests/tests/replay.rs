//! A log replays to the same bytes: recorded from files, recorded live under overload, cut, rotated,
//! and read again as a source.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

use drafthorse::replay::{ReplayOptions, replay};
use drafthorse_tests::{check, compare, rewrite, run_source};
use std::path::Path;

#[test]
fn the_sample_drive_replays_three_times() {
    let dir = tempfile::tempdir().unwrap();
    let summary = run_source("synth:?seed=7&seconds=6", dir.path(), |_| ());
    assert_eq!((summary.scans, summary.frames, summary.drops), (120, 90, 0));
    let log = summary.log.unwrap();
    let compared = check(&log);
    assert!(compared.0 > 900);
    assert_eq!((check(&log), check(&log)), (compared, compared));
}

#[test]
fn a_live_run_at_twice_the_lanes_rate_drops_and_replays_three_times() {
    // What the lanes can hold: a recorded run goes as fast as they do.
    let dir = tempfile::tempdir().unwrap();
    let recorded = run_source("synth:?seed=5&seconds=10", dir.path(), |c| {
        c.camera.preview_hz = 1000.0;
    });
    let times_real_time = recorded.duration_s / recorded.elapsed_s;
    let speed = 2.0 * times_real_time;
    let source = format!("synth:?seed=5&seconds=10&live={speed:.3}");
    let live = run_source(&source, dir.path(), |c| c.camera.preview_hz = 1000.0);
    println!(
        "live at {speed:.1} times real time: {:?}",
        live.drops_by_lane
    );
    assert!(live.drops > 0, "twice the lanes' rate must drop");
    assert!(live.scans > 0 && live.frames > 0);
    assert_eq!(live.drops_by_lane["record"], 0);
    let log = live.log.unwrap();
    let compared = check(&log);
    assert_eq!((check(&log), check(&log)), (compared, compared));
}

#[test]
fn each_segment_of_a_rotated_log_replays_alone_and_all_together() {
    let dir = tempfile::tempdir().unwrap();
    for source in [
        "synth:?seed=9&seconds=12",
        "synth:?seed=9&seconds=12&live=4",
    ] {
        let out = dir.path().join(source.len().to_string());
        let summary = run_source(source, &out, |c| c.record.rotate_mib = 3);
        assert!(summary.logs.len() >= 3, "{:?}", summary.logs);
        let (together, before_state) = check(&out);
        assert_eq!(before_state, 0);
        let mut alone = 0;
        for log in &summary.logs {
            let (compared, before_state) = check(log);
            println!(
                "{}: {compared} compared, {before_state} before",
                log.display()
            );
            assert!(compared > 0);
            alone += compared + before_state;
        }
        assert!(alone <= together + summary.logs.len() as u64 * 4);
        assert!(alone * 10 > together * 9, "{alone} of {together}");
    }
}

#[test]
fn keyframes_replay_together_and_from_later_segments() {
    let dir = tempfile::tempdir().unwrap();
    for source in [
        "synth:?seed=9&seconds=24",
        "synth:?seed=9&seconds=24&live=4",
    ] {
        let out = dir.path().join(source.len().to_string());
        let summary = run_source(source, &out, |c| {
            c.record.rotate_mib = 4;
            c.keyframes.budget.keyframes = 60.0;
            c.keyframes.budget.least = Some(0.0);
            c.keyframes.budget.horizon_s = 1.0;
            c.keyframes.apex.weights.picture = 1.0;
            c.keyframes.apex.weights.turnover = 1.0;
        });
        assert!(summary.logs.len() >= 3, "{:?}", summary.logs);
        let keyframes = |log: &Path| {
            let check = compare(log);
            assert!(check.identical, "{log:?}: {:?}", check.first_mismatches);
            let of = check.compared_by_topic.get("/keyframes");
            of.copied().unwrap_or_default()
        };
        assert_eq!(keyframes(&out), summary.keyframes);
        let later: u64 = summary.logs[1..].iter().map(|log| keyframes(log)).sum();
        // A live run may drop what it cannot keep up with, and after a gap the search begins anew.
        if !source.contains("live") {
            assert!(
                summary.keyframes >= 5 && later > 0,
                "{later} of {summary:?}"
            );
        }
    }
}

#[test]
fn a_log_cut_anywhere_replays_as_far_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let summary = run_source("synth:?seed=2&seconds=4", dir.path(), |_| ());
    let bytes = std::fs::read(summary.log.unwrap()).unwrap();
    let cut = dir.path().join("cut.mcap");
    let mut last = 0;
    for tenth in 2..=9 {
        std::fs::write(&cut, &bytes[..bytes.len() * tenth / 10]).unwrap();
        let (compared, _) = check(&cut);
        assert!(compared >= last);
        last = compared;
    }
    assert!(last > 300, "{last}");
}

#[test]
fn a_changed_log_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let summary = run_source("synth:?seed=2&seconds=2&camera_fps=0", dir.path(), |_| ());
    // The same log with one bit of one track turned.
    let mut turned = false;
    let changed = rewrite(
        &summary.log.unwrap(),
        &dir.path().join("changed"),
        |message| {
            if message.topic == "/tracks" && message.data.len() > 100 && !turned {
                turned = true;
                let last = message.data.len() - 20;
                message.data[last] ^= 1;
            }
        },
    );
    assert!(turned);
    let check = compare(&changed);
    assert!(!check.identical);
    assert_eq!(check.mismatches, 1);
    assert_eq!(check.first_mismatches[0].topic, "/tracks");
}

#[test]
fn a_log_is_a_source_and_replay_writes_a_log_that_replays() {
    let dir = tempfile::tempdir().unwrap();
    let first = run_source("synth:?seed=4&seconds=3", &dir.path().join("a"), |_| ());
    let log = first.log.unwrap();
    let source = format!("mcap:{}", log.display());
    let second = run_source(&source, &dir.path().join("b"), |_| ());
    assert_eq!(
        (second.scans, second.frames, second.tracks, second.pairs),
        (first.scans, first.frames, first.tracks, first.pairs.clone())
    );
    check(&second.log.unwrap());

    let options = ReplayOptions {
        check: true,
        out: Some(dir.path().join("c")),
        ..ReplayOptions::default()
    };
    let outcome = replay(&log, &options).unwrap();
    assert!(outcome.check.unwrap().identical);
    let rewritten = outcome.summary.log.unwrap();
    assert!(outcome.summary.report.unwrap().exists());
    check(&rewritten);
}
