//! Ground truth of a synthetic or labelled drive, for evaluation.

use crate::motion::EgoMotion;
use crate::object::Class;
use serde::{Deserialize, Serialize};

/// One true object in the vehicle frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TruthObject {
    /// Identity through the whole drive.
    pub id: u32,
    /// What it is.
    pub class: Class,
    /// Centre forward, m.
    pub x_m: f64,
    /// Centre left, m.
    pub y_m: f64,
    /// Centre up, m.
    pub z_m: f64,
    /// Velocity over ground along the vehicle's x, m/s.
    pub vx_mps: f64,
    /// Velocity over ground along the vehicle's y, m/s.
    pub vy_mps: f64,
    /// Heading, rad.
    pub yaw_rad: f64,
    /// Along the heading, m.
    pub length_m: f64,
    /// Across the heading, m.
    pub width_m: f64,
    /// Vertical, m.
    pub height_m: f64,
    /// Radar returns on it in this scan.
    pub returns: u32,
    /// Whether it moves over ground.
    pub moving: bool,
}

/// The truth at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroundTruth {
    /// The instant, ns.
    pub captured_ns: u64,
    /// The vehicle's true motion.
    pub ego: EgoMotion,
    /// Objects within the sensors' reach.
    pub objects: Vec<TruthObject>,
}
