//! The target over gRPC: one channel, mutual TLS, a time limit on every call, errors that say what they are.

mod call;
mod connect;
mod error;
mod meter;

pub use call::Client;
pub use connect::{ClientSettings, ConnectError};
pub use error::CallError;
pub use meter::Meter;
