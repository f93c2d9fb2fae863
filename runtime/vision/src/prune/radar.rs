//! Radar as a prior for tokens: where it has something, the picture is worth looking at.

use super::camera::{Area, Camera};
use crate::Place;
use drafthorse_core::Track;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A radar return in the vehicle's frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Return {
    /// Forward, m.
    pub x_m: f64,
    /// Left, m.
    pub y_m: f64,
    /// Range rate less the vehicle's own share, m/s; NaN where it is not known.
    pub speed_mps: f64,
    /// Radar cross-section, dBsm; NaN where it is not known.
    pub rcs_dbsm: f64,
}

/// How radar returns and tracks become a prior; a design of this project.
///
/// Each return stands for a column on the ground of `width_m` and `height_m` (radars measure heights
/// badly), each track for its box. Its projected extent is a rectangle in the picture, and token `j` at a
/// gap of `g` px from rectangle `i` takes `w_i k_ij` from it:
///
/// `k_ij = exp(-(g / (f blur_rad))^2 / 2)`, prior `p_j = 1 - prod_i (1 - w_i k_ij)`
///
/// so that tokens within the rectangle count whole and what several returns agree on counts more. The
/// weight is `near motion strength`: `near = 1 / (1 + (distance / near_m)^2)`; `motion` 1 where it moves over ground
/// and `still` where it stands or is not known to move; `strength` for a return
/// `1 / (1 + exp(-(rcs - rcs_dbsm) / 6 dB))` (one half where the cross-section is not known), for a track its
/// confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RadarPrior {
    /// Width of what a return stands for, m.
    pub width_m: f64,
    /// Its height, m.
    pub height_m: f64,
    /// Error of the radar's azimuth and of the calibration, rad.
    pub blur_rad: f64,
    /// Distance from the camera at which a return counts half, m.
    pub near_m: f64,
    /// Cross-section at which a return counts half, dBsm.
    pub rcs_dbsm: f64,
    /// Speed over ground from which on a return moves, m/s.
    pub moving_mps: f64,
    /// What counts of what stands, 0 to 1.
    pub still: f64,
}

impl Default for RadarPrior {
    fn default() -> Self {
        Self {
            width_m: 1.2,
            height_m: 1.6,
            blur_rad: 0.02,
            near_m: 25.0,
            rcs_dbsm: -10.0,
            moving_mps: 0.5,
            still: 0.25,
        }
    }
}

impl RadarPrior {
    /// The prior of each token, 0 to 1.
    #[must_use]
    pub fn prior(
        &self,
        camera: &Camera,
        returns: &[Return],
        tracks: &[Track],
        places: &[Place],
    ) -> Vec<f32> {
        let returns = returns.iter().filter_map(|r| self.column(camera, r));
        let tracks = tracks.iter().filter_map(|t| self.box_of(camera, t));
        let blur_px2 = (self.blur_rad * camera.focal_px()).powi(2);
        let reach_px2 = REACH * REACH * blur_px2;
        let tokens: Vec<Area> = places.iter().map(|place| camera.area(place)).collect();
        let mut missed = vec![1.0; places.len()];
        for (area, weight) in returns.chain(tracks) {
            for (missed, token) in missed.iter_mut().zip(&tokens) {
                let gap_px2 = gap_px2(&area, token);
                if gap_px2 > reach_px2 {
                    continue;
                }
                // 0 / 0 where nothing is blurred and the two touch.
                let kernel = if gap_px2 > 0.0 {
                    (-0.5 * gap_px2 / blur_px2).exp()
                } else {
                    1.0
                };
                *missed *= 1.0 - weight * kernel;
            }
        }
        missed.into_iter().map(|m| (1.0 - m) as f32).collect()
    }

    fn column(&self, camera: &Camera, at: &Return) -> Option<(Area, f64)> {
        let half_m = 0.5 * self.width_m;
        let ends = [
            (half_m, 0.0),
            (-half_m, 0.0),
            (half_m, self.height_m),
            (-half_m, self.height_m),
        ];
        let area = camera.around(ends.map(|(side, z)| [at.x_m, at.y_m + side, z]))?;
        let strength = 1.0 / (1.0 + (-(at.rcs_dbsm - self.rcs_dbsm) / 6.0).exp());
        let strength = if strength.is_nan() { 0.5 } else { strength };
        let motion = self.motion(at.speed_mps.abs() >= self.moving_mps);
        Some((area, self.weight(at.x_m, at.y_m, motion * strength)?))
    }

    fn box_of(&self, camera: &Camera, track: &Track) -> Option<(Area, f64)> {
        let (sin, cos) = track.yaw_rad.sin_cos();
        let corner = |i: u8| {
            let half = |bit: u8, size_m: f64| {
                if i & bit == 0 {
                    0.5 * size_m
                } else {
                    -0.5 * size_m
                }
            };
            let (along, across) = (half(1, track.length_m), half(2, track.width_m));
            [
                track.x_m + along * cos - across * sin,
                track.y_m + along * sin + across * cos,
                track.z_m + half(4, track.height_m),
            ]
        };
        let area = camera.around((0..8).map(corner))?;
        let strength = track.score * self.motion(track.moving);
        Some((area, self.weight(track.x_m, track.y_m, strength)?))
    }

    fn motion(&self, moving: bool) -> f64 {
        if moving { 1.0 } else { self.still }
    }

    /// The weight of something at a place; `None` where it is no number.
    fn weight(&self, x_m: f64, y_m: f64, strength: f64) -> Option<f64> {
        let near = 1.0 / (1.0 + (x_m.hypot(y_m) / self.near_m).powi(2));
        let weight = near * strength;
        weight.is_finite().then_some(weight.clamp(0.0, 1.0))
    }
}

/// Gaps beyond this many standard deviations of the blur take nothing.
const REACH: f64 = 4.0;

/// How far two areas are apart, squared, px²; 0 where they touch.
fn gap_px2(a: &Area, b: &Area) -> f64 {
    let across = (a[0] - b[2]).max(b[0] - a[2]).max(0.0);
    let down = (a[1] - b[3]).max(b[1] - a[3]).max(0.0);
    across * across + down * down
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::camera::tests::scene_camera;
    use crate::prune::grid;

    const CAR: Return = Return {
        x_m: 16.7,
        y_m: 3.0,
        speed_mps: 6.0,
        rcs_dbsm: 10.0,
    };

    fn prior(returns: &[Return], tracks: &[Track]) -> Vec<f32> {
        RadarPrior::default().prior(&scene_camera(), returns, tracks, &grid(8, 16))
    }

    #[test]
    fn a_return_lights_the_tokens_where_it_stands() {
        let prior = prior(&[CAR], &[]);
        // 3 m to the left at 15 m ahead of the camera: 44 px left of the middle, just around the horizon.
        let best = (0..128)
            .max_by(|&a, &b| prior[a].total_cmp(&prior[b]))
            .unwrap();
        assert_eq!(best % 16, 5);
        assert!((3..=5).contains(&(best / 16)), "{best}");
        assert!(prior[127] < 1e-6 && prior.iter().all(|p| (0.0..=1.0).contains(p)));
    }

    #[test]
    fn near_strong_and_moving_count_more_and_agreement_adds() {
        let most = |returns: &[Return]| prior(returns, &[]).into_iter().fold(0.0, f32::max);
        let one = most(&[CAR]);
        assert!(most(&[CAR, CAR]) > one);
        for less in [
            Return { x_m: 40.0, ..CAR },
            Return {
                rcs_dbsm: -20.0,
                ..CAR
            },
            Return {
                rcs_dbsm: f64::NAN,
                ..CAR
            },
            Return {
                speed_mps: 0.0,
                ..CAR
            },
            Return {
                speed_mps: f64::NAN,
                ..CAR
            },
        ] {
            let less = most(&[less]);
            assert!(0.0 < less && less < one, "{less} {one}");
        }
    }

    #[test]
    fn a_track_covers_its_box_and_counts_by_its_score() {
        let track = |score| Track {
            x_m: 12.0,
            z_m: 0.75,
            length_m: 4.5,
            width_m: 1.8,
            height_m: 1.5,
            moving: true,
            score,
            ..Track::default()
        };
        let sure = prior(&[], &[track(0.9)]);
        let unsure = prior(&[], &[track(0.3)]);
        let full = |prior: &[f32]| {
            let most = prior.iter().copied().fold(0.0, f32::max);
            prior.iter().filter(|p| **p > 0.99 * most).count()
        };
        assert!(full(&sure) >= 12, "{}", full(&sure));
        assert!(sure.iter().zip(&unsure).all(|(a, b)| a >= b) && sure[71] > unsure[71]);
    }

    #[test]
    fn what_is_behind_or_no_number_says_nothing() {
        for nothing in [
            Return { x_m: -5.0, ..CAR },
            Return {
                x_m: f64::NAN,
                ..CAR
            },
            Return {
                y_m: f64::INFINITY,
                ..CAR
            },
        ] {
            assert_eq!(prior(&[nothing], &[]), vec![0.0; 128]);
        }
        assert_eq!(prior(&[], &[]), vec![0.0; 128]);
    }
}
