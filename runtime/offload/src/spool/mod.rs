//! Blocks that wait for the target on disk, and verdicts that wait for the log.
//!
//! A block is a payload file and a line of the index. [`Spool::store`] returns when both are on the disk: the file is
//! written beside its place, synced, renamed, its folder synced, and then the index is committed. Whatever is cut off in
//! between leaves a file that no line names, which the next [`Spool::open`] removes: such a block was never acknowledged.
//! Things leave in the other order. A verdict is committed to the index before anybody hears of it and stays until
//! it is settled, so that a process that is killed hands it out again.

mod entry;
mod error;
mod files;
mod index;
mod limits;
mod store;

pub use entry::{Kept, Waiting};
pub use error::SpoolError;
pub use limits::SpoolLimits;
pub use store::{Evicted, Spool};
