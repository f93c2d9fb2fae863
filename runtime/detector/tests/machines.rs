//! The same scans give the same bits on every machine: the digest below was made on x86-64, and these
//! tests run on aarch64 too (`tests/aarch64/crates.sh`).
#![allow(clippy::unwrap_used)] // A test says what is wrong by failing.

mod common;

use common::{Car, Scene, mount};
use drafthorse_core::SensorId;
use drafthorse_detector::{DetectorConfig, RadarPerception};

/// FNV-1a.
fn digest(bytes: &[u8], before: u64) -> u64 {
    let mix = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(before, mix)
}

#[test]
fn frames_and_states_have_the_same_bits_on_every_processor() {
    let mut found = 0xcbf2_9ce4_8422_2325;
    // Some drive straight among others, some turn, some in rain of returns that state no speed range.
    for seed in 0..24_u32 {
        let bend = f64::from(seed % 5) * 0.06 - 0.12;
        let mut scene = Scene {
            yaw_rate: bend,
            half: if seed % 3 == 0 { 0.0 } else { 22.5 },
            ..Scene::default()
        };
        for place in 0..6_u32 {
            let place = f64::from(place);
            scene.cars.push(Car {
                x: 20.0 + 17.0 * place,
                y: 3.6 * (place % 3.0) - 4.0,
                vx: 19.0 - 3.5 * place,
            });
        }
        let pose = drafthorse_core::Pose {
            yaw_rad: 0.11 * f64::from(seed),
            pitch_rad: 0.02,
            ..mount()
        };
        let mut radar =
            RadarPerception::new(&DetectorConfig::default(), &[(SensorId(0), pose)]).unwrap();
        for k in 0..40 {
            let frame = radar.scan(&scene.scan(k, u64::from(seed)), None);
            found = digest(&postcard::to_stdvec(frame).unwrap(), found);
        }
        assert!(!radar.frame().detections.is_empty());
        let mut state = Vec::new();
        radar.checkpoint(&mut state);
        found = digest(&state, found);
    }
    assert_eq!(
        found, 0xb098_09d3_4966_4499,
        "another digest: {found:#018x}"
    );
}
