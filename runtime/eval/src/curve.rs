//! Precision over recall.

use serde::Serialize;

/// Points of a precision-recall curve, recall rising. Shares are 0 to 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    /// Share of the truth that is found.
    pub recall: Vec<f64>,
    /// Share of the detections that are true.
    pub precision: Vec<f64>,
    /// Score from which on detections are counted there.
    pub score: Vec<f64>,
}

/// Value at `x` of the line through points with rising `xs`: the first value before them, 0 behind
/// them, and the last of several values at one x.
pub(crate) fn interpolate(x: f64, xs: &[f64], ys: &[f64]) -> f64 {
    let after = xs.partition_point(|&known| known <= x);
    if after == 0 {
        return ys.first().copied().unwrap_or(0.0);
    }
    let i = after - 1;
    if after == xs.len() {
        return if x > xs[i] { 0.0 } else { ys[i] };
    }
    if xs[i] == x {
        return ys[i];
    }
    let slope = (ys[after] - ys[i]) / (xs[after] - xs[i]);
    slope * (x - xs[i]) + ys[i]
}

#[cfg(test)]
mod tests {
    use super::interpolate;

    #[test]
    fn between_before_behind_and_at_a_step() {
        let (xs, ys) = ([0.2, 0.4, 0.4, 0.6], [1.0, 2.0, 5.0, 7.0]);
        let at = |x| interpolate(x, &xs, &ys);
        assert_eq!(at(0.1), 1.0);
        assert!((at(0.3) - 1.5).abs() < 1e-12);
        assert_eq!(at(0.4), 5.0);
        assert!((at(0.5) - 6.0).abs() < 1e-12);
        assert_eq!(at(0.6), 7.0);
        assert_eq!(at(0.7), 0.0);
        assert_eq!(interpolate(0.0, &[], &[]), 0.0);
    }
}
