//! The target of "draft here, verify there": what it answers, and how it is run and exported.
//!
//! [`Target`] holds the model and judges drafts: [`Target::verify`] gives exactly what the target would have written
//! alone, [`Target::generate`] the same without a draft. [`serve`] puts it behind the Open Inference Protocol for
//! development and tests, a block at a time; in production Triton does that, with the model repository that
//! [`repository::export`] writes. [`certificates`] makes the certificates that both ask for in development.

#![forbid(unsafe_code)]

pub mod certificates;
mod error;
mod files;
mod pace;
pub mod repository;
pub mod serve;
mod target;
mod tokens;
mod verify;

pub use error::TargetError;
pub use files::TargetFiles;
pub use target::{Target, TargetOptions};
