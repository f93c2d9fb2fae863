//! A synthetic drive as a source: the world's radar scans as ARS548 payloads, its pictures as JPEG.

use super::SharedTruth;
use anyhow::{Context, Result, bail};
use drafthorse_core::{Fault, GroundTruth, RadarScan, RawFormat, RawMessage, SensorId};
use drafthorse_sensors::{ReadOutcome, Source, SourceError, clock};
use drafthorse_synth::{Drive, DriveConfig, Event};
use drafthorse_wire::ars548;
use serde::de::value::{Error as ValueError, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer as _};
use std::collections::VecDeque;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// What a `synth:` URI asks for.
#[derive(Clone, Debug, Default)]
pub struct SynthOptions {
    /// The world and its sensors.
    pub drive: DriveConfig,
    /// Live at this multiple of real time; `None` reads it as a recording.
    pub live_speed: Option<f64>,
}

impl SynthOptions {
    /// Reads the options of a URI: `seed`, `seconds`, `radar_hz`, `camera_fps`, `moving_share`, `town`,
    /// `weather`, `light`, `radar`, `incidents`, `disturbed` and `live` (a multiple of real time).
    pub fn parse<'a>(options: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let mut parsed = Self::default();
        for (key, value) in options {
            let number = || {
                value
                    .parse::<f64>()
                    .ok()
                    .filter(|v| v.is_finite() && *v >= 0.0)
                    .with_context(|| format!("synth: option {key}={value} is not a number"))
            };
            let drive = &mut parsed.drive;
            match key {
                "seed" => {
                    drive.seed = value
                        .parse()
                        .with_context(|| format!("synth: seed={value} is not a whole number"))?;
                }
                "seconds" => drive.seconds = number()?,
                "radar_hz" => drive.radar_hz = number()?,
                "camera_fps" => drive.camera_fps = number()?,
                "moving_share" => drive.moving_share = Some(number()?),
                "town" => drive.town = named(key, value)?,
                "weather" => drive.weather = named(key, value)?,
                "light" => drive.light = named(key, value)?,
                "radar" => drive.radar = named(key, value)?,
                "incidents" => {
                    drive.incidents = value.parse().with_context(|| {
                        format!("synth: incidents={value} is not a whole number")
                    })?;
                }
                "disturbed" => {
                    drive.disturbed = value.parse().with_context(|| {
                        format!("synth: disturbed={value} is neither true nor false")
                    })?;
                }
                "live" => parsed.live_speed = Some(number()?),
                _ => bail!(
                    "synth: has no option {key:?}; it knows seed, seconds, radar_hz, camera_fps, moving_share, town, weather, light, radar, incidents, disturbed and live"
                ),
            }
        }
        if parsed.drive.seconds > 86_400.0
            || parsed.drive.radar_hz > 1000.0
            || parsed.drive.camera_fps > 1000.0
        {
            bail!("synth: at most 86400 seconds at 1000 Hz");
        }
        if parsed.live_speed == Some(0.0) {
            bail!("synth: live= is a multiple of real time and must be above 0");
        }
        Ok(parsed)
    }
}

/// One of the names that an option knows.
fn named<T: DeserializeOwned>(key: &str, value: &str) -> Result<T> {
    let name: StrDeserializer<'_, ValueError> = value.into_deserializer();
    T::deserialize(name).with_context(|| format!("synth: option {key}={value}"))
}

/// The radar messages of the sample drive's first `seconds`, for benches and tests.
pub(crate) fn sample_scans(seconds: f64) -> Vec<RawMessage> {
    let mut options = SynthOptions::default();
    options.drive.seconds = seconds;
    options.drive.camera_fps = 0.0;
    let (radar, camera) = (SensorId(0), SensorId(1));
    let mut source = SynthSource::new(&options, radar, camera, SharedTruth::default());
    let mut message = RawMessage::empty(radar, RawFormat::Ars548);
    let mut scans = Vec::new();
    while source.render(&mut message).is_some() {
        scans.push(message.clone());
    }
    scans
}

/// Radar and camera of one synthetic drive.
pub(super) struct SynthSource {
    drive: Drive,
    radar: SensorId,
    camera: SensorId,
    sequences: [u32; 2],
    detections: Vec<ars548::Detection>,
    truth: SharedTruth,
    live: Option<Live>,
}

/// Drive time that is rendered ahead of a live drive's start, and kept ahead where the renderer can,
/// so that its pace does not depend on the renderer's, s.
const AHEAD_S: f64 = 60.0;
/// The same at real time or slower, which the renderer holds.
const AHEAD_AT_REAL_TIME_S: f64 = 0.5;

/// A drive that goes by a clock.
struct Live {
    speed: f64,
    rendered: VecDeque<(RawMessage, Option<GroundTruth>)>,
    /// Everything is rendered.
    complete: bool,
    first_captured_ns: u64,
    started: Option<Instant>,
}

impl Live {
    fn new(speed: f64) -> Self {
        Self {
            speed,
            rendered: VecDeque::new(),
            complete: false,
            first_captured_ns: 0,
            started: None,
        }
    }

    /// Whether so much is rendered that the rest can wait.
    fn is_ahead(&self) -> bool {
        let enough_s = match self.speed <= 1.0 {
            true => AHEAD_AT_REAL_TIME_S,
            false => AHEAD_S,
        };
        let ends = self.rendered.front().zip(self.rendered.back());
        self.complete
            || ends.is_some_and(|((first, _), (last, _))| {
                (last.captured_ns - first.captured_ns) as f64 / 1e9 >= enough_s
            })
    }

    /// When the next message is due; none before the start.
    fn due(&self) -> Option<Instant> {
        let (started, (next, _)) = self.started.zip(self.rendered.front())?;
        let since_first_s = (next.captured_ns - self.first_captured_ns) as f64 / 1e9;
        Some(started + Duration::from_secs_f64(since_first_s / self.speed))
    }
}

impl SynthSource {
    /// The drive's radar messages go to `radar`, its pictures to `camera`, its truth to `truth`.
    pub(super) fn new(
        options: &SynthOptions,
        radar: SensorId,
        camera: SensorId,
        truth: SharedTruth,
    ) -> Self {
        Self {
            drive: Drive::new(&options.drive),
            radar,
            camera,
            sequences: [0; 2],
            detections: Vec::new(),
            truth,
            live: options.live_speed.map(Live::new),
        }
    }

    /// Renders the next message; `None` at the end, else the truth that goes with it, if any.
    #[allow(clippy::option_option)]
    fn render(&mut self, into: &mut RawMessage) -> Option<Option<GroundTruth>> {
        let (index, truth) = match self.drive.next()? {
            Event::Scan { scan, truth } => {
                encode_scan(
                    scan,
                    self.sequences[0],
                    &mut self.detections,
                    &mut into.data,
                );
                into.sensor = self.radar;
                into.format = RawFormat::Ars548;
                into.captured_ns = scan.captured_ns;
                (0, Some(truth.clone()))
            }
            Event::Frame {
                captured_ns, jpeg, ..
            } => {
                into.data.clear();
                into.data.extend_from_slice(jpeg);
                into.sensor = self.camera;
                into.format = RawFormat::Jpeg;
                into.captured_ns = captured_ns;
                (1, None)
            }
        };
        into.received_ns = into.captured_ns;
        into.sequence = self.sequences[index];
        self.sequences[index] += 1;
        Some(truth)
    }

    /// The next message of a live drive when it is due. The time until then renders ahead.
    fn read_live(
        &mut self,
        live: &mut Live,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> ReadOutcome {
        let patience = Instant::now() + timeout;
        loop {
            let now = Instant::now();
            let due = live.due();
            if due.is_some_and(|due| due <= now) {
                break;
            }
            if now >= patience {
                return ReadOutcome::Idle;
            }
            if !live.is_ahead() {
                let mut message = RawMessage::empty(self.radar, RawFormat::Ars548);
                match self.render(&mut message) {
                    Some(truth) => live.rendered.push_back((message, truth)),
                    None => live.complete = true,
                }
            } else if let Some(due) = due {
                std::thread::sleep(due.min(patience) - now);
            } else if let (None, Some((first, _))) = (live.started, live.rendered.front()) {
                live.first_captured_ns = first.captured_ns;
                live.started = Some(now);
            } else {
                return ReadOutcome::End;
            }
        }
        let Some((message, truth)) = live.rendered.pop_front() else {
            return ReadOutcome::End;
        };
        into.copy_from(&message);
        into.received_ns = clock::vehicle_clock_ns();
        into.captured_ns = into.received_ns;
        self.deliver(truth.map(|truth| GroundTruth {
            captured_ns: into.captured_ns,
            ..truth
        }));
        ReadOutcome::Message
    }

    fn deliver(&self, truth: Option<GroundTruth>) {
        if let Some(truth) = truth {
            self.truth
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(truth);
        }
    }
}

/// The scan as the sensor would send it: synchronised, counted and protected.
fn encode_scan(
    scan: &RadarScan,
    sequence: u32,
    detections: &mut Vec<ars548::Detection>,
    data: &mut Vec<u8>,
) {
    detections.clear();
    detections.extend(
        scan.points
            .iter()
            .take(ars548::MAX_DETECTIONS)
            .map(ars548::Detection::from_point),
    );
    let header = ars548::DetectionListHeader {
        message: ars548::MessageHeader::at(scan.captured_ns),
        ..Default::default()
    };
    let trailer = ars548::DetectionListTrailer {
        velocity_min_mps: scan.unambiguous_mps.0,
        velocity_max_mps: scan.unambiguous_mps.1,
        ..Default::default()
    };
    data.clear();
    if ars548::encode_detections(&header, detections, &trailer, data).is_ok() {
        // The payload has the size of a detection list, so protecting it cannot fail.
        let _ = ars548::protect(data, sequence, ars548::METHOD_DETECTIONS.into());
    }
}

impl Source for SynthSource {
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        let Some(mut live) = self.live.take() else {
            return Ok(match self.render(into) {
                Some(truth) => {
                    self.deliver(truth);
                    ReadOutcome::Message
                }
                None => ReadOutcome::End,
            });
        };
        let outcome = self.read_live(&mut live, into, timeout);
        self.live = Some(live);
        Ok(outcome)
    }

    fn take_faults(&mut self, _out: &mut Vec<Fault>) {}

    fn progress(&self) -> Option<f64> {
        match &self.live {
            None => Some(self.drive.progress()),
            Some(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_has_the_incidents_and_disturbances_that_are_asked_for() {
        let parse = |key, value| SynthOptions::parse([(key, value)].into_iter());
        assert_eq!(parse("incidents", "9").unwrap().drive.incidents, 9);
        assert!(parse("disturbed", "true").unwrap().drive.disturbed);
        assert!(!parse("disturbed", "false").unwrap().drive.disturbed);
        for (key, value) in [
            ("incidents", "-1"),
            ("incidents", "2.5"),
            ("disturbed", "yes"),
        ] {
            let error = parse(key, value).unwrap_err().to_string();
            assert!(error.contains(&format!("{key}={value}")), "{error}");
        }
    }
}
