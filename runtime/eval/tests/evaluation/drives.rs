//! The rules for drives, and their slices.

use crate::build::{Set, at, close, found, truth};
use drafthorse_eval::rules::drives::{DriveRules, Slice};
use drafthorse_eval::{Detection, Mistake, Rules, Truth, worst_misses};

fn object(x: f64, returns: u32, moving: bool) -> Truth {
    Truth {
        returns: Some(returns),
        returns_all: Some(returns),
        moving: Some(moving),
        ..truth("car", at(x, 0.0))
    }
}

fn hit(x: f64, score: f64) -> Detection {
    found("car", at(x, 0.0), score)
}

fn slice<'a>(slices: &'a [Slice], part: &str, measure: &str) -> &'a Slice {
    let mut slices = slices.iter();
    slices
        .find(|s| s.part == part && s.measure == measure)
        .unwrap()
}

#[test]
fn classes_without_truth_are_left_out() {
    let set = Set::one(vec![object(10.0, 3, true)], vec![hit(10.0, 0.9)]);
    let rules = Rules::Drives(DriveRules::default());
    let (evaluation, _) = rules.evaluate(&set.scenes()).unwrap();
    let means: Vec<_> = evaluation
        .means
        .iter()
        .map(|m| m.measure.as_str())
        .collect();
    assert_eq!(means, ["distance", "bev_iou"]);
    close(evaluation.means[0].map_percent, 100.0);
    close(evaluation.means[1].map_percent, 100.0);
}

#[test]
fn a_velocity_that_no_detection_gives_is_absent() {
    let mut truths = [10.0, 20.0].map(|x| object(x, 3, true));
    for truth in &mut truths {
        truth.object.velocity_mps = Some([3.0, 0.0]);
    }
    let rules = Rules::Drives(DriveRules::default());
    let errors = |found: Vec<Detection>, rules: &Rules| {
        let set = Set::one(truths.to_vec(), found);
        let (evaluation, _) = rules.evaluate(&set.scenes()).unwrap();
        (evaluation.errors, evaluation.mean_errors.unwrap())
    };
    let silent = vec![hit(10.0, 0.9), hit(20.0, 0.8)];
    let (of_classes, mean) = errors(silent.clone(), &rules);
    assert!(of_classes.iter().all(|class| class.velocity_mps.is_none()));
    assert_eq!(mean.velocity_mps, None);
    close(mean.translation_m.unwrap(), 0.75);
    let json = serde_json::to_value(&mean).unwrap();
    assert!(json["velocity_mps"].is_null(), "{json}");
    // One that gives it is judged by it; one that finds nothing has the largest error, as by nuScenes.
    let mut given = silent.clone();
    for found in &mut given {
        found.object.velocity_mps = Some([1.0, 0.0]);
    }
    close(errors(given, &rules).0[0].velocity_mps.unwrap(), 2.0);
    close(errors(vec![], &rules).1.velocity_mps.unwrap(), 1.0);
    // nuScenes' own rule counts what is not given as wrong.
    let (of_classes, _) = errors(silent, &Rules::NuScenes);
    close(of_classes[0].velocity_mps.unwrap(), 1.0);
}

#[test]
fn what_returned_nothing_is_ignored() {
    let mut older = object(40.0, 0, false);
    older.returns_all = Some(2);
    let set = Set::one(
        vec![object(10.0, 3, true), object(25.0, 0, true), older],
        vec![hit(25.0, 0.9), hit(10.0, 0.8)],
    );
    let rules = Rules::Drives(DriveRules::default());
    let (evaluation, _) = rules.evaluate(&set.scenes()).unwrap();
    let result = &evaluation.classes[0];
    assert_eq!(result.truths, 2);
    // One of two found, without a false alarm: 40 of 90 recalls by distance, half by overlap.
    close(result.ap_percent, 4000.0 / 90.0);
    close(evaluation.means[1].map_percent, 50.0);
    let strict = Rules::Drives(DriveRules {
        least_returns: 3,
        farthest_m: 20.0,
    });
    let (evaluation, _) = strict.evaluate(&set.scenes()).unwrap();
    assert_eq!(evaluation.classes[0].truths, 1);
    close(evaluation.means[0].map_percent, 100.0);
}

#[test]
fn slices_share_the_false_alarms() {
    let set = Set::one(
        vec![object(10.0, 1, false), object(30.0, 7, true)],
        vec![hit(30.0, 0.9), hit(50.0, 0.8), hit(10.0, 0.7)],
    );
    let rules = Rules::Drives(DriveRules::default());
    let (evaluation, _) = rules.evaluate(&set.scenes()).unwrap();
    let slices = &evaluation.slices;
    // The moving one comes before the false alarm, the static one after it.
    close(slice(slices, "moving", "bev_iou").ap_percent, 100.0);
    close(slice(slices, "static", "bev_iou").ap_percent, 50.0);
    close(slice(slices, "static", "bev_iou").recall_percent, 100.0);
    close(slice(slices, "5-9", "bev_iou").ap_percent, 100.0);
    close(slice(slices, "1", "bev_iou").ap_percent, 50.0);
    // By range the alarm at 50 m harms neither.
    close(slice(slices, "0-20 m", "bev_iou").ap_percent, 100.0);
    close(slice(slices, "20-40 m", "bev_iou").ap_percent, 100.0);
    // Parts without truth have no line.
    assert!(slices.iter().all(|s| s.truths == 1 && s.class == "car"));
    assert_eq!(slices.len(), 2 * 6);
}

#[test]
fn the_worst_mistakes_come_first_and_each_track_once() {
    let mut set = Set::default();
    let tracked = |x, returns, track| Truth {
        track: Some(track),
        ..object(x, returns, true)
    };
    let near = vec![
        tracked(10.0, 9, 1),
        tracked(30.0, 12, 2),
        tracked(70.0, 3, 3),
    ];
    set.add(
        "town/0",
        near.clone(),
        vec![hit(70.0, 0.9), hit(-20.0, 0.3)],
    );
    set.add("town/1", near, vec![hit(70.0, 0.9), hit(-30.0, 0.95)]);
    let scenes = set.scenes();
    let rules = Rules::Drives(DriveRules::default());
    let misses = worst_misses(&scenes, &rules, 9, 9);
    let told: Vec<_> = misses.iter().map(|m| (m.scene, m.mistake)).collect();
    // Best F1 takes everything from 0.9 on.
    assert_eq!(
        told,
        [
            (0, Mistake::Missed(1)),
            (0, Mistake::Missed(0)),
            (1, Mistake::FalseAlarm(1)),
        ]
    );
    close(misses[0].score, 0.9);
}
