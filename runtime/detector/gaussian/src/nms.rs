//! Suppression of boxes beside a better one of their class.

use crate::decode::DetectedBox;
use drafthorse_core::Footprint;
use serde::Deserialize;

/// Above this overlap the worse of two boxes goes, where suppression looks at their areas.
const MOST_IOU: f64 = 0.1;

/// How boxes are suppressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suppression {
    /// By the distance of their centres, after CenterPoint (Yin et al. 2021).
    Circle,
    /// By their overlap seen from above.
    Rotated,
}

/// Keeps a box where no better one is kept beside it. Boxes are of one class and come best first.
pub(crate) fn suppress(boxes: &mut Vec<DetectedBox>, how: Suppression, radius_m: f32) {
    let mut kept = 0;
    for index in 0..boxes.len() {
        let candidate = boxes[index];
        let is_beside = |better: &DetectedBox| match how {
            Suppression::Circle => {
                let dx = better.centre_m[0] - candidate.centre_m[0];
                let dy = better.centre_m[1] - candidate.centre_m[1];
                dx * dx + dy * dy <= radius_m * radius_m
            }
            Suppression::Rotated => footprint(better).iou(&footprint(&candidate)) > MOST_IOU,
        };
        if !boxes[..kept].iter().any(is_beside) {
            boxes[kept] = candidate;
            kept += 1;
        }
    }
    boxes.truncate(kept);
}

fn footprint(b: &DetectedBox) -> Footprint {
    Footprint {
        centre_m: [f64::from(b.centre_m[0]), f64::from(b.centre_m[1])],
        length_m: f64::from(b.size_m[0]),
        width_m: f64::from(b.size_m[1]),
        yaw_rad: f64::from(b.yaw_rad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(x: f32, y: f32, score: f32) -> DetectedBox {
        DetectedBox {
            class: 0,
            score,
            centre_m: [x, y, 0.0],
            size_m: [4.0, 2.0, 1.5],
            yaw_rad: 0.0,
        }
    }

    #[test]
    fn the_better_stays_of_those_beside_each_other() {
        // The third is beside the second alone, which is gone by then.
        let boxes = [(0.0, 0.9), (1.0, 0.8), (2.5, 0.7)].map(|(x, score)| boxed(x, 0.0, score));
        let scores = |how, radius_m: f32| {
            let mut boxes = boxes.to_vec();
            suppress(&mut boxes, how, radius_m);
            boxes.iter().map(|b| b.score).collect::<Vec<_>>()
        };
        assert_eq!(scores(Suppression::Circle, 2.0), [0.9, 0.7]);
        assert_eq!(scores(Suppression::Circle, 2.5), [0.9]);
        assert_eq!(scores(Suppression::Circle, 0.0), [0.9, 0.8, 0.7]);
        // 4 m long: the third overlaps the first by 1.5 of 4 m, the union is 6.5.
        assert_eq!(scores(Suppression::Rotated, 0.0), [0.9]);
        // Close centres side by side, and little overlap.
        let mut beside = vec![boxed(0.0, 0.0, 0.9), boxed(0.0, 1.9, 0.8)];
        suppress(&mut beside, Suppression::Rotated, 0.0);
        assert_eq!(beside.len(), 2);
    }
}
