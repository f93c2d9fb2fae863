//! The decoder at its boundary: raw messages in, readings and faults out.

use super::*;
use drafthorse_wire::ars548::{
    DetectionListHeader, DetectionListTrailer, MessageHeader, ObjectListHeader, Status,
    encode_detections, encode_objects, encode_status, protect,
};

const SENSOR: SensorId = SensorId(2);

fn raw(format: RawFormat, sequence: u32, data: Vec<u8>) -> RawMessage {
    let captured_ns = 1_000 + u64::from(sequence) * 50;
    RawMessage {
        sensor: SENSOR,
        format,
        sequence,
        captured_ns,
        received_ns: captured_ns + 7,
        data,
    }
}

fn detection_list(detections: &[Detection]) -> Vec<u8> {
    let header = DetectionListHeader {
        message: MessageHeader::at(5),
        ..Default::default()
    };
    let trailer = DetectionListTrailer {
        velocity_min_mps: -20.0,
        velocity_max_mps: 20.0,
        ..Default::default()
    };
    let mut out = Vec::new();
    encode_detections(&header, detections, &trailer, &mut out).unwrap();
    out
}

fn protected(counter: u32) -> Vec<u8> {
    let mut list = detection_list(&[Detection {
        range_m: 9.0,
        ..Default::default()
    }]);
    protect(&mut list, counter, 1).unwrap();
    list
}

/// Runs messages through a decoder; what each gave, and all faults.
fn run(
    decoder: &mut RadarDecoder,
    messages: &[RawMessage],
) -> (Vec<ReadingKind>, RadarReading, Vec<Fault>) {
    let (mut reading, mut faults) = (RadarReading::default(), Vec::new());
    let kinds = messages
        .iter()
        .map(|m| decoder.decode(m, &mut reading, &mut faults))
        .collect();
    (kinds, reading, faults)
}

fn kinds(faults: &[Fault]) -> Vec<(FaultKind, u64)> {
    faults
        .iter()
        .map(|fault| (fault.kind, fault.count))
        .collect()
}

fn ars548() -> RadarDecoder {
    RadarDecoder::new(SENSOR, RawFormat::Ars548, None)
}

#[test]
fn each_message_fills_its_part() {
    let mut objects = Vec::new();
    let object = Object {
        id: 8,
        x_m: 3.0,
        ..Default::default()
    };
    encode_objects(&ObjectListHeader::default(), &[object], &mut objects).unwrap();
    let mut status = Vec::new();
    encode_status(
        &Status {
            sync_status: 1,
            cycle_time_ms: 50,
            ..Default::default()
        },
        &mut status,
    );
    let detection = Detection {
        range_m: 40.0,
        rcs_dbsm: -3,
        ..Default::default()
    };
    let messages = [
        raw(RawFormat::Ars548, 0, detection_list(&[detection])),
        raw(RawFormat::Ars548, 1, objects),
        raw(RawFormat::Ars548, 2, status.clone()),
        raw(RawFormat::Ars548, 3, status),
    ];
    let (kinds_seen, reading, faults) = run(&mut ars548(), &messages);
    use ReadingKind::{Objects, Scan, Status as StatusKind};
    assert_eq!(kinds_seen, [Scan, Objects, StatusKind, StatusKind]);
    assert_eq!((reading.scan.sensor, reading.scan.sequence), (SENSOR, 0));
    assert_eq!(
        (reading.scan.captured_ns, reading.scan.received_ns),
        (1_000, 1_007)
    );
    assert_eq!(reading.scan.unambiguous_mps, (-20.0, 20.0));
    assert_eq!(
        (reading.scan.points[0].x_m, reading.scan.points[0].rcs_dbsm),
        (40.0, -3.0)
    );
    assert_eq!(
        (reading.objects.sequence, reading.objects.objects[0].id),
        (1, 8)
    );
    assert!(reading.status.clock_synchronised);
    assert_eq!(reading.status.captured_ns, 1_150);
    assert_eq!(reading.status.fields.len(), 34);
    assert!(
        reading
            .status
            .fields
            .contains(&("cycle_time_ms".to_owned(), 50.0))
    );
    assert_eq!(
        kinds(&faults),
        [(FaultKind::Unprotected, 1)],
        "reported once"
    );
}

#[test]
fn counters_that_skip_repeat_or_restart_are_reported() {
    let messages: Vec<_> = [u32::MAX - 1, u32::MAX, 0, 4, 4, 5, 1]
        .into_iter()
        .enumerate()
        .map(|(index, counter)| raw(RawFormat::Ars548, index as u32, protected(counter)))
        .collect();
    let (kinds_seen, _, faults) = run(&mut ars548(), &messages);
    assert!(kinds_seen.iter().all(|kind| *kind == ReadingKind::Scan));
    let gap = FaultKind::CounterGap;
    assert_eq!(kinds(&faults), [(gap, 3), (gap, 1), (gap, 1)]);
    assert_eq!(faults[0].sensor, Some(SENSOR));
    assert_eq!(faults[0].at_ns, 1_000 + 3 * 50 + 7);
}

#[test]
fn damaged_and_stripped_protection_is_refused() {
    let mut damaged = protected(2);
    damaged[200] ^= 1;
    let messages = [
        raw(RawFormat::Ars548, 0, protected(1)),
        raw(RawFormat::Ars548, 1, damaged),
        raw(RawFormat::Ars548, 2, detection_list(&[])),
    ];
    let (kinds_seen, reading, faults) = run(&mut ars548(), &messages);
    assert_eq!(
        kinds_seen,
        [
            ReadingKind::Scan,
            ReadingKind::Nothing,
            ReadingKind::Nothing
        ]
    );
    assert_eq!(reading.scan.sequence, 0);
    let mismatch = (FaultKind::ChecksumMismatch, 1);
    assert_eq!(kinds(&faults), [mismatch, mismatch]);
}

#[test]
fn what_cannot_be_decoded_is_a_fault_in_words() {
    let bad = Detection {
        range_m: f32::NAN,
        ..Default::default()
    };
    let good = Detection {
        range_m: 5.0,
        ..Default::default()
    };
    let messages = [
        raw(RawFormat::Ars548, 0, vec![1, 2, 3]),
        raw(RawFormat::Ars548, 1, detection_list(&[bad, good, bad])),
        raw(RawFormat::TiTlv, 2, vec![]),
    ];
    let (kinds_seen, reading, faults) = run(&mut ars548(), &messages);
    assert_eq!(
        kinds_seen,
        [
            ReadingKind::Nothing,
            ReadingKind::Scan,
            ReadingKind::Nothing
        ]
    );
    assert_eq!(reading.scan.points.len(), 1);
    use FaultKind::{OutOfRange, Undecodable, Unprotected};
    assert_eq!(
        kinds(&faults),
        [
            (Undecodable, 1),
            (Unprotected, 1),
            (OutOfRange, 2),
            (Undecodable, 1)
        ]
    );
    for fault in faults {
        assert!(
            fault.detail.ends_with('.') && fault.detail.len() > 20,
            "{}",
            fault.detail
        );
    }
    for format in [
        RawFormat::CanFrame,
        RawFormat::Jpeg,
        RawFormat::TiTlv,
        RawFormat::Ros2PointCloud2,
    ] {
        let mut decoder = RadarDecoder::new(SENSOR, format, None);
        let (kinds_seen, _, faults) = run(&mut decoder, &[raw(format, 0, vec![0; 16])]);
        assert_eq!(
            (kinds_seen[0], faults[0].kind),
            (ReadingKind::Nothing, Undecodable)
        );
    }
}

/// Two cycles of two valid tracks each, and a wheel speed message.
fn can_messages() -> Vec<RawMessage> {
    [(0x210, 0), (0x21F, 1), (0xAA, 2), (0x210, 50), (0x211, 51)]
        .into_iter()
        .enumerate()
        .map(|(index, (id, at_ms))| {
            let data = match id {
                0xAA => [0x25, 0xB5, 0x25, 0xB5, 0x25, 0xB5, 0x25, 0xB5],
                _ => [0, 0x38, 0x26, 8, 0xAC, 9, 1, 0],
            };
            let frame = CanFrame {
                id,
                len: 8,
                data,
                ..CanFrame::default()
            };
            let mut message = raw(RawFormat::CanFrame, index as u32, frame.to_bytes().to_vec());
            message.captured_ns = at_ms * 1_000_000;
            message.received_ns = message.captured_ns + 9;
            message
        })
        .collect()
}

#[test]
fn can_frames_become_cycles_and_speeds() {
    let map = CanMap::built_in("toyota-tracks").unwrap();
    let mut decoder = RadarDecoder::new(SENSOR, RawFormat::CanFrame, Some(map));
    let (kinds_seen, mut reading, faults) = run(&mut decoder, &can_messages());
    use ReadingKind::{Nothing, Tracks, VehicleSpeed};
    assert_eq!(
        kinds_seen,
        [Nothing, Nothing, VehicleSpeed, Tracks, Nothing]
    );
    assert!(faults.is_empty());
    let speed = (f64::from(0x25B5) * 0.01 - 67.67) / 3.6;
    assert!((reading.vehicle_speed_mps.unwrap() - speed).abs() < 1e-9);
    let tracks = &reading.tracks;
    assert_eq!(
        (tracks.sequence, tracks.captured_ns, tracks.received_ns),
        (0, 1_000_000, 1_000_009)
    );
    let addresses: Vec<_> = tracks
        .tracks
        .iter()
        .map(|t| (t.address, t.captured_ns))
        .collect();
    assert_eq!(addresses, [(0x210, 0), (0x21F, 1_000_000)]);
    assert_eq!(decoder.flush(&mut reading), Tracks);
    assert_eq!(
        (reading.tracks.sequence, reading.tracks.tracks.len()),
        (1, 2)
    );
    assert_eq!(decoder.flush(&mut reading), Nothing);
}

#[test]
fn a_checkpoint_carries_everything_over() {
    let map = CanMap::built_in("toyota-tracks").unwrap();
    let can = RadarDecoder::new(SENSOR, RawFormat::CanFrame, Some(map));
    let counted: Vec<_> = [1, 2, 5]
        .map(|counter| raw(RawFormat::Ars548, counter, protected(counter)))
        .into();
    for (fresh, messages) in [(can, can_messages()), (ars548(), counted)] {
        let (all, _, faults) = run(&mut fresh.clone(), &messages);
        for at in 0..messages.len() {
            let (before, after) = messages.split_at(at);
            let mut first = fresh.clone();
            let (mut seen, _, mut said) = run(&mut first, before);
            let saved = postcard::to_allocvec(&first.checkpoint()).unwrap();
            let mut second = fresh.clone();
            second.restore(postcard::from_bytes(&saved).unwrap());
            let (rest, _, more) = run(&mut second, after);
            seen.extend(rest);
            said.extend(more);
            assert_eq!((&seen, &said), (&all, &faults), "at {at}");
            assert_eq!(second.checkpoint(), {
                let mut whole = fresh.clone();
                run(&mut whole, &messages);
                whole.checkpoint()
            });
        }
    }
}
