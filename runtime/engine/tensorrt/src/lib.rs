//! TensorRT as a backend, through a small library that is compiled on the board.
//!
//! TensorRT is C++ and comes with JetPack, so it is no part of the program: `shim/` holds a C
//! interface and its implementation, [`compile_shim`] compiles them against the board's own headers,
//! and [`TensorRt::open`] loads the result. Building an engine takes minutes, so built engines are
//! kept; one that was built for another version, device or power mode, or whose bytes have changed,
//! is refused with the reason and built anew.

mod abi;
mod build;
mod cache;
mod compile;
mod config;
mod ffi;
mod hash;
mod key;
#[cfg(test)]
mod layout;
mod library;
mod model;
mod power;
mod profile;
mod sealed;

pub use build::{Built, Listener, Progress};
pub use compile::{ShimError, Toolchain, compile_shim};
pub use config::{AxisRange, TensorRtConfig};
pub use key::{EngineKey, Environment};
pub use library::{LIBRARY, TensorRt};
pub use power::power_mode;

/// Name of the backend.
pub(crate) const NAME: &str = "tensorrt";

/// Its name where something else stands in for TensorRT: models and records that name `tensorrt` do
/// not mean it.
pub(crate) const STANDIN: &str = "tensorrt-stand-in";
