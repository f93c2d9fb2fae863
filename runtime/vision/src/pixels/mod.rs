//! Pictures to pixel values, as each kind of model takes them.
//!
//! The steps and their rounding are those of the Hugging Face image processors, so that the values differ
//! from theirs by what two implementations of one filter differ: 8-bit pictures are scaled, then
//! normalised in floating point.

mod crop;
mod normalise;
mod patches;
mod scale;
mod split;

pub use crop::Crop;
pub use normalise::Normalisation;
pub use patches::PatchRows;
pub use scale::Filter;
pub use split::Split;

use crate::error::VisionError;
use crate::layout::Layout;
use drafthorse_core::Image;

/// How a model takes pictures.
#[derive(Clone, Debug, PartialEq)]
pub enum Preparation {
    /// Square tiles and a thumbnail: `[1, tiles, 3, side, side]`.
    Split(Split),
    /// Rows of patches: `[patches, 3 * frames * side * side]`, with a grid.
    Patches(PatchRows),
    /// The middle of a scaled picture: `[1, 1, 3, height, width]`.
    Crop(Crop),
}

/// A picture's pixel values.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// Shape of the values.
    pub shape: Vec<usize>,
    /// The values, as [`Preparation`] orders them.
    pub values: Vec<f32>,
    /// Frames, rows and columns of patches, where the encoder is told.
    pub grid: Option<[usize; 3]>,
    /// Where the tokens will lie.
    pub layout: Layout,
}

impl Preparation {
    /// Pixel values of a picture.
    ///
    /// # Errors
    /// [`VisionError::Picture`] where it has no pixels, fewer than it says, or a shape that the model
    /// does not take.
    pub fn prepare(&self, image: &Image) -> Result<Pixels, VisionError> {
        let needed = u64::from(image.width) * u64::from(image.height) * 3;
        if needed == 0 || needed != image.rgb.len() as u64 {
            let why = format!("has {} bytes of RGB", image.rgb.len());
            return Err(refused(image, why));
        }
        match self {
            Self::Split(split) => split.prepare(image),
            Self::Patches(patches) => patches.prepare(image),
            Self::Crop(crop) => crop.prepare(image),
        }
    }
}

/// An error over that picture.
fn refused(image: &Image, why: String) -> VisionError {
    VisionError::Picture {
        width: image.width,
        height: image.height,
        why,
    }
}
