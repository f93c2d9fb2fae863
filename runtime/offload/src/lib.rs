//! Offload: rejected blocks go to the target, and what happens when the link is gone.

#![forbid(unsafe_code)]

mod answer;
pub mod engine;
pub mod link;
pub mod policy;
pub mod spool;

pub use answer::{Answer, Outcome, Ruling, Why};
