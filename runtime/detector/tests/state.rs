//! The same inputs give the same bytes, and a checkpoint continues bit for bit.
#![allow(clippy::unwrap_used)] // A test says what is wrong by failing.

mod common;

use common::{Scene, mount};
use drafthorse_core::{RadarObject, RadarObjects, RadarScan, RadarTrack, RadarTracks, SensorId};
use drafthorse_detector::{DetectorConfig, PerceptionFrame, RadarPerception};

fn radar() -> RadarPerception {
    RadarPerception::new(&DetectorConfig::default(), &[(SensorId(0), mount())]).unwrap()
}

fn bytes(frame: &PerceptionFrame) -> Vec<u8> {
    postcard::to_stdvec(frame).unwrap()
}

fn scans(count: u32) -> Vec<RadarScan> {
    let scene = Scene::default();
    (0..count).map(|k| scene.scan(k, 3)).collect()
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let (mut a, mut b) = (radar(), radar());
    for scan in scans(60) {
        let first = bytes(a.scan(&scan, None));
        b.estimate_ego(&scan, None);
        b.cluster(&scan);
        b.track(&scan);
        assert_eq!(first, bytes(b.frame()));
    }
    assert!(a.frame().tracks.len() >= 3);
}

#[test]
fn a_checkpoint_continues_bit_for_bit() {
    let scans = scans(80);
    let mut whole = radar();
    let mut state = vec![9, 9];
    for (k, scan) in scans.iter().enumerate() {
        if k == 37 {
            whole.checkpoint(&mut state);
        }
        whole.scan(scan, None);
    }
    let mut continued = radar();
    // What it did before must not matter.
    continued.scan(&scans[70], Some(3.0));
    continued.restore(&state).unwrap();
    let mut reference = radar();
    for (k, scan) in scans.iter().enumerate() {
        let expected = bytes(reference.scan(scan, None));
        if k >= 37 {
            assert_eq!(bytes(continued.scan(scan, None)), expected, "scan {k}");
        }
    }
    let (mut a, mut b) = (Vec::new(), Vec::new());
    whole.checkpoint(&mut a);
    continued.checkpoint(&mut b);
    assert_eq!(a, b);
}

#[test]
fn damaged_checkpoints_are_refused_and_change_nothing() {
    let mut radar = radar();
    for scan in scans(10) {
        radar.scan(&scan, None);
    }
    let (mut before, mut after) = (Vec::new(), Vec::new());
    radar.checkpoint(&mut before);
    for cut in [0, 1, before.len() / 2, before.len() - 1] {
        assert!(radar.restore(&before[..cut]).is_err());
    }
    let mut longer = before.clone();
    longer.push(0);
    assert!(radar.restore(&longer).is_err());
    radar.checkpoint(&mut after);
    assert_eq!(before, after);
}

#[test]
fn empty_scans_bad_points_and_clock_jumps_do_not_break_it() {
    let mut radar = radar();
    let mut scan = scans(1).remove(0);
    for (k, captured_ns) in [5_000_000_000, 0, u64::MAX, 4, 4, 9_000_000_000]
        .into_iter()
        .enumerate()
    {
        scan.sequence = k as u32;
        scan.captured_ns = captured_ns;
        let point = &mut scan.points[k];
        point.x_m = f32::NAN;
        scan.points[10 + k].range_rate_mps = f32::INFINITY;
        scan.points[20 + k].valid = false;
        let frame = radar.scan(&scan, None);
        assert_eq!(frame.point_labels.len(), scan.points.len());
        assert!(frame.ego.speed_mps.is_finite() && frame.odom.iter().all(|v| v.is_finite()));
        let tracks = &frame.tracks;
        assert!(
            tracks
                .iter()
                .all(|t| t.x_m.is_finite() && t.vx_mps.is_finite())
        );
    }
    scan.points.clear();
    let frame = radar.scan(&scan, None);
    assert!(!frame.ego.observed && frame.point_labels.is_empty() && frame.detections.is_empty());
}

#[test]
fn objects_and_can_tracks_become_tracks() {
    let mut radar = radar();
    for k in 0..20_u32 {
        let captured_ns = 1_000_000_000 + u64::from(k) * 50_000_000;
        let x = 20.0 + 0.05 * (k as f32) * 3.0;
        let object = RadarObject {
            id: 4,
            x,
            y: 1.0,
            z: 0.5,
            centre_x: x,
            centre_y: 1.0,
            vx: 13.0,
            vy: 0.0,
            length: 4.2,
            width: 1.8,
            height: f32::NAN,
            yaw_rad: 0.0,
            existence: 0.9,
        };
        let sent = RadarObjects {
            sequence: k,
            captured_ns,
            objects: vec![object],
            ..RadarObjects::default()
        };
        radar.objects(&sent, Some(10.0));
    }
    let tracks = &radar.frame().tracks;
    assert_eq!(tracks.len(), 1);
    let t = tracks[0];
    assert!(
        (t.x_m - 22.85).abs() < 0.3 && (t.vx_mps - 13.0).abs() < 0.3,
        "{t:?}"
    );
    assert!((t.length_m - 4.2).abs() < 1e-5);

    let mut radar = RadarPerception::new(&DetectorConfig::default(), &[]).unwrap();
    for k in 0..20_u32 {
        let captured_ns = 1_000_000_000 + u64::from(k) * 50_000_000;
        let of = |address, forward_m: f64, left_m, rel_speed_mps| RadarTrack {
            address,
            captured_ns,
            forward_m: forward_m + rel_speed_mps * 0.05 * f64::from(k),
            left_m,
            rel_speed_mps,
            new_track: false,
        };
        let sent = RadarTracks {
            sequence: k,
            captured_ns,
            tracks: vec![of(528, 30.0, 0.0, 2.0), of(529, 60.0, -6.0, -20.0)],
            ..RadarTracks::default()
        };
        radar.tracks(&sent, Some(20.0));
    }
    let tracks = &radar.frame().tracks;
    assert_eq!(tracks.len(), 2, "{tracks:?}");
    assert!(tracks[0].moving && (tracks[0].vx_mps - 22.0).abs() < 0.5);
    assert!(!tracks[1].moving && tracks[1].vx_mps == 0.0);
}
