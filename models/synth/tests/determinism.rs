//! The same configuration gives the same bytes; another seed gives others.

use drafthorse_synth::{Drive, DriveConfig, EPOCH_NS, Event};

/// FNV-1a over everything that a drive delivers.
fn digest(config: &DriveConfig) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    let mut drive = Drive::new(config);
    while let Some(event) = drive.next() {
        match event {
            Event::Scan { scan, truth } => {
                eat(&scan.captured_ns.to_le_bytes());
                for p in &scan.points {
                    for value in [p.x_m, p.y_m, p.z_m, p.range_rate_mps, p.rcs_dbsm] {
                        eat(&value.to_bits().to_le_bytes());
                    }
                }
                for o in &truth.objects {
                    for value in [o.x_m, o.y_m, o.yaw_rad, o.vx_mps, o.vy_mps] {
                        eat(&value.to_bits().to_le_bytes());
                    }
                    eat(&o.returns.to_le_bytes());
                }
            }
            Event::Frame {
                captured_ns,
                jpeg,
                rgb,
                ..
            } => {
                eat(&captured_ns.to_le_bytes());
                eat(jpeg);
                eat(rgb);
            }
        }
    }
    hash
}

fn short(seed: u64) -> DriveConfig {
    DriveConfig {
        seed,
        seconds: 1.5,
        camera_fps: 4.0,
        ..DriveConfig::default()
    }
}

#[test]
fn a_seed_is_a_drive() {
    let first = digest(&short(11));
    assert_eq!(first, digest(&short(11)));
    assert_ne!(first, digest(&short(12)));
}

#[test]
fn the_camera_does_not_change_what_the_radar_sees() {
    let scans = |camera_fps| {
        let mut drive = Drive::new(&DriveConfig {
            camera_fps,
            ..short(3)
        });
        let mut scans = Vec::new();
        while let Some(event) = drive.next() {
            if let Event::Scan { scan, .. } = event {
                scans.push(scan.clone());
            }
        }
        scans
    };
    let (alone, beside) = (scans(0.0), scans(7.0));
    assert_eq!(alone.len(), 30);
    // All measured values; NaN qualities do not compare equal to themselves.
    for (a, b) in alone.iter().zip(&beside) {
        let values = |s: &drafthorse_core::RadarScan| -> Vec<[u32; 3]> {
            let bits = |p: &drafthorse_core::RadarPoint| {
                [p.x_m, p.y_m, p.range_rate_mps].map(f32::to_bits)
            };
            s.points.iter().map(bits).collect()
        };
        assert_eq!(values(a), values(b));
    }
}

#[test]
fn events_come_in_order_of_capture() {
    let mut drive = Drive::new(&DriveConfig {
        seconds: 1.0,
        ..DriveConfig::default()
    });
    let (mut last, mut scans, mut frames, mut progress) = (EPOCH_NS, 0, 0, 0.0);
    loop {
        let captured_ns = match drive.next() {
            Some(Event::Scan { scan, truth }) => {
                assert_eq!((scan.sequence, scan.captured_ns), (scans, scan.received_ns));
                assert_eq!(truth.captured_ns, scan.captured_ns);
                scans += 1;
                scan.captured_ns
            }
            Some(Event::Frame {
                captured_ns,
                jpeg,
                width,
                height,
                rgb,
            }) => {
                frames += 1;
                assert_eq!(&jpeg[..2], &[0xFF, 0xD8]);
                assert_eq!(rgb.len(), (width * height * 3) as usize);
                captured_ns
            }
            None => break,
        };
        assert!(captured_ns >= last);
        last = captured_ns;
        assert!(drive.progress() >= progress);
        progress = drive.progress();
    }
    assert_eq!((scans, frames), (20, 15));
    assert_eq!(progress, 1.0);
}
