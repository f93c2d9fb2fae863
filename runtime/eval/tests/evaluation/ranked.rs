//! Average precision by ranking, and nuScenes' rules, on cases worked by hand.

use crate::build::{Set, at, close, found, truth};
use drafthorse_eval::Area;
use drafthorse_eval::ranking::{Criterion, Ranking, Standing};
use drafthorse_eval::{Box3, Detection, Object, Rules, Truth};

const CLIPPED: Area = Area::Clipped {
    min_recall: 0.1,
    min_precision: 0.1,
};

fn ranking(set: &Set, criterion: Criterion) -> Ranking {
    Ranking::new(&set.scenes(), criterion, |_| Standing::Counted, |_| true)
}

/// Truths 10 m apart; detections on those of `hits`, and far away where it says none.
fn set(truths: u32, hits: &[Option<u32>]) -> Set {
    let spot = |i: u32| at(10.0 * f64::from(i), 0.0);
    let detections = hits.iter().enumerate().map(|(rank, hit)| {
        let shape = hit.map_or(at(-50.0, 10.0 * rank as f64), spot);
        found("car", shape, 1.0 - 0.01 * rank as f64)
    });
    let truths = (0..truths).map(|i| truth("car", spot(i)));
    Set::one(truths.collect(), detections.collect())
}

#[test]
fn clipped_area() {
    // Half found without a false alarm: precision 1 up to recall 0.5, 40 of the 90 recalls above 0.1.
    let half: Vec<_> = (0..5).map(Some).collect();
    let half = ranking(&set(10, &half), Criterion::Distance(2.0));
    close(half.average_precision(CLIPPED, &[1]), 40.0 / 90.0);
    close(half.recall(), 0.5);
    // One of one at rank two: precision 1/2 from recall 1 on, and between the points (0, 0) and
    // (1, 1/2) it rises.
    let late = ranking(&set(1, &[None, Some(0)]), Criterion::Distance(2.0));
    let expected: f64 = (11..=100)
        .map(|k| (0.005 * f64::from(k) - 0.1).max(0.0))
        .sum();
    close(late.average_precision(CLIPPED, &[1]), expected / 90.0 / 0.9);
    // Nothing found.
    let none = ranking(&set(3, &[None]), Criterion::Distance(2.0));
    close(none.average_precision(CLIPPED, &[1]), 0.0);
}

#[test]
fn envelope_area() {
    // hit, alarm, hit, of 4: precision 1 up to recall 1/4, 2/3 up to 1/2, nothing beyond.
    let hits = [Some(0), None, Some(1)];
    let ranking = ranking(&set(4, &hits), Criterion::BevIou(0.5));
    let expected = (10.0 + 10.0 * 2.0 / 3.0) / 40.0;
    close(ranking.average_precision(Area::Envelope40, &[1]), expected);
    // The same scene three times: 12 truths, and all steps are three wide.
    close(ranking.average_precision(Area::Envelope40, &[3]), expected);
}

#[test]
fn the_nearest_free_truth_is_taken_and_the_bound_is_open() {
    let truths = vec![truth("car", at(0.0, 0.0)), truth("car", at(3.0, 0.0))];
    let detections = vec![
        found("car", at(1.4, 0.0), 0.9),
        found("car", at(0.2, 0.0), 0.8),
        found("car", at(5.0, 0.0), 0.7),
    ];
    let set = Set::one(truths, detections);
    let hits = |criterion| -> Vec<Option<u32>> {
        let ranking = ranking(&set, criterion);
        ranking.ranked.iter().map(|r| r.found).collect()
    };
    // The first takes truth 0; the second has only truth 1 left, 2.8 m away; the third is then late.
    assert_eq!(hits(Criterion::Distance(4.0)), [Some(0), Some(1), None]);
    // 2 m is not nearer than 2 m.
    assert_eq!(hits(Criterion::Distance(2.0)), [Some(0), None, None]);
}

#[test]
fn ignored_truth_costs_nothing() {
    let mut hard = truth("car", at(20.0, 0.0));
    hard.returns = Some(0);
    let set = Set::one(
        vec![truth("car", at(0.0, 0.0)), hard],
        vec![
            found("car", at(20.0, 0.0), 0.9),
            found("car", at(20.5, 0.0), 0.8),
            found("car", at(0.0, 0.0), 0.7),
        ],
    );
    let standing = |t: &Truth| {
        if t.returns == Some(0) {
            Standing::Ignored
        } else {
            Standing::Counted
        }
    };
    let ranking = Ranking::new(&set.scenes(), Criterion::Distance(2.0), standing, |_| true);
    // It takes one detection; the second one on it is a false alarm.
    let found: Vec<_> = ranking.ranked.iter().map(|r| (r.score, r.found)).collect();
    assert_eq!(found, [(0.8, None), (0.7, Some(0))]);
    assert_eq!(ranking.truths, [1]);
}

/// Ten cars, all found, each detection off in the same way.
fn ten_cars(off: impl Fn(&mut Detection)) -> Set {
    let spots: Vec<Box3> = (0..10)
        .map(|i| at(-45.0 + 9.0 * f64::from(i), 0.0))
        .collect();
    let truths = spots.iter().map(|s| Truth {
        object: Object {
            velocity_mps: Some([3.0, 0.0]),
            attribute: Some("vehicle.moving".into()),
            ..truth("car", *s).object
        },
        ..Truth::default()
    });
    let detections = spots.iter().enumerate().map(|(i, s)| {
        let mut detection = found("car", *s, 0.9 - 0.01 * i as f64);
        detection.object.velocity_mps = Some([3.0, 0.0]);
        detection.object.attribute = Some("vehicle.moving".into());
        off(&mut detection);
        detection
    });
    Set::one(truths.collect(), detections.collect())
}

#[test]
fn errors_of_true_positives() {
    let set = ten_cars(|d| {
        d.object.shape.centre_m[1] += 0.3;
        d.object.shape.size_m[0] *= 2.0;
        d.object.shape.yaw_rad += 7.0;
        d.object.velocity_mps = Some([3.0, 4.0]);
        d.object.attribute = Some("vehicle.parked".into());
    });
    let (evaluation, _) = Rules::NuScenes.evaluate(&set.scenes()).unwrap();
    let car = &evaluation.errors[0];
    close(car.translation_m.unwrap(), 0.3);
    close(car.scale.unwrap(), 0.5);
    close(car.orientation_rad.unwrap(), 7.0 - std::f64::consts::TAU);
    close(car.velocity_mps.unwrap(), 4.0);
    close(car.attribute.unwrap(), 1.0);
    // All are found at every distance: 100 %, of one class in ten.
    close(evaluation.classes[0].ap_percent, 100.0);
    close(evaluation.means[0].map_percent, 10.0);
    // Classes without truth have errors of 1; the others' headings and attributes are not asked.
    let cone = &evaluation.errors[8];
    close(cone.translation_m.unwrap(), 1.0);
    assert_eq!(cone.orientation_rad, None);
    close(
        evaluation.mean_errors.as_ref().unwrap().scale.unwrap(),
        0.95,
    );
}

#[test]
fn an_error_that_no_label_tells_is_absent() {
    let mut set = ten_cars(|_| {});
    for truth in &mut set.labels[0].truth {
        truth.object.attribute = None;
    }
    let (evaluation, _) = Rules::NuScenes.evaluate(&set.scenes()).unwrap();
    assert_eq!(evaluation.errors[0].attribute, None);
    close(evaluation.errors[0].velocity_mps.unwrap(), 0.0);
    set.labels[0].truth[0].object.attribute = Some("vehicle.moving".into());
    let (evaluation, _) = Rules::NuScenes.evaluate(&set.scenes()).unwrap();
    close(evaluation.errors[0].attribute.unwrap(), 0.0);
}

#[test]
fn nuscenes_leaves_out_what_is_far_or_without_returns() {
    let mut silent = truth("car", at(10.0, 0.0));
    silent.returns = Some(0);
    let truths = vec![
        truth("car", at(49.9, 0.0)),
        truth("car", at(50.0, 0.0)),
        truth("pedestrian", at(40.0, 0.0)),
        silent,
    ];
    let set = Set::one(truths, vec![found("car", at(49.9, 0.0), 0.5)]);
    let (evaluation, _) = Rules::NuScenes.evaluate(&set.scenes()).unwrap();
    let truths: Vec<u64> = evaluation.classes.iter().map(|c| c.truths).collect();
    assert_eq!(truths, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let many = vec![found("car", at(1.0, 0.0), 0.5); 501];
    let set = Set::one(vec![], many);
    let error = Rules::NuScenes.evaluate(&set.scenes()).unwrap_err();
    assert!(error.to_string().contains("501"), "{error}");
}
