//! The line between whole numbers and the values they stand for: `value = (q - zero_point) * scale`.

use crate::ranges::Range;
use serde::{Deserialize, Serialize};

/// Which whole numbers activations become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grid {
    /// 0 to 255, the zero point anywhere: for values that are mostly of one sign.
    U8,
    /// -128 to 127, the zero point 0.
    S8,
}

/// Scale and zero point of a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Difference between neighbouring values; positive and finite.
    pub scale: f32,
    /// The whole number that stands for 0.
    pub zero_point: i32,
    /// Least whole number.
    pub low: i32,
    /// Greatest whole number.
    pub high: i32,
}

impl Grid {
    /// The finest line that covers `range` and has a point at 0. A range without extent gets the
    /// scale 1.
    #[must_use]
    pub fn fit(self, range: Range) -> Affine {
        let range = range.with_zero();
        match self {
            Self::U8 => {
                let scale = scale_of((f64::from(range.max) - f64::from(range.min)) / 255.0);
                let zero = (-f64::from(range.min) / f64::from(scale)).round_ties_even();
                Affine {
                    scale,
                    zero_point: zero.clamp(0.0, 255.0) as i32,
                    low: 0,
                    high: 255,
                }
            }
            Self::S8 => Affine {
                scale: scale_of(f64::from(range.magnitude()) / 127.0),
                zero_point: 0,
                low: -128,
                high: 127,
            },
        }
    }
}

/// A usable scale: 1 where nothing is to be told apart.
pub(crate) fn scale_of(step: f64) -> f32 {
    let scale = step as f32;
    if scale.is_normal() { scale } else { 1.0 }
}

impl Affine {
    /// Nearest whole number, ties to even, cut off at both ends.
    #[must_use]
    pub fn quantise(&self, value: f32) -> i32 {
        let q = (value / self.scale).round_ties_even() + self.zero_point as f32;
        q.clamp(self.low as f32, self.high as f32) as i32
    }

    /// The value that a whole number stands for.
    #[must_use]
    pub fn dequantise(&self, q: i32) -> f32 {
        (q - self.zero_point) as f32 * self.scale
    }

    /// What becomes of a value.
    #[must_use]
    pub fn round_trip(&self, value: f32) -> f32 {
        self.dequantise(self.quantise(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn zero_is_exact_and_values_inside_move_by_half_a_step(
            min in -100.0f32..10.0, extent in 0.0f32..200.0, at in 0.0f32..1.0,
        ) {
            let range = Range { min, max: min + extent };
            for grid in [Grid::U8, Grid::S8] {
                let line = grid.fit(range);
                prop_assert_eq!(line.round_trip(0.0), 0.0);
                let value = min + extent * at;
                let error = (line.round_trip(value) - value).abs();
                // The zero point is rounded too: one end may lose up to half a step more.
                prop_assert!(error <= line.scale * 1.001 + 1e-5, "{error} {line:?}");
            }
        }
    }

    #[test]
    fn a_range_without_extent_is_usable() {
        let line = Grid::U8.fit(Range { min: 0.0, max: 0.0 });
        assert_eq!(line.scale, 1.0);
        assert_eq!(line.zero_point, 0);
    }

    #[test]
    fn ties_go_to_even() {
        let line = Affine {
            scale: 2.0,
            zero_point: 0,
            low: -128,
            high: 127,
        };
        let whole: Vec<i32> = [1.0, 3.0, 5.0, -1.0, -3.0, 1e9]
            .into_iter()
            .map(|v| line.quantise(v))
            .collect();
        assert_eq!(whole, [0, 2, 2, 0, -2, 127]);
    }
}
