//! The bootstrap and the gate on known data.

use crate::build::{Set, at, close, found, noise, object, seen, truth};
use drafthorse_eval::bootstrap::{Bootstrap, Unit};
use drafthorse_eval::gate::{GateRules, decide};
use drafthorse_eval::rules::drives::DriveRules;
use drafthorse_eval::{Detection, EvalError, Rules, Statistics, View};

const DRIVES: Rules = Rules::Drives(DriveRules {
    least_returns: 1,
    farthest_m: f64::INFINITY,
});

/// Scenes with cars and pedestrians; a car is found where `finds` says so of its scene and number.
fn set(scenes: u32, finds: impl Fn(u32, u32) -> bool) -> Set {
    let mut set = Set::default();
    let mut state = 7;
    for scene in 0..scenes {
        let (mut truths, mut detections) = (Vec::new(), Vec::new());
        for number in 0..4 {
            let class = if number == 3 { "pedestrian" } else { "car" };
            let spot = at(8.0 + 9.0 * f64::from(number), 0.0);
            truths.push(truth(class, spot));
            let score = noise(&mut state);
            if finds(scene, number) {
                detections.push(found(class, spot, score));
            }
        }
        let spot = at(-9.0, 20.0 * noise(&mut state));
        detections.push(found("car", spot, noise(&mut state)));
        set.add(&format!("drive-{}/{scene}", scene / 10), truths, detections);
    }
    set
}

fn statistics(set: &Set) -> Statistics {
    DRIVES.evaluate(&set.scenes()).unwrap().1
}

#[test]
fn weighting_a_scene_is_repeating_it() {
    let mut state = 3;
    for rules in [
        DRIVES,
        Rules::ViewOfDelft,
        Rules::Tj4dRadSet,
        Rules::NuScenes,
    ] {
        let mut once = Set::default();
        let (mut repeated, mut weights) = (Set::default(), Vec::new());
        for scene in 0..30 {
            let (mut truths, mut detections) = (Vec::new(), Vec::new());
            for _ in 0..6 {
                let class = if noise(&mut state) < 0.5 {
                    "car"
                } else {
                    "pedestrian"
                };
                let spot = at(
                    5.0 + 40.0 * noise(&mut state),
                    20.0 * noise(&mut state) - 10.0,
                );
                let mut labelled = truth(class, spot);
                labelled.object.view = Some(seen(30.0 + 40.0 * noise(&mut state)));
                truths.push(labelled);
                let mut near = spot;
                near.centre_m[0] += 2.0 * noise(&mut state);
                detections.push(Detection {
                    object: drafthorse_eval::Object {
                        view: Some(View {
                            alpha_rad: noise(&mut state),
                            ..seen(30.0 + 40.0 * noise(&mut state))
                        }),
                        ..object(class, near)
                    },
                    score: noise(&mut state),
                });
            }
            let weight = (4.0 * noise(&mut state)) as u32;
            for copy in 0..weight {
                let id = format!("{scene}.{copy}");
                repeated.add(&id, truths.clone(), detections.clone());
            }
            once.add(&scene.to_string(), truths, detections);
            weights.push(weight);
        }
        let weighted = rules.evaluate(&once.scenes()).unwrap().1;
        let copied = rules.evaluate(&repeated.scenes()).unwrap().1;
        let mut compared = 0;
        for (a, b) in weighted.classes.iter().zip(&copied.classes) {
            assert_eq!(a.positives(&weights), b.positives(&copied.once()));
            close(
                a.average_percent(&weights),
                b.average_percent(&copied.once()),
            );
            compared += usize::from(a.average_percent(&weights) > 1.0);
        }
        assert!(compared >= 2, "{} tests too little", rules.name());
    }
}

#[test]
fn equal_detectors_do_not_differ() {
    let one = statistics(&set(40, |scene, number| (scene + number) % 3 != 0));
    let compared = Bootstrap::default()
        .compare(&one, &one, "distance")
        .unwrap();
    assert_eq!(compared.len(), 3);
    assert_eq!(compared[0].class, None);
    for c in compared {
        assert_eq!((c.difference, c.low, c.high), (0.0, 0.0, 0.0));
        close(c.not_better_share, 1.0);
    }
}

#[test]
fn a_better_detector_is_surely_better() {
    let better = statistics(&set(100, |scene, number| (scene + number) % 5 != 0));
    let worse = statistics(&set(100, |scene, number| (scene + number) % 2 != 0));
    let bootstrap = Bootstrap::default();
    let there = bootstrap.compare(&better, &worse, "distance").unwrap();
    let back = bootstrap.compare(&worse, &better, "distance").unwrap();
    assert!(there[0].low > 5.0, "{:?}", there[0]);
    assert!(there[0].low < there[0].difference && there[0].difference < there[0].high);
    close(there[0].not_better_share, 0.0);
    // The other way round the same draws give the mirrored interval.
    close(there[0].low, -back[0].high);
    close(there[0].high, -back[0].low);
    // The same seed gives the same bits; another seed other draws.
    assert_eq!(
        there,
        bootstrap.compare(&better, &worse, "distance").unwrap()
    );
    let other = Bootstrap {
        seed: 2,
        ..bootstrap
    };
    assert_ne!(there, other.compare(&better, &worse, "distance").unwrap());
}

#[test]
fn the_interval_of_a_share_is_the_binomials() {
    // One car a scene and no false alarm: with overlap, the average precision is about the share
    // found, and its standard error sqrt(p (1 - p) / n).
    let share = |finds: fn(u32) -> bool| {
        let mut set = Set::default();
        for scene in 0..400 {
            let spot = at(10.0, 0.0);
            let detections = if finds(scene) {
                vec![found("car", spot, 0.5)]
            } else {
                vec![]
            };
            set.add(&scene.to_string(), vec![truth("car", spot)], detections);
        }
        statistics(&set)
    };
    let [all, some] = [share(|_| true), share(|scene| scene % 4 != 0)];
    let bootstrap = Bootstrap {
        draws: 4000,
        ..Bootstrap::default()
    };
    let compared = bootstrap.compare(&all, &some, "bev_iou").unwrap();
    close(compared[0].difference, 25.0);
    let half = 100.0 * 1.96 * (0.25f64 * 0.75 / 400.0).sqrt();
    // Recall comes in steps of 1/40, which smears the ends by as much.
    assert!(
        (compared[0].low - (25.0 - half)).abs() < 2.0,
        "{compared:?}"
    );
    assert!(
        (compared[0].high - (25.0 + half)).abs() < 2.0,
        "{compared:?}"
    );
}

#[test]
fn frames_of_a_drive_are_no_independent_witnesses() {
    // In every second drive all is found, in the others nothing: ten drives, not a hundred frames.
    let some = statistics(&set(100, |scene, _| scene / 10 % 2 == 0));
    let most = statistics(&set(100, |_, _| true));
    let width = |unit| {
        let bootstrap = Bootstrap {
            unit,
            ..Bootstrap::default()
        };
        let compared = bootstrap.compare(&most, &some, "distance").unwrap();
        compared[0].high - compared[0].low
    };
    let [drives, frames] = [width(Unit::Drive), width(Unit::Scene)];
    assert!(drives > 2.0 * frames, "{drives} against {frames}");
}

#[test]
fn the_gate_says_why() {
    let good = statistics(&set(150, |scene, number| (scene + number) % 5 != 0));
    let bad = statistics(&set(150, |scene, number| (scene + number) % 2 != 0));
    let rules = GateRules::no_worse(&["distance", "bev_iou"]);
    let verdict = decide(&good, &bad, &rules).unwrap();
    assert!(verdict.yes, "{:?}", verdict.reasons);
    assert_eq!(verdict.reasons.len(), 2);
    assert_eq!(verdict.comparisons.len(), 6);
    let verdict = decide(&bad, &good, &rules).unwrap();
    assert!(!verdict.yes);
    assert!(
        verdict.reasons[0].contains("distance mAP"),
        "{:?}",
        verdict.reasons
    );
    // The same model passes, and a small loss where it is allowed.
    assert!(decide(&good, &good, &rules).unwrap().yes);
    let nearly = statistics(&set(150, |scene, number| {
        (scene + number) % 5 != 0 && (scene, number) != (11, 0)
    }));
    assert!(!decide(&nearly, &good, &rules).unwrap().yes);
    let tolerant = GateRules {
        least_gain: -2.0,
        ..rules.clone()
    };
    assert!(decide(&nearly, &good, &tolerant).unwrap().yes);
}

#[test]
fn the_gate_refuses_few_scenes_and_a_lost_class() {
    let few = statistics(&set(50, |_, _| true));
    let verdict = decide(&few, &few, &GateRules::no_worse(&["distance"])).unwrap();
    assert!(!verdict.yes);
    assert!(
        verdict.reasons[0].contains("50 scenes"),
        "{:?}",
        verdict.reasons
    );
    // Cars gain far more than the lost pedestrians cost the mean... which still is a no.
    let gains = statistics(&set(200, |scene, number| number != 3 || scene % 10 != 0));
    let keeps = statistics(&set(200, |scene, number| number == 3 || scene % 4 == 0));
    let verdict = decide(&gains, &keeps, &GateRules::no_worse(&["distance"])).unwrap();
    assert!(verdict.comparisons[0].low > 0.0);
    assert!(!verdict.yes);
    assert!(
        verdict.reasons[0].contains("pedestrian"),
        "{:?}",
        verdict.reasons
    );
}

#[test]
fn only_like_is_compared_with_like() {
    let all = |_, _| true;
    let [one, other] = [statistics(&set(50, all)), statistics(&set(49, all))];
    let bootstrap = Bootstrap::default();
    for (a, b, measure) in [(&one, &other, "distance"), (&one, &one, "height")] {
        let error = bootstrap.compare(a, b, measure).unwrap_err();
        assert!(matches!(error, EvalError::NotComparable));
    }
}
