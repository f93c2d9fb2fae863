//! Thirty seconds of real CAN traffic against the published tracks and speeds.
#![allow(clippy::unwrap_used)]

mod common;

use common::recorded_text;
use drafthorse_core::{RadarTracks, SensorId};
use drafthorse_wire::can::{CanDecoder, CanEvent, CanMap, parse_line};

const LOG: &str = "comma2k19/can.candump.log";

/// A speed with its stamp.
type TimedSpeed = (u64, f64);

/// Cycles of tracks and timed speeds of the whole log.
fn decoded() -> Option<(Vec<RadarTracks>, Vec<TimedSpeed>)> {
    let log = recorded_text(LOG)?;
    let mut decoder = CanDecoder::new(CanMap::built_in("toyota-tracks").unwrap());
    let (mut cycles, mut speeds) = (Vec::new(), Vec::new());
    let mut out = RadarTracks::default();
    let mut frames = 0;
    for line in log.lines() {
        let Some(parsed) = parse_line(line.as_bytes()).unwrap() else {
            continue;
        };
        frames += 1;
        if !decoder.map().accepts(Some(parsed.interface), &parsed.frame) {
            continue;
        }
        match decoder.decode(SensorId(3), &parsed.frame, parsed.ns, parsed.ns, &mut out) {
            CanEvent::Cycle => cycles.push(out.clone()),
            CanEvent::VehicleSpeed(speed) => speeds.push((parsed.ns, speed)),
            CanEvent::Nothing => {}
            CanEvent::Undecodable => panic!("{line}"),
        }
    }
    if decoder.flush(SensorId(3), &mut out) {
        cycles.push(out.clone());
    }
    assert_eq!(frames, 49_404);
    Some((cycles, speeds))
}

/// Seconds with six decimals to nanoseconds.
fn ns(text: &str) -> u64 {
    let (seconds, micros) = text.split_once('.').unwrap();
    assert_eq!(micros.len(), 6);
    seconds.parse::<u64>().unwrap() * 1_000_000_000 + micros.parse::<u64>().unwrap() * 1_000
}

#[test]
fn every_published_track_comes_out_exactly_and_no_other() {
    let (Some((cycles, _)), Some(rows)) = (decoded(), recorded_text("comma2k19/radar_tracks.csv"))
    else {
        return;
    };
    let mut tracks: Vec<_> = cycles.iter().flat_map(|cycle| &cycle.tracks).collect();
    let mut rows: Vec<Vec<_>> = rows
        .lines()
        .skip(1)
        .map(|row| row.split(',').collect())
        .collect();
    assert_eq!(rows.len(), 5_323);
    assert_eq!(tracks.len(), rows.len());
    // Frames of one stamp are published in no particular order.
    tracks.sort_by_key(|track| (track.captured_ns, track.address));
    rows.sort_by_key(|fields| (ns(fields[0]), fields[4].parse::<u32>().unwrap()));
    for (track, fields) in tracks.into_iter().zip(rows) {
        let row = fields.join(",");
        let number = |index: usize| fields[index].parse::<f64>().unwrap().to_bits();
        assert_eq!(track.captured_ns, ns(fields[0]), "{row}");
        assert_eq!(track.forward_m.to_bits(), number(1), "{row}");
        assert_eq!(track.left_m.to_bits(), number(2), "{row}");
        assert_eq!(track.rel_speed_mps.to_bits(), number(3), "{row}");
        assert_eq!(track.address, fields[4].parse::<u32>().unwrap());
        assert_eq!(track.new_track, fields[5] == "1");
    }
}

#[test]
fn cycles_follow_the_radars_own_counter() {
    let Some((cycles, _)) = decoded() else {
        return;
    };
    // Sixteen slots of 22,500 frames on that bus, about 20 cycles a second for 30 s.
    assert!(
        (550..700).contains(&cycles.len()),
        "{} cycles",
        cycles.len()
    );
    for (index, cycle) in cycles.iter().enumerate() {
        assert_eq!((cycle.sensor, cycle.sequence), (SensorId(3), index as u32));
        let mut addresses: Vec<_> = cycle.tracks.iter().map(|track| track.address).collect();
        addresses.sort_unstable();
        addresses.dedup();
        assert_eq!(
            addresses.len(),
            cycle.tracks.len(),
            "a slot twice in cycle {index}"
        );
    }
}

#[test]
fn the_vehicle_speed_is_the_published_one() {
    let (Some((_, speeds)), Some(rows)) = (decoded(), recorded_text("comma2k19/speed.csv")) else {
        return;
    };
    let rows: Vec<_> = rows.lines().skip(1).collect();
    assert_eq!((rows.len(), speeds.len()), (2_487, 2_487));
    for ((at, speed), row) in speeds.into_iter().zip(rows) {
        let (time, published) = row.split_once(',').unwrap();
        assert_eq!(at, ns(time));
        assert!(
            (speed - published.parse::<f64>().unwrap()).abs() < 1e-12,
            "{row}"
        );
    }
}
