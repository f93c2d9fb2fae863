//! `drafthorse.toml`: what a run reads, how it aligns, perceives and records.

mod check;
mod record;

pub(crate) use check::check_name;
pub use record::{ChunkCompression, RecordSettings, Sync};

use crate::describe::VisionSettings;
use anyhow::{Context, Result, bail};
use drafthorse_core::{CameraModel, Pose};
use drafthorse_detector::DetectorConfig;
use drafthorse_draft::RouterConfig;
use drafthorse_engine_auto::EngineConfig;
use drafthorse_governor::GovernorConfig;
use drafthorse_keyframes::{ApexConfig, BudgetConfig};
use drafthorse_sensors::align::AlignConfig;
use drafthorse_sensors::{SourceKind, SourceUri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The whole configuration. Every table but `sensors` may be left out.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the run, first part of its file names.
    #[serde(default = "default_name")]
    pub name: String,
    /// Calibration file of the vehicle, relative to this file. Sensors found there by name take
    /// their mount, camera model and time offset from it unless they state their own.
    #[serde(default)]
    pub calibration: Option<PathBuf>,
    /// The sensors, any number.
    pub sensors: Vec<SensorConfig>,
    /// Clock alignment and pairing.
    #[serde(default)]
    pub clock: AlignConfig,
    /// Perception baseline.
    #[serde(default)]
    pub detector: DetectorConfig,
    /// Camera lanes.
    #[serde(default)]
    pub camera: CameraLaneConfig,
    /// Networks that look at the cameras' pictures or the radars' scans, any number.
    #[serde(default)]
    pub networks: Vec<NetworkConfig>,
    /// Choice of keyframes.
    #[serde(default)]
    pub keyframes: KeyframeSettings,
    /// The model that describes keyframes; none are described without one.
    #[serde(default)]
    pub vision: Option<VisionSettings>,
    /// Which drafted descriptions are good enough to stay.
    #[serde(default)]
    pub router: RouterConfig,
    /// Where those go that are not; without it they stay as unverified.
    #[serde(default)]
    pub offload: Option<drafthorse_offload::Settings>,
    /// Queues and deadlines of the lanes.
    #[serde(default)]
    pub lanes: LanesConfig,
    /// What a hot or busy board gives up, and when.
    #[serde(default)]
    pub governor: GovernorConfig,
    /// Engines of the networks.
    #[serde(default)]
    pub engine: EngineConfig,
    /// The log.
    #[serde(default)]
    pub record: RecordSettings,
}

/// One sensor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SensorConfig {
    /// Unique name: letters, digits, `_` and `-`. Also its frame and the first part of its topics.
    pub name: String,
    /// Where its bytes come from, for example `ars548+udp:224.0.2.2:42102`.
    pub source: SourceUri,
    /// Mounting pose, vehicle_from_sensor; for a camera, of its body (x along the optical axis).
    #[serde(default)]
    pub mount: Option<Pose>,
    /// Camera model.
    #[serde(default)]
    pub camera: Option<CameraModel>,
    /// Added to its capture stamps, ms.
    #[serde(default)]
    pub time_offset_ms: Option<f64>,
    /// Of a camera that the sync microcontroller triggers: its pictures take the stamps of the pulses.
    #[serde(default)]
    pub trigger: Option<TriggerConfig>,
}

/// What triggers a camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriggerConfig {
    /// Name of the sensor that is the microcontroller, with a source `sync:`.
    pub sync: String,
    /// Its output, of those that its source declares.
    pub output: u8,
    /// From a pulse to the camera's own stamp of its picture, ms, to within a third of a period. A driver that stamps the
    /// beginning of a picture has the exposure's length.
    #[serde(default)]
    pub delay_ms: f64,
}

/// A network that looks at pictures or radar scans, as `takes` in its model.toml says. Its answers are
/// logged on `/SENSOR/network/MODEL`. The boxes of one that looks at a radar's scans take the place of the
/// clusters where it looks, and `/RADAR/network/MODEL/check` says how both agree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkConfig {
    /// Folder of the model, with a model.toml, relative to this file. One that looks at pictures takes
    /// f32[1, 3, height, width]; mean and std of that input in model.toml normalise it.
    pub model: PathBuf,
    /// Names of the cameras or radars it looks at; all where none is named.
    #[serde(default)]
    pub sensors: Vec<String>,
    /// Pictures a second of capture time, at most; every picture where absent. Radar scans are all
    /// looked at.
    #[serde(default)]
    pub hz: Option<f64>,
}

/// What the camera lanes compute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CameraLaneConfig {
    /// Width of the preview pictures, px; 0 for none.
    pub preview_width_px: u32,
    /// Previews a second of capture time, at most.
    pub preview_hz: f64,
    /// JPEG quality of the previews, 1 to 100.
    pub preview_quality: u8,
}

impl Default for CameraLaneConfig {
    fn default() -> Self {
        Self {
            preview_width_px: 480,
            preview_hz: 5.0,
            preview_quality: 75,
        }
    }
}

/// Which moments are keyframes: `/keyframes` in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeyframeSettings {
    /// Whether keyframes are chosen.
    pub enabled: bool,
    /// The camera whose pictures count; the first one where none is named.
    pub camera: Option<String>,
    /// The vehicle's front, ahead of the middle of the rear axle, m; from the calibration where absent,
    /// 3.7 m without one.
    pub front_m: Option<f64>,
    /// How moments that stand out are found.
    pub apex: ApexConfig,
    /// How many of them are kept.
    pub budget: BudgetConfig,
}

impl Default for KeyframeSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            camera: None,
            front_m: None,
            apex: ApexConfig::default(),
            budget: BudgetConfig::default(),
        }
    }
}

impl KeyframeSettings {
    /// How long after a moment it is decided whether it is a keyframe, s, with a second for the lanes'
    /// queues.
    fn decided_after_s(&self) -> f64 {
        let apex = &self.apex;
        let moments = apex.around.max(apex.apart) + apex.window + drafthorse_keyframes::WAITING;
        self.budget.horizon_s + 0.1 * moments as f64 + 1.0
    }

    fn check(&self) -> Result<()> {
        let why = "the [keyframes] table cannot be used";
        drafthorse_keyframes::Budget::new(&self.budget).context(why)?;
        self.apex.check().context(why)?;
        if self.front_m.is_some_and(|m| !(0.0..=20.0).contains(&m)) {
            bail!("keyframes.front_m must be 0 to 20 m");
        }
        Ok(())
    }
}

/// Queues of the lanes. A live run keeps the latest and counts what it drops; a run over
/// recordings waits instead.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LanesConfig {
    /// Messages of each radar that may wait for the radar lane.
    pub radar_queue: usize,
    /// CAN frames that may wait for the radar lane.
    pub can_queue: usize,
    /// Frames that may wait for each camera lane.
    pub camera_queue: usize,
    /// Time from receipt to results after which a step of the radar lane is late, ms. The governor holds it.
    pub radar_deadline_ms: f64,
    /// The same of a camera lane.
    pub camera_deadline_ms: f64,
}

impl Default for LanesConfig {
    fn default() -> Self {
        let board = drafthorse_boards::host();
        Self {
            radar_queue: board.lanes.radar.queue,
            can_queue: board.lanes.can_queue,
            camera_queue: board.lanes.camera.queue,
            radar_deadline_ms: board.lanes.radar.deadline_ms,
            camera_deadline_ms: board.lanes.camera.deadline_ms,
        }
    }
}

fn default_name() -> String {
    "drive".to_owned()
}

impl Config {
    /// A configuration of those sources with defaults for everything else. Sensors are named by
    /// what they are and their order: `radar_0`, `camera_0`, `can_0`.
    pub fn from_sources(sources: Vec<SourceUri>) -> Self {
        let mut counts = std::collections::BTreeMap::<&str, usize>::new();
        let sensors = sources
            .into_iter()
            .map(|source| {
                let kind = match source.kind() {
                    SourceKind::Radar => "radar_",
                    SourceKind::Camera => "camera_",
                    SourceKind::Can => "can_",
                    SourceKind::Sync => "sync_",
                    SourceKind::Log => "log_",
                    SourceKind::Synthetic => "synth_",
                };
                let count = counts.entry(kind).or_default();
                let name = format!("{kind}{count}");
                *count += 1;
                SensorConfig {
                    name,
                    source,
                    mount: None,
                    camera: None,
                    time_offset_ms: None,
                    trigger: None,
                }
            })
            .collect();
        Self {
            name: default_name(),
            calibration: None,
            sensors,
            clock: AlignConfig::default(),
            detector: DetectorConfig::default(),
            camera: CameraLaneConfig::default(),
            networks: Vec::new(),
            keyframes: KeyframeSettings::default(),
            vision: None,
            router: RouterConfig::default(),
            offload: None,
            lanes: LanesConfig::default(),
            governor: GovernorConfig::default(),
            engine: EngineConfig::default(),
            record: RecordSettings::default(),
        }
    }

    /// Reads and checks a configuration file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read the configuration {}; name a TOML file as `drafthorse config schema` describes it",
                path.display()
            )
        })?;
        let mut config: Self = toml::from_str(&text).with_context(|| {
            format!(
                "{} is not valid (`drafthorse config schema` says what may stand there)",
                path.display()
            )
        })?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for sensor in &mut config.sensors {
            sensor.source = sensor.source.resolved(folder);
        }
        if let Some(calibration) = &mut config.engine.tensorrt_calibration {
            *calibration = folder.join(&*calibration);
        }
        for network in &mut config.networks {
            network.model = folder.join(&network.model);
        }
        config.governor.board_root = folder.join(&config.governor.board_root);
        if let Some(vision) = &mut config.vision {
            vision.model = folder.join(&vision.model);
            if let Some(drafter) = &mut vision.drafter {
                *drafter = folder.join(&*drafter);
            }
        }
        if let Some(offload) = &mut config.offload {
            offload.spool = folder.join(&offload.spool);
            let target = &mut offload.target;
            let files = [&mut target.ca, &mut target.certificate, &mut target.key];
            for file in files.into_iter().flatten() {
                *file = folder.join(&*file);
            }
        }
        if let Some(calibration) = config.calibration.clone() {
            config.apply_calibration(&folder.join(calibration))?;
        }
        config.check()?;
        Ok(config)
    }

    fn apply_calibration(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the calibration {}", path.display()))?;
        let calibration = drafthorse_calibration::VehicleCalibration::parse(&text)
            .with_context(|| format!("{} is not a calibration", path.display()))?;
        let vehicle = &calibration.vehicle;
        let front_m = vehicle.length_m - vehicle.rear_overhang_m;
        self.keyframes.front_m.get_or_insert(front_m);
        for sensor in &mut self.sensors {
            if let Some(found) = calibration.sensors.get(&sensor.name) {
                sensor.mount.get_or_insert(found.mount);
                sensor.camera = sensor.camera.or(found.camera);
                sensor.time_offset_ms.get_or_insert(found.time_offset_ms);
            }
        }
        Ok(())
    }
}
