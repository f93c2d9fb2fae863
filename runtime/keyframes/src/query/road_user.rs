//! How well a tracked road user fits what a query asks for.

use super::parse::Query;
use super::sense::{Distance, Motion, Side};
use drafthorse_core::{Class, EgoMotion, Track};

/// What is left of a fit for each thing that is asked and does not hold.
const UNMET: f64 = 0.15;
/// What is left where the tracker has not decided on a class.
const UNDECIDED: f64 = 0.25;
/// Half of the vehicle's path, m, and how much wider it counts a metre ahead.
const HALF_PATH_M: f64 = 1.9;
const WIDENS: f64 = 0.06;
/// A track that was missed in more scans than this in a row is no longer somebody.
const MISSED: u32 = 3;
/// Scans after which a track is believed.
const BELIEVED: f64 = 6.0;

impl Query {
    /// How well a track of the vehicle's frame fits, 0 to 1: its confidence, less for each thing that is
    /// asked and does not hold. 0 where the query asks for no road users, or for those of another class.
    #[must_use]
    pub fn fit_of_track(&self, track: &Track, ego: &EgoMotion) -> f64 {
        // A thing that only a detector knows is no track.
        let asks_for_users = self.users().next().is_some()
            || self.things().next().is_none() && self.asks_for_somebody();
        if !asks_for_users || track.missed_scans > MISSED {
            return 0.0;
        }
        let wanted = |class: Class| class == Class::Unknown || class == track.class;
        let of_class = match (self.users().next(), track.class) {
            (None, _) => 1.0,
            _ if self.users().any(wanted) => 1.0,
            (_, Class::Unknown) => UNDECIDED,
            _ => return 0.0,
        };
        let side = self.side().map(|side| side == side_of(track));
        let distance = self.distance().map(|distance| is_at(track, distance));
        let motions = self.motions().map(|motion| moves(track, ego, motion));
        let asked = side.into_iter().chain(distance).chain(motions);
        let unmet = asked.filter(|holds| !holds).count();
        let believed = (f64::from(track.age_scans) / BELIEVED).min(1.0);
        of_class * UNMET.powi(unmet as i32) * believed * track.score.clamp(0.0, 1.0)
    }
}

fn side_of(track: &Track) -> Side {
    let half_m = HALF_PATH_M + WIDENS * track.x_m.max(0.0);
    match track.y_m {
        y if y > half_m => Side::Left,
        y if y < -half_m => Side::Right,
        _ => Side::Ahead,
    }
}

fn is_at(track: &Track, distance: Distance) -> bool {
    let range_m = track.x_m.hypot(track.y_m);
    match distance {
        Distance::Near => range_m < 13.0,
        Distance::Far => range_m > 25.0,
    }
}

/// Velocities are over ground, along the vehicle's axes.
fn moves(track: &Track, ego: &EgoMotion, motion: Motion) -> bool {
    let (along, across) = (track.vx_mps, track.vy_mps);
    let beside = side_of(track) != Side::Ahead;
    match motion {
        Motion::Crossing => across.abs() > 0.7 && across.abs() > 1.2 * along.abs(),
        Motion::Oncoming => along < -1.5 && along.abs() > across.abs(),
        Motion::CuttingIn => {
            along > 2.0 && across * track.y_m < 0.0 && across.abs() > 0.6 && track.x_m < 35.0
        }
        Motion::Overtaking => along > ego.speed_mps + 1.5 && beside && track.y_m.abs() < 6.0,
        Motion::Standing => !track.moving,
        Motion::Fast => along.hypot(across) > 14.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cyclist(y_m: f64, vy_mps: f64) -> Track {
        Track {
            class: Class::Cyclist,
            x_m: 12.0,
            y_m,
            vy_mps,
            moving: true,
            score: 1.0,
            age_scans: 20,
            ..Track::default()
        }
    }

    fn fit(text: &str, track: &Track) -> f64 {
        Query::parse(text)
            .expect("a query")
            .fit_of_track(track, &EgoMotion::default())
    }

    #[test]
    fn more_that_holds_fits_better_and_another_class_does_not() {
        let crossing = cyclist(0.5, 3.0);
        let riding = cyclist(8.0, 0.0);
        let text = "cyclist crossing in front";
        assert_eq!(fit(text, &crossing), 1.0);
        assert!(fit(text, &riding) > 0.0 && fit(text, &riding) < 0.1);
        assert_eq!(fit("truck", &crossing), 0.0);
        assert_eq!(fit("rain", &crossing), 0.0);
        assert_eq!(fit("somebody on the left", &riding), 1.0);
        assert!(fit("somebody on the right", &riding) < 0.5);
    }

    proptest! {
        #[test]
        fn mirrored_road_users_fit_mirrored_queries(
            x_m in 0.0..80.0, y_m in -20.0..20.0, vx_mps in -20.0..20.0, vy_mps in -9.0..9.0, score in 0.0..1.0,
        ) {
            let track = Track { x_m, y_m, vx_mps, vy_mps, score, ..cyclist(0.0, 0.0) };
            let mirrored = Track { y_m: -y_m, vy_mps: -vy_mps, ..track };
            for (left, right) in [
                ("cyclist on the left", "cyclist on the right"),
                ("crossing on the left", "crossing on the right"),
                ("cuts in from the left", "cuts in from the right"),
            ] {
                prop_assert_eq!(fit(left, &track), fit(right, &mirrored));
                prop_assert!((0.0..=1.0).contains(&fit(left, &track)));
            }
        }
    }
}
