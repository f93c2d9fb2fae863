//! How alike a true box and a tracked box are, 0 to 1.

use super::Labelled;
use drafthorse_core::Footprint;

/// The measure of localisation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Similarity {
    /// 1 at equal centres, falling linearly to 0 at that distance, m (2 m is the default of ours).
    CentreDistance {
        /// Distance of no similarity, m.
        zero_at_m: f64,
    },
    /// Intersection over union of the rotated boxes in the plane.
    BevIou,
}

impl Default for Similarity {
    fn default() -> Self {
        Self::CentreDistance { zero_at_m: 2.0 }
    }
}

impl Similarity {
    /// Similarity of two boxes.
    #[must_use]
    pub fn of(self, a: &Labelled, b: &Labelled) -> f64 {
        match self {
            Self::CentreDistance { zero_at_m } => {
                let distance = libm::hypot(a.x_m - b.x_m, a.y_m - b.y_m);
                (1.0 - distance / zero_at_m).max(0.0)
            }
            Self::BevIou => footprint(a).iou(&footprint(b)),
        }
    }
}

fn footprint(b: &Labelled) -> Footprint {
    Footprint {
        centre_m: [b.x_m, b.y_m],
        length_m: b.length_m,
        width_m: b.width_m,
        yaw_rad: b.yaw_rad,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x_m: f64, yaw_rad: f64) -> Labelled {
        Labelled {
            x_m,
            yaw_rad,
            length_m: 2.0,
            width_m: 2.0,
            ..Labelled::default()
        }
    }

    #[test]
    fn overlaps_of_squares_known_by_hand() {
        let iou = |a: &Labelled, b: &Labelled| Similarity::BevIou.of(a, b);
        assert!((iou(&square(0.0, 0.0), &square(0.0, 0.0)) - 1.0).abs() < 1e-12);
        // Half of each overlaps: 2 / (4 + 4 - 2).
        assert!((iou(&square(0.0, 0.0), &square(1.0, 0.0)) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(iou(&square(0.0, 0.0), &square(3.0, 0.4)), 0.0);
        // Turned by 45 degrees: a regular octagon of area 8 (sqrt 2 - 1).
        let octagon = 8.0 * (2.0_f64.sqrt() - 1.0);
        let found = iou(&square(0.0, 0.0), &square(0.0, std::f64::consts::FRAC_PI_4));
        assert!((found - octagon / (8.0 - octagon)).abs() < 1e-12, "{found}");
    }

    #[test]
    fn distance_falls_linearly() {
        let similarity = Similarity::default();
        assert_eq!(similarity.of(&square(0.0, 0.0), &square(0.5, 1.0)), 0.75);
        assert_eq!(similarity.of(&square(0.0, 0.0), &square(2.5, 0.0)), 0.0);
    }
}
