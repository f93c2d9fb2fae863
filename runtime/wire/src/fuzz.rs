//! One total function over arbitrary bytes for each decoder, with the decoder's laws as assertions.
//!
//! The property tests and the coverage-guided fuzzer run the same table. A function returns for
//! every input; it panics only where a decoder breaks a law, which is the finding.

use crate::ars548::{self, Ars548Buffers, Kind};
use crate::can::{CanDecoder, CanEvent, CanFrame, CanMap, parse_line};
use crate::capture::{CaptureCounts, CaptureError, CaptureReader, Datagram, UdpFilter};
use crate::{ros2, ti};
use drafthorse_core::{RadarPoint, RadarTracks, SensorId};
use std::sync::LazyLock;

/// A decoder's name and the function that exercises it.
pub type Target = (&'static str, fn(&[u8]));

/// Every decoder of this crate.
pub const TARGETS: &[Target] = &[
    ("ars548", ars548_payload),
    ("ars548_lists", ars548_lists),
    ("ti_stream", ti_stream),
    ("ti_packet", ti_packet),
    ("candump", candump),
    ("can_frame", can_frame),
    ("can_cycles", can_cycles),
    ("can_map", can_map),
    ("capture", capture),
    ("capture_packet", capture_packet),
    ("ros2_point_cloud", ros2_point_cloud),
    ("ros2_image", ros2_image),
];

fn assert_place(point: &RadarPoint) {
    let values = [point.x_m, point.y_m, point.z_m, point.range_m];
    assert!(
        values.iter().all(|v| v.is_finite() && v.abs() < 20_000.0),
        "{point:?}"
    );
    assert!(
        point.azimuth_rad.abs() < 3.2 && point.elevation_rad.abs() < 1.6,
        "{point:?}"
    );
}

/// Any bytes as a UDP payload.
fn ars548_payload(bytes: &[u8]) {
    let mut buffers = Ars548Buffers::default();
    let stamp = ars548::stamp(bytes);
    let Ok(decoded) = ars548::decode(bytes, &mut buffers) else {
        return;
    };
    assert_eq!(stamp, Ok(decoded.stamp));
    let mut again = Vec::new();
    let mut second = Ars548Buffers::default();
    match decoded.kind {
        Kind::Detections => {
            for detection in &buffers.detections {
                let point = detection.to_point();
                assert_place(&point);
                assert!(point.range_rate_mps.abs() <= 200.0);
            }
            let encoded = ars548::encode_detections(
                &buffers.detection_header,
                &buffers.detections,
                &buffers.detection_trailer,
                &mut again,
            );
            assert_eq!(encoded, Ok(()));
        }
        Kind::Objects => {
            for object in &buffers.objects {
                let object = object.to_radar_object();
                let centre = object.map(|o| [o.x, o.y, o.z, o.vx, o.vy, o.existence]);
                assert!(centre.is_some_and(|values| values.iter().all(|v| v.is_finite())));
            }
            let encoded =
                ars548::encode_objects(&buffers.object_header, &buffers.objects, &mut again);
            assert_eq!(encoded, Ok(()));
        }
        Kind::Status => ars548::encode_status(&buffers.status, &mut again),
    }
    if decoded.protection.is_some() {
        assert_eq!(ars548::protect(&mut again, 7, 1), Ok(()));
    }
    let redecoded = ars548::decode(&again, &mut second);
    assert!(redecoded.is_ok_and(|second| second.rejected == 0 && second.kind == decoded.kind));
    assert_eq!(buffers.detections.len(), second.detections.len());
    assert_eq!(buffers.objects.len(), second.objects.len());
}

/// Bytes laid over a sound list, so that the decoder is reached behind its length checks.
fn ars548_lists(bytes: &[u8]) {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let mut payload = Vec::new();
    let encoded = match choice % 3 {
        0 => ars548::encode_detections(
            &ars548::DetectionListHeader::default(),
            &[ars548::Detection::default(); 3],
            &ars548::DetectionListTrailer::default(),
            &mut payload,
        ),
        1 => ars548::encode_objects(
            &ars548::ObjectListHeader::default(),
            &[ars548::Object::default(); 3],
            &mut payload,
        ),
        _ => {
            ars548::encode_status(&ars548::Status::default(), &mut payload);
            Ok(())
        }
    };
    assert_eq!(encoded, Ok(()));
    // The front half lands behind the lengths, the back half at the end, where counts are.
    let (front, back) = rest.split_at(rest.len() / 2);
    for (slot, byte) in payload.iter_mut().skip(8).zip(front) {
        *slot ^= byte;
    }
    for (slot, byte) in payload.iter_mut().rev().zip(back) {
        *slot ^= byte;
    }
    ars548_payload(&payload);
    // Most overlays break the checksum; with it repaired the entries are reached.
    if choice & 0x80 != 0 && choice % 3 != 2 && ars548::protect(&mut payload, 1, 1).is_ok() {
        ars548_payload(&payload);
    }
}

/// Any bytes as a serial stream, cut in pieces of a size that the first byte says.
fn ti_stream(bytes: &[u8]) {
    let piece = usize::from(bytes.first().copied().unwrap_or_default()) + 1;
    let mut framer = ti::TiFramer::new();
    let mut points = Vec::new();
    let mut given = 0;
    for piece in bytes.chunks(piece) {
        framer.push(piece, |packet| {
            given += packet.len() as u64;
            if ti::decode(packet, &mut points).is_ok() {
                points.iter().for_each(assert_place);
            }
        });
    }
    framer.finish();
    assert_eq!(given + framer.skipped_bytes(), bytes.len() as u64);
    assert_eq!(framer.pending_bytes(), 0);
}

/// Any bytes as the items of a packet with a sound header.
fn ti_packet(bytes: &[u8]) {
    let Some((items, rest)) = bytes.split_first() else {
        return;
    };
    let mut packet = ti::MAGIC.to_vec();
    let length = u32::try_from(ti::HEADER_BYTES + rest.len()).unwrap_or(u32::MAX);
    for word in [0x0306_0000, length, 0xA_6843, 1, 2, 3, u32::from(*items), 0] {
        packet.extend_from_slice(&word.to_le_bytes());
    }
    packet.extend_from_slice(rest);
    let mut points = Vec::new();
    match ti::decode(&packet, &mut points) {
        Ok(_) => points.iter().for_each(assert_place),
        Err(_) => assert!(points.is_empty()),
    }
}

/// Any bytes as a log's lines.
fn candump(bytes: &[u8]) {
    for line in bytes.split(|byte| *byte == b'\n') {
        if let Ok(Some(parsed)) = parse_line(line) {
            assert!(parsed.frame.len <= 8 && !parsed.frame.error);
            assert_eq!(
                CanFrame::from_bytes(&parsed.frame.to_bytes()),
                Ok(parsed.frame)
            );
        }
    }
}

/// Any bytes as a `struct can_frame`.
fn can_frame(bytes: &[u8]) {
    if let Ok(frame) = CanFrame::from_bytes(bytes) {
        assert_eq!(CanFrame::from_bytes(&frame.to_bytes()), Ok(frame));
        assert_eq!(frame.payload().len(), usize::from(frame.len));
    }
}

/// Any bytes as frames of the shipped map: each valid track comes out exactly once.
fn can_cycles(bytes: &[u8]) {
    static MAP: LazyLock<Option<CanMap>> = LazyLock::new(|| CanMap::built_in("toyota-tracks").ok());
    let Some(map) = MAP.as_ref() else {
        return;
    };
    let mut decoder = CanDecoder::new(map.clone());
    let mut out = RadarTracks::default();
    let (mut now, mut taken, mut given, mut last) = (0, 0, 0, 0);
    let mut take_cycle = |tracks: &RadarTracks| {
        given += tracks.tracks.len();
        for track in &tracks.tracks {
            assert!(
                track.captured_ns >= last,
                "tracks come in the order of their frames"
            );
            last = track.captured_ns;
            let values = [track.forward_m, track.left_m, track.rel_speed_mps];
            assert!(values.iter().all(|v| v.is_finite()));
        }
    };
    let (frames, _) = bytes.as_chunks::<10>();
    for [id, pause, data @ ..] in frames {
        now += u64::from(*pause) * 1_000_000;
        let frame = CanFrame {
            id: 0x210 + u32::from(id % 17),
            len: 8,
            data: *data,
            ..CanFrame::default()
        };
        let valid = data.get(6).is_some_and(|byte| byte & 1 == 1);
        taken += usize::from(valid && id % 17 < 16);
        if decoder.decode(SensorId(0), &frame, now, now, &mut out) == CanEvent::Cycle {
            take_cycle(&out);
        }
    }
    if decoder.flush(SensorId(0), &mut out) {
        take_cycle(&out);
    }
    assert_eq!(given, taken);
}

/// Any text as a mapping, a zero byte, and its DBC file.
fn can_map(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (toml, dbc) = text.split_once('\0').unwrap_or((text, text));
    let shipped = include_str!("../maps/toyota-tracks.toml");
    for toml in [toml, shipped] {
        let Ok(map) = CanMap::from_toml(toml, |_| Ok(dbc.to_owned())) else {
            continue;
        };
        let mut decoder = CanDecoder::new(map);
        for id in 0x200..0x230 {
            let frame = CanFrame {
                id,
                len: 8,
                data: [0xA5; 8],
                ..CanFrame::default()
            };
            decoder.decode(SensorId(0), &frame, 1, 1, &mut RadarTracks::default());
        }
    }
}

/// Reads a whole capture in pieces of one size.
fn read_capture(
    bytes: &[u8],
    piece: usize,
) -> (Vec<Datagram>, Result<CaptureCounts, CaptureError>) {
    let mut reader = CaptureReader::new(UdpFilter::default());
    let (mut all, mut one) = (Vec::new(), Datagram::default());
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while reader.next_datagram(&mut one) == Ok(true) {
            assert!(one.payload.len() <= 65_535);
            all.push(one.clone());
        }
    }
    (all, reader.finish())
}

/// Any bytes as a capture: how it is cut in pieces makes no difference.
fn capture(bytes: &[u8]) {
    let (whole, outcome) = read_capture(bytes, bytes.len().max(1));
    if let Ok(counts) = &outcome {
        assert!(whole.len() as u64 <= counts.packets);
    }
    let (pieces, again) = read_capture(bytes, 7);
    assert_eq!(whole, pieces);
    assert_eq!(outcome, again);
}

/// Any bytes as the packets of a sound capture; the first byte chooses the link layer.
fn capture_packet(bytes: &[u8]) {
    const LINKS: [u32; 6] = [1, 0, 12, 101, 113, 276];
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let link = LINKS
        .get(usize::from(*choice) % LINKS.len())
        .copied()
        .unwrap_or(1);
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4_u32, 0x0004_0002, 0, 0, 65_536, link] {
        file.extend_from_slice(&word.to_le_bytes());
    }
    for packet in rest.chunks(96) {
        let length = u32::try_from(packet.len()).unwrap_or_default();
        for word in [1, 0, length, length] {
            file.extend_from_slice(&word.to_le_bytes());
        }
        file.extend_from_slice(packet);
    }
    capture(&file);
}

/// Any bytes as a point cloud message.
fn ros2_point_cloud(bytes: &[u8]) {
    let mut points = Vec::new();
    match ros2::decode_cloud(bytes, &mut points) {
        Ok(_) => points.iter().for_each(assert_place),
        Err(_) => assert!(points.is_empty()),
    }
}

/// Any bytes as an image message: what decodes encodes and decodes to the same.
fn ros2_image(bytes: &[u8]) {
    if let Ok(image) = ros2::decode_image(bytes) {
        let mut again = Vec::new();
        for little_endian in [false, true] {
            ros2::encode_image(&image, little_endian, &mut again);
            assert_eq!(ros2::decode_image(&again).as_ref(), Ok(&image));
        }
    }
}
