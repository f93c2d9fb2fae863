//! What the sync microcontroller does, on any board: pulses for cameras and radars, the PPS, stamped
//! edges, inertial samples, and its side of the link to the host.
//!
//! A board's crate brings a [`Clock`], pins, an I2C bus and a serial port, and calls two things:
//! [`Interrupts`] from its interrupts, under a critical section, and [`Station`] from its main loop. Both
//! are folds over what they are told: nothing here reads a register or waits. Memory is fixed.

#![no_std]

mod clock;
mod epoch;
mod inertial;
mod interrupts;
mod outbox;
mod station;
mod triggers;

pub use clock::{Clock, Ticks};
pub use epoch::{Epoch, Pps};
pub use inertial::{Inertial, SAMPLE_NS};
pub use interrupts::Interrupts;
pub use station::{Origin, Station, Watchdog};
pub use triggers::{LATE_NS, MIN_WIDTH_NS, RATES_MILLIHZ, Triggers};
