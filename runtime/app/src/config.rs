//! `drafthorse.toml`: what a run reads, how it aligns, perceives and records.

use crate::describe::VisionSettings;
use crate::record_policy::{RecordPolicy, WindowSettings};
use anyhow::{Context, Result, bail};
use drafthorse_core::{CameraModel, Pose};
use drafthorse_detector::DetectorConfig;
use drafthorse_draft::RouterConfig;
use drafthorse_engine_auto::EngineConfig;
use drafthorse_governor::GovernorConfig;
use drafthorse_keyframes::{ApexConfig, BudgetConfig, EventConfig};
use drafthorse_record::{Compression, RecordConfig, SyncPolicy, WhenFull};
use drafthorse_sensors::align::AlignConfig;
use drafthorse_sensors::sync::triggers_of;
use drafthorse_sensors::{SourceKind, SourceUri};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// How the log is written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RecordSettings {
    /// What of a run is kept.
    pub policy: RecordPolicy,
    /// The windows that are kept where the policy is not `all`.
    pub windows: WindowSettings,
    /// Under the policy `events`: when a cue of the radar is an event.
    pub events: EventConfig,
    /// A message is on the disk at most this long after it was appended (plus one sync), ms.
    pub flush_interval_ms: u64,
    /// Whether each interval ends with a sync to the disk (`interval`) or trusts the page cache
    /// (`never`: a power cut then loses what the kernel has not written).
    pub sync: Sync,
    /// Compression of the log's chunks.
    pub compression: ChunkCompression,
    /// Begin a new file past this size, MiB; 0 never.
    pub rotate_mib: u64,
    /// Begin a new file after this much log time, s; 0 never.
    pub rotate_s: u64,
    /// Oldest logs not marked kept are removed so that the folder stays below this, MiB; 0 never.
    pub quota_mib: u64,
    /// Recording stops cleanly when less than this is free on the disk, MiB; perception goes on.
    pub free_space_floor_mib: u64,
    /// Memory in which a live run's messages may wait for a slow disk, MiB; past it they are lost
    /// and counted.
    pub buffer_mib: u64,
}

impl Default for RecordSettings {
    fn default() -> Self {
        let board = drafthorse_boards::host().record;
        Self {
            policy: RecordPolicy::default(),
            windows: WindowSettings::default(),
            events: EventConfig::default(),
            flush_interval_ms: 500,
            sync: Sync::Interval,
            compression: ChunkCompression::Lz4,
            rotate_mib: 1024,
            rotate_s: 0,
            quota_mib: board.quota_mib,
            free_space_floor_mib: board.free_space_floor_mib,
            buffer_mib: board.buffer_mib,
        }
    }
}

/// See [`RecordSettings::sync`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// Written and synced each flush interval.
    Interval,
    /// Written each flush interval, never synced.
    Never,
}

/// See [`RecordSettings::compression`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChunkCompression {
    /// None.
    None,
    /// LZ4: fast.
    Lz4,
    /// Zstandard: smaller.
    Zstd,
}

impl RecordSettings {
    /// The file being written is never removed, so a quota holds only over several files.
    fn check_quota(&self) -> Result<()> {
        let (quota, rotate) = (self.quota_mib, self.rotate_mib);
        if quota > 0 && rotate == 0 {
            bail!(
                "record.quota_mib is {quota} but record.rotate_mib is 0: one endless file cannot stay below a quota; set rotate_mib to at most half of it"
            );
        }
        if quota > 0 && rotate > quota / 2 {
            bail!(
                "record.quota_mib is {quota} and record.rotate_mib {rotate}: set rotate_mib to at most half the quota, so that older files can be removed while one is written"
            );
        }
        Ok(())
    }

    /// The recorder's configuration for logs `dir/name-NNNN.mcap`.
    pub fn to_record_config(&self, dir: &Path, name: &str, when_full: WhenFull) -> RecordConfig {
        let limit = |value: u64, unit: u64| (value > 0).then(|| value.saturating_mul(unit));
        let mut config = RecordConfig::new(dir, name);
        config.flush_interval = Duration::from_millis(self.flush_interval_ms);
        config.sync = match self.sync {
            Sync::Interval => SyncPolicy::Interval,
            Sync::Never => SyncPolicy::Never,
        };
        config.compression = match self.compression {
            ChunkCompression::None => Compression::None,
            ChunkCompression::Lz4 => Compression::Lz4,
            ChunkCompression::Zstd => Compression::Zstd,
        };
        config.rotate_bytes = limit(self.rotate_mib, 1 << 20);
        config.rotate_after = limit(self.rotate_s, 1).map(Duration::from_secs);
        config.quota_bytes = limit(self.quota_mib, 1 << 20);
        config.free_space_floor_bytes = self.free_space_floor_mib << 20;
        config.when_full = when_full;
        config.buffer_bytes = (self.buffer_mib as usize) << 20;
        if self.policy != RecordPolicy::All {
            // Only recordings are waited for, and after them comes nothing.
            let selection = self.windows.selection(when_full == WhenFull::Block);
            let segment = Duration::from_secs_f64(self.windows.segment_s);
            let shortest = config
                .rotate_after
                .map_or(segment, |after| after.min(segment));
            config.rotate_after = Some(shortest);
            config.selection = Some(selection);
        }
        config
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

    /// A window around a keyframe is whole only if it waits until the keyframe is decided.
    fn check_policy(&self) -> Result<()> {
        let keyframes = &self.keyframes;
        if self.record.policy != RecordPolicy::All && !keyframes.enabled {
            bail!(
                "record.policy is not all but keyframes.enabled is false: nothing looks for keyframes and events"
            );
        }
        drafthorse_keyframes::Events::new(&self.record.events)
            .context("record.events cannot be used")?;
        if self.record.policy != RecordPolicy::Keyframes {
            return Ok(());
        }
        let decided_s = keyframes.decided_after_s();
        let waits_s = self.record.windows.decision_s;
        if waits_s < decided_s {
            bail!(
                "record.windows.decision_s is {waits_s} but keyframes are decided up to {decided_s:.1} s after their moment: choose that or more"
            );
        }
        Ok(())
    }

    /// What is set and says nothing, in words.
    pub fn unused(&self) -> Option<String> {
        let record = &self.record;
        let windows = record.windows != WindowSettings::default();
        let events = record.events != EventConfig::default();
        let (table, wants) = match record.policy {
            RecordPolicy::All if windows => ("record.windows", "keyframes or events"),
            RecordPolicy::All | RecordPolicy::Keyframes if events => ("record.events", "events"),
            _ => return None,
        };
        Some(format!(
            "{table} is set, and record.policy is {}, which does not go by it; choose the policy {wants} for that",
            record.policy
        ))
    }

    fn check_vision(&self) -> Result<()> {
        let Some(vision) = &self.vision else {
            if self.offload.is_some() {
                bail!(
                    "there is an [offload] table but no [vision] table: drafts of descriptions are what is sent"
                );
            }
            return Ok(());
        };
        if !self.keyframes.enabled {
            bail!(
                "there is a [vision] table but keyframes.enabled is false: keyframes are what is described"
            );
        }
        if self.camera.preview_width_px == 0 || self.camera.preview_hz == 0.0 {
            bail!(
                "there is a [vision] table but camera.preview_width_px or camera.preview_hz is 0: previews are what the model looks at"
            );
        }
        vision.check()?;
        vision.check_unasked()?;
        if let Some(Err(why)) = self
            .offload
            .as_ref()
            .map(drafthorse_offload::Settings::check)
        {
            bail!("the [offload] table cannot be used: {why}");
        }
        if self.offload.is_some() && self.record.policy == RecordPolicy::Events {
            bail!(
                "there is an [offload] table and record.policy is events: verdicts come after their moment, and would be dropped with what is around them; choose keyframes or all"
            );
        }
        if self.offload.is_some() && vision.drafter.is_none() {
            bail!(
                "there is an [offload] table but vision.drafter names no drafter: drafts are what is sent"
            );
        }
        Ok(())
    }

    fn check_triggers(&self) -> Result<()> {
        for sensor in &self.sensors {
            let Some(trigger) = &sensor.trigger else {
                continue;
            };
            let (name, source) = (&sensor.name, &sensor.source);
            if source.kind() != SourceKind::Camera || !source.is_live() {
                bail!("sensor {name:?} has a trigger, which is for live cameras");
            }
            let sync = self.sensors.iter().find(|other| {
                other.name == trigger.sync && other.source.kind() == SourceKind::Sync
            });
            let Some(sync) = sync else {
                bail!(
                    "the trigger of sensor {name:?} names {:?}, and no sensor with a source `sync:` has that name",
                    trigger.sync
                );
            };
            if !triggers_of(&sync.source).any(|declared| declared.output == trigger.output) {
                bail!(
                    "the trigger of sensor {name:?} names output {0}, whose pulses {1} does not declare; add out{0}=HZ",
                    trigger.output,
                    sync.source
                );
            }
            if !(0.0..=10_000.0).contains(&trigger.delay_ms.abs()) {
                bail!(
                    "trigger.delay_ms of sensor {name:?} must be a number of milliseconds within 10 seconds"
                );
            }
        }
        Ok(())
    }

    /// Refuses what cannot run, in words.
    pub fn check(&self) -> Result<()> {
        if self.sensors.is_empty() {
            bail!(
                "the configuration names no sensor; add a [[sensors]] table with name and source"
            );
        }
        check_name("run", &self.name)?;
        for (i, sensor) in self.sensors.iter().enumerate() {
            check_name("sensor", &sensor.name)?;
            if self.sensors[..i].iter().any(|s| s.name == sensor.name) {
                bail!(
                    "two sensors are named {:?}; give each its own name",
                    sensor.name
                );
            }
            if sensor
                .time_offset_ms
                .is_some_and(|ms| !ms.is_finite() || ms.abs() > 3.6e9)
            {
                bail!(
                    "time_offset_ms of sensor {:?} must be a number of milliseconds within 1000 hours",
                    sensor.name
                );
            }
        }
        self.check_triggers()?;
        if let Err(why) = self.clock.check() {
            bail!("the [clock] table cannot be used: {why}");
        }
        self.detector
            .check()
            .context("the [detector] table cannot be used")?;
        if !(50..=10_000).contains(&self.record.flush_interval_ms) {
            bail!(
                "record.flush_interval_ms is {}; choose 50 to 10000",
                self.record.flush_interval_ms
            );
        }
        if !(2..=65_536).contains(&self.record.buffer_mib) {
            bail!(
                "record.buffer_mib is {}; choose 2 to 65536",
                self.record.buffer_mib
            );
        }
        self.record.check_quota()?;
        self.record.windows.check()?;
        self.keyframes.check()?;
        self.check_policy()?;
        self.check_vision()?;
        if !(1..=256).contains(&self.engine.threads) {
            bail!("engine.threads is {}; choose 1 to 256", self.engine.threads);
        }
        for network in &self.networks {
            if network.hz.is_some_and(|hz| !(hz > 0.0 && hz <= 1000.0)) {
                bail!(
                    "hz of the network {} must be a number of pictures a second above 0, at most 1000; leave it out for every picture",
                    network.model.display()
                );
            }
        }
        if self.engine.tensorrt_calibration.is_some() && !self.engine.tensorrt_int8 {
            bail!("engine.tensorrt_calibration is for 8 bits: set engine.tensorrt_int8 too");
        }
        for (name, [min, opt, max]) in &self.engine.tensorrt_axes {
            if min > opt || opt > max || *max == 0 {
                bail!(
                    "engine.tensorrt_axes.{name} must be shortest, fastest and longest length in that order"
                );
            }
        }
        let lanes = &self.lanes;
        let queues = [lanes.radar_queue, lanes.can_queue, lanes.camera_queue];
        if queues.iter().any(|queue| !(1..=65_536).contains(queue)) {
            bail!("lanes.radar_queue, lanes.can_queue and lanes.camera_queue must be 1 to 65536");
        }
        let deadlines = [lanes.radar_deadline_ms, lanes.camera_deadline_ms];
        if deadlines.iter().any(|ms| !(*ms > 0.0 && *ms <= 3.6e6)) {
            bail!(
                "lanes.radar_deadline_ms and lanes.camera_deadline_ms must be above 0, at most an hour"
            );
        }
        self.governor
            .ladder()
            .context("the [governor] table cannot be used")?;
        if !(1..=100).contains(&self.camera.preview_quality) {
            bail!("camera.preview_quality must be 1 to 100");
        }
        if !self.camera.preview_hz.is_finite() || self.camera.preview_hz < 0.0 {
            bail!("camera.preview_hz must be a number of pictures a second, 0 or more");
        }
        Ok(())
    }
}

pub(crate) fn check_name(what: &str, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        bail!("the {what} name {name:?} must be 1 to 64 letters, digits, '_' or '-'");
    }
    if what == "sensor"
        && matches!(
            name,
            "radar" | "align" | "lanes" | "vehicle" | "odom" | "keyframes"
        )
    {
        bail!("the sensor name {name:?} is reserved; choose another, for example {name}0");
    }
    Ok(())
}
