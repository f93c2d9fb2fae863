//! TI packets: points at their bytes, and a stream with garbage.
#![allow(clippy::unwrap_used)]

use drafthorse_wire::ti::{
    MAGIC, PointsType, TiError, TiFramer, TiHeader, TiPoint, decode, encode_packet,
};
use proptest::prelude::*;

/// A packet with those items, built by hand.
fn packet(items: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, value) in items {
        body.extend_from_slice(&kind.to_le_bytes());
        body.extend_from_slice(&(value.len() as u32).to_le_bytes());
        body.extend_from_slice(value);
    }
    let mut packet = MAGIC.to_vec();
    let words = [
        0x0306_0002,
        40 + body.len() as u32,
        0xA_6843,
        17,
        99,
        2,
        items.len() as u32,
        0,
    ];
    packet.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    packet.extend_from_slice(&body);
    packet
}

fn floats(values: &[f32]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn shorts(values: &[i16]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

#[test]
fn float_points_turn_into_forward_and_left() {
    // Right 1 m, forward 20 m, up 0.5 m, receding at 2 m/s; then one to the left.
    let points = floats(&[1.0, 20.0, 0.5, 2.0, -3.0, 10.0, 0.0, -1.5]);
    let side = shorts(&[215, 500, 90, 480]);
    let bytes = packet(&[(1, points), (6, vec![0; 24]), (7, side)]);
    let mut out = Vec::new();
    let decoded = decode(&bytes, &mut out).unwrap();
    assert_eq!(
        (decoded.header.frame, decoded.header.platform),
        (17, 0xA_6843)
    );
    assert_eq!(
        (decoded.points, decoded.skipped_items, decoded.rejected),
        (PointsType::Float, 1, 0)
    );
    assert_eq!([out[0].x_m, out[0].y_m, out[0].z_m], [20.0, -1.0, 0.5]);
    assert_eq!(
        [out[1].x_m, out[1].y_m, out[1].range_rate_mps],
        [10.0, 3.0, -1.5]
    );
    assert!((out[0].snr_db - 21.5).abs() < 1e-5 && (out[1].snr_db - 9.0).abs() < 1e-5);
    assert!(out[0].azimuth_rad < 0.0 && out[1].azimuth_rad > 0.0);
    assert!(out[0].rcs_dbsm.is_nan());
}

#[test]
fn compressed_points_are_scaled() {
    let mut value = floats(&[0.25, 0.5, 0.1, 1.0]);
    value.extend(shorts(&[1, 1]));
    value.extend(shorts(&[8, 40, -2, -3]));
    value.extend([100, 7]);
    value.extend(shorts(&[-8, 80, 4, 6]));
    value.extend([50, 3]);
    let mut out = Vec::new();
    assert_eq!(
        decode(&packet(&[(301, value)]), &mut out).unwrap().points,
        PointsType::Compressed
    );
    assert_eq!(
        [out[0].x_m, out[0].y_m, out[0].z_m, out[0].range_rate_mps],
        [10.0, -2.0, -0.5, -1.5]
    );
    assert_eq!(
        [out[1].x_m, out[1].y_m, out[1].z_m, out[1].range_rate_mps],
        [20.0, 2.0, 1.0, 3.0]
    );
    assert!((out[0].snr_db - 10.0).abs() < 1e-5);
}

#[test]
fn unsound_packets_are_named_and_unsound_points_counted() {
    let mut out = Vec::new();
    let mut refused = |bytes: &[u8]| {
        let error = decode(bytes, &mut out).unwrap_err();
        assert!(out.is_empty());
        error
    };
    let sound = packet(&[(1, floats(&[0.0, 1.0, 0.0, 0.0]))]);
    assert_eq!(refused(&sound[..39]), TiError::NoHeader(39));
    assert!(matches!(
        refused(&sound[..50]),
        TiError::WrongLength { actual: 50, .. }
    ));
    let mut magic = sound.clone();
    magic[0] = 3;
    assert_eq!(refused(&magic), TiError::NoMagic);
    let mut length = sound.clone();
    length[44] = 200;
    assert!(matches!(
        refused(&length),
        TiError::ItemTruncated { length: 200, .. }
    ));
    let ragged = packet(&[(1, vec![0; 15])]);
    assert_eq!(
        refused(&ragged),
        TiError::ItemLength {
            kind: 1,
            length: 15
        }
    );
    let side = packet(&[(1, vec![0; 16]), (7, vec![0; 8])]);
    assert_eq!(
        refused(&side),
        TiError::SideInfoCount { side: 2, points: 1 }
    );
    let mut units = floats(&[f32::NAN, 1.0, 1.0, 1.0]);
    units.extend(shorts(&[1, 0]));
    units.extend([0; 10]);
    assert_eq!(refused(&packet(&[(301, units)])), TiError::BadUnits);
    let odd = packet(&[(
        1,
        floats(&[
            f32::NAN,
            1.0,
            0.0,
            0.0,
            0.0,
            1.0,
            0.0,
            1e9,
            0.0,
            2.0,
            0.0,
            0.0,
        ]),
    )]);
    assert_eq!(decode(&odd, &mut out).unwrap().rejected, 2);
    assert_eq!(out.len(), 1);
}

fn point() -> impl Strategy<Value = TiPoint> {
    (
        -50.0_f32..50.0,
        0.0_f32..100.0,
        -5.0_f32..5.0,
        -30.0_f32..30.0,
        0.0_f32..60.0,
    )
        .prop_map(|(x_m, y_m, z_m, speed_mps, snr_db)| TiPoint {
            x_m,
            y_m,
            z_m,
            speed_mps,
            snr_db,
            noise_db: 40.0,
        })
}

proptest! {
    #[test]
    fn points_come_back(points in prop::collection::vec(point(), 0..60), compressed: bool) {
        let kind = if compressed { PointsType::Compressed } else { PointsType::Float };
        let step = if compressed { 0.0051 } else { 0.0 };
        let (mut bytes, mut out) = (Vec::new(), Vec::new());
        encode_packet(&TiHeader { frame: 4, ..TiHeader::default() }, &points, kind, &mut bytes).unwrap();
        prop_assert_eq!(bytes.len() % 32, 0);
        let decoded = decode(&bytes, &mut out).unwrap();
        prop_assert_eq!((decoded.header.frame, decoded.rejected), (4, 0));
        prop_assert_eq!(out.len(), points.len());
        for (back, point) in out.iter().zip(&points) {
            prop_assert!((back.x_m - point.y_m).abs() <= step);
            prop_assert!((back.y_m + point.x_m).abs() <= step);
            prop_assert!((back.z_m - point.z_m).abs() <= step);
            prop_assert!((back.range_rate_mps - point.speed_mps).abs() <= step);
            prop_assert!((back.snr_db - point.snr_db).abs() <= 0.13);
        }
    }

    #[test]
    fn the_framer_finds_every_packet_between_garbage(
        parts in prop::collection::vec(
            (prop::collection::vec(point(), 0..20), prop::collection::vec(any::<u8>(), 0..90)), 1..8,
        ),
        piece in 1..300_usize,
    ) {
        let (mut stream, mut packets) = (Vec::new(), Vec::new());
        let mut garbage_bytes = 0;
        for (points, garbage) in &parts {
            // Garbage without the magic word's first byte cannot look like its beginning.
            let garbage: Vec<u8> = garbage.iter().map(|byte| byte | 0x80).collect();
            let mut packet = Vec::new();
            encode_packet(&TiHeader::default(), points, PointsType::Float, &mut packet).unwrap();
            garbage_bytes += garbage.len() as u64;
            stream.extend_from_slice(&garbage);
            stream.extend_from_slice(&packet);
            packets.push(packet);
        }
        let (mut framer, mut found) = (TiFramer::new(), Vec::new());
        for piece in stream.chunks(piece) {
            framer.push(piece, |packet| found.push(packet.to_vec()));
        }
        framer.finish();
        prop_assert_eq!(found, packets);
        prop_assert_eq!(framer.skipped_bytes(), garbage_bytes);
    }

    #[test]
    fn a_cut_packet_costs_only_itself(cut in 1..100_usize, piece in 1..200_usize) {
        let point = TiPoint { y_m: 5.0, ..TiPoint::default() };
        let mut packet = Vec::new();
        encode_packet(&TiHeader::default(), &[point; 5], PointsType::Float, &mut packet).unwrap();
        let mut stream = packet[..cut].to_vec();
        stream.extend_from_slice(&packet);
        let (mut framer, mut found) = (TiFramer::new(), 0);
        for piece in stream.chunks(piece) {
            framer.push(piece, |_| found += 1);
        }
        prop_assert_eq!(found, 1);
        prop_assert_eq!(framer.skipped_bytes(), cut as u64);
    }
}
