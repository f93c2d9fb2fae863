//! Clock alignment: every clock fault by a case of its own, and the laws of pairing.
#![allow(clippy::unwrap_used)] // A test that cannot go on fails by panicking.

use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_sensors::{AlignConfig, AlignSensor, Aligner, Alignment, Header, Pairing};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;
/// Stamps in tests are of 2024, so that none is near zero.
const EPOCH: u64 = 1_700_000_000 * S;

fn sensor(id: u16, name: &str, is_camera: bool) -> AlignSensor {
    AlignSensor {
        id: SensorId(id),
        name: name.to_owned(),
        is_camera,
        stall_check: true,
        offset_ns: 0,
    }
}

fn camera_and_radar() -> Vec<AlignSensor> {
    vec![
        sensor(0, "front_camera", true),
        sensor(1, "front_radar", false),
    ]
}

fn at(id: u16, sequence: u32, captured_ns: u64, received_ns: u64) -> Header {
    Header {
        sensor: SensorId(id),
        sequence,
        captured_ns,
        received_ns,
        format: RawFormat::TiTlv,
        stream: 0,
    }
}

/// All that a fold over the headers gives, to its end.
fn fold(aligner: &mut Aligner, headers: &[Header]) -> (Vec<Pairing>, Vec<Fault>) {
    let mut out = Alignment::default();
    let (mut pairings, mut faults) = (Vec::new(), Vec::new());
    let mut take = |out: &mut Alignment| {
        pairings.append(&mut out.pairings);
        faults.append(&mut out.faults);
    };
    for header in headers {
        aligner.observe(header, &mut out);
        take(&mut out);
    }
    aligner.finish(&mut out);
    take(&mut out);
    assert_eq!(aligner.pending(), 0);
    (pairings, faults)
}

fn run(
    config: &AlignConfig,
    sensors: &[AlignSensor],
    headers: &[Header],
) -> (Vec<Pairing>, Vec<Fault>) {
    fold(&mut Aligner::new(config, sensors), headers)
}

fn kinds(faults: &[Fault]) -> Vec<(FaultKind, u16)> {
    faults
        .iter()
        .map(|f| (f.kind, f.sensor.unwrap().0))
        .collect()
}

fn paired(pairings: &[Pairing]) -> Vec<(u32, u32, i64)> {
    let mut pairs: Vec<_> = pairings
        .iter()
        .filter_map(|p| match *p {
            Pairing::Paired {
                camera_sequence,
                radar_sequence,
                camera_minus_radar_ns,
                ..
            } => Some((camera_sequence, radar_sequence, camera_minus_radar_ns)),
            _ => None,
        })
        .collect();
    pairs.sort_unstable();
    pairs
}

/// A radar alone, one message each 50 ms, whose capture stamps are changed by `change`.
fn radar_with(change: impl Fn(u32, u64) -> u64) -> Vec<Header> {
    let stamp = |i: u32| EPOCH + u64::from(i) * 50 * MS;
    (0..20)
        .map(|i| at(1, i, change(i, stamp(i)), stamp(i) + MS))
        .collect()
}

#[test]
fn stamps_in_order_give_no_fault() {
    let (_, faults) = run(
        &AlignConfig::default(),
        &camera_and_radar(),
        &radar_with(|_, t| t),
    );
    assert_eq!(faults, []);
}

#[test]
fn one_stamp_backwards_is_one_fault() {
    let headers = radar_with(|i, t| if i == 7 { t - S } else { t });
    let (pairings, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(kinds(&faults), [(FaultKind::ClockBackwards, 1)]);
    assert_eq!(faults[0].at_ns, headers[7].received_ns);
    assert!(
        faults[0].detail.starts_with("front_radar: "),
        "{}",
        faults[0].detail
    );
    assert_eq!(pairings.len(), 20);
}

#[test]
fn a_clock_set_back_is_one_fault_and_the_new_time_counts() {
    let headers = radar_with(|i, t| if i >= 7 { t - 3600 * S } else { t });
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(kinds(&faults), [(FaultKind::ClockBackwards, 1)]);
}

#[test]
fn the_same_stamp_twice_is_a_fault_but_for_can() {
    let mut headers = radar_with(|i, t| if i == 5 { t - 50 * MS } else { t });
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(kinds(&faults), [(FaultKind::ClockDuplicate, 1)]);
    for header in &mut headers {
        header.format = RawFormat::CanFrame;
    }
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(faults, []);
}

#[test]
fn a_jump_ahead_is_a_fault_and_a_pause_is_none() {
    let jump = radar_with(|i, t| if i == 9 { t + 30 * S } else { t });
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &jump);
    assert_eq!(kinds(&faults), [(FaultKind::ClockJump, 1)]);

    let set_ahead = radar_with(|i, t| if i >= 9 { t + 30 * S } else { t });
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &set_ahead);
    assert_eq!(kinds(&faults), [(FaultKind::ClockJump, 1)]);

    let mut pause = radar_with(|_, t| t);
    for header in &mut pause[10..] {
        header.captured_ns += 30 * S;
        header.received_ns += 30 * S;
    }
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &pause);
    assert_eq!(faults, []);
}

#[test]
fn a_first_stamp_after_its_receipt_is_a_jump_once() {
    let headers = radar_with(|_, t| t + 60 * S);
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(kinds(&faults), [(FaultKind::ClockJump, 1)]);
}

/// Camera and radar at 20 Hz, the radar's stamps changed by `radar`.
fn both(radar: impl Fn(u64) -> u64) -> Vec<Header> {
    (0..40)
        .flat_map(|i| {
            let t = EPOCH + u64::from(i) * 50 * MS;
            [at(0, i, t, t + 5 * MS), at(1, i, radar(t), t + 6 * MS)]
        })
        .collect()
}

#[test]
fn a_sensor_a_minute_behind_is_reported_once_and_never_paired() {
    let (pairings, faults) = run(
        &AlignConfig::default(),
        &camera_and_radar(),
        &both(|t| t - 60 * S),
    );
    assert_eq!(kinds(&faults), [(FaultKind::SensorLag, 1)]);
    assert_eq!(faults[0].detail, "front_radar: 60.0 s behind front_camera");
    assert_eq!(paired(&pairings), []);
    assert_eq!(pairings.len(), 80);
}

#[test]
fn a_lag_that_ends_and_comes_again_is_reported_again() {
    let headers: Vec<Header> = both(|t| t)
        .into_iter()
        .map(|mut h| {
            let lags = (10..20).contains(&h.sequence) || h.sequence >= 30;
            if h.sensor.0 == 1 && lags {
                h.captured_ns -= 60 * S;
            }
            h
        })
        .collect();
    let (_, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    let lags = faults
        .iter()
        .filter(|f| f.kind == FaultKind::SensorLag)
        .count();
    assert_eq!(lags, 2);
}

#[test]
fn unrelated_sensors_are_neither_paired_nor_compared() {
    let config = AlignConfig {
        unrelated: true,
        ..AlignConfig::default()
    };
    for shift in [0, 60 * S] {
        let (pairings, faults) = run(&config, &camera_and_radar(), &both(|t| t - shift));
        assert_eq!(faults, []);
        assert_eq!(paired(&pairings), []);
        assert_eq!(pairings.len(), 80);
    }
}

#[test]
fn a_faulty_stamp_is_never_paired() {
    // The radar's stamp of message 7 is its neighbour's again, just beside the camera's frame 6.
    let headers: Vec<Header> = both(|t| t)
        .into_iter()
        .map(|mut h| {
            if h.sensor.0 == 1 && h.sequence == 7 {
                h.captured_ns -= 50 * MS;
            }
            h
        })
        .collect();
    let (pairings, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(kinds(&faults), [(FaultKind::ClockDuplicate, 1)]);
    let pairs = paired(&pairings);
    assert_eq!(pairs.len(), 39);
    assert!(
        pairs
            .iter()
            .all(|(camera, radar, _)| camera == radar && *camera != 7)
    );
    assert_eq!(pairings.len(), 41);
}

#[test]
fn silence_is_reported_once_and_its_end_too() {
    let mut aligner = Aligner::new(&AlignConfig::default(), &camera_and_radar());
    let mut out = Alignment::default();
    let mut faults = Vec::new();
    let mut tick = |aligner: &mut Aligner, ms: u64| {
        aligner.tick(EPOCH + ms * MS, &mut out);
        out.faults.clone()
    };
    faults.extend(tick(&mut aligner, 0));
    let mut observed = Alignment::default();
    for i in 0..10 {
        aligner.observe(
            &at(
                0,
                i,
                EPOCH + u64::from(i) * 100 * MS,
                EPOCH + u64::from(i) * 100 * MS,
            ),
            &mut observed,
        );
        faults.extend(observed.faults.clone());
    }
    faults.extend(tick(&mut aligner, 950));
    assert_eq!(faults, [], "too early");
    faults.extend(tick(&mut aligner, 1_100));
    faults.extend(tick(&mut aligner, 1_200));
    assert_eq!(
        kinds(&faults),
        [(FaultKind::SensorStalled, 1)],
        "the radar never spoke"
    );
    faults.extend(tick(&mut aligner, 2_000));
    assert_eq!(kinds(&faults)[1..], [(FaultKind::SensorStalled, 0)]);
    aligner.observe(
        &at(0, 10, EPOCH + 2_500 * MS, EPOCH + 2_500 * MS),
        &mut observed,
    );
    assert_eq!(kinds(&observed.faults), [(FaultKind::SensorRecovered, 0)]);
    aligner.observe(
        &at(0, 11, EPOCH + 2_600 * MS, EPOCH + 2_600 * MS),
        &mut observed,
    );
    assert_eq!(observed.faults, []);
}

#[test]
fn sensors_without_stall_check_may_be_silent() {
    let mut sensors = camera_and_radar();
    for sensor in &mut sensors {
        sensor.stall_check = false;
    }
    let mut aligner = Aligner::new(&AlignConfig::default(), &sensors);
    let mut out = Alignment::default();
    aligner.tick(EPOCH, &mut out);
    aligner.tick(EPOCH + 100 * S, &mut out);
    assert_eq!(out, Alignment::default());
}

#[test]
fn nearest_stamps_pair_and_the_rest_is_said() {
    // Frames each 40 ms, radar each 50 ms: as in a table by hand.
    let mut headers = Vec::new();
    for i in 0..5_u32 {
        headers.push(at(
            0,
            i,
            EPOCH + u64::from(i) * 40 * MS,
            EPOCH + u64::from(i) * 40 * MS,
        ));
    }
    for i in 0..4_u32 {
        let t = EPOCH + u64::from(i) * 50 * MS;
        headers.push(at(1, i, t, t));
    }
    headers.sort_by_key(|h| h.captured_ns);
    let config = AlignConfig {
        pair_tolerance_ms: 15.0,
        ..AlignConfig::default()
    };
    let (pairings, _) = run(&config, &camera_and_radar(), &headers);
    let ms = MS as i64;
    // Frames 0 40 80 120 160, cycles 0 50 100 150: 80 and 120 are 20 ms from 100.
    assert_eq!(
        paired(&pairings),
        [(0, 0, 0), (1, 1, -10 * ms), (4, 3, 10 * ms)]
    );
    assert_eq!(pairings.len(), 3 + 2 + 1);
}

#[test]
fn a_sensors_offset_is_applied_before_pairing() {
    let mut sensors = camera_and_radar();
    sensors[1].offset_ns = -30 * MS as i64;
    let config = AlignConfig {
        pair_tolerance_ms: 5.0,
        ..AlignConfig::default()
    };
    let (pairings, faults) = run(&config, &sensors, &both(|t| t + 30 * MS));
    assert_eq!(faults, []);
    assert_eq!(paired(&pairings).len(), 40);
    assert!(paired(&pairings).iter().all(|p| p.2 == 0));
}

#[test]
fn one_radar_serves_several_cameras_and_a_camera_takes_the_nearest_of_several_radars() {
    let sensors = [
        sensor(0, "left", true),
        sensor(1, "right", true),
        sensor(2, "near", false),
        sensor(3, "far", false),
    ];
    let headers: Vec<Header> = (0..10_u32)
        .flat_map(|i| {
            let t = EPOCH + u64::from(i) * 100 * MS;
            [
                at(0, i, t, t),
                at(1, i, t + MS, t + MS),
                at(2, i, t + 2 * MS, t + 2 * MS),
                at(3, i, t + 9 * MS, t + 9 * MS),
            ]
        })
        .collect();
    let (pairings, _) = run(&AlignConfig::default(), &sensors, &headers);
    let near = |p: &&Pairing| {
        matches!(
            p,
            Pairing::Paired {
                radar: SensorId(2),
                ..
            }
        )
    };
    let far = |p: &&Pairing| {
        matches!(
            p,
            Pairing::RadarOnly {
                radar: SensorId(3),
                ..
            }
        )
    };
    assert_eq!(pairings.iter().filter(near).count(), 20);
    assert_eq!(pairings.iter().filter(far).count(), 10);
    assert_eq!(pairings.len(), 30);
}

#[test]
fn can_frames_and_ars548_lists_of_one_measurement_are_one_cycle() {
    let mut headers = Vec::new();
    for cycle in 0..10_u32 {
        let t = EPOCH + u64::from(cycle) * 50 * MS;
        headers.push(at(0, cycle, t, t));
        for i in 0..16 {
            let stamp = t + u64::from(i / 4) * MS;
            headers.push(Header {
                format: RawFormat::CanFrame,
                ..at(1, cycle * 16 + i, stamp, stamp)
            });
        }
    }
    let (pairings, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(faults, []);
    assert_eq!(pairings.len(), 10);
    assert!(
        paired(&pairings)
            .iter()
            .all(|&(frame, first, _)| first == frame * 16)
    );

    let mut headers = Vec::new();
    for cycle in 0..10_u32 {
        let t = EPOCH + u64::from(cycle) * 50 * MS;
        headers.push(at(0, cycle, t, t));
        for (i, stream) in [336_u16, 329, 380].into_iter().enumerate() {
            let sequence = cycle * 3 + i as u32;
            headers.push(Header {
                format: RawFormat::Ars548,
                stream,
                ..at(1, sequence, t, t)
            });
        }
    }
    let (pairings, faults) = run(&AlignConfig::default(), &camera_and_radar(), &headers);
    assert_eq!(faults, []);
    assert_eq!(pairings.len(), 10);
    assert!(
        paired(&pairings)
            .iter()
            .all(|&(frame, first, _)| first == frame * 3)
    );
}

#[test]
fn the_stream_of_an_ars548_message_is_its_method() {
    let mut message = RawMessage::empty(SensorId(1), RawFormat::Ars548);
    assert_eq!(Header::of(&message).stream, 0);
    message.data = vec![0, 0, 0x01, 0x49, 0, 0];
    assert_eq!(Header::of(&message).stream, 329);
    message.format = RawFormat::TiTlv;
    assert_eq!(Header::of(&message).stream, 0);
}

#[test]
fn a_dead_radar_delays_frames_by_no_more_than_the_horizon() {
    let mut aligner = Aligner::new(&AlignConfig::default(), &camera_and_radar());
    let mut out = Alignment::default();
    let mut outcomes = 0;
    for i in 0..100_u32 {
        let t = EPOCH + u64::from(i) * 33 * MS;
        aligner.observe(&at(0, i, t, t), &mut out);
        outcomes += out.pairings.len();
        // 250 ms of frames at 33 ms, and the one that is just being taken.
        assert!(aligner.pending() <= 9, "{}", aligner.pending());
    }
    aligner.tick(EPOCH + 100 * S, &mut out);
    outcomes += out.pairings.len();
    assert_eq!((outcomes, aligner.pending()), (100, 0));
}

#[test]
fn memory_is_bounded_when_receive_stamps_stand_still() {
    let mut aligner = Aligner::new(&AlignConfig::default(), &camera_and_radar());
    let mut out = Alignment::default();
    let mut outcomes = 0;
    for i in 0..5_000_u32 {
        aligner.observe(&at(0, i, EPOCH + u64::from(i) * MS, EPOCH + S), &mut out);
        outcomes += out.pairings.len();
        assert!(aligner.pending() <= 257);
    }
    aligner.finish(&mut out);
    assert_eq!(outcomes + out.pairings.len(), 5_000);
}

#[test]
fn the_configuration_says_what_is_wrong_with_it() {
    assert!(AlignConfig::default().check().is_ok());
    let bad = [
        AlignConfig {
            pair_tolerance_ms: -1.0,
            ..AlignConfig::default()
        },
        AlignConfig {
            lag_limit_s: f64::NAN,
            ..AlignConfig::default()
        },
        AlignConfig {
            pair_horizon_ms: 30.0,
            ..AlignConfig::default()
        },
    ];
    for config in bad {
        assert!(config.check().is_err(), "{config:?}");
    }
    let unknown = serde_json::from_str::<AlignConfig>(r#"{"tolerance": 3}"#);
    assert!(unknown.is_err());
}

/// Messages of two cameras and two radars: period, phase and jitter of each.
fn drive() -> impl Strategy<Value = (Vec<AlignSensor>, Vec<Header>)> {
    let sensor_stamps = (
        20_u64..120,
        0_u64..100,
        proptest::collection::vec(0_u64..15, 20),
    );
    (
        proptest::collection::vec(sensor_stamps, 4),
        proptest::collection::vec(any::<bool>(), 4),
        any::<u64>(),
    )
        .prop_map(|(stamps, cameras, _)| {
            let mut sensors = Vec::new();
            let mut headers = Vec::new();
            for (i, ((period, phase, jitter), is_camera)) in
                stamps.into_iter().zip(cameras).enumerate()
            {
                let id = i as u16;
                sensors.push(sensor(id, &format!("s{i}"), is_camera));
                for (k, jitter) in jitter.into_iter().enumerate() {
                    // Jitter below the period keeps each sensor's stamps in order.
                    let t = EPOCH + (phase + k as u64 * period + jitter) * MS + u64::from(id);
                    headers.push(at(id, k as u32, t, t));
                }
            }
            (sensors, headers)
        })
}

/// The same messages, each sensor's in order, delivered with delays below the horizon less twice
/// the tolerance.
fn deliver(headers: &[Header], delays: &[u64]) -> Vec<Header> {
    let mut latest: BTreeMap<SensorId, u64> = BTreeMap::new();
    let mut delivered: Vec<Header> = headers
        .iter()
        .zip(delays.iter().cycle())
        .map(|(header, delay)| {
            let earliest = latest.get(&header.sensor).copied().unwrap_or(0);
            let received_ns = (header.captured_ns + delay % 190 * MS).max(earliest);
            latest.insert(header.sensor, received_ns);
            Header {
                received_ns,
                ..*header
            }
        })
        .collect();
    delivered.sort_by_key(|h| (h.received_ns, h.sensor, h.sequence));
    delivered
}

/// The plain reference: mutual nearest neighbours over the whole run at once.
fn reference(
    sensors: &[AlignSensor],
    headers: &[Header],
    tolerance_ns: u64,
) -> BTreeSet<(u16, u32, u16, u32)> {
    let is_camera = |h: &Header| sensors[usize::from(h.sensor.0)].is_camera;
    let key = |a: &Header, b: &Header| {
        (
            a.captured_ns.abs_diff(b.captured_ns),
            b.captured_ns,
            b.sensor,
            b.sequence,
        )
    };
    let frames = headers.iter().filter(|h| is_camera(h));
    frames
        .filter_map(|frame| {
            let cycles = headers.iter().filter(|h| !is_camera(h));
            let cycle = cycles.min_by_key(|c| key(frame, c))?;
            let rivals = headers.iter().filter(|h| h.sensor == frame.sensor);
            let nearest = rivals.min_by_key(|f| key(cycle, f))?;
            let close = frame.captured_ns.abs_diff(cycle.captured_ns) <= tolerance_ns;
            (close && nearest.sequence == frame.sequence).then_some((
                frame.sensor.0,
                frame.sequence,
                cycle.sensor.0,
                cycle.sequence,
            ))
        })
        .collect()
}

fn pairs_of(pairings: &[Pairing]) -> BTreeSet<(u16, u32, u16, u32)> {
    pairings
        .iter()
        .filter_map(|p| match *p {
            Pairing::Paired {
                camera,
                camera_sequence,
                radar,
                radar_sequence,
                ..
            } => Some((camera.0, camera_sequence, radar.0, radar_sequence)),
            _ => None,
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_message_has_one_outcome_and_no_pair_exceeds_the_tolerance((sensors, headers) in drive(), delays in proptest::collection::vec(any::<u64>(), 40)) {
        let config = AlignConfig::default();
        let (pairings, faults) = run(&config, &sensors, &deliver(&headers, &delays));
        prop_assert!(faults.is_empty(), "{:?}", faults);
        let mut frames = BTreeMap::new();
        let mut cycles: BTreeMap<(SensorId, u32), Vec<Option<SensorId>>> = BTreeMap::new();
        for pairing in &pairings {
            match *pairing {
                Pairing::Paired { camera, camera_sequence, radar, radar_sequence, camera_minus_radar_ns, .. } => {
                    prop_assert!(camera_minus_radar_ns.abs() <= 25 * MS as i64);
                    *frames.entry((camera, camera_sequence)).or_insert(0) += 1;
                    cycles.entry((radar, radar_sequence)).or_default().push(Some(camera));
                }
                Pairing::CameraOnly { camera, camera_sequence, .. } => {
                    *frames.entry((camera, camera_sequence)).or_insert(0) += 1;
                }
                Pairing::RadarOnly { radar, radar_sequence, .. } => {
                    cycles.entry((radar, radar_sequence)).or_default().push(None);
                }
            }
        }
        prop_assert_eq!(frames.len() + cycles.len(), headers.len());
        prop_assert!(frames.values().all(|n| *n == 1));
        for outcomes in cycles.values() {
            // Alone once, or paired at most once with each camera.
            let distinct: BTreeSet<_> = outcomes.iter().collect();
            prop_assert_eq!(distinct.len(), outcomes.len());
            prop_assert!(outcomes.len() == 1 || !outcomes.contains(&None));
        }
    }

    #[test]
    fn arrival_order_within_the_horizon_changes_nothing_and_the_plain_reference_agrees((sensors, headers) in drive(), delays in proptest::collection::vec(any::<u64>(), 40)) {
        let config = AlignConfig::default();
        let mut in_order = headers.clone();
        in_order.sort_by_key(|h| (h.captured_ns, h.sensor));
        let (mut first, _) = run(&config, &sensors, &in_order);
        let (mut second, _) = run(&config, &sensors, &deliver(&headers, &delays));
        first.sort_unstable();
        second.sort_unstable();
        prop_assert_eq!(&first, &second);
        prop_assert_eq!(pairs_of(&first), reference(&sensors, &headers, 25 * MS));
    }

    #[test]
    fn a_restored_checkpoint_goes_on_exactly_alike((sensors, headers) in drive(), delays in proptest::collection::vec(any::<u64>(), 40), cut in 0_usize..80) {
        let config = AlignConfig::default();
        let headers = deliver(&headers, &delays);
        let mut whole = Aligner::new(&config, &sensors);
        let mut out = Alignment::default();
        for header in &headers[..cut] {
            whole.observe(header, &mut out);
        }
        let bytes = postcard::to_stdvec(&whole).unwrap();
        let mut restored: Aligner = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&restored, &whole);
        prop_assert_eq!(fold(&mut whole, &headers[cut..]), fold(&mut restored, &headers[cut..]));
    }

    #[test]
    fn any_stamps_are_survived_with_bounded_memory(stamps in proptest::collection::vec((0_u16..3, any::<u64>(), any::<u64>(), any::<bool>()), 0..200)) {
        let mut sensors = camera_and_radar();
        sensors[1].offset_ns = i64::MIN;
        let mut aligner = Aligner::new(&AlignConfig::default(), &sensors);
        let mut out = Alignment::default();
        let mut outcomes = 0;
        let mut taken = 0;
        for (i, (id, captured, received, tick)) in stamps.into_iter().enumerate() {
            aligner.observe(&at(id, i as u32, captured, received), &mut out);
            outcomes += out.pairings.len();
            taken += usize::from(id < 2);
            if tick {
                aligner.tick(received, &mut out);
                outcomes += out.pairings.len();
            }
        }
        aligner.finish(&mut out);
        prop_assert_eq!(outcomes + out.pairings.len(), taken);
    }
}
