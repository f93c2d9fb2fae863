use crate::ContractError;

/// Which of a picture's T image tokens are sent: bit i, least significant first, is token i.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    bits: Vec<u8>,
    tokens: usize,
}

impl Kept {
    /// All of `tokens` image tokens.
    #[must_use]
    pub fn all(tokens: usize) -> Self {
        let mut bits = vec![0xff; tokens.div_ceil(8)];
        if let (Some(last), 1..) = (bits.last_mut(), tokens % 8) {
            *last = (1 << (tokens % 8)) - 1;
        }
        Self { bits, tokens }
    }

    /// The tokens at `places`, each below `tokens`, in any order.
    ///
    /// # Errors
    /// [`ContractError::Range`] where a place is none of the picture's.
    pub fn at(tokens: usize, places: &[usize]) -> Result<Self, ContractError> {
        let mut bits = vec![0; tokens.div_ceil(8)];
        for (i, &place) in places.iter().enumerate() {
            if place >= tokens {
                return Err(ContractError::Range {
                    tensor: "kept",
                    place: i,
                    got: i64::try_from(place).unwrap_or(i64::MAX),
                });
            }
            bits[place / 8] |= 1 << (place % 8);
        }
        Ok(Self { bits, tokens })
    }

    /// The bits of one frame in a message; `frame` is told in errors.
    pub(crate) fn from_bits(
        bits: &[u8],
        tokens: usize,
        frame: usize,
    ) -> Result<Self, ContractError> {
        let kept = Self {
            bits: bits.to_vec(),
            tokens,
        };
        let used = tokens % 8;
        match bits.last() {
            Some(&last) if used != 0 && last >> used != 0 => Err(ContractError::Range {
                tensor: "kept",
                place: (frame + 1) * bits.len() - 1,
                got: i64::from(last),
            }),
            _ if kept.count() == 0 => Err(ContractError::NoTokens(frame)),
            _ => Ok(kept),
        }
    }

    /// Image tokens of the picture before pruning.
    #[must_use]
    pub fn of(&self) -> usize {
        self.tokens
    }

    /// How many are kept.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.iter().map(|b| b.count_ones() as usize).sum()
    }

    /// The kept tokens' places, ascending.
    pub fn places(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.tokens).filter(|&i| self.bits[i / 8] >> (i % 8) & 1 == 1)
    }

    /// The bits as they travel.
    #[must_use]
    pub fn bits(&self) -> &[u8] {
        &self.bits
    }
}
