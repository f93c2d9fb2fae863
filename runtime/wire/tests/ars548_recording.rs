//! The real detection list against an independent decoder's reading of it.
#![allow(clippy::unwrap_used)]

mod common;

use common::{recorded_text, recording};
use drafthorse_wire::ars548::{
    Ars548Buffers, Ars548Error, Detection, Kind, decode, encode_detections, protect, stamp,
};

const PAYLOAD: &str = "ars548/detection_list.bin";
const READING: &str = "ars548/detection_list.yaml";

fn decoded() -> Option<(Vec<u8>, Ars548Buffers)> {
    let payload = recording(PAYLOAD)?;
    let mut buffers = Ars548Buffers::with_capacity();
    let decoded = decode(&payload, &mut buffers).unwrap();
    assert_eq!(decoded.kind, Kind::Detections);
    assert_eq!(decoded.rejected, 0);
    let protection = decoded.protection.unwrap();
    assert!(!protection.verified && protection.counter.is_none());
    Some((payload, buffers))
}

/// `key: value` lines of one block of the reading.
fn value<'a>(block: &'a str, key: &str) -> &'a str {
    block
        .lines()
        .find_map(|line| {
            line.trim_start_matches([' ', '-'])
                .strip_prefix(key)?
                .strip_prefix(": ")
        })
        .unwrap_or_else(|| panic!("no {key}"))
}

fn number(block: &str, key: &str) -> f64 {
    value(block, key).parse().unwrap()
}

#[track_caller]
fn close(ours: f32, theirs: f64, tolerance: f64) {
    assert!(
        (f64::from(ours) - theirs).abs() <= tolerance,
        "{ours} is not {theirs}"
    );
}

#[test]
fn the_header_agrees() {
    let (Some((payload, buffers)), Some(reading)) = (decoded(), recorded_text(READING)) else {
        return;
    };
    let (head, _) = reading.split_once("detections:").unwrap();
    let stamp = stamp(&payload).unwrap();
    let seconds: u64 = value(head, "sec").parse().unwrap();
    let nanoseconds: u64 = value(head, "nanosec").parse().unwrap();
    // The reading carries the host's stamp of receipt, a quarter of a second after the sensor's.
    let received_ns = seconds * 1_000_000_000 + nanoseconds;
    assert_eq!(received_ns - stamp.ns, 246_687_652);
    assert!(stamp.synchronised);
    assert_eq!(
        f64::from(stamp.sync_status),
        number(head, "stamp_sync_status")
    );
    let header = &buffers.detection_header;
    for (ours, key, tolerance) in [
        (header.origin_x_m, "x", 1e-5),
        (header.origin_y_m, "y", 1e-5),
        (header.origin_z_m, "z", 1e-5),
        (header.origin_pitch_rad, "origin_pitch", 1e-6),
        (header.origin_pitch_std_rad, "origin_pitch_std", 1e-7),
        (header.origin_yaw_rad, "origin_yaw", 1e-6),
        (header.origin_yaw_std_rad, "origin_yaw_std", 1e-7),
        (
            buffers.detection_trailer.velocity_min_mps,
            "ambiguity_free_velocity_min",
            1e-4,
        ),
        (
            buffers.detection_trailer.velocity_max_mps,
            "ambiguity_free_velocity_max",
            1e-4,
        ),
        (
            buffers.detection_trailer.azimuth_correction_rad,
            "alignment_azimuth_correction",
            1e-6,
        ),
        (
            buffers.detection_trailer.elevation_correction_rad,
            "alignment_elevation_correction",
            1e-6,
        ),
        (
            f32::from(buffers.detection_trailer.alignment_status),
            "alignment_status",
            0.0,
        ),
    ] {
        close(ours, number(head, key), tolerance);
    }
}

#[test]
fn every_detection_agrees() {
    let (Some((_, buffers)), Some(reading)) = (decoded(), recorded_text(READING)) else {
        return;
    };
    let (_, list) = reading.split_once("detections:").unwrap();
    let blocks: Vec<_> = list.split("\n  - ").skip(1).collect();
    assert_eq!(blocks.len(), 308);
    assert_eq!(buffers.detections.len(), blocks.len());
    for (detection, block) in buffers.detections.iter().zip(blocks) {
        let d = detection;
        for (ours, key, tolerance) in [
            (d.azimuth_rad, "azimuth_angle", 1e-6),
            (d.azimuth_std_rad, "azimuth_angle_std", 1e-6),
            (d.elevation_rad, "elevation_angle", 1e-6),
            (d.elevation_std_rad, "elevation_angle_std", 1e-6),
            (d.range_m, "range", 1e-3),
            (d.range_std_m, "range_std", 1e-6),
            (d.range_rate_mps, "range_rate", 1e-4),
            (d.range_rate_std_mps, "range_rate_std", 1e-6),
            (f32::from(d.rcs_dbsm), "rcs", 0.0),
            (f32::from(d.measurement_id), "measurement_id", 0.0),
            (
                f32::from(d.positive_predictive_value),
                "raw_positive_predictive_value",
                0.0,
            ),
            (f32::from(d.classification), "classification", 0.0),
            (
                f32::from(d.multi_target_probability),
                "raw_multi_target_probability",
                0.0,
            ),
            (f32::from(d.object_id), "object_id", 0.0),
            (f32::from(d.ambiguity), "raw_ambiguity_flag", 0.0),
        ] {
            close(ours, number(block, key), tolerance);
        }
        let flags = [
            "distance",
            "distance_std",
            "azimuth",
            "azimuth_std",
            "elevation",
            "elevation_std",
            "range_rate",
            "range_rate_std",
        ];
        for (bit, flag) in flags.into_iter().enumerate() {
            let theirs: bool = value(block, &format!("invalid_{flag}")).parse().unwrap();
            assert_eq!(d.invalid_flags >> bit & 1 == 1, theirs);
        }
        let point = d.to_point();
        assert!(point.valid);
        let back = f64::from(point.x_m)
            .hypot(point.y_m.into())
            .hypot(point.z_m.into());
        assert!((back - f64::from(d.range_m)).abs() < 1e-4);
        assert_eq!(
            point.y_m > 0.0,
            d.azimuth_rad > 0.0,
            "positive azimuth is left"
        );
        assert_eq!(
            point.z_m > 0.0,
            d.elevation_rad > 0.0,
            "positive elevation is up"
        );
    }
}

#[test]
fn encoding_gives_the_recorded_bytes_back() {
    let Some((payload, buffers)) = decoded() else {
        return;
    };
    let mut again = Vec::new();
    encode_detections(
        &buffers.detection_header,
        &buffers.detections,
        &buffers.detection_trailer,
        &mut again,
    )
    .unwrap();
    let used = 101 + 44 * buffers.detections.len();
    assert_eq!(again.len(), payload.len());
    assert_eq!(again[..used], payload[..used]);
    // Slots behind the count hold what the sensor left there; ours are empty.
    assert!(again[used..101 + 44 * 800].iter().all(|byte| *byte == 0));
    assert_eq!(again[101 + 44 * 800..], payload[101 + 44 * 800..]);
}

#[test]
fn a_protected_recording_decodes_and_any_flipped_bit_is_noticed() {
    let Some((mut payload, before)) = decoded() else {
        return;
    };
    protect(&mut payload, 41, 0x1234).unwrap();
    let mut buffers = Ars548Buffers::default();
    let protection = decode(&payload, &mut buffers).unwrap().protection.unwrap();
    assert!(protection.verified);
    assert_eq!(protection.counter, Some(41));
    assert_eq!(buffers.detections, before.detections);
    for at in (8..payload.len())
        .step_by(997)
        .chain([16, 23, 24, 28, 35, payload.len() - 1])
    {
        payload[at] ^= 0x10;
        let error = decode(&payload, &mut buffers).unwrap_err();
        assert!(
            matches!(
                error,
                Ars548Error::Checksum { .. } | Ars548Error::ProtectionLength { .. }
            ),
            "byte {at}: {error}"
        );
        payload[at] ^= 0x10;
    }
}

#[test]
fn a_wrong_value_costs_its_detection_only() {
    let Some((payload, before)) = decoded() else {
        return;
    };
    let nan = f32::NAN.to_be_bytes();
    let far = 1_501.0_f32.to_be_bytes();
    let negative = (-0.1_f32).to_be_bytes();
    let fast = 1e9_f32.to_be_bytes();
    // Offset within a detection, and the value put there.
    for (at, value) in [
        (0, nan),
        (0, 3.2_f32.to_be_bytes()),
        (4, nan),
        (4, negative),
        (9, nan),
        (9, 1.6_f32.to_be_bytes()),
        (13, nan),
        (17, nan),
        (17, far),
        (17, negative),
        (21, nan),
        (25, nan),
        (25, fast),
        (29, nan),
    ] {
        let mut damaged = payload.clone();
        let start = 101 + 44 * 100 + at;
        damaged[start..start + 4].copy_from_slice(&value);
        let mut buffers = Ars548Buffers::default();
        let decoded = decode(&damaged, &mut buffers).unwrap();
        assert_eq!(decoded.rejected, 1, "offset {at}");
        let mut expected: Vec<Detection> = before.detections.clone();
        expected.remove(100);
        assert_eq!(buffers.detections, expected);
    }
}
