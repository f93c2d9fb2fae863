//! The engine with a clock, a disk and a network: a thread with a current-thread runtime for calls, and one for the
//! spool, whose waits for the disk hold up no deadline.

mod clock;
mod network;
mod offload;
mod stats;
mod storage;

pub use offload::{Block, Offload, OffloadError, SubmitError};
pub use stats::Stats;
