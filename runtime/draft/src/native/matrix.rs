//! Matrices in 8 bits, and their products with rows in 16: sums of whole numbers, the same bits on every processor.

use multiversion::multiversion;

/// A row of numbers in 16 bits.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    values: Vec<i16>,
    /// What 1 stands for.
    scale: f32,
}

impl Row {
    /// Takes a row over, rounded for a product with `matrix`.
    pub(super) fn set(&mut self, x: &[f32], matrix: &Matrix) {
        self.values.resize(x.len(), 0);
        self.scale = round(x, matrix.most, &mut self.values);
    }
}

/// A matrix `[outputs, inputs]` in 8 bits with a scale an output.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    weights: Vec<i8>,
    scales: Vec<f32>,
    /// The largest number that a row may have, so that no sum leaves 32 bits.
    most: f32,
}

impl Matrix {
    /// Of weights as ONNX has them, `[inputs, outputs]`; none where there are other than inputs times outputs.
    pub(super) fn new(weights: &[i8], scales: Vec<f32>) -> Option<Self> {
        let outputs = scales.len();
        let inputs = weights.len().checked_div(outputs)?;
        if inputs == 0 || inputs * outputs != weights.len() {
            return None;
        }
        let mut turned = Vec::with_capacity(weights.len());
        for output in 0..outputs {
            turned.extend(weights.iter().skip(output).step_by(outputs));
        }
        let most = (f64::from(i32::MAX) / (128.0 * inputs as f64)).min(f64::from(i16::MAX));
        Some(Self {
            weights: turned,
            scales,
            most: most.floor() as f32,
        })
    }

    /// Inputs and outputs.
    pub(super) fn shape(&self) -> [usize; 2] {
        let outputs = self.scales.len();
        [self.weights.len() / outputs, outputs]
    }

    /// The product with a row of as many numbers as there are inputs.
    pub(super) fn apply(&self, row: &Row, out: &mut Vec<f32>) {
        out.resize(self.scales.len(), 0.0);
        multiply(&self.weights, &row.values, &self.scales, row.scale, out);
    }
}

/// Rounds to whole numbers of at most `most`, and gives what 1 stands for.
#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn round(x: &[f32], most: f32, to: &mut [i16]) -> f32 {
    /// Adding 1.5 times 2^23 leaves the rounded number in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let mut lanes = [0.0f32; 16];
    let chunks = x.chunks_exact(16);
    let rest = chunks
        .remainder()
        .iter()
        .fold(0.0, |a: f32, x| a.max(x.abs()));
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = if x.abs() > *lane { x.abs() } else { *lane };
        }
    }
    let largest = lanes.iter().fold(rest, |a, &b| a.max(b));
    if largest == 0.0 || !largest.is_finite() {
        to.fill(0);
        return 0.0;
    }
    let share = most / largest;
    for (to, x) in to.iter_mut().zip(x) {
        *to = (x * share + ROUND).to_bits() as u16 as i16;
    }
    largest / most
}

#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn multiply(weights: &[i8], row: &[i16], scales: &[f32], scale: f32, out: &mut [f32]) {
    let outputs = weights.chunks_exact(row.len());
    for ((weights, scale_of), out) in outputs.zip(scales).zip(out) {
        let mut sum = 0;
        for (weight, x) in weights.iter().zip(row) {
            sum += i32::from(*weight) * i32::from(*x);
        }
        *out = sum as f32 * (scale * scale_of);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(weights: &[i8], scales: &[f32], x: &[f32]) -> Vec<f32> {
        let matrix = Matrix::new(weights, scales.to_vec()).unwrap();
        let (mut row, mut out) = (Row::default(), Vec::new());
        row.set(x, &matrix);
        matrix.apply(&row, &mut out);
        out
    }

    #[test]
    fn a_product_is_that_of_the_widened_weights() {
        let (inputs, outputs) = (77, 19);
        let number = |i: usize| ((i * 7919) % 251) as u8 as i8;
        let weights: Vec<i8> = (0..inputs * outputs).map(number).collect();
        let scales: Vec<f32> = (0..outputs).map(|i| 0.001 * (1 + i) as f32).collect();
        let x: Vec<f32> = (0..inputs).map(|i| (i as f32 * 0.73).sin() * 9.0).collect();
        let out = product(&weights, &scales, &x);
        for (output, out) in out.iter().enumerate() {
            let of = |i: usize| f64::from(weights[i * outputs + output]) * f64::from(x[i]);
            let right = (0..inputs).map(of).sum::<f64>() * f64::from(scales[output]);
            let size = f64::from(scales[output]) * 128.0 * 9.0;
            assert!((f64::from(*out) - right).abs() < 1e-3 * size, "{output}");
        }
    }

    #[test]
    fn the_largest_numbers_stay_within_32_bits() {
        // Past 516 inputs 16 bits of each would be too many.
        for inputs in [1, 192, 512, 516, 517, 4096] {
            let out = product(&vec![-128; inputs], &[1.0], &vec![-3.0; inputs]);
            let right = 384.0 * inputs as f32;
            assert!(
                (out[0] - right).abs() < 1e-3 * right,
                "{inputs}: {} {right}",
                out[0]
            );
        }
    }

    #[test]
    fn nothing_and_what_is_no_number_give_zeros() {
        assert_eq!(product(&[1, 2], &[1.0], &[0.0, 0.0]), [0.0]);
        assert_eq!(product(&[1, 2], &[1.0], &[f32::INFINITY, 0.0]), [0.0]);
        assert!(Matrix::new(&[1, 2, 3], vec![1.0, 1.0]).is_none());
        assert!(Matrix::new(&[], vec![]).is_none());
    }
}
