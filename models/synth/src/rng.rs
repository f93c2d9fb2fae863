//! The generator's own random numbers: xoshiro256++ seeded by splitmix64 (Blackman and Vigna), so
//! that a seed means the same drive whatever version of whatever library is in the build.

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    state: [u64; 4],
}

fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Rng {
    /// The stream `name` of a seed; streams of different names are independent.
    pub(crate) fn new(seed: u64, name: u64) -> Self {
        let mut s = seed ^ name.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        Self {
            state: std::array::from_fn(|_| splitmix64(&mut s)),
        }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let result = s[0].wrapping_add(s[3]).rotate_left(23).wrapping_add(s[0]);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        result
    }

    /// Uniform in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub(crate) fn range(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// True with that probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in 0..n; 0 for n = 0.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Standard normal (Box-Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Exponential of mean 1: the power of a fluctuating target (Swerling 1).
    pub(crate) fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_xoshiro256_plus_plus() {
        // First outputs of the authors' reference code from the state 1, 2, 3, 4.
        let mut rng = Rng {
            state: [1, 2, 3, 4],
        };
        let outputs: Vec<u64> = (0..3).map(|_| rng.bits()).collect();
        assert_eq!(outputs, [41_943_041, 58_720_359, 3_588_806_011_781_223]);
    }

    #[test]
    fn moments_are_right() {
        let mut rng = Rng::new(1, 2);
        let n = 40_000;
        let (mut mean, mut variance, mut power) = (0.0, 0.0, 0.0);
        for _ in 0..n {
            let x = rng.normal();
            mean += x / f64::from(n);
            variance += x * x / f64::from(n);
            power += rng.exponential() / f64::from(n);
        }
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03 && (power - 1.0).abs() < 0.02);
    }
}
