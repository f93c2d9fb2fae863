//! The exponential, and softmax over rows, in plain arithmetic: the same bits on every processor.

use crate::matrix::LANES;
use multiversion::multiversion;

/// `e^x` to about one unit in the last place; 0 below -87, at most e^88.
///
/// `x = n ln 2 + r`, a polynomial for `e^r` (coefficients of the Taylor series to the seventh power;
/// the rest is below 1e-9 for |r| <= 0.35), and `2^n` by its bits.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding and taking away 1.5 times 2^23 rounds to a whole number.
    const ROUND: f32 = 12_582_912.0;
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x > 88.0 { 88.0 } else { x };
    let clamped = if clamped < -87.0 { -87.0 } else { clamped };
    let n = (clamped * std::f32::consts::LOG2_E + ROUND) - ROUND;
    let r = (clamped - n * LN_2_HIGH) - n * LN_2_LOW;
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r + 1.0;
    let p = p * r + 1.0;
    let two_to_n = f32::from_bits(((n as i32 + 127) << 23) as u32);
    if x < -87.0 { 0.0 } else { p * two_to_n }
}

/// `1 / (1 + e^-x)`.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Softmax of `scale` times each of the rows: their first `length` elements; rows lie `stride` apart.
#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
pub(crate) fn softmax(rows: &mut [f32], stride: usize, length: usize, scale: f32) {
    for row in rows.chunks_exact_mut(stride) {
        let row = &mut row[..length];
        let most = greatest(row);
        let mut sums = [0.0f32; LANES];
        let mut chunks = row.chunks_exact_mut(LANES);
        for chunk in &mut chunks {
            for (value, sum) in chunk.iter_mut().zip(&mut sums) {
                *value = exp((*value - most) * scale);
                *sum += *value;
            }
        }
        let mut sum = 0.0;
        for value in chunks.into_remainder() {
            *value = exp((*value - most) * scale);
            sum += *value;
        }
        for lane in sums {
            sum += lane;
        }
        let share = 1.0 / sum;
        row.iter_mut().for_each(|value| *value *= share);
    }
}

#[inline(always)]
fn greatest(row: &[f32]) -> f32 {
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut most = [f32::MIN; LANES];
    let chunks = row.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for (most, &value) in most.iter_mut().zip(chunk) {
            *most = larger(*most, value);
        }
    }
    let lanes = most.into_iter().chain(rest.iter().copied());
    lanes.fold(f32::MIN, larger)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_right_over_its_range() {
        for i in -87_000..88_000 {
            let x = i as f32 / 1000.0;
            let right = f64::from(x).exp();
            let error = (f64::from(exp(x)) - right).abs() / right;
            assert!(error < 2.5e-7, "exp({x}) is off by {error:e}");
        }
        assert_eq!((exp(0.0), exp(-88.0), exp(-1e30)), (1.0, 0.0, 0.0));
        assert!(exp(f32::MAX).is_finite() && exp(f32::NAN).is_nan());
    }

    #[test]
    fn shares_sum_to_one_whatever_the_length() {
        for length in [1usize, 15, 16, 17, 320] {
            let stride = length.next_multiple_of(16);
            let mut rows: Vec<f32> = (0..2 * stride).map(|i| (i % 13) as f32 - 40.0).collect();
            let before = rows.clone();
            softmax(&mut rows, stride, length, 0.5);
            for (row, before) in rows.chunks(stride).zip(before.chunks(stride)) {
                let sum: f64 = before[..length]
                    .iter()
                    .map(|&v| (f64::from(v) * 0.5).exp())
                    .sum();
                for (value, before) in row.iter().zip(&before[..length]) {
                    let right = (f64::from(*before) * 0.5).exp() / sum;
                    assert!((f64::from(*value) - right).abs() < 1e-6 * right.max(1e-3));
                }
                // What is past the length is left alone.
                assert_eq!(row[length..], before[length..]);
            }
        }
    }
}
