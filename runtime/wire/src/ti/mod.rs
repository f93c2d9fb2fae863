//! TI mmWave TLV packets: points of types 1, 7 and 301, and a framer for their byte stream.
//!
//! A packet is a 40-byte little-endian header behind the magic word `02 01 04 03 06 05 08 07`,
//! then type-length-value items, padded to a multiple of 32 bytes. TI's axes are x right, y forward,
//! z up; points come out in ISO 8855 (x forward, y left, z up). Layouts are those of TI's UART
//! output description for SDK 3 (types 1 and 7) and SDK 5 and later (type 301).

mod encode;
mod framer;
mod packet;

pub use encode::{TiPoint, encode_packet};
pub use framer::TiFramer;
pub use packet::{PointsType, TiDecoded, TiHeader, decode, header};

use thiserror::Error;

/// First bytes of every packet.
pub const MAGIC: [u8; 8] = [2, 1, 4, 3, 6, 5, 8, 7];
/// Bytes of the packet header.
pub const HEADER_BYTES: usize = 40;
/// The longest packet that is believed, bytes.
pub const MAX_PACKET_BYTES: usize = 1 << 18;
/// TLV: points as four f32.
pub const TLV_POINTS: u32 = 1;
/// TLV: SNR and noise of each point.
pub const TLV_SIDE_INFO: u32 = 7;
/// TLV: points as scaled integers with SNR and noise.
pub const TLV_COMPRESSED_POINTS: u32 = 301;

/// Why bytes are not a TI mmWave packet that can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TiError {
    /// Fewer bytes than a header.
    #[error("{0} bytes are too short for a TI packet header of 40 bytes")]
    NoHeader(usize),
    /// The magic word is missing.
    #[error("the packet does not begin with TI's magic word; check the serial port and baud rate")]
    NoMagic,
    /// The length in the header is not that of the packet.
    #[error("the packet header says {field} bytes and there are {actual}")]
    WrongLength {
        /// What the header says.
        field: u32,
        /// Bytes there are.
        actual: usize,
    },
    /// An item reaches past the end of the packet.
    #[error("item {index} of type {kind} with {length} bytes reaches past the packet's end")]
    ItemTruncated {
        /// Which item.
        index: u32,
        /// Its type.
        kind: u32,
        /// Its length.
        length: u32,
    },
    /// An item's length does not fit its type.
    #[error("an item of type {kind} cannot have {length} bytes")]
    ItemLength {
        /// Its type.
        kind: u32,
        /// Its length.
        length: u32,
    },
    /// Side information for another number of points than there are.
    #[error("side information for {side} points beside {points} points")]
    SideInfoCount {
        /// Points of the side information.
        side: u32,
        /// Points of the packet.
        points: u32,
    },
    /// A scale of compressed points is not a positive number.
    #[error("the units of the compressed points are not positive numbers")]
    BadUnits,
}
