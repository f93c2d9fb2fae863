//! Extent and heading of a set of points.

/// A point of a cluster in the vehicle's xy plane, m.
pub(crate) type Point = [f64; 2];

/// Least and greatest coordinate along a heading and across it, m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub(crate) along: [f64; 2],
    pub(crate) across: [f64; 2],
}

impl Extent {
    pub(crate) fn length(&self) -> f64 {
        self.along[1] - self.along[0]
    }

    pub(crate) fn width(&self) -> f64 {
        self.across[1] - self.across[0]
    }
}

/// Extent of the points in axes turned by `heading_rad`.
pub(crate) fn extent(points: &[Point], heading_rad: f64) -> Extent {
    let (sin, cos) = libm::sincos(heading_rad);
    let mut found = Extent {
        along: [f64::INFINITY, f64::NEG_INFINITY],
        across: [f64::INFINITY, f64::NEG_INFINITY],
    };
    for &[x, y] in points {
        let (a, b) = (cos * x + sin * y, cos * y - sin * x);
        found.along = [found.along[0].min(a), found.along[1].max(a)];
        found.across = [found.across[0].min(b), found.across[1].max(b)];
    }
    found
}

/// Heading (0 to pi/2) of the rectangle whose edges the points lie closest to: the closeness
/// criterion of Zhang, Xu, Dong, Dolan, "Efficient L-Shape Fitting for Vehicle Detection Using
/// Laser Scanners", IV 2017, in steps of 3 degrees.
pub(crate) fn l_shape_heading(points: &[Point]) -> f64 {
    let (mut best, mut heading) = (f64::NEG_INFINITY, 0.0);
    for step in 0..30 {
        let angle = f64::from(step) * std::f64::consts::FRAC_PI_2 / 30.0;
        let (sin, cos) = libm::sincos(angle);
        let box_ = extent(points, angle);
        let mut closeness = 0.0;
        for &[x, y] in points {
            let (a, b) = (cos * x + sin * y, cos * y - sin * x);
            let edge_a = (a - box_.along[0]).min(box_.along[1] - a);
            let edge_b = (b - box_.across[0]).min(box_.across[1] - b);
            closeness += 1.0 / edge_a.min(edge_b).max(0.15);
        }
        if closeness > best {
            best = closeness;
            heading = angle;
        }
    }
    heading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_l_of_points_gives_its_heading_and_extent() {
        for degrees in [0.0_f64, 12.0, 30.0, 60.0, 81.0] {
            let angle = degrees.to_radians();
            let (sin, cos) = angle.sin_cos();
            let mut points = Vec::new();
            for i in 0..10 {
                let t = f64::from(i) / 9.0;
                for [a, b] in [[4.4 * t, 0.0], [0.0, 1.8 * t]] {
                    points.push([20.0 + cos * a - sin * b, 3.0 + sin * a + cos * b]);
                }
            }
            let found = l_shape_heading(&points);
            assert!((found - angle).abs() < 0.03, "{degrees} degrees: {found}");
            let box_ = extent(&points, found);
            assert!((box_.length() - 4.4).abs() < 0.15 && (box_.width() - 1.8).abs() < 0.25);
        }
    }
}
