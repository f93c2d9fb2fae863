//! Crash-safe MCAP recording, reading, recovery and retention.
//!
//! [`Recorder`] writes standard MCAP with a bound on what a power cut may cost; [`LogReader`] reads
//! any valid MCAP and the whole part of a damaged one, and never gives out data that a checksum or
//! a second reading of the structure contradicts; [`recover`] rewrites the whole part as a complete
//! log; [`retention`] keeps a folder within its quota. A recorder with a [`Selection`] keeps only windows of
//! what it records. The message types of our logs are in
//! [`messages`].

mod catalog;
mod compress;
mod config;
mod dropped;
mod error;
mod format;
pub mod fuzz;
mod inspect;
pub mod messages;
mod metadata;
mod reader;
mod recorder;
mod recover;
pub mod retention;
mod ring;
mod segment;
pub mod storage;
mod summary;
mod survey;

pub use catalog::Channel;
pub use config::{
    ChannelId, ChannelSpec, Compression, MAX_FLUSH_INTERVAL, RecordConfig, Selection, SyncPolicy,
    WhenFull,
};
pub use dropped::Dropped;
pub use error::{ReadError, RecordError, RecoverError};
pub use inspect::{ChannelSummary, LogSummary, inspect};
pub use reader::{Damage, LogMessage, LogReader, Metadata, Segment, segments};
pub use recorder::{Batch, RecordSummary, Recorder, RecorderStatus, StopReason};
pub use recover::{RecoverReport, recover};
pub use ring::DroppedTotals;
