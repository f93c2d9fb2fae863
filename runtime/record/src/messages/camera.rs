//! What the log says of cameras: calibration, frame findings, previews.

use super::drafthorse::FrameInfo;
use super::field::{put_bytes, put_message, timestamp};
use drafthorse_core::CameraModel;
use foxglove::messages::{CameraCalibration, CompressedImage};

/// The Foxglove calibration of a camera whose optical frame is `frame`.
#[must_use]
pub fn camera_calibration(model: &CameraModel, frame: &str, captured_ns: u64) -> CameraCalibration {
    CameraCalibration {
        timestamp: Some(timestamp(captured_ns)),
        frame_id: frame.to_owned(),
        width: model.width_px,
        height: model.height_px,
        distortion_model: "plumb_bob".to_owned(),
        d: model.distortion.to_vec(),
        k: vec![
            model.fx_px,
            0.0,
            model.cx_px,
            0.0,
            model.fy_px,
            model.cy_px,
            0.0,
            0.0,
            1.0,
        ],
        r: vec![1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p: vec![
            model.fx_px,
            0.0,
            model.cx_px,
            0.0,
            0.0,
            model.fy_px,
            model.cy_px,
            0.0,
            0.0,
            0.0,
            1.0,
            0.0,
        ],
    }
}

/// Appends the findings of one frame.
pub fn encode_frame_info(info: &FrameInfo, buf: &mut Vec<u8>) {
    put_message(buf, info);
}

/// Appends a preview picture as a `foxglove.CompressedImage` without copying it twice.
pub fn encode_preview(jpeg: &[u8], frame: &str, captured_ns: u64, buf: &mut Vec<u8>) {
    put_message(
        buf,
        &CompressedImage {
            timestamp: Some(timestamp(captured_ns)),
            ..Default::default()
        },
    );
    put_bytes(buf, 4, frame.as_bytes());
    put_bytes(buf, 3, b"jpeg");
    put_bytes(buf, 2, jpeg);
}
