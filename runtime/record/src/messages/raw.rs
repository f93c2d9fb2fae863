//! Raw sensor messages in the log: Foxglove's picture types for cameras, so that any viewer shows
//! them, and `drafthorse.SensorBytes` for radars. The bytes inside are those the sensor sent.

use super::channel::{Role, SENSOR_INDEX_KEY, SENSOR_KEY, foxglove_channel, own_channel};
use super::field::{put_bytes, put_message, timestamp};
use crate::ChannelSpec;
use drafthorse_core::{RawFormat, RawMessage};
use foxglove::messages::{CompressedImage, CompressedVideo, RawImage};

/// Channel metadata key of the raw format's name.
const FORMAT_KEY: &str = "drafthorse.format";

/// The channel for a sensor's raw messages. `name` is the sensor's, `index` its place in the
/// configuration.
#[must_use]
pub fn raw_channel(name: &str, index: u16, format: RawFormat) -> ChannelSpec {
    let mut spec = match format {
        RawFormat::Jpeg => {
            foxglove_channel::<CompressedImage>(&format!("/{name}/image"), Role::Raw)
        }
        RawFormat::H264 => {
            foxglove_channel::<CompressedVideo>(&format!("/{name}/video"), Role::Raw)
        }
        RawFormat::Yuyv | RawFormat::Nv12 => {
            foxglove_channel::<RawImage>(&format!("/{name}/raw_image"), Role::Raw)
        }
        _ => own_channel(&format!("/{name}/raw"), "SensorBytes", Role::Raw),
    };
    for (key, value) in [
        (SENSOR_KEY, name),
        (SENSOR_INDEX_KEY, &index.to_string()),
        (FORMAT_KEY, format.name()),
    ] {
        spec.metadata.insert(key.to_owned(), value.to_owned());
    }
    spec
}

/// Appends the protobuf form of a raw message. `name` is the sensor's, also its frame.
pub fn encode_raw(raw: &RawMessage, name: &str, buf: &mut Vec<u8>) {
    match raw.format {
        RawFormat::Jpeg => {
            put_stamp_frame_format(raw.captured_ns, name, "jpeg", 4, 3, buf);
            put_bytes(buf, 2, &raw.data);
        }
        RawFormat::H264 => {
            put_stamp_frame_format(raw.captured_ns, name, "h264", 2, 4, buf);
            put_bytes(buf, 3, &raw.data);
        }
        RawFormat::Yuyv | RawFormat::Nv12 => {
            let (width, height, pixels) = raw_picture(&raw.data);
            let yuyv = raw.format == RawFormat::Yuyv;
            put_timestamp(raw.captured_ns, buf);
            put_bytes(buf, 7, name.as_bytes());
            for (field, value) in [
                (2, width),
                (3, height),
                (5, if yuyv { 2 * width } else { width }),
            ] {
                prost::encoding::fixed32::encode(field, &value, buf);
            }
            put_bytes(buf, 4, if yuyv { b"yuyv" } else { b"nv12" });
            put_bytes(buf, 6, pixels);
        }
        _ => {
            put_bytes(buf, 1, name.as_bytes());
            put_bytes(buf, 2, raw.format.name().as_bytes());
            put_bytes(buf, 3, &raw.data);
        }
    }
}

/// Reads the format and sensor bytes back from a raw channel's message into `out`.
///
/// Returns `None` where the message is not one that [`encode_raw`] writes.
pub fn raw_data(schema: &str, message: &[u8], out: &mut Vec<u8>) -> Option<RawFormat> {
    use prost::Message as _;
    out.clear();
    match schema {
        "drafthorse.SensorBytes" => {
            let m = super::drafthorse::SensorBytes::decode(message).ok()?;
            out.extend_from_slice(&m.data);
            RawFormat::from_name(&m.format)
        }
        "foxglove.CompressedImage" => {
            let m = CompressedImage::decode(message).ok()?;
            out.extend_from_slice(&m.data);
            matches!(m.format.as_str(), "jpeg" | "jpg").then_some(RawFormat::Jpeg)
        }
        "foxglove.CompressedVideo" => {
            let m = CompressedVideo::decode(message).ok()?;
            out.extend_from_slice(&m.data);
            (m.format == "h264").then_some(RawFormat::H264)
        }
        "foxglove.RawImage" => {
            let m = RawImage::decode(message).ok()?;
            out.extend_from_slice(&m.width.to_le_bytes());
            out.extend_from_slice(&m.height.to_le_bytes());
            out.extend_from_slice(&m.data);
            match m.encoding.as_str() {
                "yuyv" | "yuv422_yuy2" => Some(RawFormat::Yuyv),
                "nv12" => Some(RawFormat::Nv12),
                _ => None,
            }
        }
        _ => None,
    }
}

fn put_timestamp(ns: u64, buf: &mut Vec<u8>) {
    // An otherwise empty message writes only its stamp, which is field 1 in all picture types.
    put_message(
        buf,
        &CompressedImage {
            timestamp: Some(timestamp(ns)),
            ..Default::default()
        },
    );
}

fn put_stamp_frame_format(
    ns: u64,
    frame: &str,
    format: &str,
    frame_field: u32,
    format_field: u32,
    buf: &mut Vec<u8>,
) {
    put_timestamp(ns, buf);
    put_bytes(buf, frame_field, frame.as_bytes());
    put_bytes(buf, format_field, format.as_bytes());
}

fn raw_picture(data: &[u8]) -> (u32, u32, &[u8]) {
    match data {
        [a, b, c, d, e, f, g, h, pixels @ ..] => (
            u32::from_le_bytes([*a, *b, *c, *d]),
            u32::from_le_bytes([*e, *f, *g, *h]),
            pixels,
        ),
        _ => (0, 0, &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drafthorse_core::SensorId;

    #[test]
    fn every_format_reads_back() {
        for format in RawFormat::ALL {
            let mut raw = RawMessage::empty(SensorId(3), format);
            raw.captured_ns = 1_700_000_000_123_456_789;
            raw.data = vec![4, 0, 0, 0, 1, 0, 0, 0, 9, 8, 7, 6, 5, 4, 3, 2];
            let mut message = Vec::new();
            encode_raw(&raw, "front", &mut message);
            let schema = raw_channel("front", 3, format).schema_name;
            let mut data = Vec::new();
            assert_eq!(raw_data(&schema, &message, &mut data), Some(format));
            assert_eq!(data, raw.data, "{format:?}");
        }
    }
}
