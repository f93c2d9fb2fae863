//! From configuration to plan and feeds.

use super::log::{self, LogSource, Topic};
use super::synth::{SynthOptions, SynthSource};
use super::{Feed, SharedTruth, Shift, can};
use crate::config::{Config, KeyframeSettings, SensorConfig};
use crate::plan::{KeyframePlan, Mode, Plan, SensorPlan};
use anyhow::{Context, Result, bail};
use drafthorse_calibration::SensorCalibration;
use drafthorse_core::{RawFormat, SensorId};
use drafthorse_sensors::{Scheme, SourceUri, is_built, open, vehicle_clock_ns};
use drafthorse_synth::Drive;

/// Recordings whose beginnings lie further apart hardly belong together, ns.
const APART_NS: u64 = 3_600_000_000_000;

/// The plan of a run with the sources opened.
pub struct Resolved {
    /// What derived messages follow from.
    pub plan: Plan,
    /// The sources.
    pub feeds: Vec<Feed>,
}

/// Opens all sources of a configuration. Recordings are read up to their first message.
///
/// # Errors
/// A source that cannot be opened, live sources mixed with recordings.
pub fn resolve(config: &Config) -> Result<Resolved> {
    let mut sensors = Vec::new();
    let mut feeds = Vec::new();
    let mut live = 0;
    for sensor in &config.sensors {
        let is_live = open_one(sensor, &mut sensors, &mut feeds)
            .with_context(|| format!("sensor {}", sensor.name))?;
        live += usize::from(is_live);
    }
    let mode = match live {
        0 => Mode::File,
        n if n == config.sensors.len() => Mode::Live,
        _ => bail!(
            "live sources and recordings cannot run together: a recording has no place in the present; run them apart"
        ),
    };
    if let Some(name) = first_duplicate(&sensors) {
        bail!("two sensors are named {name:?}; rename one of them");
    }
    let keyframes = keyframes_of(config, &sensors)?;
    let mut resolved = Resolved {
        plan: Plan {
            name: config.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mode,
            sensors,
            clock: config.clock.clone(),
            detector: config.detector.clone(),
            camera: config.camera.clone(),
            networks: Vec::new(),
            keyframes,
            vision: config.vision.clone(),
        },
        feeds,
    };
    resolved.set_time_base()?;
    Ok(resolved)
}

/// The choice of keyframes among the moments of a run's sensors, which can be described as `[vision]` says.
///
/// # Errors
/// A camera that is not there, a budget or pruning that these sensors cannot serve.
pub fn keyframes_of(config: &Config, sensors: &[SensorPlan]) -> Result<Option<KeyframePlan>> {
    let keyframes = keyframes(&config.keyframes, sensors)?;
    let Some(vision) = &config.vision else {
        return Ok(keyframes);
    };
    let camera = keyframes.as_ref().and_then(|keyframes| keyframes.camera);
    if camera.is_none() {
        bail!(
            "there is a [vision] table, and this run has no camera whose keyframes could be described"
        );
    }
    vision.check_sensors(sensors, camera)?;
    Ok(keyframes)
}

/// The front of a vehicle of which nothing is known, ahead of the middle of its rear axle, m.
const FRONT_M: f64 = 3.7;

/// The choice of keyframes among the moments of those sensors.
fn keyframes(settings: &KeyframeSettings, sensors: &[SensorPlan]) -> Result<Option<KeyframePlan>> {
    if !settings.enabled {
        return Ok(None);
    }
    let wanted = settings.camera.as_deref();
    let is_it = |sensor: &SensorPlan| {
        sensor.format.is_camera() && wanted.is_none_or(|name| name == sensor.name)
    };
    let camera = sensors.iter().position(is_it);
    if let (Some(name), None) = (wanted, camera) {
        bail!("keyframes.camera is {name:?}, and no camera has that name");
    }
    if settings.budget.bytes.is_some() && camera.is_none() {
        bail!(
            "keyframes.budget.bytes counts bytes of pictures, and this run has no camera; set keyframes.budget.keyframes instead"
        );
    }
    let (mut apex, mut budget) = (settings.apex, settings.budget);
    if sensors.iter().all(|sensor| sensor.format.is_camera()) && apex.weights.picture == 0.0 {
        // Pictures are all there is, and how much they differ has no scale of its own.
        apex.weights.picture = 1.0;
        budget.least.get_or_insert(0.0);
    }
    Ok(Some(KeyframePlan {
        camera: camera.map(|index| SensorId(index as u16)),
        front_m: settings.front_m.unwrap_or(FRONT_M),
        apex,
        budget,
    }))
}

/// Checks what can be known of a configuration's sources without opening any: options, mappings,
/// and whether this program was built to read them.
///
/// # Errors
/// What would keep a run from beginning.
pub fn check(config: &Config) -> Result<()> {
    for sensor in &config.sensors {
        check_one(&sensor.source).with_context(|| format!("sensor {}", sensor.name))?;
    }
    Ok(())
}

fn check_one(source: &SourceUri) -> Result<()> {
    match source.scheme() {
        Scheme::Synth => synth_options(source).map(|_| ()),
        Scheme::CanCandump | Scheme::CanSocket => can::parse(&can::load(source)?).map(|_| ()),
        scheme => Ok(is_built(scheme)?),
    }
}

fn synth_options(source: &SourceUri) -> Result<SynthOptions> {
    let options = source.options().iter();
    SynthOptions::parse(options.map(|(key, value)| (key.as_str(), value.as_str())))
}

/// The sensors that the sources of a configuration bring, in the plan's order. No source is opened but
/// logs, which are read for it.
///
/// # Errors
/// A log or a mapping that cannot be read.
pub fn sensors(config: &Config) -> Result<Vec<SensorPlan>> {
    let mut sensors = Vec::new();
    for sensor in &config.sensors {
        let brought = topics_of(&sensor.source).and_then(|topics| sensors_of(sensor, &topics));
        sensors.extend(brought.with_context(|| format!("sensor {}", sensor.name))?);
    }
    Ok(sensors)
}

/// The same, or nothing where a log would have to be read for it.
///
/// # Errors
/// Those of [`sensors`].
pub fn known_sensors(config: &Config) -> Result<Option<Vec<SensorPlan>>> {
    let mut sources = config.sensors.iter().map(|sensor| &sensor.source);
    match sources.any(|source| source.scheme() == Scheme::Mcap) {
        true => Ok(None),
        false => sensors(config).map(Some),
    }
}

/// Capture time of the earliest message at hand, or now.
pub fn first_stamp(feeds: &[Feed]) -> u64 {
    feeds
        .iter()
        .filter_map(Feed::head)
        .map(|raw| raw.captured_ns)
        .min()
        .unwrap_or_else(vehicle_clock_ns)
}

impl Resolved {
    /// Reads recordings up to their first message, and gives unrelated ones a common beginning:
    /// that of the latest of them, which is the likeliest to be on a real clock.
    fn set_time_base(&mut self) -> Result<()> {
        let offsets: Vec<Shift> = self
            .plan
            .sensors
            .iter()
            .map(|s| Shift {
                captured_ns: s.time_offset_ns,
                base_ns: 0,
            })
            .collect();
        for feed in &mut self.feeds {
            feed.shifts.clone_from(&offsets);
        }
        if self.plan.mode == Mode::Live {
            return Ok(());
        }
        let mut faults = Vec::new();
        for feed in &mut self.feeds {
            feed.advance(&mut faults);
            if feed.failed() {
                let why = faults.pop().map(|f| f.detail).unwrap_or_default();
                bail!("sensor {}: {why}", self.plan.sensor_name(feed.sensor()));
            }
            // What was lost before the first message is told with the first advance of the run.
            feed.early_faults.append(&mut faults);
        }
        let starts: Vec<Option<u64>> = self
            .feeds
            .iter()
            .map(|feed| feed.head().map(|raw| raw.captured_ns))
            .collect();
        let first = starts.iter().flatten().min().copied();
        let Some((first, base)) = first.zip(starts.iter().flatten().max().copied()) else {
            return Ok(());
        };
        if !self.plan.clock.unrelated {
            if base - first > APART_NS {
                tracing::warn!(
                    "the recordings begin {} hours apart; if they do not belong together, say --unrelated",
                    (base - first) / 3_600_000_000_000
                );
            }
            return Ok(());
        }
        for (feed, start) in self.feeds.iter_mut().zip(starts) {
            let Some(start) = start else { continue };
            let base_ns = i64::try_from(base - start)
                .context("the recordings' stamps are more than 292 years apart")?;
            feed.rebase(base_ns);
        }
        Ok(())
    }
}

/// The topics of a log that are read as sensors; other sources have none.
fn topics_of(source: &SourceUri) -> Result<Vec<Topic>> {
    match source.scheme() {
        Scheme::Mcap => log::topics(source),
        _ => Ok(Vec::new()),
    }
}

/// The sensors that one configured source brings; a log those of its topics.
fn sensors_of(config: &SensorConfig, topics: &[Topic]) -> Result<Vec<SensorPlan>> {
    match config.source.scheme() {
        Scheme::Synth => {
            let calibration = Drive::calibration();
            let brought = [
                ("radar_front", RawFormat::Ars548),
                ("camera_front", RawFormat::Jpeg),
            ];
            let sensor =
                |(name, format)| plan_of(config, name, format, calibration.sensors.get(name));
            Ok(brought.map(sensor).into())
        }
        Scheme::Mcap => {
            let sensor = |topic: &Topic| {
                let name = match topics {
                    [_] => &config.name,
                    _ => &topic.name,
                };
                let mut plan = plan_of(config, name, topic.format, None);
                if let Some(recorded) = &topic.recorded {
                    plan.mount = config.mount.unwrap_or(recorded.mount);
                    plan.camera = config.camera.or(recorded.camera);
                    plan.can_map.clone_from(&recorded.can_map);
                }
                plan
            };
            Ok(topics.iter().map(sensor).collect())
        }
        scheme => {
            let format = format_of(scheme, config.source.option("format"));
            let mut plan = plan_of(config, &config.name, format, None);
            if format == RawFormat::CanFrame {
                plan.can_map = Some(can::load(&config.source)?);
            }
            Ok(vec![plan])
        }
    }
}

/// Opens one configured source; gives whether it is live.
fn open_one(
    config: &SensorConfig,
    sensors: &mut Vec<SensorPlan>,
    feeds: &mut Vec<Feed>,
) -> Result<bool> {
    let next = SensorId(u16::try_from(sensors.len()).context("too many sensors")?);
    let topics = topics_of(&config.source)?;
    let brought = sensors_of(config, &topics)?;
    let first = brought[0].format;
    sensors.extend(brought);
    match config.source.scheme() {
        Scheme::Synth => {
            let options = synth_options(&config.source)?;
            let truth = SharedTruth::default();
            let camera = SensorId(next.0 + 1);
            let source = SynthSource::new(&options, next, camera, truth.clone());
            let mut feed = Feed::new(Box::new(source), next, first);
            feed.truth = Some(truth);
            feeds.push(feed);
            Ok(options.live_speed.is_some())
        }
        Scheme::Mcap => {
            let source = LogSource::open(&config.source, topics, next)?;
            feeds.push(Feed::new(Box::new(source), next, first));
            Ok(false)
        }
        _ => {
            let source = open(&config.source, next, vehicle_clock_ns)?;
            feeds.push(Feed::new(source, next, first));
            Ok(config.source.is_live())
        }
    }
}

fn plan_of(
    config: &SensorConfig,
    name: &str,
    format: RawFormat,
    found: Option<&SensorCalibration>,
) -> SensorPlan {
    let offset_ms = config
        .time_offset_ms
        .or(found.map(|f| f.time_offset_ms))
        .unwrap_or(0.0);
    SensorPlan {
        name: name.to_owned(),
        source: config.source.to_string(),
        format,
        mount: config.mount.or(found.map(|f| f.mount)).unwrap_or_default(),
        camera: config.camera.or(found.and_then(|f| f.camera)),
        time_offset_ns: (offset_ms * 1e6).round() as i64,
        can_map: None,
        trigger: config.trigger.clone(),
    }
}

/// What a scheme's messages are; `format` is the URI's pixel format.
fn format_of(scheme: Scheme, format: Option<&str>) -> RawFormat {
    match scheme {
        Scheme::Ars548 | Scheme::Ars548Pcap | Scheme::Ars548Udp => RawFormat::Ars548,
        Scheme::Ti | Scheme::TiSerial => RawFormat::TiTlv,
        Scheme::CanCandump | Scheme::CanSocket => RawFormat::CanFrame,
        Scheme::Sync => RawFormat::Sync,
        Scheme::Video => RawFormat::H264,
        Scheme::V4l2 => match format {
            Some("yuyv") => RawFormat::Yuyv,
            Some("nv12") => RawFormat::Nv12,
            _ => RawFormat::Jpeg,
        },
        Scheme::Jpeg | Scheme::Mcap | Scheme::Synth => RawFormat::Jpeg,
    }
}

fn first_duplicate(sensors: &[SensorPlan]) -> Option<&str> {
    sensors.iter().enumerate().find_map(|(i, sensor)| {
        let before = sensors.get(..i)?;
        before
            .iter()
            .any(|other| other.name == sensor.name)
            .then_some(sensor.name.as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use drafthorse_keyframes::BudgetConfig;

    fn sensor(format: RawFormat) -> SensorPlan {
        SensorPlan {
            name: "it".to_owned(),
            source: String::new(),
            format,
            mount: drafthorse_core::Pose::default(),
            camera: None,
            time_offset_ns: 0,
            can_map: None,
            trigger: None,
        }
    }

    fn plan(change: impl FnOnce(&mut BudgetConfig), formats: &[RawFormat]) -> Result<BudgetConfig> {
        let mut settings = KeyframeSettings::default();
        change(&mut settings.budget);
        let sensors: Vec<_> = formats.iter().copied().map(sensor).collect();
        Ok(keyframes(&settings, &sensors)?.unwrap().budget)
    }

    #[test]
    fn bytes_of_pictures_are_no_budget_without_a_camera() {
        let bytes = |budget: &mut BudgetConfig| budget.bytes = Some(1 << 20);
        let error = plan(bytes, &[RawFormat::Ars548]).unwrap_err().to_string();
        assert!(error.contains("keyframes.budget.bytes"), "{error}");
        assert!(plan(bytes, &[RawFormat::Ars548, RawFormat::Jpeg]).is_ok());
    }

    #[test]
    fn pictures_alone_have_no_threshold_unless_one_is_set() {
        let least =
            |change: fn(&mut BudgetConfig)| plan(change, &[RawFormat::Jpeg]).unwrap().least();
        assert_eq!(least(|_| ()), 0.0);
        assert_eq!(least(|budget| budget.least = Some(0.7)), 0.7);
        let with_radar = plan(|_| (), &[RawFormat::Jpeg, RawFormat::Ars548]).unwrap();
        assert_eq!(with_radar, BudgetConfig::default());
    }
}
