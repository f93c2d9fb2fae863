//! Plain data shared by every room: raw messages, scans, images, boxes, tracks, faults.
//!
//! Nothing here does I/O or knows a wire format. Frames follow ISO 8855 (x forward, y left, z up),
//! units are metres, radians, metres per second and nanoseconds on the vehicle clock, and a
//! transform is named by what it maps: `vehicle_from_radar`.

pub mod fault;
mod footprint;
pub mod image;
pub mod motion;
pub mod object;
pub mod pose;
pub mod radar;
pub mod raw;
pub mod truth;

pub use fault::{Fault, FaultKind};
pub use footprint::Footprint;
pub use image::{CameraModel, Image};
pub use motion::EgoMotion;
pub use object::{Class, Detection, Track};
pub use pose::Pose;
pub use radar::{
    RadarObject, RadarObjects, RadarPoint, RadarScan, RadarStatus, RadarTrack, RadarTracks,
};
pub use raw::{RawFormat, RawMessage, SensorId};
pub use truth::{GroundTruth, TruthObject};
