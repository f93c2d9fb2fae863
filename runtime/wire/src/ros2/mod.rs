//! ROS 2 messages in CDR: `sensor_msgs/msg/PointCloud2` and `sensor_msgs/msg/CompressedImage`.
//!
//! Bytes begin with the 4-byte encapsulation header that says the byte order; alignment counts from
//! behind it. Neither message has a member of eight bytes, so the first and the second version of
//! the encoding agree.

mod cdr;
mod image;
mod point_cloud;

pub use image::{CompressedImage, decode_image, encode_image};
pub use point_cloud::{CloudDecoded, PointCloudLayout, decode_cloud, encode_cloud};

use thiserror::Error;

/// Why bytes are not the ROS 2 message they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Ros2Error {
    /// The encapsulation header is not plain CDR.
    #[error("the encapsulation header {0:02x?} is not plain CDR")]
    Encapsulation([u8; 4]),
    /// The message ends inside a member.
    #[error("the message ends inside its member {0}")]
    Truncated(&'static str),
    /// A string is not UTF-8 with a closing zero byte.
    #[error("the string in member {0} is not valid")]
    BadString(&'static str),
    /// The stamp's nanoseconds are a second or more, or its seconds are negative.
    #[error("the stamp is not a time after the epoch")]
    BadStamp,
    /// A coordinate is missing.
    #[error("the point cloud has no field {0}; it needs x, y and z")]
    NoField(&'static str),
    /// A field reaches past its point, or its type is unknown.
    #[error("the field {0} does not fit its point")]
    BadField(String),
    /// Point step, row step and data do not agree.
    #[error("the point cloud's steps, size and data do not agree")]
    BadShape,
}

/// The stamp of a message that begins with a `std_msgs/msg/Header`, ns; `None` where it has none
/// that can be read.
#[must_use]
pub fn header_stamp_ns(message: &[u8]) -> Option<u64> {
    let mut reader = cdr::Reader::new(message).ok()?;
    reader.header().ok().map(|(stamp_ns, _)| stamp_ns)
}
