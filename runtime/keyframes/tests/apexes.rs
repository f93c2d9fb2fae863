//! Apexes of a stream against a plain search over the whole of it, and what a budget keeps of them.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_keyframes::{
    Apex, ApexConfig, Apexes, Budget, BudgetConfig, Cues, Moment, Weights, highest,
};
use proptest::prelude::*;

/// Only the vehicle's own braking counts.
fn config() -> ApexConfig {
    ApexConfig {
        window: 3,
        apart: 4,
        around: 9,
        weights: Weights {
            picture: 0.0,
            braking: 1.0,
            leader_braking: 0.0,
            conflict: 0.0,
            urgency: 0.0,
            entry: 0.0,
            turnover: 0.0,
            danger: 0.0,
        },
    }
}

fn moment(i: usize, braking: f32) -> Moment {
    Moment {
        begin_ns: i as u64 * 100_000_000,
        end_ns: (i as u64 + 1) * 100_000_000,
        cues: Some(Cues {
            braking,
            ..Cues::default()
        }),
        ..Moment::default()
    }
}

fn streamed(values: &[f32], config: &ApexConfig) -> Vec<Apex> {
    let mut apexes = Apexes::new(config).unwrap();
    let moments = values.iter().enumerate().map(|(i, v)| moment(i, *v));
    let mut found: Vec<_> = moments.filter_map(|m| apexes.push(&m)).collect();
    found.extend(apexes.finish());
    found
}

/// The same by the definition: index and priority.
fn searched(values: &[f32], config: &ApexConfig) -> Vec<(usize, f32)> {
    let w = config.window;
    let mean = |from: usize, to: usize| values[from..to].iter().sum::<f32>() / w as f32;
    let at = |t: usize| (mean(t, t + w) - mean(t - w, t)).max(0.0);
    let v: Vec<_> = (w..(values.len() + 1).saturating_sub(w)).map(at).collect();
    let mut found = Vec::new();
    for (i, value) in v.iter().enumerate() {
        let near = |d: usize| i.saturating_sub(d)..(i + d + 1).min(v.len());
        let first = near(config.apart).find(|j| v[*j] >= *value - 1e-6);
        let highest = near(config.apart).all(|j| v[j] <= *value + 1e-6);
        let mut around = v[near(config.around)].to_vec();
        around.sort_by(f32::total_cmp);
        let priority = value - around[around.len() / 2];
        if highest && first == Some(i) && priority > 1e-5 {
            found.push((i + w, priority));
        }
    }
    found
}

proptest! {
    #[test]
    fn a_stream_has_the_apexes_of_the_whole(
        steps in prop::collection::vec(0_u8..8, 0..120),
    ) {
        let values: Vec<f32> = steps.iter().map(|s| f32::from(*s)).collect();
        let config = config();
        let wanted = searched(&values, &config);
        let found = streamed(&values, &config);
        let at = |a: &Apex| (a.moment.begin_ns / 100_000_000) as usize;
        prop_assert_eq!(
            found.iter().map(at).collect::<Vec<_>>(),
            wanted.iter().map(|w| w.0).collect::<Vec<_>>()
        );
        for (apex, (_, priority)) in found.iter().zip(&wanted) {
            prop_assert!((apex.priority - priority).abs() < 1e-4);
        }
    }

    #[test]
    fn no_period_costs_more_than_the_budget(
        apexes in prop::collection::vec((1_u64..40, 0.0_f32..2.0, 1_u32..4), 0..200),
        budget in 1.0_f64..12.0,
    ) {
        let config = BudgetConfig { keyframes: budget, bytes: None, period_s: 30.0, least: Some(0.2), horizon_s: 5.0 };
        let mut spending = Budget::new(&config).unwrap();
        let (mut at, mut costs, mut kept) = (0, std::collections::HashMap::new(), Vec::new());
        for (step, priority, cost) in apexes {
            at += step;
            let apex = Apex { moment: moment(at as usize, 0.0), priority };
            costs.insert(apex.moment.begin_ns, f64::from(cost));
            spending.pass(apex.moment.begin_ns, |a| kept.push(a.moment.begin_ns));
            spending.offer(apex, f64::from(cost));
        }
        spending.finish(|a| kept.push(a.moment.begin_ns));
        prop_assert!(kept.is_sorted());
        for from in &kept {
            let within = kept.iter().filter(|k| (*from..from + 30_000_000_000).contains(*k));
            prop_assert!(within.map(|k| costs[k]).sum::<f64>() <= budget + 1e-9);
        }
    }
}

#[test]
fn an_event_stands_out_of_a_long_stretch_that_changes_more() {
    // A step of 0.6; 10 s later 20 s in which every moment adds 0.25 and a little jitter.
    let mut values = vec![0.0; 400];
    values[100..].iter_mut().for_each(|v| *v = 0.6);
    for i in 200..400 {
        values[i] = values[i - 1] + 0.25 + 0.02 * ((i * 7) % 5) as f32;
    }
    let rise =
        |t: usize| values[t..t + 3].iter().sum::<f32>() - values[t - 3..t].iter().sum::<f32>();
    assert!(
        rise(300) > rise(100),
        "the stretch changes more than the event"
    );
    let found = streamed(&values, &config());
    assert!(found.len() > 20, "the stretch has apexes: {}", found.len());
    let kept: Vec<_> = highest(found, 2)
        .iter()
        .map(|a| a.moment.begin_ns / 100_000_000)
        .collect();
    assert!(kept.contains(&100), "{kept:?}");
}

#[test]
fn a_better_moment_that_follows_has_the_first_claim() {
    let config = BudgetConfig {
        keyframes: 1.0,
        bytes: None,
        period_s: 60.0,
        least: Some(0.1),
        horizon_s: 5.0,
    };
    let keep = |second: f32| {
        let mut spending = Budget::new(&config).unwrap();
        let mut kept = Vec::new();
        for (at, priority) in [(10, 0.5), (40, second)] {
            spending.offer(
                Apex {
                    moment: moment(at, 0.0),
                    priority,
                },
                1.0,
            );
        }
        for now in 0..200 {
            spending.pass(now * 100_000_000, |a| {
                kept.push(a.moment.begin_ns / 100_000_000);
            });
        }
        kept
    };
    assert_eq!(keep(0.9), [40]);
    assert_eq!(keep(0.4), [10]);
}

/// What a budget keeps of apexes: when in tenths of a second, how high, at what cost. Each passes as it comes.
fn kept_of(config: &BudgetConfig, apexes: &[(usize, f32, f64)]) -> Vec<u64> {
    let mut spending = Budget::new(config).unwrap();
    let mut kept = Vec::new();
    let mut keep = |apex: Apex| kept.push(apex.moment.begin_ns / 100_000_000);
    for (at, priority, cost) in apexes {
        let moment = moment(*at, 0.0);
        let (now_ns, priority) = (moment.begin_ns, *priority);
        spending.offer(Apex { moment, priority }, *cost);
        spending.pass(now_ns, &mut keep);
    }
    spending.finish(keep);
    kept
}

#[test]
fn a_better_moment_of_another_period_claims_nothing() {
    let config = BudgetConfig {
        keyframes: 1.0,
        period_s: 5.0,
        ..BudgetConfig::default()
    };
    let apexes = [(1000, 1.0, 1.0), (1080, 1.1, 1.0)];
    assert_eq!(kept_of(&config, &apexes), [1000, 1080]);
    let apexes = [(1000, 1.0, 1.0), (1049, 1.1, 1.0)];
    assert_eq!(kept_of(&config, &apexes), [1049]);
    // The period ends where the next begins.
    let apexes = [(1000, 1.0, 1.0), (1050, 1.1, 1.0)];
    assert_eq!(kept_of(&config, &apexes), [1000, 1050]);
}

#[test]
fn what_can_never_be_paid_claims_nothing() {
    let config = BudgetConfig {
        bytes: Some(1000),
        ..BudgetConfig::default()
    };
    let apexes = [(1000, 1.0, 400.0), (1040, 2.0, 1001.0)];
    assert_eq!(kept_of(&config, &apexes), [1000]);
    let apexes = [(1000, 1.0, 400.0), (1040, 2.0, 1000.0)];
    assert_eq!(kept_of(&config, &apexes), [1040]);
}

#[test]
fn what_is_free_again_before_a_claim_is_there_for_it() {
    let config = BudgetConfig::default();
    // Five of six are spent; the first of them is a minute old before the last claim.
    let spent = [1000, 1200, 1300, 1350, 1400].map(|at| (at, 1.0, 1.0));
    let both = [(1570, 1.0, 1.0), (1605, 2.0, 1.0)];
    let kept = kept_of(&config, &[&spent[..], &both[..]].concat());
    assert_eq!(kept, [1000, 1200, 1300, 1350, 1400, 1570, 1605]);
    // The same before it is a minute old.
    let both = [(1550, 1.0, 1.0), (1595, 2.0, 1.0)];
    let kept = kept_of(&config, &[&spent[..], &both[..]].concat());
    assert_eq!(kept, [1000, 1200, 1300, 1350, 1400, 1595]);
}

#[test]
fn keyframes_go_on_where_the_clock_is_set_back() {
    let config = BudgetConfig::default();
    let mut spending = Budget::new(&config).unwrap();
    let mut kept = Vec::new();
    let mut keep = |apex: Apex| kept.push(apex.moment.begin_ns / 100_000_000);
    // A keyframe a second, an hour ahead; then the same from the beginning.
    let times = (36_000..36_200).step_by(10).chain((0..1500).step_by(10));
    for at in times {
        let moment = moment(at, 0.0);
        let (now_ns, priority) = (moment.begin_ns, 1.0);
        spending.pass(now_ns, &mut keep);
        spending.offer(Apex { moment, priority }, 1.0);
    }
    let ahead = (36_000..36_060).step_by(10);
    let back = [0, 600, 1200].map(|from| (from..from + 60).step_by(10));
    let wanted: Vec<u64> = ahead.chain(back.into_iter().flatten()).collect();
    assert_eq!(kept, wanted);
}

#[test]
fn a_slow_radars_or_a_lost_scan_is_no_calm() {
    // Steady braking from 3 s on; scans in every `each`-th moment, and none in `lost`.
    let found = |each: usize, lost: std::ops::Range<usize>| {
        let mut apexes = Apexes::new(&config()).unwrap();
        let moments = (0..150).map(|i| {
            let mut moment = moment(i, if i < 30 { 0.0 } else { 1.0 });
            if i % each != 0 || lost.contains(&i) {
                moment.cues = None;
            }
            moment
        });
        let mut found: Vec<_> = moments.filter_map(|m| apexes.push(&m)).collect();
        found.extend(apexes.finish());
        let at = |a: &Apex| (a.moment.begin_ns / 100_000_000, a.priority);
        found.iter().map(at).collect::<Vec<_>>()
    };
    assert_eq!(found(1, 0..0), [(30, 1.0)]);
    for lost in [80..81, 80..85, 80..100] {
        assert_eq!(found(1, lost), [(30, 1.0)]);
    }
    let slow = found(2, 80..85);
    assert_eq!(slow.len(), 1, "{slow:?}");
    assert!(
        (29..=30).contains(&slow[0].0) && slow[0].1 == 1.0,
        "{slow:?}"
    );
}

#[test]
fn what_does_not_stand_out_enough_costs_nothing() {
    let config = BudgetConfig {
        least: None,
        ..BudgetConfig::default()
    };
    let mut spending = Budget::new(&config).unwrap();
    for (at, priority) in [(10, 0.69), (40, 0.7), (70, 2.0)] {
        let moment = moment(at, 0.0);
        spending.offer(Apex { moment, priority }, 1.0);
    }
    let mut kept = Vec::new();
    spending.finish(|a| kept.push(a.moment.begin_ns / 100_000_000));
    assert_eq!(kept, [40, 70]);
}

#[test]
fn the_same_braking_counts_more_where_somebody_ahead_is_in_danger() {
    let weights = Weights {
        danger: 0.5,
        ..config().weights
    };
    let config = ApexConfig {
        weights,
        ..config()
    };
    let priority = |urgency: f32| {
        let mut apexes = Apexes::new(&config).unwrap();
        let moments = (0..60).map(|i| {
            let mut moment = moment(i, if i < 30 { 0.0 } else { 1.0 });
            // Danger that has passed when the braking begins counts too, within a window.
            let cues = moment.cues.as_mut().unwrap();
            cues.urgency = if i == 28 { urgency } else { 0.0 };
            moment
        });
        let mut found: Vec<_> = moments.filter_map(|m| apexes.push(&m)).collect();
        found.extend(apexes.finish());
        assert_eq!(found.len(), 1);
        found[0].priority
    };
    assert_eq!(priority(0.0), 1.0);
    assert_eq!(priority(0.8), 1.4);
}

#[test]
fn time_that_is_missing_is_no_change_of_scene() {
    let mut apexes = Apexes::new(&config()).unwrap();
    let mut found = Vec::new();
    for i in 0..60 {
        found.extend(apexes.push(&moment(i, 0.0)));
    }
    for i in 90..150 {
        found.extend(apexes.push(&moment(i, 1.0)));
    }
    found.extend(apexes.finish());
    assert_eq!(found, []);
}

#[test]
fn a_search_goes_on_from_its_written_state() {
    let values: Vec<f32> = (0..200).map(|i| ((i * 37) % 11) as f32).collect();
    let mut apexes = Apexes::new(&config()).unwrap();
    let mut found = Vec::new();
    for (i, value) in values.iter().enumerate() {
        found.extend(apexes.push(&moment(i, *value)));
        if i % 13 == 0 {
            let state = postcard::to_allocvec(&apexes).unwrap();
            apexes = postcard::from_bytes(&state).unwrap();
        }
    }
    found.extend(apexes.finish());
    assert_eq!(found, streamed(&values, &config()));
}

#[test]
fn a_search_that_cannot_be_is_refused() {
    let plain = ApexConfig::default();
    let weigh = |change: fn(&mut Weights)| {
        let mut config = plain;
        change(&mut config.weights);
        config
    };
    let nothing = Weights {
        braking: 0.0,
        leader_braking: 0.0,
        ..plain.weights
    };
    let cases = [
        (
            "window is 0; choose 1 to 100",
            ApexConfig { window: 0, ..plain },
        ),
        (
            "window is 101;",
            ApexConfig {
                window: 101,
                ..plain
            },
        ),
        (
            "apart is 31; choose 1 to 30",
            ApexConfig { apart: 31, ..plain },
        ),
        ("apart is 0;", ApexConfig { apart: 0, ..plain }),
        (
            "around is 1001; choose 1 to 1000",
            ApexConfig {
                around: 1001,
                ..plain
            },
        ),
        (
            "weights.braking is NaN; choose 0 to",
            weigh(|w| w.braking = f32::NAN),
        ),
        ("weights.turnover is -1;", weigh(|w| w.turnover = -1.0)),
        (
            "weights.picture is inf;",
            weigh(|w| w.picture = f32::INFINITY),
        ),
        ("weights.danger is -0.5;", weigh(|w| w.danger = -0.5)),
        (
            "the highest of the weights is 0;",
            ApexConfig {
                weights: nothing,
                ..plain
            },
        ),
    ];
    for (told, config) in cases {
        let error = Apexes::new(&config).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    assert!(plain.check().is_ok());
}

#[test]
fn a_budget_that_cannot_be_is_refused() {
    let plain = BudgetConfig::default();
    let cases = [
        (
            "keyframes",
            BudgetConfig {
                keyframes: 0.5,
                ..plain
            },
        ),
        (
            "period_s",
            BudgetConfig {
                period_s: 0.0,
                ..plain
            },
        ),
        (
            "period_s",
            BudgetConfig {
                period_s: f64::INFINITY,
                ..plain
            },
        ),
        (
            "keyframes",
            BudgetConfig {
                keyframes: f64::NAN,
                ..plain
            },
        ),
        (
            "horizon_s",
            BudgetConfig {
                horizon_s: -1.0,
                ..plain
            },
        ),
        (
            "least",
            BudgetConfig {
                least: Some(f32::NAN),
                ..plain
            },
        ),
        (
            "bytes",
            BudgetConfig {
                bytes: Some(0),
                ..plain
            },
        ),
    ];
    for (name, config) in cases {
        assert_eq!(Budget::new(&config).unwrap_err().name, name);
    }
    assert!(Budget::new(&plain).is_ok());
}
