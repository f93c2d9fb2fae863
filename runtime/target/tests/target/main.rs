//! The target at its boundaries: drafts and their verdicts, the server, certificates, Triton.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod certificates;
mod common;
mod lossless;
mod outage;
mod repository;
mod server;
mod triton;
