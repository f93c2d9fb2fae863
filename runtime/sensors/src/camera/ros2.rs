//! `sensor_msgs/msg/CompressedImage`: the JPEG inside it.

use super::CameraError;
use drafthorse_wire::ros2;

/// The picture's bytes within a CDR-encoded message.
pub(super) fn picture(bytes: &[u8]) -> Result<&[u8], CameraError> {
    let image = ros2::decode_image(bytes).map_err(|e| CameraError::Ros2(e.to_string()))?;
    let format = image.format.to_ascii_lowercase();
    let named = format.contains("jpeg") || format.contains("jpg");
    if named || image.data.starts_with(&[0xff, 0xd8]) {
        return Ok(image.data);
    }
    Err(CameraError::Ros2(format!(
        "its format is `{format}`, only jpeg is decoded"
    )))
}
