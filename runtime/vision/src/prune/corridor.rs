//! Where the vehicle's way is in the picture.

use super::camera::{Area, Camera};
use crate::Place;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The drivable corridor: a strip of ground along the vehicle's path, and what may stand on it further ahead.
///
/// The path is the arc of the vehicle's present curvature, level with the ground it stands on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Corridor {
    /// Width of the strip, m.
    pub width_m: f64,
    /// How far it goes, m from the vehicle's origin.
    pub far_m: f64,
    /// From where on it has a height, m: nearer, only the ground counts.
    pub ahead_m: f64,
    /// That height, m.
    pub height_m: f64,
}

impl Default for Corridor {
    fn default() -> Self {
        Self {
            width_m: 3.5,
            far_m: 60.0,
            ahead_m: 12.0,
            height_m: 2.5,
        }
    }
}

/// Length of a piece of the corridor, m.
const STEP_M: f64 = 1.0;
/// Pieces of the longest corridor.
const STEPS: f64 = 1000.0;

impl Corridor {
    /// Which tokens the corridor leads through, of a vehicle whose path bends by `curvature_per_m` (positive to the
    /// left; yaw rate by speed, 0 where it stands).
    #[must_use]
    pub fn way(&self, camera: &Camera, curvature_per_m: f64, places: &[Place]) -> Vec<bool> {
        let tokens: Vec<Area> = places.iter().map(|place| camera.area(place)).collect();
        let mut way = vec![false; places.len()];
        let steps = (self.far_m / STEP_M).clamp(0.0, STEPS) as usize;
        for step in 0..steps {
            let x_m = step as f64 * STEP_M;
            let Some(area) = self.piece(camera, curvature_per_m, x_m) else {
                continue;
            };
            for (way, token) in way.iter_mut().zip(&tokens) {
                *way |= overlap(&area, token);
            }
        }
        way
    }

    /// The part of the picture that a piece of the corridor fills; `None` before the ground comes into the picture.
    fn piece(&self, camera: &Camera, curvature_per_m: f64, x_m: f64) -> Option<Area> {
        let across = |x: f64, side: f64| 0.5 * curvature_per_m * x * x + 0.5 * side * self.width_m;
        let middle = [x_m, across(x_m, 0.0), 0.0];
        camera.pixel(middle).filter(|p| camera.shows(*p))?;
        let top_m = if x_m < self.ahead_m {
            0.0
        } else {
            self.height_m
        };
        let ends = [x_m, x_m + STEP_M].into_iter();
        camera.around(ends.flat_map(|x| {
            [(-1.0, 0.0), (1.0, 0.0), (-1.0, top_m), (1.0, top_m)]
                .map(|(side, z)| [x, across(x, side), z])
        }))
    }
}

fn overlap(a: &Area, b: &Area) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prune::camera::tests::scene_camera;
    use crate::prune::grid;

    fn drawn(curvature_per_m: f64) -> Vec<String> {
        let way = Corridor::default().way(&scene_camera(), curvature_per_m, &grid(8, 16));
        let row = |row: &[bool]| row.iter().map(|w| if *w { '#' } else { '.' }).collect();
        way.chunks(16).map(row).collect()
    }

    #[test]
    fn the_way_is_ahead_and_widens_towards_the_vehicle() {
        let picture = [
            "................",
            "................",
            ".....######.....",
            ".....######.....",
            ".....######.....",
            ".....######.....",
            "...##########...",
            "...##########...",
        ];
        assert_eq!(drawn(0.0), picture);
    }

    #[test]
    fn it_bends_with_the_path() {
        let left = |rows: &[String]| rows[4].find('#').unwrap();
        let (straight, bent) = (drawn(0.0), drawn(0.01));
        assert!(left(&bent) < left(&straight), "{bent:#?}");
        let mirrored: Vec<String> = drawn(-0.01)
            .iter()
            .map(|r| r.chars().rev().collect())
            .collect();
        assert_eq!(mirrored, bent);
    }

    #[test]
    fn without_a_length_there_is_no_way() {
        for far_m in [0.0, -1.0, f64::NAN] {
            let corridor = Corridor {
                far_m,
                ..Corridor::default()
            };
            let way = corridor.way(&scene_camera(), 0.0, &grid(8, 16));
            assert!(!way.contains(&true));
        }
    }
}
