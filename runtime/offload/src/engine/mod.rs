//! What is done when: a state machine on a clock that it is given. No I/O, no thread, no time of its own.
//!
//! Everything that happens goes in as a call with the time; what is to be done comes out as [`Action`]s. The same calls
//! give the same actions. The clock is Unix time in nanoseconds that never goes back within a run.

mod action;
mod backoff;
mod blocks;
mod counts;
mod machine;
mod plan;
mod reach;
mod settings;

pub use action::{Action, Failure, Unrecorded, Unsent, Unstored};
pub use counts::{Counts, Submission};
pub use machine::Engine;
pub use settings::EngineSettings;
