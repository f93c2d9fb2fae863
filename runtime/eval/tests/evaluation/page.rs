//! The report page.

use crate::build::{Set, at, found, truth};
use drafthorse_eval::gate::{GateRules, decide};
use drafthorse_eval::report::{Judged, Report};
use drafthorse_eval::rules::drives::DriveRules;
use drafthorse_eval::{Rules, Truth};

#[test]
fn the_page_shows_everything_and_loads_nothing() {
    let mut set = Set::default();
    for scene in 0..3 {
        let seen = |x: f64, returns| Truth {
            returns: Some(returns),
            moving: Some(true),
            ..truth("car", at(x, 1.0))
        };
        set.add(
            &format!("<town>/{scene}"),
            vec![seen(10.0, 12), seen(25.0, 4)],
            vec![
                found("car", at(10.2, 1.0), 0.9),
                found("car", at(60.0, 5.0), 0.95),
            ],
        );
        set.labels[scene].points_m = vec![[25.0, 1.0, 0.3], [90.0, 1.0, 0.3]];
    }
    let scenes = set.scenes();
    let rules = Rules::Drives(DriveRules::default());
    let (evaluation, statistics) = rules.evaluate(&scenes).unwrap();
    let verdict = decide(
        &statistics,
        &statistics,
        &GateRules::no_worse(&["distance"]),
    )
    .unwrap();
    let page = Report {
        title: "radar-gaussian-s & others",
        notices: &["Trained on <synthetic> drives.".to_owned()],
        rules: &rules,
        detectors: &[
            Judged {
                name: "candidate",
                evaluation: &evaluation,
            },
            Judged {
                name: "incumbent",
                evaluation: &evaluation,
            },
        ],
        verdict: Some(&verdict),
        scenes: &scenes,
    }
    .render();
    assert!(page.contains("<h1>radar-gaussian-s &amp; others</h1>"));
    assert!(page.contains("Trained on &lt;synthetic&gt; drives."));
    assert!(page.contains("&lt;town&gt;/0") && !page.contains("<town>"));
    for heading in [
        "Average precision, %",
        "Errors of true positives",
        "By returns: distance",
        "By motion: bev_iou",
        "Precision over recall: distance",
        "Candidate against incumbent",
        "Worst misses",
        "Worst false alarms",
        "Gate: no",
        // The velocities.
        "not given",
    ] {
        assert!(page.contains(heading), "{heading}");
    }
    for outside in ["<script", "http:", "https:", "url(", "<img", "{{"] {
        assert!(!page.contains(outside), "{outside}");
    }
    // Of each scene one missed car and one false alarm, each with its one point in view.
    assert_eq!(page.matches("class=\"wrong\"").count(), 6);
    assert_eq!(page.matches("class=\"point\"").count(), 3);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    // The same input gives the same bytes.
    let again = rules.evaluate(&scenes).unwrap().0;
    assert_eq!(again, evaluation);
}
