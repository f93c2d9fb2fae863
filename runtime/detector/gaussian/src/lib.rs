//! The Gaussian radar detector outside its convolutions, after RadarGaussianDet3D (RA-L 2026): each
//! radar point becomes a Gaussian with features ([`Encoder`]), all of them are blended onto a
//! bird's-eye grid ([`Splatter`]), and boxes are taken from what a network makes of that ([`Decoder`]).
//! [`GaussianDetector`] is all of it, with the network on whatever engine runs it.
//!
//! Sums run in an order that no instruction set changes, and nothing is fused or approximated by the
//! processor: the same points give the same bits everywhere. Nothing is allocated after warm-up.
//! [`reference`] says the same plainly, one number after the other, for tests.

mod accumulate;
mod decode;
mod detector;
mod encoder;
mod gelu;
mod grid;
mod matrix;
mod neighbours;
mod nms;
pub mod reference;
mod softmax;
mod splat;
mod stem;
mod weights;

pub use accumulate::{Accumulator, POINT, POINT_NAMES};
pub use decode::{BoxHead, ClassHead, Decoder, DescriptionError, DetectedBox};
pub use detector::{
    DECODE_FILE, DetectError, ENCODER_FILE, Feeder, GaussianDetector, Misfit, Parts, PartsError,
};
pub use encoder::{Encoder, Gaussians, MOST_POINTS};
pub use grid::Grid;
pub use nms::Suppression;
pub use splat::{Blended, Splatter};
pub use stem::Stem;
pub use weights::{Settings, WeightsError, array};
