//! Blocks of 4-bit numbers and the bytes that they are packed into.

use super::BLOCK;
use crate::affine::scale_of;
use drafthorse_onnx::proto::Tensor;

/// What 0 is where blocks have no zero point.
const MIDDLE: u8 = 8;

/// The line of one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    scale: f32,
    zero_point: u8,
}

impl Line {
    /// For weights on both sides of 0: the weight of the greatest magnitude becomes -8, so that all
    /// sixteen numbers are used.
    fn symmetric(weights: &[f32]) -> Self {
        let farthest = |far: f32, w: &f32| if w.abs() > far.abs() { *w } else { far };
        let far = weights.iter().fold(0.0, farthest);
        // The scale may be negative.
        let scale = scale_of(f64::from(far.abs()) / 8.0);
        Self {
            scale: if far > 0.0 { -scale } else { scale },
            zero_point: MIDDLE,
        }
    }

    /// From the least to the greatest weight, 0 among them.
    fn asymmetric(weights: &[f32]) -> Self {
        let (min, max) = weights
            .iter()
            .fold((0.0f32, 0.0f32), |(min, max), w| (min.min(*w), max.max(*w)));
        let scale = scale_of((f64::from(max) - f64::from(min)) / 15.0);
        let zero_point = (-min / scale).round_ties_even().clamp(0.0, 15.0);
        Self {
            scale,
            zero_point: zero_point as u8,
        }
    }

    fn quantise(self, weight: f32) -> u8 {
        let q = (weight / self.scale).round_ties_even() + f32::from(self.zero_point);
        q.clamp(0.0, 15.0) as u8
    }

    fn dequantise(self, q: u8) -> f32 {
        (f32::from(q) - f32::from(self.zero_point)) * self.scale
    }
}

/// A weight `[K, N]` in blocks along K.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Packed {
    k: usize,
    n: usize,
    has_zero_points: bool,
    /// Blocks of each of the N outputs.
    blocks: usize,
    /// `[N, blocks]`.
    lines: Vec<Line>,
    /// `[N, K rounded up to whole blocks]`, a number each.
    numbers: Vec<u8>,
}

impl Packed {
    pub(super) fn new(k: usize, n: usize, has_zero_points: bool) -> Self {
        let blocks = k.div_ceil(BLOCK);
        let line = Line {
            scale: 1.0,
            zero_point: MIDDLE,
        };
        Self {
            k,
            n,
            has_zero_points,
            blocks,
            lines: vec![line; n * blocks],
            numbers: vec![MIDDLE; n * blocks * BLOCK],
        }
    }

    /// K and N.
    pub(super) fn shape(&self) -> (usize, usize) {
        (self.k, self.n)
    }

    /// Fits the line of a block to its weights.
    pub(super) fn fit(&mut self, n: usize, block: usize, weights: &[f32]) {
        self.lines[n * self.blocks + block] = match self.has_zero_points {
            true => Line::asymmetric(weights),
            false => Line::symmetric(weights),
        };
    }

    /// Rounds one weight, whose block was fitted, and gives what it became.
    pub(super) fn set(&mut self, n: usize, k: usize, weight: f32) -> f32 {
        let line = self.lines[n * self.blocks + k / BLOCK];
        let q = line.quantise(weight);
        self.numbers[n * self.blocks * BLOCK + k] = q;
        line.dequantise(q)
    }

    /// Rounds all weights of an output to nearest.
    pub(super) fn round(&mut self, n: usize, weights: &[f32]) {
        for (block, some) in weights.chunks(BLOCK).enumerate() {
            self.fit(n, block, some);
            for (index, weight) in some.iter().enumerate() {
                self.set(n, block * BLOCK + index, *weight);
            }
        }
    }

    /// The weights as they became, `[K, N]`.
    #[cfg(test)]
    pub(super) fn unpacked(&self) -> Vec<f32> {
        let mut weights = vec![0.0; self.k * self.n];
        for (n, numbers) in self.numbers.chunks(self.blocks * BLOCK).enumerate() {
            for k in 0..self.k {
                let line = self.lines[n * self.blocks + k / BLOCK];
                weights[k * self.n + n] = line.dequantise(numbers[k]);
            }
        }
        weights
    }

    /// Adds the packed tensors and gives the node's inputs after the first: numbers, scales and, if
    /// there are any, zero points. Two numbers a byte, the first in the low half.
    pub(super) fn weights(
        &self,
        base: &str,
        name: &mut impl FnMut(&str) -> String,
        into: &mut Vec<Tensor>,
    ) -> Vec<String> {
        let halves = |pair: &[u8]| pair[0] | pair.get(1).unwrap_or(&0) << 4;
        let bytes: Vec<u8> = self.numbers.chunks(2).map(halves).collect();
        let scales: Vec<f32> = self.lines.iter().map(|line| line.scale).collect();
        let names = [
            name(&format!("{base}/4bit")),
            name(&format!("{base}/scales")),
        ];
        into.push(Tensor::new(
            &names[0],
            &[self.n, self.blocks, BLOCK / 2],
            &bytes,
        ));
        into.push(Tensor::new(&names[1], &[self.n * self.blocks], &scales));
        let mut names = names.to_vec();
        if self.has_zero_points {
            let rows = self.lines.chunks(self.blocks);
            let bytes: Vec<u8> = rows
                .flat_map(|row| {
                    let points: Vec<u8> = row.iter().map(|line| line.zero_point).collect();
                    points.chunks(2).map(halves).collect::<Vec<u8>>()
                })
                .collect();
            names.push(name(&format!("{base}/zero_points")));
            into.push(Tensor::new(&names[2], &[bytes.len()], &bytes));
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn weights_move_by_no_more_than_a_step_of_their_block(
            weights in prop::collection::vec(-2.0f32..2.0, 1..100), zero_points in any::<bool>(),
        ) {
            let mut packed = Packed::new(weights.len(), 1, zero_points);
            packed.round(0, &weights);
            for (index, (was, is)) in weights.iter().zip(packed.unpacked()).enumerate() {
                let step = packed.lines[index / BLOCK].scale.abs();
                prop_assert!((was - is).abs() <= step * 1.001, "{was} {is} {step}");
            }
        }
    }

    #[test]
    fn numbers_lie_in_bytes_as_onnx_runtime_reads_them() {
        let mut packed = Packed::new(3, 1, false);
        packed.round(0, &[-8.0, 7.0, 0.0]);
        let mut tensors = Vec::new();
        let names = packed.weights("w", &mut str::to_owned, &mut tensors);
        assert_eq!(names, ["w/4bit", "w/scales"]);
        assert_eq!(tensors[0].dims, [1, 1, 16]);
        assert_eq!(tensors[0].raw_data[..3], [0xf0, 0x88, 0x88]);
        assert_eq!(tensors[1].data::<f32>(), Some(vec![1.0]));
    }
}
