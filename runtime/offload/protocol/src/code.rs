//! How image tokens become bytes: half floats, 8-bit integers with a scale a token, and the trained finite scalar code.

use half::f16;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shape::within;
use crate::{ContractError, error::shortened, limits};

/// How the tokens of a block are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Code {
    /// Half floats, little-endian.
    F16,
    /// An f32 scale a token, then its numbers in units of it as signed bytes.
    Int8,
    /// The level indices of the trained finite scalar code, packed.
    Fsq,
}

impl Code {
    /// The code's name in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::Int8 => "int8",
            Self::Fsq => "fsq",
        }
    }
}

impl std::str::FromStr for Code {
    type Err = ContractError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "f16" => Ok(Self::F16),
            "int8" => Ok(Self::Int8),
            "fsq" => Ok(Self::Fsq),
            other => Err(ContractError::Code(shortened(other))),
        }
    }
}

/// Features f32 [n, W], row-major, to half floats. What is beyond their range becomes their largest number.
///
/// # Errors
/// [`ContractError::NotFinite`] where a feature is no number.
pub fn encode_f16(features: &[f32]) -> Result<Vec<u8>, ContractError> {
    let mut bytes = Vec::with_capacity(2 * features.len());
    for (place, &x) in features.iter().enumerate() {
        finite(place, x)?;
        let half = f16::from_f32(x.clamp(f16::MIN.to_f32(), f16::MAX.to_f32()));
        bytes.extend_from_slice(&half.to_le_bytes());
    }
    Ok(bytes)
}

/// Half floats back to features.
///
/// # Errors
/// Where the bytes are no whole number of half floats, or one is not finite.
pub fn decode_f16(bytes: &[u8]) -> Result<Vec<f32>, ContractError> {
    let (halves, rest) = bytes.as_chunks::<2>();
    whole(bytes.len(), rest.len(), 2)?;
    let numbers = halves.iter().map(|&b| f16::from_le_bytes(b).to_f32());
    numbers.enumerate().map(|(i, x)| finite(i, x)).collect()
}

/// Features f32 [n, W], row-major, to a scale and W signed bytes a token. The scale is the largest magnitude over 127.
///
/// # Errors
/// Where a feature is not finite, or the features are no whole number of tokens.
pub fn encode_int8(features: &[f32], width: usize) -> Result<Vec<u8>, ContractError> {
    let rows = features.chunks_exact(width.max(1));
    whole(features.len(), rows.remainder().len(), width)?;
    let mut bytes = Vec::with_capacity(rows.len() * (4 + width));
    for (r, row) in rows.enumerate() {
        let mut largest = 0_f32;
        for (i, &x) in row.iter().enumerate() {
            largest = largest.max(finite(r * width + i, x)?.abs());
        }
        let scale = largest / 127.0;
        bytes.extend_from_slice(&scale.to_le_bytes());
        bytes.extend(row.iter().map(|&x| {
            let level = if scale > 0.0 {
                (x / scale).round()
            } else {
                0.0
            };
            (level.clamp(-127.0, 127.0) as i8).to_le_bytes()[0]
        }));
    }
    Ok(bytes)
}

/// What [`encode_int8`] wrote, back to features.
///
/// # Errors
/// Where the bytes are no whole number of tokens, or a scale is negative or not finite.
pub fn decode_int8(bytes: &[u8], width: usize) -> Result<Vec<f32>, ContractError> {
    let rows = bytes.chunks_exact(4 + width);
    whole(bytes.len(), rows.remainder().len(), 4 + width)?;
    let mut features = Vec::with_capacity(rows.len() * width);
    for (place, row) in rows.enumerate() {
        let Some((scale, levels)) = row.split_first_chunk::<4>() else {
            continue;
        };
        let scale = f32::from_le_bytes(*scale);
        // 128 levels of it must stay finite too.
        if !(0.0..=f32::MAX / 128.0).contains(&scale) {
            return Err(ContractError::NotFinite {
                tensor: "tokens",
                place: place * (4 + width),
            });
        }
        features.extend(
            levels
                .iter()
                .map(|&b| f32::from(i8::from_le_bytes([b])) * scale),
        );
    }
    Ok(features)
}

/// The finite scalar code of a target: each token is `dimensions` indices below `levels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FsqCode {
    dimensions: usize,
    levels: usize,
}

impl FsqCode {
    /// A code of D `dimensions` with 2 to 256 `levels` each.
    ///
    /// # Errors
    /// Where a figure is outside the contract's limits.
    pub fn new(dimensions: usize, levels: usize) -> Result<Self, ContractError> {
        within("code dimensions", dimensions, 1, limits::MAX_DIMENSIONS)?;
        within("code levels", levels, 2, 256)?;
        Ok(Self { dimensions, levels })
    }

    /// Dimensions of a token (D).
    #[must_use]
    pub fn dimensions(self) -> usize {
        self.dimensions
    }

    /// Levels of each dimension.
    #[must_use]
    pub fn levels(self) -> usize {
        self.levels
    }

    /// Bits of one index: ceil(log2(levels)).
    #[must_use]
    pub fn bits(self) -> usize {
        (usize::BITS - (self.levels - 1).leading_zeros()) as usize
    }

    /// Whole bytes of one token.
    #[must_use]
    pub fn token_bytes(self) -> usize {
        (self.dimensions * self.bits()).div_ceil(8)
    }

    /// Indices u8 [n, D], row-major, packed least significant bit first, each token in whole bytes.
    ///
    /// # Errors
    /// Where an index is no level, or the indices are no whole number of tokens.
    pub fn pack(self, indices: &[u8]) -> Result<Vec<u8>, ContractError> {
        let rows = indices.chunks_exact(self.dimensions);
        whole(indices.len(), rows.remainder().len(), self.dimensions)?;
        let mut bytes = Vec::with_capacity(rows.len() * self.token_bytes());
        for (r, row) in rows.enumerate() {
            let (mut held, mut bits) = (0_u32, 0);
            for (i, &index) in row.iter().enumerate() {
                self.level(r * self.dimensions + i, index)?;
                held |= u32::from(index) << bits;
                bits += self.bits();
                while bits >= 8 {
                    bytes.push(held as u8);
                    held >>= 8;
                    bits -= 8;
                }
            }
            if bits > 0 {
                bytes.push(held as u8);
            }
        }
        Ok(bytes)
    }

    /// What [`FsqCode::pack`] wrote, back to indices.
    ///
    /// # Errors
    /// Where the bytes are no whole number of tokens, an index is no level, or bits behind the last one are set.
    pub fn unpack(self, bytes: &[u8]) -> Result<Vec<u8>, ContractError> {
        let size = self.token_bytes();
        let rows = bytes.chunks_exact(size);
        whole(bytes.len(), rows.remainder().len(), size)?;
        let mask = (1_u32 << self.bits()) - 1;
        let mut indices = Vec::with_capacity(rows.len() * self.dimensions);
        for (r, row) in rows.enumerate() {
            let (mut held, mut bits, mut rest) = (0_u32, 0, row.iter());
            for i in 0..self.dimensions {
                while bits < self.bits() {
                    held |= u32::from(rest.next().copied().unwrap_or(0)) << bits;
                    bits += 8;
                }
                let index = (held & mask) as u8;
                indices.push(self.level(r * self.dimensions + i, index)?);
                held >>= self.bits();
                bits -= self.bits();
            }
            if held != 0 {
                return Err(ContractError::Range {
                    tensor: "tokens",
                    place: (r + 1) * size - 1,
                    got: i64::from(held),
                });
            }
        }
        Ok(indices)
    }

    fn level(self, place: usize, index: u8) -> Result<u8, ContractError> {
        if usize::from(index) < self.levels {
            return Ok(index);
        }
        Err(ContractError::Range {
            tensor: "tokens",
            place,
            got: i64::from(index),
        })
    }
}

fn finite(place: usize, x: f32) -> Result<f32, ContractError> {
    if x.is_finite() {
        return Ok(x);
    }
    Err(ContractError::NotFinite {
        tensor: "tokens",
        place,
    })
}

/// An error unless nothing is left behind whole tokens of `size`.
fn whole(got: usize, rest: usize, size: usize) -> Result<(), ContractError> {
    if rest == 0 {
        return Ok(());
    }
    Err(ContractError::Length {
        tensor: "tokens",
        unit: "elements, no whole number of tokens",
        wanted: got - rest + size,
        got,
    })
}
