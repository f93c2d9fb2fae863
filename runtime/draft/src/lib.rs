//! Draft here, verify there: a small model drafts, the target checks the draft in one run, and what comes
//! out is what the target says alone (docs/drafting.md).
//!
//! A [`Drafter`] writes drafts: beside the target, whose hidden states it is fed, or alone in the vehicle.
//! [`verify`] decides what of a draft stays; it is pure and knows no model. [`Speculator`] joins both into
//! a loop on one machine. [`Router`] decides which drafts need the target at all; it knows neither words
//! nor networks, only scores of frames.

mod coder;
mod distribution;
mod draft;
mod drafter;
mod error;
mod folder;
mod glance;
mod grow;
mod layers;
pub mod length;
mod lookup;
mod native;
mod propose;
mod random;
mod router;
mod seen;
mod speculate;
mod target;
pub mod verify;
mod words;
mod write;

pub use coder::Coder;
pub use distribution::Distribution;
pub use draft::Draft;
pub use drafter::{Drafter, DrafterOptions, Form};
pub use error::DraftError;
pub use folder::{Code, DrafterConfig, DrafterFolder, Levels};
pub use glance::{Glance, Glancer};
pub use length::Lengths;
pub use lookup::Lookup;
pub use propose::{Plan, Proposer, Settled};
pub use random::Draws;
pub use router::{
    Block, Decision, Drift, FrameScorer, Order, Pool, Reason, Routed, Router, RouterConfig,
    Threshold,
};
pub use seen::Seen;
pub use speculate::{Decoding, Said, Speculator};
pub use target::{Rules, Target, TargetOptions};
pub use words::Words;
pub use write::Written;
