//! Decoding of camera messages to RGB pictures.
//!
//! One decoder a camera. JPEG, YUYV, NV12 and ROS 2 compressed pictures are decoded on their own;
//! H.264 keeps state, and after bytes that do not decode it waits for the next key frame.

mod h264;
mod jpeg;
mod ros2;
mod yuv;

use drafthorse_core::{Image, RawFormat, RawMessage, SensorId};

/// Largest picture side accepted, px: a picture of hostile size is refused before it is allocated.
pub const MAX_SIDE_PX: u32 = 8_192;
/// Most pixels accepted in one picture.
pub const MAX_PIXELS: u64 = 40_000_000;

/// Why a camera message gave no picture.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CameraError {
    /// The format is not a camera's, or not the one this decoder was made for.
    #[error("a {expected} decoder cannot decode {found}; make one decoder for each camera")]
    WrongFormat {
        /// What the decoder was made for.
        expected: &'static str,
        /// What it was given.
        found: &'static str,
    },
    /// The JPEG does not decode.
    #[error("the JPEG picture does not decode: {0}; look at the camera or its cable")]
    Jpeg(String),
    /// The H.264 access unit does not decode.
    #[error("the H.264 access unit does not decode: {0}; decoding goes on at the next key frame")]
    H264(String),
    /// The picture's sides are zero, odd where they must be even, or above the limit.
    #[error("a picture of {width} x {height} px is not accepted; sides go up to {MAX_SIDE_PX} px")]
    Size {
        /// Pixels a row.
        width: u32,
        /// Rows.
        height: u32,
    },
    /// Fewer or more bytes than the picture's sides say.
    #[error("the picture has {found} bytes, its size needs {expected}")]
    Length {
        /// Bytes that the size needs.
        expected: usize,
        /// Bytes there.
        found: usize,
    },
    /// The ROS 2 message does not decode or holds no JPEG.
    #[error("the ROS 2 picture does not decode: {0}")]
    Ros2(String),
}

/// Decoder of one camera's messages.
pub struct CameraDecoder {
    sensor: SensorId,
    format: RawFormat,
    h264: Option<h264::H264Decoder>,
}

impl CameraDecoder {
    /// A decoder for one camera whose messages have that format.
    ///
    /// # Errors
    /// [`CameraError::WrongFormat`] for a radar's format, [`CameraError::H264`] where the H.264
    /// library refuses to start.
    pub fn new(sensor: SensorId, format: RawFormat) -> Result<Self, CameraError> {
        if !format.is_camera() {
            return Err(CameraError::WrongFormat {
                expected: "camera",
                found: format.name(),
            });
        }
        let h264 = match format {
            RawFormat::H264 => Some(h264::H264Decoder::new()?),
            _ => None,
        };
        Ok(Self {
            sensor,
            format,
            h264,
        })
    }

    /// Decodes one message into `image`, whose buffer is reused.
    ///
    /// True where `image` now holds a picture; its stamps and sequence are those of the message it
    /// was made from. False where the message gave none: an H.264 access unit before the first key
    /// frame, or one without a picture.
    ///
    /// # Errors
    /// [`CameraError`] for bytes that do not decode; the decoder stays usable, and `image` holds
    /// nothing to be used.
    pub fn decode(&mut self, raw: &RawMessage, image: &mut Image) -> Result<bool, CameraError> {
        if raw.format != self.format {
            return Err(CameraError::WrongFormat {
                expected: self.format.name(),
                found: raw.format.name(),
            });
        }
        image.sensor = self.sensor;
        image.sequence = raw.sequence;
        image.captured_ns = raw.captured_ns;
        image.received_ns = raw.received_ns;
        match self.format {
            RawFormat::Jpeg => jpeg::decode(&raw.data, image).map(|()| true),
            RawFormat::Yuyv => yuv::decode_yuyv(&raw.data, image).map(|()| true),
            RawFormat::Nv12 => yuv::decode_nv12(&raw.data, image).map(|()| true),
            RawFormat::Ros2CompressedImage => {
                jpeg::decode(ros2::picture(&raw.data)?, image).map(|()| true)
            }
            _ => match &mut self.h264 {
                Some(decoder) => decoder.decode(&raw.data, image),
                None => Ok(false),
            },
        }
    }
}

/// Sets the sides of `image` and its buffer's length, after checking them.
fn shape(image: &mut Image, width: u32, height: u32) -> Result<(), CameraError> {
    let side = 1..=MAX_SIDE_PX;
    let pixels = u64::from(width) * u64::from(height);
    if !side.contains(&width) || !side.contains(&height) || pixels > MAX_PIXELS {
        return Err(CameraError::Size { width, height });
    }
    image.width = width;
    image.height = height;
    image.rgb.resize(pixels as usize * 3, 0);
    Ok(())
}
