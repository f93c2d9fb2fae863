//! The vehicle around the board: one synthetic drive, whose radar goes over the board's network as
//! ARS548 packets and whose CAN bus is a recording that the board replays on vcan.

use std::fmt::Write as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use drafthorse_core::{GroundTruth, TruthObject};
use drafthorse_synth::{Drive, DriveConfig, Event};
use drafthorse_wire::ars548;
use drafthorse_wire::capture::{UdpPacket, ethernet_frames};

use super::emulator::{Emulator, RADAR_SOCKET};

/// Length of the drive, which begins again at its end, s.
const SECONDS: f64 = 30.0;
/// Scans a second: a tenth of the sensor's own rate, for an emulated processor is ten to twenty times
/// slower than a board's.
const RADAR_HZ: f64 = 2.0;
/// The sensor's address, and the group and port that it sends to.
const SENSOR: ([u8; 4], u16) = ([10, 13, 1, 113], 42_102);
const GROUP: ([u8; 4], u16) = ([224, 0, 2, 2], 42_102);
/// Longest wait for QEMU to take a packet; a later one is lost, as on a network.
const PATIENCE: Duration = Duration::from_millis(200);

fn drive() -> Drive {
    Drive::new(&DriveConfig {
        seconds: SECONDS,
        radar_hz: RADAR_HZ,
        camera_fps: 0.0,
        ..DriveConfig::default()
    })
}

/// Sends the scans until the board has gone.
pub(super) fn play(folder: &Path, emulator: &Emulator) -> anyhow::Result<()> {
    let mut drive = drive();
    let mut scans = Vec::new();
    while let Some(event) = drive.next() {
        if let Event::Scan { scan, .. } = event {
            let detections = scan.points.iter().take(ars548::MAX_DETECTIONS);
            let detections: Vec<_> = detections.map(ars548::Detection::from_point).collect();
            scans.push((detections, scan.unambiguous_mps));
        }
    }
    std::env::set_current_dir(folder)?;
    let socket = UnixDatagram::unbound()?;
    socket
        .connect(RADAR_SOCKET)
        .context("the board is not up")?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let began = Instant::now();
    let mut payload = Vec::new();
    for (count, (detections, unambiguous_mps)) in (0u32..).zip(scans.iter().cycle()) {
        let due = Duration::from_secs_f64(f64::from(count) / RADAR_HZ);
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        if !emulator.is_running() {
            return Ok(());
        }
        // This machine's time of sending, which says what a log has lost. The board's clock is another,
        // so the sensor calls itself unsynchronised.
        let mut header = ars548::DetectionListHeader {
            message: ars548::MessageHeader::at(now_ns()),
            ..Default::default()
        };
        header.message.sync_status = 2;
        let trailer = ars548::DetectionListTrailer {
            velocity_min_mps: unambiguous_mps.0,
            velocity_max_mps: unambiguous_mps.1,
            ..Default::default()
        };
        ars548::encode_detections(&header, detections, &trailer, &mut payload)?;
        ars548::protect(&mut payload, count, ars548::METHOD_DETECTIONS.into())?;
        let packet = UdpPacket {
            ns: 0,
            source: SENSOR,
            destination: GROUP,
            id: count as u16,
            payload: &payload,
        };
        let frames = ethernet_frames(&packet).context("the payload is longer than a datagram")?;
        for (_, frame) in frames {
            // A packet that QEMU does not take is lost, as on a network.
            let _ = socket.send(&frame);
        }
    }
    Ok(())
}

/// This machine's clock, ns.
fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}

/// What the drive's CAN buses carry, as candump writes it: the tracks of a forward radar and the
/// speeds of the wheels, in the messages of the map `toyota-tracks`.
pub(super) fn candump() -> String {
    let mut drive = drive();
    let mut text = String::new();
    let mut scans = 0u32;
    while let Some(event) = drive.next() {
        if let Event::Scan { truth, .. } = event {
            let at_s = f64::from(scans) / RADAR_HZ;
            cycle(at_s, truth, &mut text);
            for speed in 1..SPEEDS {
                let at_s = at_s + f64::from(speed) / (RADAR_HZ * f64::from(SPEEDS));
                wheels(at_s, truth.ego.speed_mps, &mut text);
            }
            scans += 1;
        }
    }
    text
}

/// Speeds of the wheels a scan: 20 a second, so that the bus is never silent for long.
const SPEEDS: u32 = 10;
/// Slots of the radar.
const SLOTS: u32 = 16;
/// Where the radar sits, m before the vehicle's origin; the map adds it again.
const RADAR_X_M: f64 = 2.7;

fn line(at_s: f64, bus: &str, id: u32, data: [u8; 8], text: &mut String) {
    let data = data.map(|byte| format!("{byte:02X}")).concat();
    let _ = writeln!(text, "({at_s:.6}) {bus} {id:03X}#{data}");
}

/// The speed of the wheels.
fn wheels(at_s: f64, speed_mps: f64, text: &mut String) {
    let wheel = ((speed_mps * 3.6 + 67.67) / 0.01).round() as u16;
    let [high, low] = wheel.to_be_bytes();
    let data = [high, low, high, low, high, low, high, low];
    line(at_s, "can0", 0x0AA, data, text);
}

/// Speed and tracks.
fn cycle(at_s: f64, truth: &GroundTruth, text: &mut String) {
    wheels(at_s, truth.ego.speed_mps, text);
    let mut ahead: Vec<_> = truth
        .objects
        .iter()
        .filter(|object| object.moving && (3.0..150.0).contains(&object.x_m))
        .filter(|object| object.y_m.abs() < 20.0)
        .collect();
    ahead.sort_by(|a, b| a.x_m.total_cmp(&b.x_m));
    for slot in 0..SLOTS {
        let object = ahead.get(slot as usize).copied();
        let at_s = at_s + f64::from(slot + 1) * 0.0005;
        let data = track(object, truth.ego.speed_mps);
        line(at_s, "can1", 0x210 + slot, data, text);
    }
}

/// A track's frame; one that is not valid where there is no object.
fn track(object: Option<&TruthObject>, ego_mps: f64) -> [u8; 8] {
    let Some(object) = object else {
        return [0; 8];
    };
    let forward = ((object.x_m - RADAR_X_M) / 0.04).round() as u16 & 0x1FFF;
    let right = (-object.y_m / 0.04).round() as i16 as u16 & 0x7FF;
    let speed = ((object.vx_mps - ego_mps) / 0.025).clamp(-2048.0, 2047.0);
    let speed = speed.round() as i16 as u16 & 0xFFF;
    [
        0,
        (forward >> 5) as u8,
        (forward << 3) as u8,
        (right >> 3) as u8,
        (right << 5) as u8,
        (speed >> 4) as u8,
        (speed << 4) as u8 | 1,
        0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use drafthorse_core::{RadarTracks, SensorId};
    use drafthorse_wire::can::{CanDecoder, CanEvent, CanMap, parse_line};

    #[test]
    fn the_buses_say_where_the_objects_are() {
        let object = TruthObject {
            x_m: 42.7,
            y_m: 3.0,
            vx_mps: 12.0,
            moving: true,
            ..TruthObject::default()
        };
        let mut truth = GroundTruth {
            objects: vec![object],
            ..GroundTruth::default()
        };
        truth.ego.speed_mps = 10.0;
        let mut text = String::new();
        cycle(1.0, &truth, &mut text);
        let mut decoder = CanDecoder::new(CanMap::built_in("toyota-tracks").unwrap());
        let mut speeds = Vec::new();
        let mut out = RadarTracks::default();
        for line in text.lines() {
            let parsed = parse_line(line.as_bytes()).unwrap().unwrap();
            assert!(decoder.map().accepts(Some(parsed.interface), &parsed.frame));
            let event = decoder.decode(SensorId(0), &parsed.frame, parsed.ns, parsed.ns, &mut out);
            if let CanEvent::VehicleSpeed(mps) = event {
                speeds.push(mps);
            }
        }
        let tracks = &out.tracks;
        assert!((speeds[0] - 10.0).abs() < 0.01, "{speeds:?}");
        assert_eq!(tracks.len(), 1);
        assert!((tracks[0].forward_m - 42.7).abs() < 0.03, "{tracks:?}");
        assert!((tracks[0].left_m - 3.0).abs() < 0.03, "{tracks:?}");
        assert!((tracks[0].rel_speed_mps - 2.0).abs() < 0.03, "{tracks:?}");
    }
}
