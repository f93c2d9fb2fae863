//! Feature vectors of tokens, and the cosine between two of them.

/// Features [N, D], row by row.
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    values: &'a [f32],
    width: usize,
}

impl<'a> Features<'a> {
    /// Features of `values.len() / width` tokens; `None` where that is no whole number.
    #[must_use]
    pub fn new(values: &'a [f32], width: usize) -> Option<Self> {
        (width > 0 && values.len().is_multiple_of(width)).then_some(Self { values, width })
    }

    /// How many tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.width
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Numbers a token has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The features of token `i`.
    #[must_use]
    pub fn row(&self, i: usize) -> &'a [f32] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    /// The features of all tokens, one after another.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.values.chunks_exact(self.width)
    }

    /// The same, each of length 1. Those of length 0, or with a value that is not finite, become 0.
    pub(super) fn unit(&self) -> Vec<f32> {
        let mut unit = Vec::with_capacity(self.values.len());
        for row in self.rows() {
            let length = dot(row, row).sqrt();
            let usable = length.is_finite() && length > f32::MIN_POSITIVE;
            let scale = if usable { 1.0 / length } else { 0.0 };
            unit.extend(row.iter().map(|v| if usable { v * scale } else { 0.0 }));
        }
        unit
    }
}

/// Lanes of a sum: enough for the widest vector units.
const LANES: usize = 16;

/// The scalar product of two vectors of one length.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder());
    let rest: f32 = rest.map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    // Halves upon halves: one sum after another would take as long as the products.
    let eight: [f32; 8] = std::array::from_fn(|i| sums[i] + sums[i + 8]);
    let four: [f32; 4] = std::array::from_fn(|i| eight[i] + eight[i + 4]);
    (four[0] + four[2]) + (four[1] + four[3]) + rest
}

/// The cosine between two vectors of one length; 0 where one has no direction.
pub(super) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    if cosine.is_finite() {
        cosine.clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_that_of_a_plain_loop() {
        for length in [0, 1, 15, 16, 17, 192, 200] {
            let a: Vec<f32> = (0..length).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..length).map(|i| (i as f32 * 0.3).cos()).collect();
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(a * b)).sum();
            assert!((f64::from(dot(&a, &b)) - plain).abs() < 1e-5, "{length}");
        }
    }

    #[test]
    fn what_has_no_direction_becomes_zero() {
        let values = [3.0, 4.0, 0.0, 0.0, f32::NAN, 1.0, f32::INFINITY, 1.0];
        let unit = Features::new(&values, 2).unwrap().unit();
        assert_eq!(unit, [0.6, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(cosine(&values[4..6], &values[..2]), 0.0);
        assert!(Features::new(&values, 3).is_none() && Features::new(&values, 0).is_none());
    }
}
