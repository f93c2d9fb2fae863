//! Continental ARS548 RDI: detection list (method 336), object list (329) and status (380).
//!
//! All messages are big-endian records without padding, one per UDP payload. Field order and units
//! follow the sensor's interface description as published drivers (`tier4/nebula`,
//! `robotics-upo/ars548_ros`) read it. Angles are radians from x towards y (azimuth) and above the
//! xy plane (elevation), which is already ISO 8855.

mod decode;
mod encode;
mod layout;
mod object;
mod protection;

pub use decode::{Ars548Buffers, Decoded, Kind, SensorStamp, decode, stamp};
pub use encode::{encode_detections, encode_objects, encode_status, protect};
pub use layout::{
    Detection, DetectionListHeader, DetectionListTrailer, MessageHeader, Object, ObjectListHeader,
    Status,
};
pub use object::Reference;
pub use protection::{CRC_OFFSET, Protection, crc64, e2e_crc};

use thiserror::Error;

/// Method of the detection list.
pub const METHOD_DETECTIONS: u16 = 336;
/// Method of the object list.
pub const METHOD_OBJECTS: u16 = 329;
/// Method of the status message.
pub const METHOD_STATUS: u16 = 380;
/// UDP payload bytes of a detection list.
pub const DETECTION_LIST_BYTES: usize = 35_336;
/// UDP payload bytes of an object list.
pub const OBJECT_LIST_BYTES: usize = 9_401;
/// UDP payload bytes of a status message.
pub const STATUS_BYTES: usize = 84;
/// Detection slots of a list.
pub const MAX_DETECTIONS: usize = 800;
/// Object slots of a list.
pub const MAX_OBJECTS: usize = 50;

/// Why a payload is not an ARS548 message that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Ars548Error {
    /// Fewer than eight bytes.
    #[error("{0} bytes are too short for an ARS548 message header of 8 bytes; check the port")]
    NoHeader(usize),
    /// The service identifier is not 0.
    #[error("service {0} is not an ARS548 service; check the multicast group and port")]
    UnknownService(u16),
    /// Not one of the three methods.
    #[error("method {0} is not an ARS548 detection list, object list or status message")]
    UnknownMethod(u16),
    /// The payload's size is not that of its method.
    #[error("method {method} needs {expected} bytes and this payload has {actual}")]
    WrongLength {
        /// The method.
        method: u16,
        /// Bytes it needs.
        expected: usize,
        /// Bytes there are.
        actual: usize,
    },
    /// The length field in the header contradicts the payload's size.
    #[error("the length field says {field} and the payload needs {expected}")]
    WrongLengthField {
        /// What the field says.
        field: u32,
        /// What it should say: payload bytes less 8.
        expected: u32,
    },
    /// More entries than slots.
    #[error("the list claims {count} entries and has {slots} slots")]
    TooManyEntries {
        /// Entries claimed.
        count: u32,
        /// Slots of the list.
        slots: u32,
    },
    /// A field of the message itself (not of one entry) is not a number or out of range.
    #[error("field {0} is outside the sensor's range")]
    OutOfRange(&'static str),
    /// The end-to-end length field contradicts the payload's size.
    #[error("the end-to-end length field says {field} and should say {expected}")]
    ProtectionLength {
        /// What the field says.
        field: u32,
        /// What it should say.
        expected: u32,
    },
    /// The end-to-end checksum does not match.
    #[error("the end-to-end checksum is {field:016x} and the bytes give {computed:016x}")]
    Checksum {
        /// What the message says.
        field: u64,
        /// What its bytes give.
        computed: u64,
    },
    /// A value to encode does not fit the message.
    #[error("{0} does not fit an ARS548 message")]
    NotEncodable(&'static str),
}
