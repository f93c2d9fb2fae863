//! Turned rectangles on the ground and how much they overlap.

/// Corners of the polygon that is left when a quadrilateral is cut along four lines.
const MOST_CORNERS: usize = 8;

/// A rectangle on the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Footprint {
    /// Its middle, m.
    pub centre_m: [f64; 2],
    /// Along its heading, m.
    pub length_m: f64,
    /// Across, m.
    pub width_m: f64,
    /// Heading, counter-clockwise from x, rad.
    pub yaw_rad: f64,
}

impl Footprint {
    /// Area that both cover, m².
    #[must_use]
    pub fn overlap_m2(&self, other: &Self) -> f64 {
        let dx = other.centre_m[0] - self.centre_m[0];
        let dy = other.centre_m[1] - self.centre_m[1];
        let reach = |s: &Self| libm::hypot(s.length_m, s.width_m) / 2.0;
        if libm::hypot(dx, dy) >= reach(self) + reach(other) {
            return 0.0;
        }
        // In this one's frame.
        let (sin, cos) = libm::sincos(self.yaw_rad);
        let centre = [cos * dx + sin * dy, cos * dy - sin * dx];
        let (sin, cos) = libm::sincos(other.yaw_rad - self.yaw_rad);
        let [half_length, half_width] = [other.length_m / 2.0, other.width_m / 2.0];
        let mut polygon = Polygon::default();
        for (l, w) in [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)] {
            let (along, across) = (l * half_length, w * half_width);
            polygon.push([
                centre[0] + cos * along - sin * across,
                centre[1] + sin * along + cos * across,
            ]);
        }
        for (axis, half) in [(0, self.length_m / 2.0), (1, self.width_m / 2.0)] {
            polygon = polygon.cut(axis, 1.0, half).cut(axis, -1.0, half);
        }
        polygon.area()
    }

    /// Intersection over union, 0 to 1.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let common = self.overlap_m2(other);
        let area = |s: &Self| s.length_m * s.width_m;
        match common > 0.0 {
            true => common / (area(self) + area(other) - common),
            false => 0.0,
        }
    }
}

/// A convex polygon.
#[derive(Clone, Copy, Default)]
struct Polygon {
    corners: [[f64; 2]; MOST_CORNERS],
    count: usize,
}

impl Polygon {
    fn push(&mut self, corner: [f64; 2]) {
        // Rounding can make a cut yield one corner more than geometry allows; it then lies on its
        // neighbour and adds no area.
        if let Some(slot) = self.corners.get_mut(self.count) {
            *slot = corner;
            self.count += 1;
        }
    }

    /// What is left where `sign * coordinate <= bound` (Sutherland, Hodgman 1974).
    fn cut(&self, axis: usize, sign: f64, bound: f64) -> Self {
        let mut left = Self::default();
        let corners = &self.corners[..self.count];
        let Some(mut from) = corners.last().copied() else {
            return left;
        };
        for &to in corners {
            let (before, after) = (sign * from[axis] - bound, sign * to[axis] - bound);
            if (before > 0.0) != (after > 0.0) {
                let share = before / (before - after);
                left.push([
                    from[0] + share * (to[0] - from[0]),
                    from[1] + share * (to[1] - from[1]),
                ]);
            }
            if after <= 0.0 {
                left.push(to);
            }
            from = to;
        }
        left
    }

    fn area(&self) -> f64 {
        let corners = &self.corners[..self.count];
        let Some(mut from) = corners.last().copied() else {
            return 0.0;
        };
        let mut twice = 0.0;
        for &to in corners {
            twice += from[0] * to[1] - to[0] * from[1];
            from = to;
        }
        twice.abs() / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_worked_by_hand() {
        let square = |x: f64, y: f64, yaw_rad: f64| Footprint {
            centre_m: [x, y],
            length_m: 2.0,
            width_m: 2.0,
            yaw_rad,
        };
        let own = square(3.0, -1.0, 0.3);
        assert!((own.iou(&own) - 1.0).abs() < 1e-12);
        let near = |value: f64, right: f64| assert!((value - right).abs() < 1e-9, "{value}");
        near(
            square(0.0, 0.0, 0.0).overlap_m2(&square(1.0, 0.5, 0.0)),
            1.5,
        );
        near(square(0.0, 0.0, 0.0).iou(&square(1.0, 0.5, 0.0)), 1.5 / 6.5);
        // Turned by half a right angle: a regular octagon is left.
        let octagon = 8.0 * (2f64.sqrt() - 1.0);
        let turned = square(0.0, 0.0, std::f64::consts::FRAC_PI_4);
        near(square(0.0, 0.0, 0.0).overlap_m2(&turned), octagon);
        near(turned.overlap_m2(&square(0.0, 0.0, 0.0)), octagon);
        assert_eq!(square(0.0, 0.0, 0.0).iou(&square(2.9, 0.0, 0.0)), 0.0);
    }
}
