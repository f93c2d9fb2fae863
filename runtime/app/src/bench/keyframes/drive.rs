//! One generated drive as a selector of keyframes sees it, and what happened in it.

use anyhow::{Context, Result};
use drafthorse_core::SensorId;
use drafthorse_detector::{DetectorConfig, RadarPerception};
use drafthorse_keyframes::{CueMaker, FrameId, Moment, Moments, Sketch};
use drafthorse_synth::{Drive, DriveConfig, EPOCH_NS, Event, Incident, Light, Town, Weather};
use std::num::NonZeroU64;

/// Length of a moment, ns.
pub(super) const MOMENT_NS: NonZeroU64 = NonZeroU64::new(100_000_000).unwrap();
/// Front of the sample vehicle ahead of its origin, m.
pub(super) const FRONT_M: f64 = 3.75;
/// Pictures a second: enough for one within half a second of everything.
const CAMERA_FPS: f64 = 1.0;
/// Incidents that a drive has at least.
const LEAST: usize = 8;
const LIGHTS: [Light; 4] = [Light::Day, Light::LowSun, Light::Dusk, Light::Night];
const WEATHERS: [Weather; 5] = [
    Weather::Clear,
    Weather::Drizzle,
    Weather::Clear,
    Weather::Rain,
    Weather::Fog,
];

/// Moments of a drive, and its incidents with their instants on the drive's clock, ns.
pub(super) struct Played {
    pub(super) moments: Vec<Moment>,
    pub(super) incidents: Vec<(Incident, u64)>,
}

/// Plays a drive; none where fewer than eight incidents happen, whatever is found in it.
pub(super) fn play(seed: u64, town: Town) -> Result<Option<Played>> {
    let config = DriveConfig {
        seed,
        town,
        seconds: 200.0,
        radar_hz: 20.0,
        camera_fps: CAMERA_FPS,
        light: LIGHTS[seed as usize / 2 % LIGHTS.len()],
        weather: WEATHERS[seed as usize / 3 % WEATHERS.len()],
        incidents: 10,
        disturbed: true,
        ..DriveConfig::default()
    };
    // What happens does not depend on the sensors.
    let mut trial = Drive::new(&DriveConfig {
        radar_hz: 1.0,
        camera_fps: 0.0,
        ..config.clone()
    });
    while trial.next().is_some() {}
    if trial.incidents().len() < LEAST {
        return Ok(None);
    }
    let mut drive = Drive::new(&config);
    let mounts = [(SensorId(0), drive.radar_mount())];
    let mut perception = RadarPerception::new(&DetectorConfig::default(), &mounts)
        .context("the detector cannot be set up")?;
    let mut cues = CueMaker::new(FRONT_M);
    let (mut sorted, mut moments) = (Moments::new(MOMENT_NS), Vec::new());
    let mut sequence = 0;
    while let Some(event) = drive.next() {
        let each = |moment: &Moment| moments.push(moment.clone());
        match event {
            Event::Scan { scan, .. } => {
                let seen = perception.scan(scan, None);
                let found = cues.scan(scan.captured_ns, &seen.ego, &seen.tracks);
                sorted.cues(scan.captured_ns, found, each);
            }
            Event::Frame {
                captured_ns,
                width,
                height,
                rgb,
                jpeg,
                ..
            } => {
                let frame = FrameId {
                    sensor: SensorId(1),
                    sequence,
                    captured_ns,
                    bytes: jpeg.len() as u64,
                };
                sequence += 1;
                sorted.sketch(frame, Sketch::of_rgb(width, height, rgb), each);
            }
        }
    }
    sorted.finish(|moment| moments.push(moment.clone()));
    let at_ns = |incident: &Incident| EPOCH_NS + (incident.at_s * 1e9) as u64;
    let incidents = drive.incidents().iter().map(|i| (*i, at_ns(i))).collect();
    Ok(Some(Played { moments, incidents }))
}
