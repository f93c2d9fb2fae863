//! The resolved plan of a run: everything its derived messages follow from. It is written into the
//! log, so that replay needs nothing but the log.

use drafthorse_core::{CameraModel, Class, Pose, RawFormat, SensorId};
use drafthorse_detector::DetectorConfig;
use drafthorse_engine::Manifest;
use drafthorse_keyframes::{ApexConfig, BudgetConfig};
use drafthorse_sensors::align::AlignConfig;
use serde::{Deserialize, Serialize};

use crate::config::{CameraLaneConfig, TriggerConfig};
use crate::describe::VisionSettings;
use std::path::PathBuf;

/// Metadata record of the log that holds the plan.
pub const RUN_METADATA: &str = "drafthorse.run";
/// Metadata record of the log that maps sensor index to name.
pub const SENSORS_METADATA: &str = "drafthorse.sensors";

/// How a run treats time and load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Recorded sources: as fast as possible, nothing dropped.
    File,
    /// Live sources: the latest is kept, drops are counted.
    Live,
}

/// One sensor as the pipeline sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorPlan {
    /// Unique name, also its frame.
    pub name: String,
    /// URI it was read from.
    pub source: String,
    /// Format of its raw messages.
    pub format: RawFormat,
    /// `vehicle_from_sensor`.
    pub mount: Pose,
    /// Camera model, where known.
    pub camera: Option<CameraModel>,
    /// Added to its capture stamps, ns.
    pub time_offset_ns: i64,
    /// Mapping of a CAN radar.
    pub can_map: Option<CanMapSource>,
    /// What triggered a camera; its capture stamps are those of the pulses then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerConfig>,
}

/// Where a CAN mapping comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CanMapSource {
    /// Shipped with the program, by name.
    Shipped(String),
    /// Read from files, kept whole.
    Files {
        /// The mapping, TOML.
        toml: String,
        /// The DBC file it names.
        dbc: String,
    },
}

/// The resolved plan of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the run, first part of its file names.
    pub name: String,
    /// Version of the program that recorded it.
    pub version: String,
    /// Time and load.
    pub mode: Mode,
    /// Sensors; [`SensorId`] indexes them.
    pub sensors: Vec<SensorPlan>,
    /// Clock alignment and pairing.
    pub clock: AlignConfig,
    /// Perception baseline.
    pub detector: DetectorConfig,
    /// Camera lanes.
    pub camera: CameraLaneConfig,
    /// Networks that look at pictures or radar scans.
    #[serde(default)]
    pub networks: Vec<NetworkPlan>,
    /// The choice of keyframes; none where none are chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyframes: Option<KeyframePlan>,
    /// The model that describes keyframes, as the run found it; none where they are not described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vision: Option<VisionSettings>,
}

/// How keyframes are chosen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeyframePlan {
    /// The camera whose pictures count; none where there is no camera.
    pub camera: Option<SensorId>,
    /// The vehicle's front, ahead of the middle of the rear axle, m.
    pub front_m: f64,
    /// How apexes are found.
    pub apex: ApexConfig,
    /// How many are kept.
    pub budget: BudgetConfig,
}

/// A network of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// Folder of the model, as the run found it.
    pub folder: PathBuf,
    /// Sensors it looks at; empty for all it can.
    pub sensors: Vec<String>,
    /// Answers a second of capture time, at most; none for all.
    pub hz: Option<f64>,
    /// The model: files by hash, origin, licence, tolerances.
    pub manifest: Manifest,
    /// Of a network that looks at radar scans: how its answers are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radar: Option<RadarNetworkPlan>,
}

/// How the answers of a network that looks at radar scans are read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RadarNetworkPlan {
    /// Scans that it is given together.
    pub scans: usize,
    /// Classes by their number in an answer.
    pub classes: Vec<Class>,
    /// Score from which on a box of a class becomes a detection.
    pub least_scores: Vec<f64>,
    /// Where it looks in the radar's frame, from and to along x, m.
    pub x_m: [f64; 2],
    /// The same along y.
    pub y_m: [f64; 2],
}

impl NetworkPlan {
    /// The model's name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Whether it looks at that sensor, one of the kind that it takes.
    pub fn looks_at(&self, sensor: &str) -> bool {
        self.sensors.is_empty() || self.sensors.iter().any(|name| name == sensor)
    }
}

impl Plan {
    /// Sensors with their identifiers.
    pub fn sensors(&self) -> impl Iterator<Item = (SensorId, &SensorPlan)> {
        (0u16..).map(SensorId).zip(&self.sensors)
    }

    /// The sensors' names in order.
    pub fn sensor_names(&self) -> Vec<String> {
        self.sensors.iter().map(|s| s.name.clone()).collect()
    }

    /// The sensor's name, or "unknown".
    pub fn sensor_name(&self, sensor: SensorId) -> &str {
        self.sensors
            .get(usize::from(sensor.0))
            .map_or("unknown", |s| s.name.as_str())
    }

    /// Name of the lane that takes a sensor's messages: one lane for all radars, one a camera.
    pub fn lane_of(&self, sensor: SensorId) -> String {
        match self.sensors.get(usize::from(sensor.0)) {
            Some(s) if s.format.is_camera() => s.name.clone(),
            _ => RADAR_LANE.to_owned(),
        }
    }
}

/// Name of the radars' lane.
pub const RADAR_LANE: &str = "radar";
/// Name under which alignment keeps its state in the log; it is folded at ingress, not a thread.
pub const ALIGN_LANE: &str = "align";
/// Name under which the choice of keyframes keeps its state in the log; it is folded where lanes append.
pub const KEYFRAMES_LANE: &str = "keyframes";
