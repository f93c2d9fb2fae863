//! CAN radars: frames, candump logs, signals by DBC, and cycles of tracks.
//!
//! A [`CanMap`] says which messages of a DBC file are track slots, which of their signals give
//! position and speed, and which message gives the vehicle's speed. [`CanDecoder`] turns frames
//! into cycles of tracks with it.

mod candump;
mod cycle;
mod frame;
mod map;
mod signal;

pub use candump::{CandumpError, CandumpFrame, parse_line};
pub use cycle::{CanDecoder, CanDecoderState, CanEvent};
pub use frame::{CanFrame, CanFrameError};
pub use map::{CanMap, CanMapError};
pub use signal::Signal;
