//! Keyframes: which moments of a drive are worth keeping.
//!
//! Pictures become sketches, radar scans become cues, both become moments of a tenth of a second.
//! Moments at which more changes than around them are apexes, and a budget pays for the highest of
//! them. Cues that rise to a threshold are events. All of that is a fold over its inputs in order, bounded in
//! memory, and its state can be written down. [`query`] chooses moments of a recorded drive by words. Nothing
//! here decodes, tracks or records.

mod apex;
mod budget;
mod config;
mod cues;
mod events;
mod moment;
pub mod query;
mod sketch;
mod variation;

pub use apex::{Apex, Apexes, highest};
pub use budget::Budget;
pub use config::{ApexConfig, BudgetConfig, ConfigError, Weights};
pub use cues::{CUES, CueMaker, Cues, NAMES};
pub use events::{Event, EventConfig, EventConfigError, EventKind, Events, Threshold};
pub use moment::{FrameId, Moment, Moments, WAITING};
pub use sketch::{GRID, SKETCH, Sketch};
pub use variation::Variation;
