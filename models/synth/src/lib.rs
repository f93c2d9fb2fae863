//! Synthetic road worlds with radar, camera and ground truth, deterministic by seed.
//!
//! A [`Drive`] plays one world forward and lends out radar scans with their truth and rendered
//! camera pictures in order of capture. The same [`DriveConfig`] gives the same bytes. Encoding
//! scans into a sensor's wire format is not done here.

mod actor;
mod atmosphere;
mod camera;
mod canvas;
mod cells;
mod clutter;
mod config;
mod cross_traffic;
mod crowd;
mod disturbance;
mod drive;
mod echo;
mod ego;
mod follow;
mod front_radar;
mod ghosts;
mod imaging;
mod incident;
mod junctions;
mod layout;
mod lens;
mod measure;
mod paint_ground;
mod paint_junctions;
mod paint_people;
mod paint_scenery;
mod paint_users;
mod paint_vehicles;
mod paint_weather;
mod path;
mod radar;
mod radar_model;
mod report;
mod resolve;
mod rng;
mod scatter;
mod scenery;
pub mod scenes;
mod shapes;
pub mod shard;
mod side_scenery;
mod silhouette;
mod skyline;
mod solid;
mod staging;
mod street_life;
mod streets;
mod town;
mod traffic;
mod truth;
mod view;
mod visibility;
mod weather;
mod world;
mod yielding;

pub use atmosphere::Light;
pub use config::DriveConfig;
pub use drive::{Drive, EPOCH_NS, Event};
pub use echo::Source;
pub use incident::{Incident, IncidentKind};
pub use radar_model::RadarKind;
pub use town::Town;
pub use weather::Weather;
