//! Frames between the sync microcontroller and the host, used by both: messages, codec, stream.
//!
//! A frame is a version byte, a kind byte, the message's fields in order (little-endian, without
//! padding) and a CRC-32 of all that, stuffed with COBS so that no byte is zero, and closed by a
//! zero. A receiver that joins late or sees garbage is in step again after the next zero. Nothing
//! here allocates or panics. What the microcontroller does with the messages lives elsewhere.

#![no_std]

mod cobs;
mod crc;
mod frame;
pub mod fuzz;
mod message;

pub use crc::crc32;
pub use frame::{Decoder, EncodeError, MAX_FRAME_BYTES, encode};
pub use message::{FrameError, HostTime, Imu, Message, PpsEdge, Status, TriggerStamp, VERSION};
