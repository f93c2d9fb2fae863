//! H.264 access units, by openh264.

mod undelayed;

use super::{CameraError, yuv};
use drafthorse_core::Image;
use openh264::{
    OpenH264API,
    decoder::{DecodeOptions, Decoder, DecoderConfig, Flush},
    formats::YUVSource,
};

const NAL_IDR: u8 = 5;
const NAL_SPS: u8 = 7;

/// Decoder of one stream. Access units must be whole, and without reordering (no B-frames), so
/// that each picture is that of the access unit just given.
pub(super) struct H264Decoder {
    decoder: Decoder,
    /// Pictures are wanted again from the next key frame on.
    waits_for_key: bool,
    rewritten: Vec<u8>,
}

impl H264Decoder {
    pub(super) fn new() -> Result<Self, CameraError> {
        Ok(Self {
            decoder: fresh()?,
            waits_for_key: true,
            rewritten: Vec::new(),
        })
    }

    /// Decodes one access unit; false where it gives no picture.
    pub(super) fn decode(&mut self, unit: &[u8], image: &mut Image) -> Result<bool, CameraError> {
        if self.waits_for_key {
            if !holds(unit, NAL_IDR) {
                return Ok(false);
            }
            self.waits_for_key = false;
        }
        let result = self.decode_unit(unit, image);
        if result.is_err() {
            self.waits_for_key = true;
            self.decoder = fresh()?;
        }
        result
    }

    fn decode_unit(&mut self, unit: &[u8], image: &mut Image) -> Result<bool, CameraError> {
        let unit = if holds(unit, NAL_SPS) {
            undelayed::rewrite(unit, &mut self.rewritten);
            &self.rewritten
        } else {
            unit
        };
        // Flushing keeps references that the library then misses; nothing is held back anyway.
        let options = DecodeOptions::new().flush_after_decode(Flush::NoFlush);
        let picture = self
            .decoder
            .decode_with_options(unit, options)
            .map_err(|e| CameraError::H264(e.to_string()))?;
        let Some(picture) = picture else {
            return Ok(false);
        };
        let (width, height) = picture.dimensions();
        let side = |s: usize| u32::try_from(s).unwrap_or(u32::MAX);
        let planes = [picture.y(), picture.u(), picture.v()];
        let (luma, blue, red) = picture.strides();
        let size = (side(width), side(height));
        yuv::write_i420(size, planes, [luma, blue, red], image)?;
        Ok(true)
    }
}

fn fresh() -> Result<Decoder, CameraError> {
    Decoder::with_api_config(OpenH264API::from_source(), DecoderConfig::new())
        .map_err(|e| CameraError::H264(e.to_string()))
}

/// Whether an Annex B access unit holds a NAL unit of that type.
fn holds(unit: &[u8], kind: u8) -> bool {
    undelayed::nals(unit).any(|nal| nal.first().is_some_and(|head| head & 0x1f == kind))
}
