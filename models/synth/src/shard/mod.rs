//! Training shards: one drive's radar frames with their boxes, as arrays in one file.
//!
//! Everything is in the radar's frame at the frame's capture time. Points of older scans are moved
//! there by the vehicle's true motion. [`play`] makes a shard of a drive, [`save`] and [`load`] put
//! it into a safetensors file, [`statistics`] says what is in it.

mod file;
pub(crate) mod motion;
mod play;
mod statistics;

pub use file::{ShardError, load, save};
pub use play::{ShardConfig, play};
pub use statistics::{ClassStatistics, PointStatistics, RANGE_EDGES_M, Statistics, statistics};

use drafthorse_core::Class;

/// `box_class` of a road user, 0 to 3; buses are trucks.
#[must_use]
pub fn class_index(class: Class) -> u8 {
    match class {
        Class::Car | Class::Unknown => 0,
        Class::Truck => 1,
        Class::Cyclist => 2,
        Class::Pedestrian => 3,
    }
}

/// Names of the classes by their index.
pub const CLASSES: [&str; 4] = ["car", "truck", "cyclist", "pedestrian"];

/// `point_object` of clutter, scenery and noise.
pub const CLUTTER: i64 = -1;
/// `point_object` of a multipath ghost.
pub const GHOST: i64 = -2;

/// Frames of one drive. Frame `f` has the points `points_start[f]..points_start[f + 1]`; boxes
/// likewise.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shard {
    /// What the shard was made from, by name.
    pub metadata: Vec<(String, String)>,
    /// Capture time of each frame, ns.
    pub captured_ns: Vec<i64>,
    /// x, y, z (m), cross-section (dBsm), range rate as measured, range rate less the vehicle's share
    /// (m/s), age (s, 0 or negative).
    pub points: Vec<[f32; 7]>,
    /// First point of each frame, and the number of points.
    pub points_start: Vec<i64>,
    /// Identity of the object that a point came off; [`CLUTTER`] or [`GHOST`].
    pub point_object: Vec<i64>,
    /// Centre x, y, z, length, width, height (m), yaw (rad).
    pub boxes: Vec<[f32; 7]>,
    /// Velocity over ground, m/s.
    pub box_velocity: Vec<[f32; 2]>,
    /// Index into [`CLASSES`].
    pub box_class: Vec<u8>,
    /// Identity through the drive.
    pub box_track: Vec<i64>,
    /// Points of the newest scan that came off this object.
    pub box_returns: Vec<i32>,
    /// The same over all accumulated scans.
    pub box_returns_all: Vec<i32>,
    /// 1 where it moves over ground.
    pub box_moving: Vec<u8>,
    /// First box of each frame, and the number of boxes.
    pub boxes_start: Vec<i64>,
    /// Odometry of each frame: speed (m/s) and yaw rate (rad/s), with the errors of odometry.
    pub ego: Vec<[f32; 2]>,
}

impl Shard {
    /// How many frames.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.captured_ns.len()
    }

    /// A metadata value.
    #[must_use]
    pub fn meta(&self, name: &str) -> Option<&str> {
        let mut pairs = self.metadata.iter();
        pairs.find(|(key, _)| key == name).map(|(_, v)| v.as_str())
    }

    /// Indices of the points of a frame.
    #[must_use]
    pub fn points_of(&self, frame: usize) -> std::ops::Range<usize> {
        span(&self.points_start, frame)
    }

    /// Indices of the boxes of a frame.
    #[must_use]
    pub fn boxes_of(&self, frame: usize) -> std::ops::Range<usize> {
        span(&self.boxes_start, frame)
    }
}

fn span(starts: &[i64], frame: usize) -> std::ops::Range<usize> {
    let at = |i: usize| starts.get(i).map_or(0, |s| *s as usize);
    at(frame)..at(frame + 1)
}
