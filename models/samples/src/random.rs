//! The draws behind weights and sample inputs: SplitMix64 (Steele, Lea and Flood) and nothing but
//! arithmetic that IEEE 754 fixes, so that the same names give the same bytes on every machine.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The stream of that name (FNV-1a); streams of other names or indices are others.
    pub(crate) fn new(name: &str, index: u64) -> Self {
        let fold = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3);
        let hash = name.as_bytes().iter().fold(0xCBF2_9CE4_8422_2325, fold);
        let mut stream = Self {
            state: hash ^ index.wrapping_mul(0xD6E8_FEB8_6659_FD93),
        };
        // Names that differ little give states that differ little; one round takes them apart.
        stream.state = stream.bits();
        stream
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in [low, high].
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        ((f64::from(self.unit()) * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Bell-shaped with mean 0 and variance 1, within ±3: the sum of three uniform draws of 21 bits
    /// (Irwin and Hall). The usual transforms need logarithms, which libraries round differently.
    pub(crate) fn normal(&mut self) -> f32 {
        const FIELD: u64 = (1 << 21) - 1;
        let bits = self.bits();
        let sum = (bits & FIELD) + (bits >> 21 & FIELD) + (bits >> 42 & FIELD);
        (2.0 * sum as f64 / FIELD as f64 - 3.0) as f32
    }

    /// So many draws of [`Random::normal`], times `scale`.
    pub(crate) fn normals(&mut self, count: usize, scale: f32) -> Vec<f32> {
        (0..count).map(|_| scale * self.normal()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_splitmix64() {
        // First outputs of the reference code from the state 1234567.
        let mut random = Random { state: 1_234_567 };
        let outputs = [random.bits(), random.bits(), random.bits()];
        assert_eq!(
            outputs,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn moments_are_right() {
        let mut random = Random::new("moments", 0);
        let n = 40_000;
        let (mut mean, mut variance, mut unit) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = random.normal();
            mean += x / n as f32;
            variance += x * x / n as f32;
            unit += random.unit() / n as f32;
        }
        assert!(mean.abs() < 0.02, "{mean}");
        assert!((variance - 1.0).abs() < 0.02, "{variance}");
        assert!((unit - 0.5).abs() < 0.01, "{unit}");
    }

    #[test]
    fn names_and_indices_are_streams_of_their_own() {
        let first = |name, index| Random::new(name, index).bits();
        let draws = [first("a", 0), first("b", 0), first("a", 1), first("b", 1)];
        for (i, draw) in draws.iter().enumerate() {
            assert!(!draws[..i].contains(draw));
        }
        assert_eq!(first("a", 1), draws[2]);
    }
}
