//! How much two boxes overlap: from above, in space, in the picture.

use crate::scene::{Box3, ImageBox};
use drafthorse_core::Footprint;

/// Area of the overlap seen from above, m².
#[must_use]
pub fn ground_overlap_m2(a: &Box3, b: &Box3) -> f64 {
    footprint(a).overlap_m2(&footprint(b))
}

fn footprint(b: &Box3) -> Footprint {
    Footprint {
        centre_m: [b.centre_m[0], b.centre_m[1]],
        length_m: b.size_m[0],
        width_m: b.size_m[1],
        yaw_rad: b.yaw_rad,
    }
}

/// Intersection over union seen from above, 0 to 1.
#[must_use]
pub fn bev_iou(a: &Box3, b: &Box3) -> f64 {
    let common = ground_overlap_m2(a, b);
    let area = |s: &Box3| s.size_m[0] * s.size_m[1];
    ratio(common, area(a) + area(b) - common)
}

/// Intersection over union in space, 0 to 1.
#[must_use]
pub fn volume_iou(a: &Box3, b: &Box3) -> f64 {
    let top = |s: &Box3| s.centre_m[2] + s.size_m[2] / 2.0;
    let bottom = |s: &Box3| s.centre_m[2] - s.size_m[2] / 2.0;
    let height = top(a).min(top(b)) - bottom(a).max(bottom(b));
    if height <= 0.0 {
        return 0.0;
    }
    let common = ground_overlap_m2(a, b) * height;
    let volume = |s: &Box3| s.size_m.iter().product::<f64>();
    ratio(common, volume(a) + volume(b) - common)
}

/// Intersection over union of sizes alone, centres and headings laid onto each other, 0 to 1.
#[must_use]
pub fn size_iou(a: [f64; 3], b: [f64; 3]) -> f64 {
    let common: f64 = a.iter().zip(b).map(|(a, b)| a.min(b)).product();
    let volume = |s: [f64; 3]| s.iter().product::<f64>();
    ratio(common, volume(a) + volume(b) - common)
}

/// Intersection over union in the picture, 0 to 1.
#[must_use]
pub fn image_iou(a: &ImageBox, b: &ImageBox) -> f64 {
    let common = image_overlap_px2(a, b);
    ratio(common, image_area_px2(a) + image_area_px2(b) - common)
}

/// The part of `a` that lies in `b`, 0 to 1.
pub(crate) fn image_share_within(a: &ImageBox, b: &ImageBox) -> f64 {
    ratio(image_overlap_px2(a, b), image_area_px2(a))
}

fn image_overlap_px2(a: &ImageBox, b: &ImageBox) -> f64 {
    let width = a.right_px.min(b.right_px) - a.left_px.max(b.left_px);
    let height = a.bottom_px.min(b.bottom_px) - a.top_px.max(b.top_px);
    width.max(0.0) * height.max(0.0)
}

fn image_area_px2(b: &ImageBox) -> f64 {
    (b.right_px - b.left_px) * (b.bottom_px - b.top_px)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if part > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, SQRT_2};

    fn upright(x: f64, y: f64, length: f64, width: f64, yaw: f64) -> Box3 {
        Box3 {
            centre_m: [x, y, 0.0],
            size_m: [length, width, 1.0],
            yaw_rad: yaw,
        }
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    #[test]
    fn known_areas() {
        let unit = upright(0.0, 0.0, 1.0, 1.0, 0.0);
        close(ground_overlap_m2(&unit, &unit), 1.0);
        // A square turned by 45 degrees in itself: a regular octagon.
        let turned = upright(0.0, 0.0, 1.0, 1.0, FRAC_PI_4);
        close(ground_overlap_m2(&unit, &turned), 2.0 * (SQRT_2 - 1.0));
        close(bev_iou(&unit, &turned), (SQRT_2 - 1.0) / (2.0 - SQRT_2));
        // A third of a shared side.
        let moved = upright(2.0 / 3.0, 0.0, 1.0, 1.0, PI);
        close(bev_iou(&unit, &moved), (1.0 / 3.0) / (5.0 / 3.0));
        // One within the other, whatever its heading.
        let small = upright(0.1, -0.1, 0.2, 0.1, 0.7);
        close(bev_iou(&unit, &small), 0.02);
        // A cross of two bars.
        let bar = upright(3.0, 4.0, 5.0, 1.0, 0.3);
        let other = upright(3.0, 4.0, 5.0, 1.0, 0.3 + FRAC_PI_2);
        close(ground_overlap_m2(&bar, &other), 1.0);
        // Bars of width 1 that cross at 30 degrees: a rhombus of area w^2 / sin.
        let slanted = upright(3.0, 4.0, 9.0, 1.0, 0.3 + PI / 6.0);
        let long = upright(3.0, 4.0, 9.0, 1.0, 0.3);
        close(ground_overlap_m2(&long, &slanted), 2.0);
        // A diamond's corner that reaches 0.2 into a square: a right isosceles triangle.
        let diamond = upright(0.5 + SQRT_2 / 2.0 - 0.2, 0.0, 1.0, 1.0, FRAC_PI_4);
        close(ground_overlap_m2(&unit, &diamond), 0.04);
        // Touching along a side, and apart.
        close(bev_iou(&unit, &upright(1.0, 0.0, 1.0, 1.0, 0.0)), 0.0);
        close(bev_iou(&unit, &upright(9.0, 0.0, 1.0, 1.0, 0.0)), 0.0);
    }

    #[test]
    fn volume_counts_height() {
        let a = Box3 {
            centre_m: [0.0, 0.0, 0.0],
            size_m: [2.0, 1.0, 2.0],
            yaw_rad: 0.0,
        };
        let raised = Box3 {
            centre_m: [0.0, 0.0, 1.0],
            ..a
        };
        close(volume_iou(&a, &raised), 2.0 / 6.0);
        let above = Box3 {
            centre_m: [0.0, 0.0, 2.0],
            ..a
        };
        close(volume_iou(&a, &above), 0.0);
        close(size_iou([2.0, 1.0, 2.0], [1.0, 2.0, 2.0]), 2.0 / 6.0);
    }

    #[test]
    fn pictures() {
        let edges = |l, t, r, b| ImageBox {
            left_px: l,
            top_px: t,
            right_px: r,
            bottom_px: b,
        };
        let a = edges(0.0, 0.0, 10.0, 10.0);
        close(image_iou(&a, &edges(5.0, 0.0, 15.0, 10.0)), 50.0 / 150.0);
        close(image_iou(&a, &edges(20.0, 20.0, 30.0, 30.0)), 0.0);
        close(image_share_within(&a, &edges(5.0, 5.0, 90.0, 90.0)), 0.25);
    }

    /// Area by integrating the width of the overlap over x: between the x of corners and of
    /// crossings of edges the width is linear, so the trapezoid rule is exact.
    fn reference_area(a: &Box3, b: &Box3) -> f64 {
        let corners = |s: &Box3| {
            let (sin, cos) = s.yaw_rad.sin_cos();
            [(1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0), (1.0, -1.0)].map(|(l, w)| {
                let (l, w) = (l * s.size_m[0] / 2.0, w * s.size_m[1] / 2.0);
                [
                    s.centre_m[0] + cos * l - sin * w,
                    s.centre_m[1] + sin * l + cos * w,
                ]
            })
        };
        let edges = |c: [[f64; 2]; 4]| [(c[0], c[1]), (c[1], c[2]), (c[2], c[3]), (c[3], c[0])];
        let (ea, eb) = (edges(corners(a)), edges(corners(b)));
        let mut xs: Vec<f64> = ea.iter().chain(&eb).map(|(p, _)| p[0]).collect();
        for (p, q) in ea {
            for (r, s) in eb {
                let d = (q[0] - p[0]) * (s[1] - r[1]) - (q[1] - p[1]) * (s[0] - r[0]);
                let t = ((r[0] - p[0]) * (s[1] - r[1]) - (r[1] - p[1]) * (s[0] - r[0])) / d;
                if (0.0..=1.0).contains(&t) {
                    xs.push(p[0] + t * (q[0] - p[0]));
                }
            }
        }
        xs.sort_by(f64::total_cmp);
        let span = |edges: &[([f64; 2], [f64; 2]); 4], x: f64| {
            let mut ys = Vec::new();
            for (p, q) in edges {
                let t = (x - p[0]) / (q[0] - p[0]);
                if (0.0..=1.0).contains(&t) {
                    ys.push(p[1] + t * (q[1] - p[1]));
                }
            }
            let low = ys.iter().copied().fold(f64::INFINITY, f64::min);
            let high = ys.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            (low, high)
        };
        xs.windows(2)
            .map(|w| {
                let middle = f64::midpoint(w[0], w[1]);
                let (low_a, high_a) = span(&ea, middle);
                let (low_b, high_b) = span(&eb, middle);
                (w[1] - w[0]) * (high_a.min(high_b) - low_a.max(low_b)).max(0.0)
            })
            .filter(|area| area.is_finite())
            .sum()
    }

    proptest! {
        #[test]
        fn agrees_with_integration(
            x in -3.0..3.0f64, y in -3.0..3.0f64, l in 0.3..5.0f64, w in 0.3..3.0f64,
            yaw in -7.0..7.0f64, l2 in 0.3..5.0f64, w2 in 0.3..3.0f64, yaw2 in -7.0..7.0f64,
        ) {
            let a = upright(0.3, -0.2, l, w, yaw);
            let b = upright(x, y, l2, w2, yaw2);
            let area = ground_overlap_m2(&a, &b);
            prop_assert!((area - reference_area(&a, &b)).abs() < 1e-9);
            prop_assert!((area - ground_overlap_m2(&b, &a)).abs() < 1e-12 * (l * w + l2 * w2));
        }

        #[test]
        fn a_common_motion_changes_nothing(
            x in -3.0..3.0f64, y in -3.0..3.0f64, yaw in -7.0..7.0f64,
            turn in -7.0..7.0f64, east in -80.0..80.0f64, north in -80.0..80.0f64,
        ) {
            let a = upright(0.0, 0.0, 4.5, 1.8, 0.4);
            let b = upright(x, y, 4.1, 1.7, yaw);
            let moved = |s: &Box3| {
                let (sin, cos) = turn.sin_cos();
                let [x, y, z] = s.centre_m;
                Box3 {
                    centre_m: [cos * x - sin * y + east, sin * x + cos * y + north, z],
                    yaw_rad: s.yaw_rad + turn,
                    ..*s
                }
            };
            prop_assert!((bev_iou(&a, &b) - bev_iou(&moved(&a), &moved(&b))).abs() < 1e-12);
        }
    }
}
