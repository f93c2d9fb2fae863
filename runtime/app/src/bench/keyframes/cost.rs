//! What the selection of keyframes costs: sketches, cues, moments, apexes and budget on one core, beside
//! a camera of 30 pictures a second and a radar of 20 scans a second. Decoding and tracking are not in it.

use super::drive::{FRONT_M, MOMENT_NS};
use anyhow::{Context, Result};
use drafthorse_core::{EgoMotion, SensorId, Track};
use drafthorse_detector::{DetectorConfig, RadarPerception};
use drafthorse_keyframes::{
    ApexConfig, Apexes, Budget, BudgetConfig, CueMaker, FrameId, Moment, Moments, Sketch,
};
use drafthorse_synth::{Drive, DriveConfig, Event, Town};
use std::hint::black_box;
use std::time::Instant;

const CAMERA_FPS: f64 = 30.0;
const RADAR_HZ: f64 = 20.0;
const WIDTH: u32 = 960;
const HEIGHT: u32 = 540;
/// Pictures that take turns: more than caches hold.
const PICTURES: usize = 40;
/// Length of the stream, s.
const STREAM_S: f64 = 10.0;
const ROUNDS: usize = 30;

/// Time of the selection over time of the stream; the least of rounds, for whatever else the machine does
/// only adds to it.
pub(super) fn core_share() -> Result<f64> {
    let scans = scans()?;
    let pictures: Vec<Vec<u8>> = (0..PICTURES).map(picture).collect();
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        black_box(select(&scans, &pictures)?);
        least = least.min(began.elapsed().as_secs_f64());
    }
    Ok(least / STREAM_S)
}

/// Keyframes of a stream of these scans and pictures, over and over.
fn select(scans: &[(EgoMotion, Vec<Track>)], pictures: &[Vec<u8>]) -> Result<usize> {
    let mut cues = CueMaker::new(FRONT_M);
    let mut sorted = Moments::new(MOMENT_NS);
    let mut apexes = Apexes::new(&ApexConfig::default())?;
    let mut budget = Budget::new(&BudgetConfig::default())?;
    let mut kept = 0;
    let mut each = |moment: &Moment| {
        if let Some(apex) = apexes.push(moment) {
            budget.offer(apex, 1.0);
        }
        budget.pass(moment.end_ns, |_| kept += 1);
    };
    let (mut frame, mut scan) = (0_u32, 0_u32);
    while f64::from(frame) < STREAM_S * CAMERA_FPS {
        let [frame_s, scan_s] = [f64::from(frame) / CAMERA_FPS, f64::from(scan) / RADAR_HZ];
        if scan_s <= frame_s {
            let (ego, tracks) = &scans[scan as usize % scans.len()];
            let captured_ns = (scan_s * 1e9) as u64;
            sorted.cues(captured_ns, cues.scan(captured_ns, ego, tracks), &mut each);
            scan += 1;
        } else {
            let picture = &pictures[frame as usize % pictures.len()];
            let id = FrameId {
                sensor: SensorId(1),
                sequence: frame,
                captured_ns: (frame_s * 1e9) as u64,
                bytes: 0,
            };
            sorted.sketch(id, Sketch::of_rgb(WIDTH, HEIGHT, picture), &mut each);
            frame += 1;
        }
    }
    Ok(kept)
}

/// Ego motion and tracks of ten seconds in the town with most traffic.
fn scans() -> Result<Vec<(EgoMotion, Vec<Track>)>> {
    let mut drive = Drive::new(&DriveConfig {
        seconds: 10.0,
        radar_hz: RADAR_HZ,
        camera_fps: 0.0,
        town: Town::Boulevard,
        ..DriveConfig::default()
    });
    let mounts = [(SensorId(0), drive.radar_mount())];
    let mut perception = RadarPerception::new(&DetectorConfig::default(), &mounts)
        .context("the detector cannot be set up")?;
    let mut scans = Vec::new();
    while let Some(event) = drive.next() {
        if let Event::Scan { scan, .. } = event {
            let seen = perception.scan(scan, None);
            scans.push((seen.ego, seen.tracks.clone()));
        }
    }
    Ok(scans)
}

/// A picture of slanted bars; what is in it costs nothing.
fn picture(i: usize) -> Vec<u8> {
    let (width, height) = (WIDTH as usize, HEIGHT as usize);
    (0..3 * width * height)
        .map(|at| ((at / 3 % width + at / (3 * width) + 7 * i) % 251) as u8)
        .collect()
}
