//! One event a happening, whatever the cue does around its threshold.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_keyframes::{Cues, Event, EventConfig, EventKind, Events, Threshold};

/// The events of a braking that is `level` at each time in seconds, seen at 20 Hz for 20 s.
fn found(config: &EventConfig, level: impl Fn(f64) -> f32) -> Vec<Event> {
    let mut events = Events::new(config).unwrap();
    let mut found = Vec::new();
    for i in 0..400u64 {
        let cues = Cues {
            braking: level(i as f64 / 20.0),
            turnover: 2.0,
            ..Cues::default()
        };
        // The state can be written down and taken up between any two scans.
        let bytes = postcard::to_allocvec(&events).unwrap();
        events = postcard::from_bytes(&bytes).unwrap();
        events.scan(i * 50_000_000, &cues, |event| found.push(event));
    }
    found
}

#[test]
fn a_level_that_trembles_at_the_threshold_is_one_event() {
    let trembling = |t: f64| {
        let over = if ((t * 20.0) as u64).is_multiple_of(5) {
            -0.05
        } else {
            0.1
        };
        if (5.0..9.0).contains(&t) {
            0.6 + over
        } else {
            0.0
        }
    };
    let events = found(&EventConfig::default(), trembling);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].kind, EventKind::Braking);
    assert!((5_000_000_000..5_100_000_000).contains(&events[0].begin_ns));
}

#[test]
fn the_next_event_comes_after_a_quiet_time_only() {
    let twice = |apart: f64| {
        move |t: f64| {
            let is_high = (2.0..3.0).contains(&t) || (3.0 + apart..4.0 + apart).contains(&t);
            if is_high { 1.0 } else { 0.1 }
        }
    };
    assert_eq!(found(&EventConfig::default(), twice(1.0)).len(), 1);
    assert_eq!(found(&EventConfig::default(), twice(3.0)).len(), 2);
}

#[test]
fn one_scan_is_no_event_and_neither_is_what_stays_below() {
    let one = |t: f64| if (5.0..5.04).contains(&t) { 2.0 } else { 0.0 };
    assert_eq!(found(&EventConfig::default(), one), []);
    assert_eq!(found(&EventConfig::default(), |_| 0.59), []);
    // Unless one scan shall be enough.
    let config = EventConfig {
        holds_s: 0.0,
        ..EventConfig::default()
    };
    assert_eq!(found(&config, one).len(), 1);
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let upside_down = EventConfig {
        conflict: Threshold {
            begins: 0.3,
            ends: 0.5,
        },
        ..EventConfig::default()
    };
    let why = Events::new(&upside_down).unwrap_err().to_string();
    assert!(why.contains("conflict"), "{why}");
    let endless = EventConfig {
        quiet_s: f64::INFINITY,
        ..EventConfig::default()
    };
    assert!(Events::new(&endless).is_err());
}
