//! One DBC signal: which bits, which sign, which scale.

use can_dbc::{ByteOrder, ValueType};

/// Where a signal's bits lie and what they mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    start_bit: u16,
    bits: u16,
    big_endian: bool,
    signed: bool,
    factor: f64,
    offset: f64,
}

impl Signal {
    /// The signal of a DBC definition; `None` where it has no bits, more than 64, or lies outside
    /// eight bytes, or its scale is not a number.
    #[must_use]
    pub fn from_dbc(signal: &can_dbc::Signal) -> Option<Self> {
        let result = Self {
            start_bit: u16::try_from(signal.start_bit).ok()?,
            bits: u16::try_from(signal.size).ok()?,
            big_endian: signal.byte_order == ByteOrder::BigEndian,
            signed: signal.value_type == ValueType::Signed,
            factor: signal.factor,
            offset: signal.offset,
        };
        let sound = result.factor.is_finite() && result.offset.is_finite();
        (sound && (1..=64).contains(&result.bits) && result.raw(&[0; 8]).is_some())
            .then_some(result)
    }

    /// The raw value, sign-extended; `None` where the data is too short to hold it.
    ///
    /// DBC numbers bit 0 of byte 0 as 0 and bit 7 of byte 0 as 7. A little-endian signal starts at
    /// its least significant bit and climbs; a big-endian one starts at its most significant bit,
    /// descends within a byte and goes on at bit 7 of the next.
    #[must_use]
    pub fn raw(&self, data: &[u8]) -> Option<i128> {
        let mut value: u64 = 0;
        let mut at = self.start_bit;
        for step in 0..self.bits {
            let byte = data.get(usize::from(at / 8))?;
            let bit = u64::from(byte >> (at % 8) & 1);
            if self.big_endian {
                value = value << 1 | bit;
                at = if at.is_multiple_of(8) {
                    at + 15
                } else {
                    at - 1
                };
            } else {
                value |= bit << step;
                at += 1;
            }
        }
        let negative = self.signed && value >> (self.bits - 1) & 1 == 1;
        let value = i128::from(value);
        Some(if negative {
            value - (1_i128 << self.bits)
        } else {
            value
        })
    }

    /// `raw * factor + offset` in double precision.
    #[must_use]
    pub fn value(&self, data: &[u8]) -> Option<f64> {
        self.raw(data)
            .map(|raw| raw as f64 * self.factor + self.offset)
    }
}
