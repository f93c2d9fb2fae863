//! Ego motion of the one real ARS548 scan.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test that cannot go on fails by panicking.

use drafthorse_core::{Pose, RawFormat, RawMessage, SensorId};
use drafthorse_detector::{DetectorConfig, RadarPerception};
use drafthorse_sensors::radar::{RadarDecoder, RadarReading, ReadingKind};
use std::path::{Path, PathBuf};

#[test]
fn the_vehicle_of_the_real_scan_drives_6_23_mps() {
    let folder = std::env::var_os("DRAFTHORSE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"),
        PathBuf::from,
    );
    let Ok(data) = std::fs::read(folder.join("ars548/detection_list.bin")) else {
        println!("skipped: no real recordings in {}", folder.display());
        return;
    };
    let raw = RawMessage {
        data,
        ..RawMessage::empty(SensorId(0), RawFormat::Ars548)
    };
    let mut reading = RadarReading::default();
    let mut decoder = RadarDecoder::new(SensorId(0), RawFormat::Ars548, None);
    let kind = decoder.decode(&raw, &mut reading, &mut Vec::new());
    assert_eq!(kind, ReadingKind::Scan);
    // With the mount the radar states in its header, and with none at all.
    let stated = Pose {
        x_m: 3.872,
        z_m: 0.641,
        ..Pose::default()
    };
    for mount in [stated, Pose::default()] {
        let mut perception =
            RadarPerception::new(&DetectorConfig::default(), &[(SensorId(0), mount)]).unwrap();
        let speed_mps = perception.scan(&reading.scan, None).ego.speed_mps;
        println!("ego speed {speed_mps:.3} m/s");
        assert!((speed_mps - 6.23).abs() <= 0.05, "{speed_mps}");
    }
}
