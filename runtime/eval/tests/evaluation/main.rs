//! The evaluation at its boundary: files and scenes in, figures and pages out.

#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

mod build;
mod comparison;
mod drives;
mod files;
mod kitti_rules;
mod page;
mod ranked;
