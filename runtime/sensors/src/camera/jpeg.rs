//! JPEG pictures, grey or colour, baseline or progressive.

use super::{CameraError, MAX_SIDE_PX, shape};
use drafthorse_core::Image;
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Decodes one JPEG picture into `image`.
pub(super) fn decode(bytes: &[u8], image: &mut Image) -> Result<(), CameraError> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE_PX as usize)
        .set_max_height(MAX_SIDE_PX as usize)
        .set_strict_mode(true)
        .jpeg_set_max_scans(64)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let failed = |e: zune_jpeg::errors::DecodeErrors| {
        let words = e.to_string();
        CameraError::Jpeg(words.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    if bytes.is_empty() {
        return Err(CameraError::Jpeg("it is empty".to_owned()));
    }
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(failed)?;
    let (width, height) = decoder
        .info()
        .map(|info| (u32::from(info.width), u32::from(info.height)))
        .ok_or_else(|| CameraError::Jpeg("it has no frame header".to_owned()))?;
    shape(image, width, height)?;
    decoder.decode_into(&mut image.rgb).map_err(failed)
}
