//! What the boards of the sync MCU have in common: the main loop, what it shares with interrupts, and what
//! outlives a reset. A board brings its clock, pins, bus, port, alarm and interrupts.
#![no_std]

mod main_loop;
mod session;
mod shared;
mod spared_bus;

/// Version of the firmware: major, minor, patch.
pub const FIRMWARE: [u8; 3] = [0, 1, 0];

pub use main_loop::{Port, run};
pub use session::{Session, begin, ended_by_watchdog};
pub use shared::Shared;
pub use spared_bus::SparedBus;
