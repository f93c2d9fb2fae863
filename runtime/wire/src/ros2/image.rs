//! `sensor_msgs/msg/CompressedImage`.

use super::Ros2Error;
use super::cdr::{Reader, Writer};

/// A compressed picture, borrowed from its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompressedImage<'a> {
    /// Stamp, ns.
    pub stamp_ns: u64,
    /// Frame.
    pub frame_id: &'a str,
    /// Format, for example `jpeg` or `bgr8; jpeg compressed bgr8`.
    pub format: &'a str,
    /// The compressed bytes.
    pub data: &'a [u8],
}

/// Decodes a message.
///
/// # Errors
/// The bytes are not such a message, see [`Ros2Error`].
pub fn decode_image(bytes: &[u8]) -> Result<CompressedImage<'_>, Ros2Error> {
    let mut reader = Reader::new(bytes)?;
    let (stamp_ns, frame_id) = reader.header()?;
    let format = reader.string("format")?;
    let data = reader.bytes("data")?;
    Ok(CompressedImage {
        stamp_ns,
        frame_id,
        format,
        data,
    })
}

/// Encodes a message in either byte order, for tests.
pub fn encode_image(image: &CompressedImage<'_>, little_endian: bool, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out, little_endian);
    writer.header(image.stamp_ns, image.frame_id);
    writer.string(image.format);
    writer.bytes(image.data);
}
