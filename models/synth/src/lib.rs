//! Synthetic road worlds with radar, camera and ground truth, deterministic by seed.
//!
//! A [`Drive`] plays one world forward and lends out radar scans with their truth and rendered
//! camera pictures in order of capture. The same [`DriveConfig`] gives the same bytes. Encoding
//! scans into a sensor's wire format is not done here.

mod actor;
mod camera;
mod canvas;
mod cells;
mod config;
mod drive;
mod ego;
mod follow;
mod layout;
mod lens;
mod measure;
mod paint_ground;
mod paint_scenery;
mod paint_users;
mod path;
mod radar;
mod rng;
mod scatter;
mod scenery;
mod shapes;
mod solid;
mod traffic;
mod truth;
mod view;
mod visibility;
mod world;

pub use config::DriveConfig;
pub use drive::{Drive, EPOCH_NS, Event};
pub use radar::Source;
