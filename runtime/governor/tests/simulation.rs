//! The governor on simulated boards and on readings of any kind.
#![allow(clippy::print_stdout)] // Figures, for people.

use drafthorse_governor::simulation::{Comparison, governed, trace::Trace, without};
use drafthorse_governor::{Governor, GovernorConfig, Knob, LaneLoad, Reading, Reason};
use proptest::prelude::*;

const SECOND_NS: u64 = 1_000_000_000;

/// Drives compared; `GOVERNOR_DRIVES` for more.
fn drives() -> u64 {
    let more = std::env::var("GOVERNOR_DRIVES").ok();
    more.and_then(|count| count.parse().ok()).unwrap_or(12)
}

#[test]
fn it_avoids_what_can_be_avoided_and_keeps_quality() {
    let sums = Comparison::over(&GovernorConfig::default(), 0..drives());
    println!(
        "avoided {:.3}, quality {:.3}, {sums:?}",
        sums.avoided(),
        sums.quality()
    );
    assert_eq!(sums.radar_harmed, 0);
    assert!(sums.avoided() >= 0.9, "{:.3}", sums.avoided());
    assert!(sums.quality() >= 0.8, "{:.3}", sums.quality());
}

#[test]
fn a_cool_idle_board_keeps_full_quality() {
    let trace = Trace::steady(25.0, 1.0, 0.2, 0.1);
    let (outcome, changes) = governed(&GovernorConfig::default(), &trace);
    assert_eq!(changes, []);
    assert_eq!(outcome.changes, 0);
    assert!((outcome.quality - 1.0).abs() < 1e-9);
}

#[test]
fn full_quality_comes_back_after_cooling() {
    let (hot, cool, cools_at) = (66.0, 20.0, 450);
    let trace = Trace::steady(hot, 1.0, 1.0, 0.2);
    let trace = trace.with_air(|second| if second < cools_at { hot } else { cool });
    let config = GovernorConfig::default();
    let (_, changes) = governed(&config, &trace);
    let before = changes
        .iter()
        .rfind(|change| change.at_ns < cools_at as u64 * SECOND_NS);
    assert!(before.is_some_and(|change| change.to > 0), "{changes:?}");
    let last = changes.last().unwrap();
    assert_eq!(last.to, 0, "{changes:?}");
    let recovery_s = last.at_ns / SECOND_NS - cools_at as u64;
    println!("full quality {recovery_s} s after the air cooled");
    let rungs = config.steps.len() as f64;
    assert!((recovery_s as f64) < 60.0 + rungs * config.up_after_most_s);
}

#[test]
fn a_board_at_its_limit_settles_instead_of_swinging() {
    for air_c in [58.0, 62.0, 66.0, 70.0] {
        let trace = Trace::steady(air_c, 1.2, 0.8, 0.4);
        let (outcome, changes) = governed(&GovernorConfig::default(), &trace);
        let ups: Vec<_> = changes
            .iter()
            .filter(|change| change.reason == Reason::Room)
            .collect();
        assert!(ups.len() <= 12, "{air_c}: {changes:?}");
        let none = without(&GovernorConfig::default().ladder().unwrap(), &trace);
        assert!(outcome.radar_late <= none.radar_late);
    }
}

#[test]
fn the_radars_network_is_not_the_first_to_go() {
    let mut governor = Governor::new(GovernorConfig::default()).unwrap();
    let mut turned = Vec::new();
    for second in 0..200 {
        let hot = Reading {
            at_ns: second * SECOND_NS,
            headroom_c: Some(0.0),
            ..Reading::default()
        };
        if governor.observe(&hot).is_some() {
            turned.push(governor.rung().turned.unwrap());
        }
    }
    assert_eq!(turned.len(), governor.ladder().last());
    let detector = turned
        .iter()
        .position(|&knob| knob == Knob::Detector)
        .unwrap();
    assert!(
        detector >= 5 && turned[..detector].contains(&Knob::TokenKeep),
        "{turned:?}"
    );
}

fn reading() -> impl Strategy<Value = Reading> {
    let share = prop_oneof![0.0..1.3, Just(f64::NAN), Just(f64::INFINITY)];
    let headroom = prop_oneof![-10.0..40.0, Just(f64::NAN)];
    let lane = (0..3u32, 0..30u32).prop_map(|(late, steps)| LaneLoad { late, steps });
    (
        prop::option::of(share.clone()),
        prop::option::of(headroom),
        prop::option::of(share),
        prop::collection::vec(lane, 0..4),
    )
        .prop_map(|(busy, headroom_c, power, lanes)| Reading {
            at_ns: 0,
            busy,
            headroom_c,
            power,
            lanes,
        })
}

proptest! {
    /// Whatever is read: each change goes from the rung that holds to one of the ladder, up by one, and never up sooner than
    /// the wait after anything else.
    #[test]
    fn changes_are_of_the_ladder_and_steps_up_wait(readings in prop::collection::vec(reading(), 1..300)) {
        let config = GovernorConfig::default();
        let mut governor = Governor::new(config.clone()).unwrap();
        let mut last_ns: Option<u64> = None;
        for (second, mut reading) in readings.into_iter().enumerate() {
            reading.at_ns = (second as u64 + 1) * SECOND_NS;
            let before = governor.number();
            let Some(change) = governor.observe(&reading) else {
                prop_assert_eq!(governor.number(), before);
                continue;
            };
            prop_assert_eq!((change.from, change.to), (before, governor.number()));
            prop_assert!(change.to <= governor.ladder().last() && change.to != change.from);
            if change.to < change.from {
                prop_assert_eq!(change.to + 1, change.from);
                if let Some(last) = last_ns {
                    prop_assert!((change.at_ns - last) as f64 >= config.up_after_s * 1e9);
                }
            }
            last_ns = Some(change.at_ns);
        }
    }

    /// From wherever it was driven to, room brings full quality back within the longest waits.
    #[test]
    fn it_never_starves(readings in prop::collection::vec(reading(), 1..200)) {
        let config = GovernorConfig::default();
        let mut governor = Governor::new(config.clone()).unwrap();
        let mut second = 0;
        for mut reading in readings {
            second += 1;
            reading.at_ns = second * SECOND_NS;
            governor.observe(&reading);
        }
        let most = (governor.ladder().last() as f64 + 2.0) * config.up_after_most_s;
        for _ in 0..most as u64 {
            second += 1;
            governor.observe(&Reading {
                at_ns: second * SECOND_NS,
                busy: Some(0.2),
                headroom_c: Some(40.0),
                ..Reading::default()
            });
        }
        prop_assert_eq!(governor.number(), 0);
    }
}
