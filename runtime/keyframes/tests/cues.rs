//! Each cue on traffic made for it, at two scan rates.

use drafthorse_core::{EgoMotion, Track};
use drafthorse_keyframes::{CueMaker, Cues};

const FRONT_M: f64 = 3.8;

fn car(x_m: f64, y_m: f64, vx_mps: f64, vy_mps: f64) -> Track {
    Track {
        id: 7,
        x_m,
        y_m,
        vx_mps,
        vy_mps,
        length_m: 4.0,
        width_m: 1.8,
        moving: true,
        ..Track::default()
    }
}

/// The highest of each cue from `from_s` on, of 4 s of scans; `scene` gives the vehicle's speed and yaw
/// rate and who is there.
fn played(hz: f64, from_s: f64, scene: impl Fn(f64) -> ([f64; 2], Vec<Track>)) -> Cues {
    let mut maker = CueMaker::new(FRONT_M);
    let mut highest = Cues::default();
    for i in 0..(4.0 * hz) as u32 {
        let t = f64::from(i) / hz;
        let ([speed_mps, yaw_rate_radps], tracks) = scene(t);
        let ego = EgoMotion {
            speed_mps,
            yaw_rate_radps,
            ..EgoMotion::default()
        };
        let cues = maker.scan((t * 1e9) as u64, &ego, &tracks);
        if t >= from_s {
            highest = highest.max(cues);
        }
    }
    highest
}

fn at_both_rates(check: impl Fn(f64)) {
    check(20.0);
    check(10.0);
}

#[test]
fn an_empty_road_has_no_cues() {
    let cues = played(20.0, 0.0, |_| ([15.0, 0.0], Vec::new()));
    assert_eq!(cues, Cues::default());
}

#[test]
fn the_vehicles_braking_is_told_in_full_and_speeding_up_is_not() {
    at_both_rates(|hz| {
        let braking = played(hz, 0.0, |t| {
            ([25.0 - 6.0 * (t - 1.0).max(0.0), 0.0], Vec::new())
        });
        assert!((braking.braking - 1.0).abs() < 0.05, "{braking:?}");
        let pulling = played(hz, 0.0, |t| ([5.0 + 2.0 * t, 0.0], Vec::new()));
        assert_eq!(pulling.braking, 0.0);
    });
}

#[test]
fn a_leader_that_brakes_is_one_in_the_path() {
    at_both_rates(|hz| {
        let leader = |y_m: f64| {
            played(hz, 0.0, |t| {
                let slow = 6.0 * (t - 1.0).clamp(0.0, 1.0);
                ([15.0, 0.0], vec![car(25.0, y_m, 15.0 - slow, 0.0)])
            })
        };
        assert!(leader(0.3).leader_braking > 0.6, "{:?}", leader(0.3));
        assert_eq!(leader(0.3).danger(), leader(0.3).leader_braking);
        assert_eq!(leader(6.0).leader_braking, 0.0);
        // Braking of everyday is no cue.
        let gently = played(hz, 0.0, |t| {
            let slow = 2.0 * (t - 1.0).clamp(0.0, 1.0);
            ([15.0, 0.0], vec![car(25.0, 0.3, 15.0 - slow, 0.0)])
        });
        assert_eq!(gently.leader_braking, 0.0);
    });
}

#[test]
fn a_conflict_asks_for_the_deceleration_that_ends_it() {
    // 10 m/s faster than somebody 15 m ahead: 100 / 30 = 3.3 m/s².
    let x_m = FRONT_M + 15.0 + 2.0;
    let cues = played(20.0, 1.0, |_| ([15.0, 0.0], vec![car(x_m, 0.0, 5.0, 0.0)]));
    assert!(
        (cues.conflict - 100.0 / 30.0 / 6.0).abs() < 0.01,
        "{cues:?}"
    );
    // A second and a half to the collision.
    assert!((cues.urgency - 2.5 / 3.0).abs() < 0.01, "{cues:?}");
}

#[test]
fn an_entry_is_by_one_who_comes_from_aside() {
    at_both_rates(|hz| {
        let crossing = played(hz, 0.0, |t| {
            ([10.0, 0.0], vec![car(25.0, -7.0 + 3.0 * t, 0.0, 3.0)])
        });
        assert!(crossing.entry > 0.5, "{crossing:?}");
        // One that was in the path from its birth on has not come into it, urgent as it is.
        let born_there = played(hz, 0.0, |_| ([10.0, 0.0], vec![car(25.0, 0.0, 0.0, 0.0)]));
        assert_eq!(born_there.entry, 0.0);
        assert!(born_there.urgency > 0.5);
    });
}

#[test]
fn who_is_straight_ahead_in_a_bend_is_beside_the_path() {
    // A bend of 50 m radius to the left: at 30 m ahead the path is 9 m to the left.
    let (speed, yaw_rate) = (10.0, 0.2);
    let straight = played(20.0, 0.0, |_| {
        ([speed, yaw_rate], vec![car(30.0, 0.0, 0.0, 0.0)])
    });
    assert_eq!(straight.conflict, 0.0);
    let along = played(20.0, 0.0, |_| {
        ([speed, yaw_rate], vec![car(15.0, 2.25, 0.0, 0.0)])
    });
    assert!(along.conflict > 0.3, "{along:?}");
}

#[test]
fn tracks_that_come_and_go_nearby_are_turnover() {
    let near = |x_m: f64| {
        played(20.0, 0.5, |t| {
            let there = (1.0..2.0).contains(&t);
            let tracks = if there {
                vec![car(x_m, 4.0, 0.0, 0.0)]
            } else {
                Vec::new()
            };
            ([10.0, 0.0], tracks)
        })
    };
    assert!(near(10.0).turnover > 0.4);
    assert!(near(80.0).turnover < 0.05);
}
