//! A picture as a network takes it.

use anyhow::{Context, Result, ensure};
use drafthorse_core::Image;
use drafthorse_engine::{DType, Dim, Port};
use fast_image_resize as resize;

/// Scales pictures to a network's input and normalises them, channels first:
/// `(value / 255 - mean) / std` of the picture stretched to the input's size, bilinearly.
pub struct PictureInput {
    mean: [f32; 3],
    std: [f32; 3],
    small: resize::images::Image<'static>,
    resizer: resize::Resizer,
}

impl PictureInput {
    /// For pictures of `[height, width]`, px. Channels without a mean have 0, without a standard
    /// deviation 1.
    ///
    /// # Errors
    /// A size that no picture has.
    pub fn new([height, width]: [usize; 2], mean: &[f32], std: &[f32]) -> Result<Self> {
        let at = |values: &[f32], instead: f32| {
            std::array::from_fn(|channel| values.get(channel).copied().unwrap_or(instead))
        };
        let (width, height) = (u32::try_from(width)?, u32::try_from(height)?);
        Ok(Self {
            mean: at(mean, 0.0),
            std: at(std, 1.0),
            small: resize::images::Image::new(width, height, resize::PixelType::U8x3),
            resizer: resize::Resizer::new(),
        })
    }

    /// Writes the picture into an input's elements, `[1, 3, height, width]`.
    ///
    /// # Errors
    /// A picture without pixels.
    pub fn fill(&mut self, image: &Image, to: &mut [f32]) -> Result<()> {
        ensure!(!image.rgb.is_empty(), "the picture has no pixels");
        let source = resize::images::ImageRef::new(
            image.width,
            image.height,
            &image.rgb,
            resize::PixelType::U8x3,
        )?;
        let bilinear = resize::ResizeAlg::Convolution(resize::FilterType::Bilinear);
        let options = resize::ResizeOptions::new().resize_alg(bilinear);
        self.resizer
            .resize(&source, &mut self.small, &options)
            .context("the picture cannot be scaled")?;
        let pixels = self.small.buffer();
        let plane = (pixels.len() / 3).max(1);
        for (channel, to) in to.chunks_exact_mut(plane).take(3).enumerate() {
            let (mean, std) = (self.mean[channel], self.std[channel]);
            let values = pixels.iter().skip(channel).step_by(3);
            for (to, &value) in to.iter_mut().zip(values) {
                *to = (f32::from(value) / 255.0 - mean) / std;
            }
        }
        Ok(())
    }
}

/// Height and width of the pictures that a network with those inputs takes; none where it takes
/// anything else than one picture, f32 `[1, 3, height, width]`.
pub fn picture_size(inputs: &[Port]) -> Option<[usize; 2]> {
    let [input] = inputs else { return None };
    match input.dims.as_slice() {
        [
            Dim::Fixed(1) | Dim::Dynamic(_),
            Dim::Fixed(3),
            Dim::Fixed(height),
            Dim::Fixed(width),
        ] if input.dtype == DType::F32 => Some([*height, *width]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_normalised_by_channel() {
        let image = Image {
            width: 2,
            height: 1,
            rgb: vec![255, 0, 51, 255, 102, 51],
            ..Image::default()
        };
        let mut input = PictureInput::new([1, 2], &[0.5, 0.0], &[0.5, 1.0, 0.2]).unwrap();
        let mut elements = [9.0; 6];
        input.fill(&image, &mut elements).unwrap();
        assert_eq!(elements, [1.0, 1.0, 0.0, 0.4, 1.0, 1.0]);
        assert!(input.fill(&Image::default(), &mut elements).is_err());
    }
}
