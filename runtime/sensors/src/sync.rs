//! The host's side of the sync microcontroller: its clock beside the vehicle's, and its messages on the
//! vehicle clock.
//!
//! [`SyncLink`] is a fold over bytes and their receive stamps that gives [`SyncRecord`]s; it reads no clock
//! and opens nothing. The port itself is the source `sync:DEVICE`. [`FrameMatcher`] says which pulse took which picture.

mod discipline;
mod link;
mod outputs;
mod record;
mod triggered;

pub use discipline::{Discipline, Estimate, Exchange, Verdict};
pub use link::{Counts, Event, Stamped, SyncLink};
pub use outputs::triggers_of;
pub use record::{SyncClock, SyncRecord};
pub use triggered::{FrameMatcher, MatchEvent};
