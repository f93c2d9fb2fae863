//! Codecs of sensor messages, both ways: ARS548, TI mmWave TLV, CAN by DBC, packet captures, ROS 2 CDR.
//!
//! Nothing here does I/O, keeps a clock or panics: every decoder is a total function of its bytes
//! and answers with typed values, a typed error, or a count of what it rejected.

pub mod ars548;
mod bytes;
pub mod can;
pub mod capture;
pub mod fuzz;
pub mod ros2;
pub mod ti;
