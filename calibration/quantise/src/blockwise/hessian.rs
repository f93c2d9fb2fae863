//! Correlations of a layer's inputs and the factor that error correction needs of them.

use super::Correction;
use crate::error::QuantiseError;
use crate::observe::{Probe, floats, stream};
use drafthorse_onnx::proto::Model;

/// A symmetric matrix `[K, K]`: the sum of `x x^T` over all rows `x` that went into a layer.
pub(super) struct Hessian {
    k: usize,
    sum: Vec<f64>,
}

impl Hessian {
    /// Of the value that goes into a layer whose weight is `[k, ..]`.
    pub(super) fn of(
        model: &Model,
        input: &str,
        k: usize,
        correction: &Correction<'_>,
    ) -> Result<Self, QuantiseError> {
        let mut hessian = Self {
            k,
            sum: vec![0.0; k * k],
        };
        let probes = [Probe::flat(input)];
        let (backend, samples) = (correction.backend, correction.samples);
        stream(model, &probes, backend, samples, &mut |sample, _, view| {
            let values = floats(&view, input)?;
            if values.iter().any(|value| !value.is_finite()) {
                return Err(QuantiseError::NotFinite {
                    value: input.to_owned(),
                    sample,
                });
            }
            values.chunks_exact(k).for_each(|row| hessian.add(row));
            Ok(())
        })?;
        Ok(hessian)
    }

    /// Of rows.
    #[cfg(test)]
    pub(super) fn of_rows(k: usize, rows: &[Vec<f32>]) -> Self {
        let sum = vec![0.0; k * k];
        let mut hessian = Self { k, sum };
        rows.iter().for_each(|row| hessian.add(row));
        hessian
    }

    /// Adds a row's products; only the lower half is kept.
    fn add(&mut self, row: &[f32]) {
        for (i, a) in row.iter().enumerate() {
            let a = f64::from(*a);
            if a != 0.0 {
                let sums = &mut self.sum[i * self.k..=i * self.k + i];
                sums.iter_mut()
                    .zip(row)
                    .for_each(|(sum, b)| *sum += a * f64::from(*b));
            }
        }
    }

    /// The upper factor `U` of the damped matrix' inverse, `H^-1 = U^T U`, row by row. None where the
    /// matrix is not positive.
    pub(super) fn factor(mut self, damping: f64) -> Option<Vec<f64>> {
        let k = self.k;
        let mean = (0..k).map(|i| self.sum[i * k + i]).sum::<f64>() / k as f64;
        for i in 0..k {
            let diagonal = &mut self.sum[i * k + i];
            // An input that is always 0 makes its weights free.
            if *diagonal == 0.0 {
                *diagonal = if mean > 0.0 { mean } else { 1.0 };
            }
            *diagonal += damping * mean;
        }
        // With J the reversal of order: H = R R^T for an upper R is the lower factor of J H J, and
        // then U = R^-1 is upper with H^-1 = U^T U.
        let reversed = |i: usize, j: usize| {
            let (i, j) = (k - 1 - i, k - 1 - j);
            self.sum[i.max(j) * k + i.min(j)]
        };
        let mut lower = vec![0.0; k * k];
        for i in 0..k {
            for j in 0..=i {
                let (a, b) = (&lower[i * k..i * k + j], &lower[j * k..j * k + j]);
                let rest = reversed(i, j) - a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                if i == j {
                    if !(rest > 0.0 && rest.is_finite()) {
                        return None;
                    }
                    lower[i * k + i] = rest.sqrt();
                } else {
                    lower[i * k + j] = rest / lower[j * k + j];
                }
            }
        }
        Some(reversed_inverse(&lower, k))
    }
}

/// The inverse of a lower matrix, with rows and columns in reversed order: upper.
fn reversed_inverse(lower: &[f64], k: usize) -> Vec<f64> {
    // Row by row: row i of the inverse from the rows before it, all in a row of memory.
    let mut inverse = vec![0.0; k * k];
    for i in 0..k {
        let (before, row) = inverse.split_at_mut(i * k);
        let row = &mut row[..k];
        for j in 0..i {
            let factor = lower[i * k + j];
            if factor != 0.0 {
                let other = &before[j * k..=j * k + j];
                row.iter_mut()
                    .zip(other)
                    .for_each(|(r, o)| *r -= factor * o);
            }
        }
        let diagonal = lower[i * k + i];
        row[..i].iter_mut().for_each(|r| *r /= diagonal);
        row[i] = 1.0 / diagonal;
    }
    inverse.reverse();
    inverse
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_factor_is_that_of_the_inverse() {
        let k = 5;
        let value = |row: usize, i: usize| ((row * 7 + i * 13 + row * i * i) % 11) as f32 - 5.0;
        let rows: Vec<Vec<f32>> = (0..12)
            .map(|row| (0..k).map(|i| value(row, i)).collect())
            .collect();
        let hessian = Hessian::of_rows(k, &rows);
        let full: Vec<f64> = (0..k * k)
            .map(|at| {
                let (i, j) = (at / k, at % k);
                hessian.sum[i.max(j) * k + i.min(j)]
            })
            .collect();
        let u = hessian.factor(1e-12).unwrap();
        for i in 0..k {
            for j in 0..k {
                // (U^T U) H is the identity.
                let mut product = 0.0;
                for a in 0..k {
                    let inverse: f64 = (0..k).map(|b| u[b * k + i] * u[b * k + a]).sum();
                    product += inverse * full[a * k + j];
                }
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((product - expected).abs() < 1e-6, "{i} {j} {product}");
                assert!(i <= j || u[i * k + j] == 0.0);
            }
        }
    }
}
