//! What one step of perception gives.

use drafthorse_core::{Detection, EgoMotion, SensorId, Track};
use serde::{Deserialize, Serialize};

/// What the detector holds one return to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum PointLabel {
    /// Marked invalid by the sensor, not finite, or outside the configured range.
    #[default]
    Invalid = 0,
    /// Its range rate is what a fixed point would show.
    Stationary = 1,
    /// Its range rate differs from a fixed point's by more than the noise explains.
    Moving = 2,
    /// Its height is far below the road or far above anything on it: multipath or a structure
    /// overhead. Used for ego motion where it fits, never clustered.
    Ghost = 3,
}

/// Everything one scan, object list or track cycle gave. Reused from step to step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PerceptionFrame {
    /// Capture time of the input, ns on the vehicle clock.
    pub captured_ns: u64,
    /// The radar it came from.
    pub sensor: SensorId,
    /// The input's sequence number.
    pub sequence: u32,
    /// The vehicle's motion at the capture time.
    pub ego: EgoMotion,
    /// Dead-reckoned `odom_from_vehicle`: x (m), y (m), yaw (rad).
    pub odom: [f64; 3],
    /// One label a point of the scan, in its order; empty for objects and tracks.
    pub point_labels: Vec<PointLabel>,
    /// Cluster of each point of the scan, -1 for none; empty for objects and tracks.
    pub point_clusters: Vec<i32>,
    /// Boxes of this input alone, vehicle frame.
    pub detections: Vec<Detection>,
    /// Confirmed tracks after this input, vehicle frame at the capture time, by increasing id.
    pub tracks: Vec<Track>,
}
