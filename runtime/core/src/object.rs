//! Boxes and tracks in the vehicle frame.

use serde::{Deserialize, Serialize};

/// What an object is. The clustering baseline guesses it by size and speed alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Not decided.
    #[default]
    Unknown,
    /// Passenger car or van.
    Car,
    /// Truck or bus.
    Truck,
    /// Cyclist or motorcyclist.
    Cyclist,
    /// Pedestrian.
    Pedestrian,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Unknown,
        Self::Car,
        Self::Truck,
        Self::Cyclist,
        Self::Pedestrian,
    ];

    /// The class of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// The name used in logs and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Car => "car",
            Self::Truck => "truck",
            Self::Cyclist => "cyclist",
            Self::Pedestrian => "pedestrian",
        }
    }
}

/// One detected box in the vehicle frame at its scan's capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Centre forward, m.
    pub x_m: f64,
    /// Centre left, m.
    pub y_m: f64,
    /// Centre up, m.
    pub z_m: f64,
    /// Extent along the heading, m.
    pub length_m: f64,
    /// Extent across the heading, m.
    pub width_m: f64,
    /// Vertical extent, m.
    pub height_m: f64,
    /// Heading from x towards y, rad.
    pub yaw_rad: f64,
    /// Velocity over ground along the line of sight, m/s: positive recedes.
    pub radial_speed_mps: f64,
    /// Unit vector of the line of sight in the vehicle's xy plane.
    pub line_of_sight: [f64; 2],
    /// Returns (or 1 for an object computed by the radar).
    pub points: u32,
    /// Mean radar cross-section, dBsm; NaN if unknown.
    pub rcs_dbsm: f32,
    /// Whether the returns move over ground.
    pub moving: bool,
    /// Class by size and speed.
    pub class: Class,
    /// Confidence, 0 to 1.
    pub score: f64,
}

/// One tracked object in the vehicle frame at the scan's capture time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Track {
    /// Never reused within a run.
    pub id: u32,
    /// Class by size and speed.
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
    /// Heading from x towards y, rad.
    pub yaw_rad: f64,
    /// Extent along the heading, m.
    pub length_m: f64,
    /// Extent across the heading, m.
    pub width_m: f64,
    /// Vertical extent, m.
    pub height_m: f64,
    /// Standard deviation of the centre (largest axis), m.
    pub position_std_m: f64,
    /// Confidence, 0 to 1.
    pub score: f64,
    /// Whether it moves over ground.
    pub moving: bool,
    /// Scans since birth.
    pub age_scans: u32,
    /// Scans since the last detection was assigned; 0 when seen in this scan.
    pub missed_scans: u32,
}
