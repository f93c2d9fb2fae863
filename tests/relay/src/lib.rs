//! A TCP relay that emulates a link: delay, jitter, rate, connections that break, and a record of what passed.
//!
//! It works on bytes above TCP: each piece that is read goes on after its delay, in order, no faster than the rate. It
//! answers the sender's TCP itself, so slow start and retransmission over the emulated link are not part of it: real links
//! of the same delay and rate are slower at the beginning of a connection. Linux' netem does more where the kernel has it.

#![forbid(unsafe_code)]

mod conditions;
mod direction;
mod pacing;
mod relay;

pub use conditions::Conditions;
pub use relay::{Relay, Way};
