//! The operators in plain loops and double precision, to compare engines with.

/// A seeded tensor of numbers in -1 to 1 that are multiples of 1/64, so that small sums are exact.
pub(crate) fn numbers(seed: u64, count: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 32) % 129) as f32 / 64.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Geometry of a two-dimensional convolution, the same along both axes.
#[derive(Clone, Copy)]
pub(crate) struct Conv {
    pub(crate) channels: usize,
    pub(crate) filters: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) pad: usize,
    pub(crate) dilation: usize,
    pub(crate) group: usize,
}

impl Conv {
    pub(crate) fn out(&self, size: usize) -> usize {
        (size + 2 * self.pad - self.dilation * (self.kernel - 1) - 1) / self.stride + 1
    }

    /// Of an image of `size` x `size` in channel-first order.
    pub(crate) fn run(&self, x: &[f32], size: usize, w: &[f32], bias: &[f32]) -> Vec<f32> {
        let (out, kernel) = (self.out(size), self.kernel);
        let (per_group, filters) = (self.channels / self.group, self.filters / self.group);
        let mut y = Vec::new();
        for (filter, &bias) in bias.iter().enumerate().take(self.filters) {
            let group = filter / filters;
            for row in 0..out {
                for column in 0..out {
                    let mut sum = f64::from(bias);
                    for channel in 0..per_group {
                        for i in 0..kernel {
                            for j in 0..kernel {
                                let at = |index: usize, k: usize| {
                                    (index * self.stride + k * self.dilation)
                                        .checked_sub(self.pad)
                                        .filter(|&at| at < size)
                                };
                                let (Some(r), Some(c)) = (at(row, i), at(column, j)) else {
                                    continue;
                                };
                                let pixel = ((group * per_group + channel) * size + r) * size + c;
                                let weight =
                                    ((filter * per_group + channel) * kernel + i) * kernel + j;
                                sum += f64::from(x[pixel]) * f64::from(w[weight]);
                            }
                        }
                    }
                    y.push(sum as f32);
                }
            }
        }
        y
    }
}

/// `[rows, inner] x [inner, columns]`.
pub(crate) fn matmul(a: &[f32], b: &[f32], inner: usize, columns: usize) -> Vec<f32> {
    let product = |row: &[f32], column: usize| {
        let terms = row.iter().enumerate();
        let terms = terms.map(|(k, &a)| f64::from(a) * f64::from(b[k * columns + column]));
        terms.sum::<f64>() as f32
    };
    let rows = a.chunks(inner);
    rows.flat_map(|row| (0..columns).map(move |column| product(row, column)))
        .collect()
}

/// Along the last axis, which has that length.
pub(crate) fn softmax(x: &[f32], length: usize) -> Vec<f32> {
    let each = x.chunks(length).flat_map(|row| {
        let most = row.iter().copied().fold(f32::MIN, f32::max);
        let parts: Vec<f64> = row.iter().map(|&v| f64::from(v - most).exp()).collect();
        let sum: f64 = parts.iter().sum();
        parts.into_iter().map(move |part| (part / sum) as f32)
    });
    each.collect()
}

/// Along the last axis, which has that length, with scale and bias.
pub(crate) fn layer_norm(x: &[f32], length: usize, scale: &[f32], bias: &[f32]) -> Vec<f32> {
    let each = x.chunks(length).flat_map(|row| {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / length as f64;
        let square = |&v: &f32| (f64::from(v) - mean).powi(2);
        let variance = row.iter().map(square).sum::<f64>() / length as f64;
        let norm = (variance + 1e-5).sqrt();
        let one = move |(i, &v): (usize, &f32)| {
            ((f64::from(v) - mean) / norm * f64::from(scale[i]) + f64::from(bias[i])) as f32
        };
        row.iter().enumerate().map(one)
    });
    each.collect()
}
