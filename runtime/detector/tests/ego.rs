//! The vehicle's motion from radial velocities.
#![allow(clippy::unwrap_used)] // A test says what is wrong by failing.

mod common;

use common::{Car, Scene, mount};
use drafthorse_core::{EgoMotion, Pose, RadarPoint, RadarScan, SensorId};
use drafthorse_detector::{DetectorConfig, PointLabel, RadarPerception};

fn radar(pose: Pose) -> RadarPerception {
    RadarPerception::new(&DetectorConfig::default(), &[(SensorId(0), pose)]).unwrap()
}

fn after(scene: &Scene, scans: u32, external: Option<f64>) -> EgoMotion {
    let mut radar = radar(mount());
    for k in 0..scans {
        radar.scan(&scene.scan(k, 8), external);
    }
    radar.frame().ego
}

#[test]
fn speed_and_turn_are_found() {
    for (speed, yaw_rate) in [(8.0, 0.3), (15.0, -0.1), (33.0, 0.02), (-2.0, 0.1)] {
        let scene = Scene {
            speed,
            yaw_rate,
            cars: vec![],
            ..Scene::default()
        };
        let ego = after(&scene, 10, None);
        assert!((ego.speed_mps - speed).abs() < 0.03, "{ego:?}");
        assert!((ego.yaw_rate_radps - yaw_rate).abs() < 0.01, "{ego:?}");
        assert!(ego.observed && ego.inliers > 60);
        assert!(ego.speed_std_mps > 0.0 && ego.speed_std_mps < 0.05);
    }
}

#[test]
fn folded_rates_are_unfolded() {
    let scene = Scene {
        speed: 30.0,
        half: 20.0,
        cars: vec![],
        ..Scene::default()
    };
    let ego = after(&scene, 3, None);
    assert!((ego.speed_mps - 30.0).abs() < 0.05, "{ego:?}");
}

#[test]
fn a_convoy_that_is_the_majority_does_not_pass_for_the_ground() {
    let cars: Vec<Car> = (0..8)
        .map(|k| Car {
            x: 15.0 + 9.0 * f64::from(k),
            y: 0.0,
            vx: 20.0,
        })
        .collect();
    let ground = Scene {
        cars: vec![],
        fixed: 60,
        ..Scene::default()
    };
    let jam = Scene {
        cars,
        fixed: 60,
        returns_a_car: 14,
        ..Scene::default()
    };
    // Known from the scans before.
    let mut radar = radar(mount());
    for k in 0..5 {
        radar.scan(&ground.scan(k, 8), None);
    }
    for k in 5..10 {
        radar.scan(&jam.scan(k, 8), None);
    }
    let ego = radar.frame().ego;
    assert!((ego.speed_mps - 15.0).abs() < 0.1, "{ego:?}");
    // Known from CAN, with its error of scale.
    let ego = after(&jam, 1, Some(15.2));
    assert!((ego.speed_mps - 15.0).abs() < 0.1, "{ego:?}");
}

#[test]
fn a_standing_vehicle_stands_without_jitter() {
    let scene = Scene {
        speed: 0.0,
        cars: vec![Car {
            x: 20.0,
            y: 0.0,
            vx: 8.0,
        }],
        ..Scene::default()
    };
    let mut radar = radar(mount());
    for k in 0..30 {
        let frame = radar.scan(&scene.scan(k, 2), None);
        assert_eq!((frame.ego.speed_mps, frame.ego.yaw_rate_radps), (0.0, 0.0));
        assert_eq!(frame.odom, [0.0; 3]);
        assert!(frame.ego.observed);
    }
}

#[test]
fn too_few_returns_are_carried_on_and_said_so() {
    let scene = Scene::default();
    let mut radar = radar(mount());
    for k in 0..5 {
        radar.scan(&scene.scan(k, 2), None);
    }
    let mut scan = scene.scan(5, 2);
    scan.points.truncate(4);
    let ego = radar.scan(&scan, None).ego;
    assert!(!ego.observed && (ego.speed_mps - 15.0).abs() < 0.2);
    let ego = radar
        .scan(
            &RadarScan {
                captured_ns: scan.captured_ns + 50_000_000,
                ..scan
            },
            Some(15.5),
        )
        .ego;
    assert!(!ego.observed && ego.speed_mps > 14.9);
}

#[test]
fn moving_returns_are_told_from_fixed_ones() {
    let scene = Scene::default();
    let mut radar = radar(mount());
    let (mut right, mut all) = (0_u32, 0_u32);
    for k in 0..10 {
        let scan = scene.scan(k, 4);
        let labels = radar.scan(&scan, None).point_labels.clone();
        let cars = scene.cars.len() * scene.returns_a_car;
        let first_car = scan.points.len() - cars;
        for (i, label) in labels.iter().enumerate() {
            let expected = if i < first_car {
                PointLabel::Stationary
            } else {
                PointLabel::Moving
            };
            right += u32::from(*label == expected);
            all += 1;
        }
    }
    assert!(f64::from(right) > 0.98 * f64::from(all), "{right} of {all}");
}

/// The one real scan, from the text another decoder wrote of it.
fn real_scan() -> Option<RadarScan> {
    let folder = std::env::var("DRAFTHORSE_DATA").unwrap_or_else(|_| {
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").to_owned()
    });
    let text = std::fs::read_to_string(format!("{folder}/ars548/detection_list.yaml")).ok()?;
    let mut points: Vec<RadarPoint> = Vec::new();
    let mut polar = [0.0_f32; 7];
    let names = [
        "azimuth_angle",
        "elevation_angle",
        "range",
        "range_rate",
        "rcs",
        "azimuth_angle_std",
        "range_rate_std",
    ];
    let list = text.split_once("detections:")?.1;
    for line in list.lines() {
        let Some((name, value)) = line.trim_start_matches([' ', '-']).split_once(": ") else {
            continue;
        };
        if let Some(k) = names.iter().position(|n| *n == name) {
            polar[k] = value.trim().parse().ok()?;
        }
        if name == "raw_ambiguity_flag" {
            let [azimuth, elevation, range, rate, rcs, azimuth_std, rate_std] = polar;
            let mut point = RadarPoint::from_polar(range, azimuth, elevation, rate, rcs);
            point.azimuth_std_rad = azimuth_std;
            point.range_rate_std_mps = rate_std;
            points.push(point);
        }
    }
    Some(RadarScan {
        points,
        unambiguous_mps: (-22.8866, 22.8866),
        ..RadarScan::default()
    })
}

#[test]
fn a_real_scan_gives_its_speed() {
    let Some(scan) = real_scan() else {
        println!("skipped: the recording ars548/detection_list.yaml is not there");
        return;
    };
    assert_eq!(scan.points.len(), 308);
    let mut radar = radar(Pose {
        x_m: 3.872,
        z_m: 0.641,
        ..Pose::default()
    });
    let ego = radar.scan(&scan, None).ego;
    println!("{ego:?}");
    assert!((ego.speed_mps - 6.23).abs() <= 0.05, "{ego:?}");
    assert!(ego.observed && ego.inliers > 250);
}
