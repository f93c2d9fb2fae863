//! Holds the lanes' deadlines on a board that gets hot or busy: gives up quality in a declared order, and takes it
//! back when it can.
//!
//! [`Ladder`] is the order: each rung turns one knob one notch further. [`Governor`] is a fold over [`Reading`]s
//! that chooses the rung; it knows no clock, no thread and no knob's effect but what the ladder declares. [`Board`]
//! reads temperatures and power from sysfs. [`simulation`] is a board with a heat capacity, random drives, and an
//! oracle that knows them, to hold the governor against.

#![forbid(unsafe_code)]

mod board;
mod config;
mod governor;
mod ladder;
mod reading;
pub mod simulation;
mod tegrastats;

pub use board::{Board, BoardReading};
pub use config::{GovernorConfig, GovernorError};
pub use governor::{Change, Governor};
pub use ladder::{Knob, Ladder, Rung, Settings, Step};
pub use reading::{LaneLoad, Reading, Reason};
pub use tegrastats::parse_tegrastats;
