//! Small JPEG pictures of large ones.

use anyhow::Result;
use drafthorse_core::Image;
use fast_image_resize as resize;

/// Scales pictures down and encodes them; its memory is used again.
#[derive(Default)]
pub struct PreviewMaker {
    resizer: resize::Resizer,
    small: Vec<u8>,
}

impl PreviewMaker {
    /// Writes a picture of at most `width` pixels a row, of the same proportions, into `jpeg`.
    pub fn make(
        &mut self,
        image: &Image,
        width: u32,
        quality: u8,
        jpeg: &mut Vec<u8>,
    ) -> Result<()> {
        let small_width = width.min(image.width).max(1);
        let small_height = (u64::from(small_width) * u64::from(image.height)
            / u64::from(image.width.max(1)))
        .max(1) as u32;
        let source = resize::images::ImageRef::new(
            image.width,
            image.height,
            &image.rgb,
            resize::PixelType::U8x3,
        )?;
        self.small
            .resize(small_width as usize * small_height as usize * 3, 0);
        let mut target = resize::images::Image::from_slice_u8(
            small_width,
            small_height,
            &mut self.small,
            resize::PixelType::U8x3,
        )?;
        let options = resize::ResizeOptions::new()
            .resize_alg(resize::ResizeAlg::Convolution(resize::FilterType::Bilinear));
        self.resizer.resize(&source, &mut target, &options)?;
        jpeg.clear();
        jpeg_encoder::Encoder::new(jpeg, quality).encode(
            &self.small,
            u16::try_from(small_width)?,
            u16::try_from(small_height)?,
            jpeg_encoder::ColorType::Rgb,
        )?;
        Ok(())
    }
}
