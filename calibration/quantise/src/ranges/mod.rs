//! Ranges of activations from streams of their values. Nothing here keeps the values themselves: a
//! first pass takes the extent, a second one fills a histogram where the method needs it.

mod entropy;
mod extent;
mod histogram;
mod mse;
mod percentile;

pub use extent::Extent;
pub use histogram::{BINS, Histogram};

use crate::affine::Grid;
use crate::error::QuantiseError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a quantised value has to cover, in the value's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// Least value.
    pub min: f32,
    /// Greatest value.
    pub max: f32,
}

impl Range {
    /// Widened so that 0 lies inside.
    #[must_use]
    pub fn with_zero(self) -> Self {
        Self {
            min: self.min.min(0.0),
            max: self.max.max(0.0),
        }
    }

    /// Distance of the farther end from 0.
    #[must_use]
    pub fn magnitude(self) -> f32 {
        self.min.abs().max(self.max.abs())
    }

    /// The least range around both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Cut down to what lies in `outer`.
    #[must_use]
    pub fn clipped(self, outer: Self) -> Self {
        Self {
            min: self.min.max(outer.min),
            max: self.max.min(outer.max),
        }
    }
}

/// Ranges by name of the value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ranges(pub BTreeMap<String, Range>);

impl Ranges {
    /// That of a value.
    ///
    /// # Errors
    /// [`QuantiseError::NoRange`].
    pub fn of(&self, value: &str) -> Result<Range, QuantiseError> {
        self.0
            .get(value)
            .copied()
            .ok_or_else(|| QuantiseError::NoRange {
                value: value.to_owned(),
            })
    }
}

/// How a range is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Everything that was seen.
    #[default]
    MinMax,
    /// All but the outermost values: of those that are not 0, so many percent lie below the upper
    /// end, and as many above the lower end. Above 50, at most 100; 99.99 is usual.
    Percentile(f64),
    /// The cut at which the quantised distribution differs least from the true one in relative
    /// entropy (Migacz, "8-bit Inference with TensorRT", GTC 2017).
    Entropy,
    /// The cut at which the mean square error of rounding and clipping is least.
    Mse,
}

impl Method {
    /// Whether the settings make sense.
    ///
    /// # Errors
    /// [`QuantiseError::Setting`].
    pub fn check(self) -> Result<(), QuantiseError> {
        match self {
            Self::Percentile(percent) if !(percent > 50.0 && percent <= 100.0) => {
                Err(QuantiseError::Setting {
                    what: "the percentile",
                    given: percent.to_string(),
                    instead: "a number above 50 and up to 100",
                })
            }
            _ => Ok(()),
        }
    }

    /// The histogram that it needs for values of that extent; none where the extent is enough.
    #[must_use]
    pub fn histogram(self, extent: &Extent) -> Option<Histogram> {
        match self {
            Self::MinMax => None,
            Self::Entropy => Some(Histogram::of_magnitudes(extent, BINS)),
            Self::Percentile(_) | Self::Mse => Some(Histogram::of_values(extent, BINS)),
        }
    }

    /// The range, from the extent and the histogram of [`Self::histogram`].
    #[must_use]
    pub fn range(self, extent: &Extent, histogram: Option<&Histogram>, grid: Grid) -> Range {
        let seen = extent.range();
        let Some(histogram) = histogram.filter(|h| h.total() > 0) else {
            return seen;
        };
        let range = match self {
            Self::MinMax => seen,
            Self::Percentile(percent) => percentile::range(histogram, percent),
            Self::Entropy => entropy::range(histogram),
            Self::Mse => mse::range(histogram, grid),
        };
        range.clipped(seen.with_zero())
    }
}
