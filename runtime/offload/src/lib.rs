//! Offload: rejected blocks go to the target, and what happens when the link is gone.
//!
//! [`Offload`] is all of it: blocks in, outcomes out, by each block's deadline whatever the link does. Behind it are
//! [`engine`], a state machine on a clock it is given, [`spool`], the disk, [`client`], the network, and [`link`],
//! what the traffic says of it. [`policy`] is what the router's threshold and the tokens' code make of the link.

#![forbid(unsafe_code)]

mod answer;
pub mod client;
mod driver;
pub mod engine;
pub mod link;
pub mod policy;
mod settings;
pub mod spool;

pub use answer::{Answer, Outcome, Ruling, Why};
pub use driver::{Block, Offload, OffloadError, Stats, SubmitError};
pub use settings::Settings;
