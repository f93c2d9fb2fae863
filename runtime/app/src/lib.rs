//! The `drafthorse` runtime as a library: configuration, lanes, the run, replay and the report.
//!
//! This crate composes the rooms. Sensor formats live in `drafthorse-wire`, perception in
//! `drafthorse-detector`, the log in `drafthorse-record`; nothing of theirs is written again here.

pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod describe;
pub mod feed;
pub mod find;
mod guard;
mod network_summary;
pub mod networks;
pub mod pipeline;
pub mod plan;
pub mod record_policy;
pub mod replay;
pub mod report;
pub mod run;
pub mod summary;
