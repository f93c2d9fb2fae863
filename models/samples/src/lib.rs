//! Small networks built in code, of the kinds that run on the vehicle: for conformance tests, benches,
//! quantisation and self-tests of backends.
//!
//! Their weights are drawn, not trained: shapes, operators and ranges are those of real networks, the
//! answers mean nothing. A network is the same bytes each time and on every machine. What runs them
//! is not here, nor what they should answer.

mod bev;
mod decoder;
mod layers;
mod radar;
mod random;
mod sample;
mod vit;

pub use bev::{BevCnn, Stage};
pub use decoder::Decoder;
pub use radar::{POINT, RadarEncoder};
pub use sample::{Sample, Size};
pub use vit::Vit;

use sample::Network;

/// A bird's-eye-view network; see [`BevCnn::sample`] for what it takes and gives.
#[must_use]
pub fn bev_cnn(size: Size) -> Sample {
    BevCnn::of(size).sample()
}

/// A vision transformer; see [`Vit::sample`] for what it takes and gives.
#[must_use]
pub fn vit(size: Size) -> Sample {
    Vit::of(size).sample()
}

/// A decoder of a language model; see [`Decoder::sample`] for what it takes and gives.
#[must_use]
pub fn decoder(size: Size) -> Sample {
    Decoder::of(size).sample()
}

/// All of that size.
#[must_use]
pub fn all(size: Size) -> Vec<Sample> {
    vec![bev_cnn(size), vit(size), decoder(size)]
}
