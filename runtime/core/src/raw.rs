//! Sensor bytes as they arrived, stamped, before anything decodes them.

use serde::{Deserialize, Serialize};

/// Index of a sensor in the configuration, in its order.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct SensorId(pub u16);

/// What the bytes of a [`RawMessage`] are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RawFormat {
    /// One UDP payload of a Continental ARS548 (detection list, object list or status).
    Ars548,
    /// One TI mmWave packet, from its magic word to its end.
    TiTlv,
    /// One CAN frame in the layout of Linux `struct can_frame` (16 bytes, identifier little-endian).
    CanFrame,
    /// One JPEG image.
    Jpeg,
    /// One H.264 access unit in Annex B form; parameter sets precede each key frame.
    H264,
    /// Packed 4:2:2, `Y0 U Y1 V`; width and height as two little-endian u32 before the pixels.
    Yuyv,
    /// Planar 4:2:0 with interleaved chroma; width and height as two little-endian u32 before it.
    Nv12,
    /// `sensor_msgs/msg/PointCloud2`, CDR with its 4-byte encapsulation header.
    Ros2PointCloud2,
    /// `sensor_msgs/msg/CompressedImage`, CDR with its 4-byte encapsulation header.
    Ros2CompressedImage,
    /// One record of the sync microcontroller: an edge, an inertial sample, its status or its clock.
    Sync,
}

impl RawFormat {
    /// Every format, in declaration order.
    pub const ALL: [Self; 10] = [
        Self::Ars548,
        Self::TiTlv,
        Self::CanFrame,
        Self::Jpeg,
        Self::H264,
        Self::Yuyv,
        Self::Nv12,
        Self::Ros2PointCloud2,
        Self::Ros2CompressedImage,
        Self::Sync,
    ];

    /// The name used in logs and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ars548 => "ars548",
            Self::TiTlv => "ti_tlv",
            Self::CanFrame => "can_frame",
            Self::Jpeg => "jpeg",
            Self::H264 => "h264",
            Self::Yuyv => "yuyv",
            Self::Nv12 => "nv12",
            Self::Ros2PointCloud2 => "ros2_point_cloud2",
            Self::Ros2CompressedImage => "ros2_compressed_image",
            Self::Sync => "sync",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether a camera produces it (a radar does otherwise).
    #[must_use]
    pub fn is_camera(self) -> bool {
        matches!(
            self,
            Self::Jpeg | Self::H264 | Self::Yuyv | Self::Nv12 | Self::Ros2CompressedImage
        )
    }
}

/// Bytes of one sensor message with its two stamps on the vehicle clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Which configured sensor it came from.
    pub sensor: SensorId,
    /// What the bytes are.
    pub format: RawFormat,
    /// Count of this sensor's messages in this run, from 0.
    pub sequence: u32,
    /// When the sensor measured, nanoseconds on the vehicle clock.
    pub captured_ns: u64,
    /// When the host received it, nanoseconds on the vehicle clock.
    pub received_ns: u64,
    /// The bytes.
    pub data: Vec<u8>,
}

impl RawMessage {
    /// An empty message of that sensor, to be filled and reused.
    #[must_use]
    pub fn empty(sensor: SensorId, format: RawFormat) -> Self {
        Self {
            sensor,
            format,
            sequence: 0,
            captured_ns: 0,
            received_ns: 0,
            data: Vec::new(),
        }
    }

    /// Copies `other` into this one, keeping this one's allocation.
    pub fn copy_from(&mut self, other: &Self) {
        self.sensor = other.sensor;
        self.format = other.format;
        self.sequence = other.sequence;
        self.captured_ns = other.captured_ns;
        self.received_ns = other.received_ns;
        self.data.clear();
        self.data.extend_from_slice(&other.data);
    }
}
