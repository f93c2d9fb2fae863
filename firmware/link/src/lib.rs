//! Frames between the sync microcontroller and the host, used by both: messages, codec, stream.
//!
//! A frame is the layout's version, the sender's session, a sequence number and a message, as
//! [postcard](https://postcard.jamesmunns.com/wire-format) writes them, and a CRC-32 of all that, stuffed
//! with COBS so that no byte is zero, and closed by a zero. A receiver that joins late or sees garbage is
//! in step again after the next zero. Nothing here allocates or panics. What the two ends do with the
//! messages lives elsewhere.

#![no_std]

mod frame;
pub mod fuzz;
mod message;
mod receive;

pub use frame::{Encoder, Frame, FrameError, MAX_FRAME_BYTES, VERSION};
pub use message::{Edge, Faults, Imu, Line, Message, Refusal, Status, TimeReply, Trigger};
pub use receive::{Counts, Decoder};
