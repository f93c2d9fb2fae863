//! Scores of cases small enough to be computed by hand.

use drafthorse_detector::evaluation::{
    Evaluation, Instant, Labelled, Scores, Similarity, evaluate,
};

fn at(id: u32, x_m: f64) -> Labelled {
    Labelled {
        id,
        x_m,
        length_m: 4.0,
        width_m: 2.0,
        ..Labelled::default()
    }
}

fn score(instants: &[Instant]) -> Scores {
    evaluate(instants, Similarity::default())
}

fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn perfect_tracks_score_one() {
    let instants: Vec<Instant> = (0..10)
        .map(|k| {
            let x = f64::from(k);
            let truth = vec![at(1, x), at(2, x + 20.0)];
            Instant {
                tracks: vec![at(7, x), at(9, x + 20.0)],
                truth,
            }
        })
        .collect();
    let s = score(&instants);
    for value in [
        s.hota,
        s.det_a,
        s.ass_a,
        s.loc_a,
        s.recall,
        s.precision,
        s.mota,
    ] {
        close(value, 1.0);
    }
    assert_eq!(
        (s.id_switches, s.fragmentations, s.truths, s.tracks),
        (0, 0, 20, 20)
    );
}

#[test]
fn one_identity_switch_half_way_halves_association() {
    let instants: Vec<Instant> = (0..10)
        .map(|k| Instant {
            truth: vec![at(1, 0.0)],
            tracks: vec![at(if k < 5 { 3 } else { 4 }, 0.0)],
        })
        .collect();
    let s = score(&instants);
    // Each half: 5 shared, 10 of the truth, 5 of the track: 5 / (10 + 5 - 5).
    close(s.ass_a, 0.5);
    close(s.det_a, 1.0);
    close(s.hota, 0.5_f64.sqrt());
    assert_eq!(s.id_switches, 1);
    close(s.mota, 0.9);
}

#[test]
fn a_swap_of_two_objects_counts_twice() {
    let instants: Vec<Instant> = (0..8)
        .map(|k| {
            let (a, b) = if k < 4 { (5, 6) } else { (6, 5) };
            Instant {
                truth: vec![at(1, 0.0), at(2, 9.0)],
                tracks: vec![at(a, 0.0), at(b, 9.0)],
            }
        })
        .collect();
    let s = score(&instants);
    assert_eq!(s.id_switches, 2);
    // Each pair: 4 shared, 8 of each: 4 / (8 + 8 - 4).
    close(s.ass_a, 1.0 / 3.0);
}

#[test]
fn half_missed_and_one_false_track() {
    let instants: Vec<Instant> = (0..10)
        .map(|k| {
            let mut tracks = vec![at(8, 50.0)];
            if k < 5 {
                tracks.push(at(3, 0.0));
            }
            Instant {
                truth: vec![at(1, 0.0)],
                tracks,
            }
        })
        .collect();
    let s = score(&instants);
    // 5 matches, 5 misses, 10 false: 5 / 20; association 5 / (10 + 5 - 5).
    close(s.det_a, 0.25);
    close(s.ass_a, 0.5);
    close(s.hota, 0.125_f64.sqrt());
    close(s.recall, 0.5);
    close(s.precision, 1.0 / 3.0);
    close(s.mota, (5.0 - 10.0) / 10.0);
}

#[test]
fn an_offset_passes_the_thresholds_below_its_similarity() {
    // 0.8 m off: similarity 0.6, so the thresholds 0.05 to 0.60 match: 12 of 19.
    let instants = vec![
        Instant {
            truth: vec![at(1, 0.0)],
            tracks: vec![at(1, 0.8)]
        };
        4
    ];
    let s = score(&instants);
    close(s.hota, 12.0 / 19.0);
    close(s.det_a, 12.0 / 19.0);
}

#[test]
fn losing_and_finding_is_a_fragmentation_and_no_switch() {
    let instants: Vec<Instant> = (0..9)
        .map(|k| Instant {
            truth: vec![at(1, 0.0)],
            tracks: if (3..5).contains(&k) {
                vec![]
            } else {
                vec![at(3, 0.0)]
            },
        })
        .collect();
    let s = score(&instants);
    assert_eq!((s.id_switches, s.fragmentations), (0, 1));
}

#[test]
fn ignored_objects_count_neither_way() {
    let ignored = Labelled {
        ignored: true,
        ..at(2, 20.0)
    };
    let on_it = vec![at(7, 0.0), at(8, 20.2)];
    let seen = score(&[Instant {
        truth: vec![at(1, 0.0), ignored],
        tracks: on_it,
    }]);
    close(seen.hota, 1.0);
    assert_eq!((seen.truths, seen.tracks), (1, 1));
    let unseen = score(&[Instant {
        truth: vec![at(1, 0.0), ignored],
        tracks: vec![at(7, 0.0)],
    }]);
    close(unseen.hota, 1.0);
}

#[test]
fn sequences_do_not_share_identities() {
    let part = |track| {
        vec![
            Instant {
                truth: vec![at(1, 0.0)],
                tracks: vec![at(track, 0.0)]
            };
            5
        ]
    };
    let mut evaluation = Evaluation::new(Similarity::default());
    evaluation.add_sequence(&part(3));
    evaluation.add_sequence(&part(4));
    let s = evaluation.scores();
    close(s.hota, 1.0);
    assert_eq!((s.id_switches, s.truths), (0, 10));
}

#[test]
fn nothing_scores_zero_without_dividing_by_it() {
    assert_eq!(score(&[]), Scores::default());
    let s = score(&[Instant {
        truth: vec![at(1, 0.0)],
        tracks: vec![],
    }]);
    assert_eq!((s.hota, s.recall, s.mota), (0.0, 0.0, 0.0));
}
