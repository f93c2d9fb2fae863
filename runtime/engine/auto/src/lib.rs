//! Which engine runs a model: all backends that are present, a self-test that chooses among them, a
//! record of the choice, and the handing over when one fails in the middle of a drive.

mod choice;
mod engines;
mod fallback;
mod record;
mod selftest;

pub use choice::{Choice, Trial, Verdict};
pub use engines::{BackendName, EngineConfig, Engines};
pub use fallback::{Handover, Loaded};
pub use record::forget;
pub use selftest::{Plan, plan_of};
