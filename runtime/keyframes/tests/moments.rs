//! Parts of moments in any order, and pictures that change little in what does not matter.

use drafthorse_core::SensorId;
use drafthorse_keyframes::{Cues, FrameId, GRID, Moment, Moments, SKETCH, Sketch};

use std::num::NonZeroU64;

const LENGTH_NS: u64 = 100_000_000;

fn cues(braking: f32) -> Cues {
    Cues {
        braking,
        ..Cues::default()
    }
}

fn frame(captured_ns: u64) -> FrameId {
    FrameId {
        sensor: SensorId(1),
        sequence: (captured_ns / 1_000_000) as u32,
        captured_ns,
        bytes: 1000,
    }
}

/// A picture of bars and a square at `x`.
fn picture(x: usize, gain: f32) -> Vec<u8> {
    let (width, height) = (320, 180);
    let value = |i: usize| {
        let (column, row) = (i % width, i / width);
        let square = (x..x + 60).contains(&column) && (80..140).contains(&row);
        let base = if square {
            210.0
        } else {
            60.0 + 40.0 * ((column / 40) % 2) as f32
        };
        (base * gain).min(255.0) as u8
    };
    (0..width * height).flat_map(|i| [value(i); 3]).collect()
}

#[test]
fn parts_of_two_sensors_meet_in_their_moment_whatever_their_order() {
    let sketch = Sketch::of_rgb(320, 180, &picture(100, 1.0));
    let mut found: Vec<Moment> = Vec::new();
    let mut moments = Moments::new(NonZeroU64::new(LENGTH_NS).unwrap());
    for i in 0..20_u64 {
        // The camera is 200 ms late; two scans a moment, the higher cue counts.
        let at = i * LENGTH_NS;
        moments.cues(at + 10, cues(0.1 * i as f32), |m| found.push(m.clone()));
        moments.cues(at + 60_000_000, cues(0.05), |m| found.push(m.clone()));
        if i >= 2 {
            let shot = frame(at - 2 * LENGTH_NS + 5);
            moments.sketch(shot, sketch.clone(), |m| found.push(m.clone()));
        }
    }
    moments.finish(|m| found.push(m.clone()));
    assert_eq!(found.len(), 20);
    for (i, moment) in found.iter().enumerate() {
        assert_eq!(moment.begin_ns, i as u64 * LENGTH_NS);
        assert_eq!(moment.cues.unwrap().braking, (0.1 * i as f32).max(0.05));
        assert_eq!(moment.sketch.is_some(), i < 18);
    }
    assert_eq!(moments.late, 0);
}

#[test]
fn what_comes_too_late_is_counted_and_a_leap_of_time_is_not_filled() {
    let mut found = Vec::new();
    let mut moments = Moments::new(NonZeroU64::new(LENGTH_NS).unwrap());
    for at in [0, 300, 2, 301, 3_000_000, 3_000_001] {
        moments.cues(at * LENGTH_NS, cues(0.5), |m| {
            found.push(m.begin_ns / LENGTH_NS);
        });
    }
    moments.finish(|m| found.push(m.begin_ns / LENGTH_NS));
    assert_eq!(moments.late, 1);
    assert_eq!(found, [0, 300, 301, 3_000_000, 3_000_001]);
}

#[test]
fn exposure_changes_a_sketch_little_and_a_new_thing_much() {
    let sketch = |x, gain| Sketch::of_rgb(320, 180, &picture(x, gain));
    let (plain, brighter, moved) = (sketch(100, 1.0), sketch(100, 1.15), sketch(200, 1.0));
    assert_eq!(plain.values().len(), SKETCH);
    assert_eq!(SKETCH, 2 * GRID[0] * GRID[1]);
    assert!(plain.distance(&brighter) * 5.0 < plain.distance(&moved));
}

#[test]
fn a_picture_that_is_none_is_a_sketch_of_zeros() {
    for (width, height, bytes) in [
        (0, 0, 0),
        (1, 1, 3),
        (640, 480, 10),
        (u32::MAX, 2, 64),
        (u32::MAX, u32::MAX, 64),
    ] {
        let sketch = Sketch::of_rgb(width, height, &vec![7; bytes]);
        assert!(sketch.values().iter().all(|v| *v == 0.0));
    }
}

#[test]
fn the_latest_picture_of_a_moment_counts_whichever_comes_first() {
    let sketch = |x| Sketch::of_rgb(320, 180, &picture(x, 1.0));
    let mut found = Vec::new();
    let mut moments = Moments::new(NonZeroU64::new(LENGTH_NS).unwrap());
    moments.sketch(frame(60_000_000), sketch(100), |_| ());
    moments.sketch(frame(20_000_000), sketch(200), |_| ());
    moments.finish(|m| found.push(m.clone()));
    assert_eq!(found[0].frame, Some(frame(60_000_000)));
    assert_eq!(found[0].sketch, Some(sketch(100)));
}

#[test]
fn one_wrong_stamp_does_not_end_the_stream() {
    let mut found = Vec::new();
    let mut moments = Moments::new(NonZeroU64::new(LENGTH_NS).unwrap());
    let stamps = (0..50).chain([u64::MAX / LENGTH_NS - 1]).chain(50..120);
    for at in stamps {
        moments.cues(at * LENGTH_NS, cues(0.5), |m| {
            found.push(m.begin_ns / LENGTH_NS);
        });
    }
    moments.finish(|m| found.push(m.begin_ns / LENGTH_NS));
    assert!(found.contains(&119), "{found:?}");
    assert!((10..25).contains(&moments.late), "{}", moments.late);
}

#[test]
fn a_slow_cameras_picture_stands_for_the_moments_behind_it_and_a_lost_cameras_does_not() {
    let mut found: Vec<Moment> = Vec::new();
    let mut moments = Moments::new(NonZeroU64::new(LENGTH_NS).unwrap());
    for i in 0..40_u64 {
        moments.cues(i * LENGTH_NS, cues(0.1), |m| found.push(m.clone()));
        if i % 4 == 1 && i < 20 {
            let sketch = Sketch::of_rgb(320, 180, &picture(100, 1.0));
            moments.sketch(frame(i * LENGTH_NS), sketch, |m| found.push(m.clone()));
        }
    }
    moments.finish(|m| found.push(m.clone()));
    let shot = |m: &Moment| m.frame.map(|frame| frame.captured_ns / LENGTH_NS);
    let shots: Vec<_> = found.iter().map(shot).collect();
    assert_eq!(shots[..3], [None, Some(1), Some(1)]);
    assert_eq!(shots[16..20], [Some(13), Some(17), Some(17), Some(17)]);
    assert_eq!(shots[20..24], [Some(17), Some(17), Some(17), None]);
    assert_eq!(found.iter().filter(|m| m.sketch.is_some()).count(), 5);
}
