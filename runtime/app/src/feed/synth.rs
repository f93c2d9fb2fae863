//! A synthetic drive as a source: the world's radar scans as ARS548 payloads, its pictures as JPEG.

use super::SharedTruth;
use anyhow::{Context, Result, bail};
use drafthorse_core::{Fault, RadarScan, RawFormat, RawMessage, SensorId};
use drafthorse_sensors::{ReadOutcome, Source, SourceError, clock};
use drafthorse_synth::{Drive, DriveConfig, Event};
use drafthorse_wire::ars548;
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
    /// Reads the options of a URI: `seed`, `seconds`, `radar_hz`, `camera_fps`, `moving_share` and
    /// `live` (a multiple of real time).
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
                "live" => parsed.live_speed = Some(number()?),
                _ => bail!(
                    "synth: has no option {key:?}; it knows seed, seconds, radar_hz, camera_fps, moving_share and live"
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

/// A live drive is rendered ahead, so that its pace does not depend on the renderer's.
struct Live {
    speed: f64,
    messages: std::vec::IntoIter<(RawMessage, Option<drafthorse_core::GroundTruth>)>,
    pending: Option<(RawMessage, Option<drafthorse_core::GroundTruth>)>,
    first_captured_ns: u64,
    started: Option<Instant>,
}

impl SynthSource {
    /// The drive's radar messages go to `radar`, its pictures to `camera`, its truth to `truth`.
    pub(super) fn new(
        options: &SynthOptions,
        radar: SensorId,
        camera: SensorId,
        truth: SharedTruth,
    ) -> Self {
        let mut source = Self {
            drive: Drive::new(&options.drive),
            radar,
            camera,
            sequences: [0; 2],
            detections: Vec::new(),
            truth,
            live: None,
        };
        if let Some(speed) = options.live_speed {
            let mut messages = Vec::new();
            let mut message = RawMessage::empty(radar, RawFormat::Ars548);
            while let Some(truth) = source.render(&mut message) {
                messages.push((message.clone(), truth));
            }
            source.live = Some(Live {
                speed,
                first_captured_ns: messages.first().map_or(0, |(m, _)| m.captured_ns),
                messages: messages.into_iter(),
                pending: None,
                started: None,
            });
        }
        source
    }

    /// Renders the next message; `None` at the end, else the truth that goes with it, if any.
    #[allow(clippy::option_option)]
    fn render(&mut self, into: &mut RawMessage) -> Option<Option<drafthorse_core::GroundTruth>> {
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

    fn deliver(&self, truth: Option<drafthorse_core::GroundTruth>) {
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
        let Some(live) = &mut self.live else {
            return Ok(match self.render(into) {
                Some(truth) => {
                    self.deliver(truth);
                    ReadOutcome::Message
                }
                None => ReadOutcome::End,
            });
        };
        if live.pending.is_none() {
            live.pending = live.messages.next();
        }
        let Some((message, _)) = &live.pending else {
            return Ok(ReadOutcome::End);
        };
        let started = *live.started.get_or_insert_with(Instant::now);
        let since_first_s = (message.captured_ns - live.first_captured_ns) as f64 / 1e9;
        let due = started + Duration::from_secs_f64(since_first_s / live.speed);
        let wait = due.saturating_duration_since(Instant::now());
        if wait > timeout {
            std::thread::sleep(timeout);
            return Ok(ReadOutcome::Idle);
        }
        std::thread::sleep(wait);
        if let Some((message, truth)) = live.pending.take() {
            into.copy_from(&message);
            into.received_ns = clock::vehicle_clock_ns();
            into.captured_ns = into.received_ns;
            self.deliver(truth.map(|t| drafthorse_core::GroundTruth {
                captured_ns: into.captured_ns,
                ..t
            }));
        }
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, _out: &mut Vec<Fault>) {}

    fn progress(&self) -> Option<f64> {
        match &self.live {
            None => Some(self.drive.progress()),
            Some(_) => None,
        }
    }
}
