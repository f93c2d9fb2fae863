//! View-of-Delft's and TJ4DRadSet's rules on cases worked by hand.

use crate::build::{Set, at, close, found, object, seen, truth};
use drafthorse_eval::{Box3, Detection, Evaluation, Rules, Truth};

fn judged(rules: Rules, set: &Set) -> Evaluation {
    rules.evaluate(&set.scenes()).unwrap().0
}

fn ap(evaluation: &Evaluation, measure: &str, class: &str) -> f64 {
    let mut results = evaluation.classes.iter();
    let result = results.find(|r| r.measure == measure && r.class == class);
    result.unwrap().ap_percent
}

/// One hit of score 0.5 beside `truth` and `detection` of score 0.9: 1/11 where the detection does not
/// count, half of that where it is a false alarm.
fn with_a_hit(truths: Vec<Truth>, detections: Vec<Detection>) -> Set {
    let mut all = vec![truth("car", at(10.0, 0.0))];
    all.extend(truths);
    let mut found_ones = vec![found("car", at(10.0, 0.0), 0.5)];
    found_ones.extend(detections);
    Set::one(all, found_ones)
}

const HIT: f64 = 100.0 / 11.0;

#[test]
fn thresholds_cap_the_average_of_few_truths() {
    // n perfect hits give n thresholds up to 41, and every fourth of 41 positions counts.
    for (truths, positions) in [(1, 1.0), (4, 1.0), (5, 2.0), (40, 10.0), (200, 11.0)] {
        let spots: Vec<Box3> = (0..truths).map(|i| at(5.0, 5.0 * f64::from(i))).collect();
        let set = Set::one(
            spots.iter().map(|s| truth("car", *s)).collect(),
            spots.iter().map(|s| found("car", *s, 0.9)).collect(),
        );
        let evaluation = judged(Rules::ViewOfDelft, &set);
        let figure = ap(&evaluation, "entire_area.3d", "car");
        close(figure, 100.0 * positions / 11.0);
    }
}

#[test]
fn a_false_alarm_before_the_hit_halves_it() {
    let set = with_a_hit(vec![], vec![found("car", at(20.0, 3.0), 0.9)]);
    let evaluation = judged(Rules::ViewOfDelft, &set);
    close(ap(&evaluation, "entire_area.3d", "car"), HIT / 2.0);
    close(ap(&evaluation, "entire_area.bev", "car"), HIT / 2.0);
    // Behind it, it costs nothing.
    let set = with_a_hit(vec![], vec![found("car", at(20.0, 3.0), 0.4)]);
    let evaluation = judged(Rules::ViewOfDelft, &set);
    close(ap(&evaluation, "entire_area.3d", "car"), HIT);
    // The mean is over all three classes, found or not.
    close(evaluation.means[0].map_percent, HIT / 3.0);
}

#[test]
fn ignored_truth_absorbs_a_detection() {
    let spot = at(20.0, 0.0);
    let occluded = |level| Truth {
        occlusion: Some(level),
        ..truth("car", spot)
    };
    let high = |height_px| Truth {
        object: drafthorse_eval::Object {
            view: Some(seen(height_px)),
            ..object("car", spot)
        },
        ..truth("car", spot)
    };
    for (other, counted) in [
        (occluded(4), true),
        (occluded(5), false),
        (high(40.1), true),
        (high(40.0), false),
        (truth("van", spot), false),
    ] {
        let set = with_a_hit(vec![other], vec![found("car", spot, 0.9)]);
        let evaluation = judged(Rules::ViewOfDelft, &set);
        let result = &evaluation.classes[0];
        assert_eq!(result.truths, if counted { 2 } else { 1 });
        close(result.ap_percent, HIT);
    }
    // Of another class it does not.
    let set = with_a_hit(vec![truth("truck", spot)], vec![found("car", spot, 0.9)]);
    let evaluation = judged(Rules::ViewOfDelft, &set);
    close(ap(&evaluation, "entire_area.3d", "car"), HIT / 2.0);
}

#[test]
fn low_detections_are_ignored_whatever_their_class() {
    let low = |class, spot, height_px| Detection {
        object: drafthorse_eval::Object {
            view: Some(seen(height_px)),
            ..object(class, spot)
        },
        score: 0.9,
    };
    let away = at(20.0, 3.0);
    for (detection, expected) in [
        (low("car", away, 40.0), HIT / 2.0),
        (low("car", away, 39.9), HIT),
    ] {
        let set = with_a_hit(vec![], vec![detection]);
        let evaluation = judged(Rules::ViewOfDelft, &set);
        close(ap(&evaluation, "entire_area.3d", "car"), expected);
    }
    // A low pedestrian on the car takes it from the better-scored pass: neither hit nor miss.
    let set = Set::one(
        vec![truth("car", at(10.0, 0.0))],
        vec![low("pedestrian", at(10.0, 0.0), 39.0)],
    );
    let evaluation = judged(Rules::ViewOfDelft, &set);
    close(ap(&evaluation, "entire_area.3d", "car"), 0.0);
    let with_hit = Set::one(
        vec![truth("car", at(10.0, 0.0)), truth("car", at(20.0, 0.0))],
        vec![
            low("pedestrian", at(10.0, 0.0), 39.0),
            found("car", at(20.0, 0.0), 0.5),
        ],
    );
    let evaluation = judged(Rules::ViewOfDelft, &with_hit);
    let result = &evaluation.classes[0];
    close(result.ap_percent, HIT);
    assert_eq!(result.parts[0].curve.recall, [1.0]);
}

#[test]
fn the_corridor_ignores_what_is_beside_and_beyond() {
    for (spot, inside) in [
        (at(10.0, 4.0), true),
        (at(10.0, 4.01), false),
        (at(10.0, -4.01), false),
        (at(25.0, 0.0), true),
        (at(25.1, 0.0), false),
    ] {
        let set = with_a_hit(vec![truth("car", spot)], vec![]);
        let evaluation = judged(Rules::ViewOfDelft, &set);
        let truths = |measure| {
            let mut results = evaluation.classes.iter();
            let result = results.find(|r| r.measure == measure && r.class == "car");
            result.unwrap().truths
        };
        assert_eq!(truths("entire_area.3d"), 2);
        assert_eq!(truths("corridor.3d"), if inside { 2 } else { 1 });
    }
    // A false alarm outside costs in the entire area only.
    let set = with_a_hit(vec![], vec![found("car", at(10.0, 9.0), 0.9)]);
    let evaluation = judged(Rules::ViewOfDelft, &set);
    close(ap(&evaluation, "entire_area.3d", "car"), HIT / 2.0);
    close(ap(&evaluation, "corridor.3d", "car"), HIT);
}

#[test]
fn pictures_have_regions_without_labels_and_headings() {
    let mut set = with_a_hit(vec![], vec![]);
    let mut turned = found("car", at(10.0, 0.0), 0.5);
    turned.object.view = Some(drafthorse_eval::View {
        alpha_rad: std::f64::consts::FRAC_PI_3,
        ..seen(100.0)
    });
    let mut stray = found("car", at(40.0, 9.0), 0.9);
    let mut beside = seen(100.0);
    beside.bounds.left_px = 500.0;
    beside.bounds.right_px = 550.0;
    stray.object.view = Some(beside);
    set.answers[0].detections = vec![turned, stray];
    let evaluation = judged(Rules::ViewOfDelft, &set);
    // (1 + cos 60°) / 2 of a hit, with a false alarm beside it.
    close(ap(&evaluation, "entire_area.aos", "car"), 0.75 * HIT / 2.0);
    set.labels[0].dont_care.push(beside.bounds);
    let evaluation = judged(Rules::ViewOfDelft, &set);
    close(ap(&evaluation, "entire_area.aos", "car"), 0.75 * HIT);
    // Boxes in space know no such regions.
    close(ap(&evaluation, "entire_area.3d", "car"), HIT / 2.0);
}

#[test]
fn overlaps_must_be_larger_than_the_class_asks() {
    // Two boxes of 4 m moved by d along their length overlap (4 - d) / (4 + d); the devkit turns
    // detections by 0.01 rad, which takes a little away.
    let moved = |d: f64| {
        Set::one(
            vec![truth("car", at(10.0, 0.0))],
            vec![found("car", at(10.0 + d, 0.0), 0.5)],
        )
    };
    for (d, expected) in [(1.2, HIT), (1.4, 0.0)] {
        let evaluation = judged(Rules::ViewOfDelft, &moved(d));
        close(ap(&evaluation, "entire_area.bev", "car"), expected);
        let evaluation = judged(Rules::Tj4dRadSet, &moved(d));
        close(
            ap(&evaluation, "moderate.bev", "car"),
            expected * 11.0 / 40.0,
        );
    }
}

#[test]
fn tj4dradset_counts_by_range_in_space() {
    // The bottom is 0.75 m below the centre.
    let near = (70.0f64.powi(2) - 0.75 * 0.75).sqrt();
    for (x, moderate, easy) in [
        (49.0, 1, 1),
        (51.0, 1, 0),
        (near, 1, 0),
        (near + 1e-6, 0, 0),
    ] {
        let set = Set::one(vec![truth("truck", at(x, 0.0))], vec![]);
        let evaluation = judged(Rules::Tj4dRadSet, &set);
        let truths = |measure| {
            let mut results = evaluation.classes.iter();
            let result = results.find(|r| r.measure == measure && r.class == "truck");
            result.unwrap().truths
        };
        assert_eq!(truths("moderate.3d"), moderate);
        assert_eq!(truths("easy.3d"), easy);
        assert_eq!(truths("hard.3d"), 1);
    }
    // A perfect detector gets 41 positions of 40.
    let spots: Vec<Box3> = (0..200).map(|i| at(5.0, 0.3 * f64::from(i))).collect();
    let set = Set::one(
        spots.iter().map(|s| truth("car", *s)).collect(),
        spots.iter().map(|s| found("car", *s, 0.9)).collect(),
    );
    let evaluation = judged(Rules::Tj4dRadSet, &set);
    close(ap(&evaluation, "moderate.3d", "car"), 102.5);
}

#[test]
fn what_the_rules_need_is_asked_for() {
    let mut set = with_a_hit(vec![], vec![]);
    set.labels[0].truth[0].occlusion = None;
    let error = Rules::ViewOfDelft.evaluate(&set.scenes()).unwrap_err();
    assert!(error.to_string().contains("occlusion"), "{error}");
    set.answers[0].detections[0].object.view = None;
    let error = Rules::ViewOfDelft.evaluate(&set.scenes()).unwrap_err();
    assert!(error.to_string().contains("rectangle"), "{error}");
}
