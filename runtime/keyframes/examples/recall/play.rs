//! One generated drive as moments, with its incidents.

use drafthorse_core::SensorId;
use drafthorse_detector::{DetectorConfig, RadarPerception};
use drafthorse_keyframes::{CueMaker, FrameId, Moment, Moments, Sketch};
use drafthorse_synth::{Drive, DriveConfig, EPOCH_NS, Event, Incident, Light, Town, Weather};
use std::num::NonZeroU64;

/// Length of a moment, ns.
const MOMENT_NS: NonZeroU64 = NonZeroU64::new(100_000_000).unwrap();
/// Front of the sample vehicle ahead of its origin, m.
const FRONT_M: f64 = 3.75;

/// A drive as a selector of keyframes sees it, and what happened in it.
pub(crate) struct Played {
    pub(crate) moments: Vec<Moment>,
    pub(crate) incidents: Vec<(Incident, u64)>,
}

/// Plays a drive; none where fewer than eight incidents happen.
pub(crate) fn played(seed: u64, town: Town, camera_fps: f64) -> Option<Played> {
    let lights = [Light::Day, Light::LowSun, Light::Dusk, Light::Night];
    let weathers = [
        Weather::Clear,
        Weather::Drizzle,
        Weather::Clear,
        Weather::Rain,
        Weather::Fog,
    ];
    let config = DriveConfig {
        seed,
        town,
        seconds: 200.0,
        radar_hz: 20.0,
        camera_fps,
        light: lights[seed as usize / 2 % lights.len()],
        weather: weathers[seed as usize / 3 % weathers.len()],
        incidents: 10,
        disturbed: true,
        ..DriveConfig::default()
    };
    let mut trial = Drive::new(&DriveConfig {
        radar_hz: 1.0,
        camera_fps: 0.0,
        ..config.clone()
    });
    while trial.next().is_some() {}
    if trial.incidents().len() < 8 {
        return None;
    }
    let mut drive = Drive::new(&config);
    let mounts = [(SensorId(0), drive.radar_mount())];
    let mut perception = RadarPerception::new(&DetectorConfig::default(), &mounts).ok()?;
    let mut cues = CueMaker::new(FRONT_M);
    let (mut sorted, mut moments) = (Moments::new(MOMENT_NS), Vec::new());
    let mut frames = 0;
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
                ..
            } => {
                let frame = FrameId {
                    sensor: SensorId(1),
                    sequence: frames,
                    captured_ns,
                };
                frames += 1;
                sorted.sketch(frame, Sketch::of_rgb(width, height, rgb), each);
            }
        }
    }
    sorted.finish(|moment| moments.push(moment.clone()));
    let at_ns = |incident: &Incident| EPOCH_NS + (incident.at_s * 1e9) as u64;
    let incidents = drive.incidents().iter().map(|i| (*i, at_ns(i)));
    Some(Played {
        moments,
        incidents: incidents.collect(),
    })
}
