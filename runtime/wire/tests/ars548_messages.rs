//! Messages built byte by byte from the field table, not with our encoder.
#![allow(clippy::unwrap_used)]

use drafthorse_core::RadarObject;
use drafthorse_wire::ars548::{
    Ars548Buffers, Ars548Error, Detection, DetectionListHeader, DetectionListTrailer, Kind,
    MessageHeader, Object, ObjectListHeader, Reference, decode, encode_detections, encode_objects,
    encode_status, protect, stamp,
};
use proptest::prelude::*;

fn put<const N: usize>(payload: &mut [u8], at: usize, bytes: [u8; N]) {
    payload[at..at + N].copy_from_slice(&bytes);
}

fn put_f32(payload: &mut [u8], at: usize, value: f32) {
    put(payload, at, value.to_be_bytes());
}

/// An object list with one object in slot `slot` of `count`.
fn object_list(count: u8, slot: usize) -> Vec<u8> {
    let mut payload = vec![0; 9_401];
    put(&mut payload, 2, 329_u16.to_be_bytes());
    put(&mut payload, 4, 9_393_u32.to_be_bytes());
    put(&mut payload, 36, 250_000_000_u32.to_be_bytes());
    put(&mut payload, 40, 1_700_000_000_u32.to_be_bytes());
    payload[44] = 1;
    payload[50] = count;
    let at = 51 + 187 * slot;
    put(&mut payload, at + 2, 0xDEAD_BEEF_u32.to_be_bytes());
    put(&mut payload, at + 6, 12_u16.to_be_bytes());
    payload[at + 12] = 4;
    for (offset, value) in [
        (13, 20.0),
        (17, 0.1),
        (21, -4.0),
        (25, 0.2),
        (29, 0.5),
        (33, 0.3),
        (37, 0.01),
        (41, 0.3),
        (45, 0.02),
        (50, 95.0),
        (54, 80.0),
        (69, 11.0),
        (73, 0.4),
        (77, -2.0),
        (81, 0.5),
        (85, 0.06),
        (90, -5.0),
        (98, 1.5),
        (111, 0.7),
        (119, -0.8),
        (132, 0.9),
        (140, -1.1),
        (153, 0.05),
        (157, 0.01),
        (166, 4.6),
        (170, 0.2),
        (179, 1.8),
        (183, 0.1),
    ] {
        put_f32(&mut payload, at + offset, value);
    }
    for (index, percent) in (1..=10).enumerate() {
        payload[at + 58 + index] = percent;
    }
    payload
}

#[test]
fn an_object_is_decoded_at_its_offsets_with_its_centre() {
    let payload = object_list(3, 1);
    let mut buffers = Ars548Buffers::default();
    let decoded = decode(&payload, &mut buffers).unwrap();
    assert_eq!((decoded.kind, decoded.rejected), (Kind::Objects, 0));
    assert_eq!(decoded.stamp.ns, 1_700_000_000_250_000_000);
    assert_eq!(buffers.objects.len(), 3);
    let object = &buffers.objects[1];
    assert_eq!(
        (object.id, object.age, object.position_reference),
        (0xDEAD_BEEF, 12, 4)
    );
    assert_eq!((object.car, object.underdrivable), (1, 10));
    assert_eq!(
        (object.relative_vx_mps, object.relative_vy_mps),
        (-5.0, 1.5)
    );
    assert_eq!((object.ax_mps2, object.ay_mps2), (0.7, -0.8));
    assert_eq!(
        (object.relative_ax_mps2, object.relative_ay_mps2),
        (0.9, -1.1)
    );
    assert_eq!(
        (
            object.orientation_rate_radps,
            object.orientation_rate_std_radps
        ),
        (0.05, 0.01)
    );
    assert_eq!((object.length_std_m, object.width_std_m), (0.2, 0.1));
    let plain = object.to_radar_object().unwrap();
    // The rear right corner is at (20, -4); the centre is half a length ahead and half a width left.
    let (sin, cos) = 0.3_f64.sin_cos();
    let (x, y) = (20.0 + 2.3 * cos - 0.9 * sin, -4.0 + 2.3 * sin + 0.9 * cos);
    let centre = (f64::from(plain.centre_x), f64::from(plain.centre_y));
    assert!((centre.0 - x).abs() < 1e-5 && (centre.1 - y).abs() < 1e-5);
    assert_eq!((plain.x, plain.y, plain.z), (20.0, -4.0, 0.5));
    assert_eq!(plain.id, 0xDEAD_BEEF);
    assert_eq!((plain.vx, plain.vy), (11.0, -2.0));
    assert_eq!((plain.length, plain.width, plain.yaw_rad), (4.6, 1.8, 0.3));
    assert!((plain.existence - 0.95).abs() < 1e-6);
    assert!(plain.height.is_nan());
}

#[test]
fn each_reference_point_means_its_place_on_the_box() {
    // At heading 0, the centre relative to the reference point, in half lengths and half widths.
    for (reference, dx, dy) in [
        (0, -1.0, -1.0),
        (1, -1.0, 0.0),
        (2, -1.0, 1.0),
        (3, 0.0, 1.0),
        (4, 1.0, 1.0),
        (5, 1.0, 0.0),
        (6, 1.0, -1.0),
        (7, 0.0, -1.0),
        (8, 0.0, 0.0),
        (255, 0.0, 0.0),
    ] {
        let object = Object {
            position_reference: reference,
            x_m: 10.0,
            y_m: 5.0,
            length_m: 4.0,
            width_m: 2.0,
            ..Object::default()
        };
        let centre = object.to_radar_object().unwrap();
        assert_eq!(
            (centre.centre_x, centre.centre_y),
            (10.0 + 2.0 * dx, 5.0 + dy),
            "reference {reference}"
        );
    }
    let undefined = Object {
        position_reference: 9,
        ..Object::default()
    };
    assert!(undefined.to_radar_object().is_none());
}

#[test]
fn a_wrong_value_costs_its_object_only() {
    for (offset, value) in [
        (13, f32::NAN),
        (13, 1_601.0),
        (21, f32::INFINITY),
        (29, f32::NAN),
        (41, 3.2),
        (50, 101.0),
        (50, -1.0),
        (50, f32::NAN),
        (69, f32::NAN),
        (77, 1e6),
        (166, -1.0),
        (179, f32::NAN),
    ] {
        let mut payload = object_list(2, 0);
        put_f32(&mut payload, 51 + offset, value);
        let mut buffers = Ars548Buffers::default();
        assert_eq!(
            decode(&payload, &mut buffers).unwrap().rejected,
            1,
            "offset {offset}"
        );
        assert_eq!(buffers.objects.len(), 1);
        assert_eq!(buffers.objects[0].id, 0);
    }
}

#[test]
fn a_status_message_is_decoded_at_its_offsets() {
    let mut payload = vec![0; 84];
    put(&mut payload, 2, 380_u16.to_be_bytes());
    put(&mut payload, 4, 76_u32.to_be_bytes());
    put(&mut payload, 8, 5_u32.to_be_bytes());
    put(&mut payload, 12, 7_u32.to_be_bytes());
    payload[16] = 2;
    put(&mut payload, 17, [5, 40, 1]);
    for (at, value) in [
        (20, 3.8),
        (24, -0.1),
        (28, 0.6),
        (32, 0.02),
        (36, -0.03),
        (41, 4.9),
        (45, 1.9),
        (49, 1.5),
        (53, 2.8),
    ] {
        put_f32(&mut payload, at, value);
    }
    payload[40] = 1;
    put(&mut payload, 57, 301_u16.to_be_bytes());
    put(
        &mut payload,
        59,
        [2, 50, 10, 1, 1, 10, 13, 1, 113, 169, 254, 116, 113, 9],
    );
    put(&mut payload, 73, [0, 1, 0, 1, 0, 1, 0, 1, 4, 8, 0x14]);
    let mut buffers = Ars548Buffers::default();
    let decoded = decode(&payload, &mut buffers).unwrap();
    assert_eq!(decoded.kind, Kind::Status);
    assert_eq!(
        (decoded.stamp.ns, decoded.stamp.synchronised),
        (7_000_000_005, false)
    );
    assert_eq!(decoded.protection, None);
    let s = &buffers.status;
    assert_eq!(
        [s.version_major, s.version_minor, s.version_patch],
        [5, 40, 1]
    );
    assert_eq!(
        [s.longitudinal_m, s.lateral_m, s.vertical_m],
        [3.8, -0.1, 0.6]
    );
    assert_eq!([s.yaw_rad, s.pitch_rad, s.wheelbase_m], [0.02, -0.03, 2.8]);
    assert_eq!(
        [s.vehicle_length_m, s.vehicle_width_m, s.vehicle_height_m],
        [4.9, 1.9, 1.5]
    );
    assert_eq!(
        (s.plug_orientation, s.maximum_distance_m, s.frequency_slot),
        (1, 301, 2)
    );
    assert_eq!(
        [s.cycle_time_ms, s.time_slot_ms, s.country_code],
        [50, 10, 1]
    );
    assert_eq!((s.power_save_standstill, s.configuration_counter), (1, 9));
    assert_eq!(
        (s.address_0, s.address_1),
        ([10, 13, 1, 113], [169, 254, 116, 113])
    );
    assert_eq!(
        (
            s.longitudinal_velocity_status,
            s.longitudinal_acceleration_status
        ),
        (0, 1)
    );
    assert_eq!((s.characteristic_speed_status, s.radar_status), (0, 1));
    assert_eq!(
        [s.voltage_status, s.temperature_status, s.blockage_status],
        [4, 8, 0x14]
    );
    let mut again = Vec::new();
    encode_status(s, &mut again);
    assert_eq!(again, payload);
}

#[test]
fn what_is_not_a_message_is_named() {
    let mut buffers = Ars548Buffers::default();
    let mut refused = |payload: &[u8]| decode(payload, &mut buffers).unwrap_err();
    assert_eq!(refused(&[0; 7]), Ars548Error::NoHeader(7));
    let sound = object_list(1, 0);
    for length in [8, 50, 51, 9_400] {
        let expected = Ars548Error::WrongLength {
            method: 329,
            expected: 9_401,
            actual: length,
        };
        assert_eq!(refused(&sound[..length]), expected);
    }
    let mut longer = sound.clone();
    longer.push(0);
    assert!(matches!(
        refused(&longer),
        Ars548Error::WrongLength { actual: 9_402, .. }
    ));
    let with = |at: usize, value: u8| {
        let mut payload = sound.clone();
        payload[at] = value;
        payload
    };
    assert_eq!(refused(&with(0, 1)), Ars548Error::UnknownService(256));
    assert_eq!(refused(&with(3, 0)), Ars548Error::UnknownMethod(256));
    assert!(matches!(
        refused(&with(7, 0)),
        Ars548Error::WrongLengthField { .. }
    ));
    assert_eq!(
        refused(&with(50, 51)),
        Ars548Error::TooManyEntries {
            count: 51,
            slots: 50
        }
    );
    assert!(matches!(
        refused(&with(36, 0xFF)),
        Ars548Error::OutOfRange(_)
    ));
    let mut list = Vec::new();
    let (header, trailer) = Default::default();
    encode_detections(&header, &[], &trailer, &mut list).unwrap();
    put(&mut list, 35_309, 801_u32.to_be_bytes());
    assert_eq!(
        refused(&list),
        Ars548Error::TooManyEntries {
            count: 801,
            slots: 800
        }
    );
    put(&mut list, 35_309, 0_u32.to_be_bytes());
    put_f32(&mut list, 35_301, f32::NAN);
    assert!(matches!(refused(&list), Ars548Error::OutOfRange(_)));
}

#[test]
fn a_counter_without_checksum_is_given_out() {
    let mut payload = object_list(1, 0);
    put(&mut payload, 28, 77_u32.to_be_bytes());
    let mut buffers = Ars548Buffers::default();
    let protection = decode(&payload, &mut buffers).unwrap().protection.unwrap();
    assert_eq!((protection.verified, protection.counter), (false, Some(77)));
}

fn detection() -> impl Strategy<Value = Detection> {
    (
        (
            -3.1_f32..3.1,
            -1.5_f32..1.5,
            0.0_f32..1_500.0,
            -150.0_f32..150.0,
        ),
        (any::<u8>(), any::<i8>(), any::<u16>(), any::<u16>()),
    )
        .prop_map(
            |((azimuth_rad, elevation_rad, range_m, range_rate_mps), (flags, rcs, a, b))| {
                Detection {
                    azimuth_rad,
                    elevation_rad,
                    range_m,
                    range_rate_mps,
                    invalid_flags: flags,
                    rcs_dbsm: rcs,
                    measurement_id: a,
                    sort_index: b,
                    ..Detection::default()
                }
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn detection_lists_come_back(
        detections in prop::collection::vec(detection(), 0..=800),
        ns in 0..4_000_000_000_000_000_000_u64,
        counter in any::<u32>(),
    ) {
        let header = DetectionListHeader { message: MessageHeader::at(ns), ..Default::default() };
        let trailer = DetectionListTrailer { velocity_max_mps: 20.0, ..Default::default() };
        let mut payload = Vec::new();
        encode_detections(&header, &detections, &trailer, &mut payload).unwrap();
        protect(&mut payload, counter, 9).unwrap();
        prop_assert_eq!(stamp(&payload).unwrap().ns, ns);
        let mut buffers = Ars548Buffers::default();
        let decoded = decode(&payload, &mut buffers).unwrap();
        prop_assert_eq!(decoded.rejected, 0);
        prop_assert_eq!(decoded.protection.unwrap().counter, Some(counter));
        prop_assert_eq!(buffers.detections, detections);
    }

    #[test]
    fn points_survive_the_wire(
        azimuth in -1.0_f32..1.0, elevation in -0.3_f32..0.3,
        range in 0.5_f32..300.0, rate in -60.0_f32..60.0, rcs in -40.0_f32..40.0, valid: bool,
    ) {
        let mut point =
            drafthorse_core::RadarPoint::from_polar(range, azimuth, elevation, rate, rcs.round());
        point.valid = valid;
        point.azimuth_std_rad = 0.01;
        let back = Detection::from_point(&point).to_point();
        prop_assert!(back.snr_db.is_nan() && back.range_rate_std_mps.is_nan());
        let known = |p: &drafthorse_core::RadarPoint| {
            (
                [p.x_m, p.y_m, p.z_m, p.range_rate_mps, p.rcs_dbsm, p.azimuth_std_rad],
                p.valid,
            )
        };
        prop_assert_eq!(known(&back), known(&point));
    }

    #[test]
    fn objects_survive_the_wire_from_any_reference(
        place in (-300.0_f32..300.0, -300.0_f32..300.0, -2.0_f32..4.0),
        speed in (-60.0_f32..60.0, -60.0_f32..60.0),
        size in (0.1_f32..20.0, 0.1_f32..3.0),
        yaw in -3.1_f32..3.1, existence in 0.0_f32..1.0, reference in 0..=8_u8,
    ) {
        let object = RadarObject {
            id: 7, x: 0.0, y: 0.0, z: place.2, centre_x: place.0, centre_y: place.1, vx: speed.0, vy: speed.1,
            length: size.0, width: size.1, height: f32::NAN, yaw_rad: yaw, existence,
        };
        let reference = Reference::from_wire(reference).unwrap();
        let record = Object::from_radar_object(&object, reference).unwrap();
        let mut payload = Vec::new();
        encode_objects(&ObjectListHeader::default(), &[record], &mut payload).unwrap();
        let mut buffers = Ars548Buffers::default();
        decode(&payload, &mut buffers).unwrap();
        let back = buffers.objects[0].to_radar_object().unwrap();
        let off = (back.centre_x - object.centre_x, back.centre_y - object.centre_y);
        prop_assert!(off.0.abs() < 1e-4 && off.1.abs() < 1e-4);
        prop_assert_eq!((back.x, back.y), (record.x_m, record.y_m));
        prop_assert!((back.existence - object.existence).abs() < 1e-6);
        prop_assert_eq!((back.vx, back.vy, back.yaw_rad), (object.vx, object.vy, object.yaw_rad));
    }
}
