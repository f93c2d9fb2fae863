//! Releases on a device: what a signed manifest says, how its chunks come in, and how a release is
//! installed, activated and left again.
//!
//! A device has one folder of releases with three symbolic links: `current` is what the service
//! runs, `confirmed` is the last release that was seen perceiving, `previous` the one before it. A
//! release that is being tried is `current` and not yet `confirmed`; while that may be so, the file
//! `trial` exists. Whoever finds that file without anyone holding the lock undoes the trial
//! ([`settle`]). Each step is one rename, so that a power cut falls between two of them.
//!
//! Nothing here knows ssh, cargo or how a bundle is built.

mod activate;
mod assemble;
mod begin;
mod chunks;
mod digest;
mod durable;
mod error;
mod frames;
mod health;
mod manifest;
mod overview;
mod patient;
mod prune;
mod receive;
mod restart;
mod root;
mod signature;
mod status;

pub use activate::{Outcome, activate, rollback, settle};
pub use assemble::{install, verify};
pub use begin::{Answer, Offer, begin};
pub use digest::Digest;
pub use durable::{link_atomically, write_atomically};
pub use error::ReleaseError;
pub use frames::{FrameReader, FrameWriter};
pub use manifest::{
    ChunkEntry, FORMAT, FileEntry, MANIFEST, MAX_CHUNK, Manifest, PROGRAM, SIGNATURE,
};
pub use overview::{Installed, Overview, overview};
pub use patient::{PATIENCE, Patient};
pub use receive::{Received, receive};
pub use root::{Device, Root};
pub use signature::TrustedKeys;
pub use status::{LaneStatus, RunStatus};
