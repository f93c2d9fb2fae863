//! 16-bit floats (IEEE 754 binary16) as their bits.

/// The nearest 16-bit float, ties to even. What is too large becomes infinite; a NaN stays one.
#[must_use]
pub fn to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    // 65520 and up rounds to infinity.
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Below the least normal number: whole multiples of 2^-24.
        let steps = f32::from_bits(magnitude) * 16_777_216.0;
        return sign | steps.round_ties_even() as u16;
    }
    // Exponents differ by 112. The carry of rounding runs into the exponent as it should.
    let rebased = magnitude - (112 << 23);
    let odd = (rebased >> 13) & 1;
    sign | ((rebased + 0xfff + odd) >> 13) as u16
}

/// The value of a 16-bit float.
#[must_use]
pub fn from_f16(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let (exponent, fraction) = (u32::from(bits >> 10) & 0x1f, u32::from(bits) & 0x3ff);
    let magnitude = match exponent {
        0 => (fraction as f32 / 16_777_216.0).to_bits(),
        31 => 0x7f80_0000 | (fraction << 13),
        _ => ((exponent + 112) << 23) | (fraction << 13),
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn all_16_bit_floats_survive() {
        for bits in 0..=u16::MAX {
            let value = from_f16(bits);
            if value.is_nan() {
                assert!(from_f16(to_f16(value)).is_nan());
            } else {
                assert_eq!(to_f16(value), bits, "{value}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_nearest_is_taken(bits in any::<u32>()) {
            let value = f32::from_bits(bits);
            prop_assume!(value.abs() < 65504.0);
            let found = to_f16(value);
            let error = |bits: u16| (f64::from(from_f16(bits)) - f64::from(value)).abs();
            let magnitude = found & 0x7fff;
            for near in [magnitude.saturating_sub(1), magnitude + 1] {
                let near = (found & 0x8000) | near.min(0x7bff);
                let (taken, other) = (error(found), error(near));
                prop_assert!(taken < other || near == found || taken == other && found & 1 == 0);
            }
        }
    }

    #[test]
    fn what_is_too_large_is_infinite() {
        assert_eq!(to_f16(65519.9), 0x7bff);
        assert_eq!(to_f16(65520.0), 0x7c00);
        assert_eq!(to_f16(-1e30), 0xfc00);
    }
}
