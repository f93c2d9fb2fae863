//! What the traffic says of the link: nothing is sent only to measure it but small probes where there is no traffic.
//!
//! Every estimate is over a window of the last calls. Windows forget an outlier wholly when it leaves them, where an
//! exponential average carries a single stall on for many calls, and a minimum or maximum says what the link can do
//! where the target's own time is part of every duration.

mod budget;
mod state;
mod window;

pub use budget::Budget;
pub(crate) use state::LEAST_BYTES_PER_SECOND;
pub use state::{Link, LinkState, LinkView};
pub(crate) use window::RATED_BYTES;
pub use window::Sample;
