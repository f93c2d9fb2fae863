//! Rounding with error correction (Frantar et al., "GPTQ: Accurate Post-Training Quantization for
//! Generative Pre-trained Transformers", ICLR 2023): columns in their natural order, the scale of a
//! block fitted when the block begins, to its weights as corrected until then.

use super::BLOCK;
use super::block::Packed;

/// Rounds the weights `[K, N]`. `factor` is the upper factor `[K, K]` of the inverse correlations.
pub(super) fn round(packed: &mut Packed, weights: &[f32], factor: &[f64]) {
    let (k, n) = packed.shape();
    for output in 0..n {
        let mut row: Vec<f64> = (0..k).map(|i| f64::from(weights[i * n + output])).collect();
        for column in 0..k {
            if column % BLOCK == 0 {
                let end = (column + BLOCK).min(k);
                let some: Vec<f32> = row[column..end].iter().map(|w| *w as f32).collect();
                packed.fit(output, column / BLOCK, &some);
            }
            let became = packed.set(output, column, row[column] as f32);
            let factors = &factor[column * k..(column + 1) * k];
            let error = (row[column] - f64::from(became)) / factors[column];
            let later = row[column + 1..].iter_mut().zip(&factors[column + 1..]);
            later.for_each(|(weight, factor)| *weight -= error * factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hessian::Hessian;
    use super::*;

    /// Inputs that follow a few hidden ones, as those of trained networks do.
    fn inputs(k: usize, rows: usize, seed: u32) -> Vec<Vec<f32>> {
        let mut state = seed;
        let mut draw = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 - 0.5
        };
        (0..rows)
            .map(|_| {
                let hidden: Vec<f32> = (0..6).map(|_| draw()).collect();
                let mix = |i: usize| hidden[i % 6] + 0.5 * hidden[(i / 6) % 6];
                (0..k).map(|i| mix(i) + 0.1 * draw()).collect()
            })
            .collect()
    }

    #[test]
    fn products_with_other_inputs_are_nearer_than_after_plain_rounding() {
        let (k, n) = (70, 12);
        let weights: Vec<f32> = inputs(n, k, 3).concat();
        let mut plain = Packed::new(k, n, false);
        for output in 0..n {
            let row: Vec<f32> = (0..k).map(|i| weights[i * n + output]).collect();
            plain.round(output, &row);
        }
        let factor = Hessian::of_rows(k, &inputs(k, 600, 1))
            .factor(0.01)
            .unwrap();
        let mut corrected = Packed::new(k, n, false);
        round(&mut corrected, &weights, &factor);

        let held_out = inputs(k, 200, 2);
        let loss = |packed: &Packed| {
            let became = packed.unpacked();
            let each = held_out
                .iter()
                .flat_map(|x| (0..n).map(move |output| (x, output)));
            each.map(|(x, output)| {
                let terms = (0..k).map(|i| {
                    let at = i * n + output;
                    f64::from(x[i]) * f64::from(became[at] - weights[at])
                });
                terms.sum::<f64>().powi(2)
            })
            .sum::<f64>()
        };
        let (plain, corrected) = (loss(&plain), loss(&corrected));
        assert!(corrected < 0.5 * plain, "{corrected} {plain}");
    }
}
