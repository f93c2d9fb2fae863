//! GELU in its tanh form, and the layer norm.

use crate::softmax::sigmoid;
use multiversion::multiversion;

/// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))` of all elements (Hendrycks and Gimpel).
#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
pub(crate) fn gelu(elements: &mut [f32]) {
    /// Twice the square root of 2 / pi: (1 + tanh(u)) / 2 is the sigmoid of 2 u.
    const TWICE: f32 = 1.595_769;
    for x in elements {
        let cube = *x * *x * *x;
        *x *= sigmoid(TWICE * (*x + 0.044_715 * cube));
    }
}

/// Layer norm of `length` elements each, in rows that lie `stride` apart, with the given gain and shift.
pub(crate) fn layer_norm(
    from: &[f32],
    stride: usize,
    length: usize,
    (gain, shift): &(Vec<f32>, Vec<f32>),
    to: &mut Vec<f32>,
) {
    const EPSILON: f32 = 1e-5;
    to.resize(from.len(), 0.0);
    for (from, to) in from.chunks_exact(stride).zip(to.chunks_exact_mut(stride)) {
        let from = &from[..length];
        let share = 1.0 / length as f32;
        let mean = from.iter().sum::<f32>() * share;
        let square = |x: &f32| (x - mean) * (x - mean);
        let variance = from.iter().map(square).sum::<f32>() * share;
        let scale = 1.0 / (variance + EPSILON).sqrt();
        let parts = from.iter().zip(gain).zip(shift);
        for (to, ((x, gain), shift)) in to.iter_mut().zip(parts) {
            *to = (x - mean) * scale * gain + shift;
        }
    }
}
