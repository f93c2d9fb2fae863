//! Ego motion, clustering baseline, tracking and its evaluation.
//!
//! [`RadarPerception`] turns radar scans, radar-computed objects and CAN radar tracks into
//! detections and tracks without a network. Its state is a pure function of its configuration and
//! of its inputs in order: no clock, no randomness but a generator seeded from the scan, and no
//! allocation once its buffers have grown. Nothing here knows a wire format, and nothing here reads
//! or writes a file.

mod assignment;
mod classify;
mod cluster;
pub mod config;
mod ego;
mod error;
pub mod evaluation;
mod frame;
mod inputs;
mod network;
mod perception;
mod random;
mod returns;
mod tracking;

pub use config::{Association, DetectorConfig};
pub use error::DetectorError;
pub use frame::{PerceptionFrame, PointLabel};
pub use network::{CrossCheck, NetworkBox};
pub use perception::RadarPerception;
