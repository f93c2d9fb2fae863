//! Boxes of a network in the place of clusters.
#![allow(clippy::unwrap_used)] // A test says what is wrong by failing.

mod common;

use common::{Car, Scene, mount};
use drafthorse_core::{Class, RadarScan, SensorId};
use drafthorse_detector::{CrossCheck, DetectorConfig, NetworkBox, RadarPerception};

/// Two cars ahead; the network sees the nearer one and something far off the road.
fn scene() -> Scene {
    let car = |x, y| Car { x, y, vx: 20.0 };
    Scene {
        cars: vec![car(25.0, 0.0), car(60.0, 3.5)],
        ..Scene::default()
    }
}

fn found(x_m: f64, y_m: f64) -> NetworkBox {
    NetworkBox {
        class: Class::Truck,
        score: 0.8,
        centre_m: [x_m, y_m, 0.9],
        size_m: [4.6, 1.9, 1.7],
        yaw_rad: 0.0,
    }
}

fn perception() -> RadarPerception {
    RadarPerception::new(&DetectorConfig::default(), &[(SensorId(0), mount())]).unwrap()
}

fn step(radar: &mut RadarPerception, scan: &RadarScan, boxes: &[NetworkBox]) -> CrossCheck {
    radar.estimate_ego(scan, None);
    radar.cluster(scan);
    let check = radar.take_boxes(boxes, |[x_m, _]| x_m < 50.0);
    radar.track(scan);
    check
}

#[test]
fn boxes_replace_the_clusters_where_the_network_looks() {
    let scene = scene();
    let mut alone = perception();
    let mut radar = perception();
    let mut checks = Vec::new();
    for k in 0..30 {
        let scan = scene.scan(k, 8);
        alone.scan(&scan, None);
        let near = alone
            .frame()
            .detections
            .iter()
            .find(|d| d.moving && d.x_m < 50.0);
        let near = near.map(|d| found(d.x_m, d.y_m));
        let boxes: Vec<_> = near.into_iter().chain([found(30.0, -18.0)]).collect();
        checks.push(step(&mut radar, &scan, &boxes));
        let frame = radar.frame();
        let inside: Vec<_> = frame.detections.iter().filter(|d| d.x_m < 50.0).collect();
        assert_eq!(inside.len(), boxes.len());
        assert!(inside.iter().all(|d| d.class == Class::Truck));
        // Beyond its reach the clusters stand as before.
        let beyond = |frame: &drafthorse_detector::PerceptionFrame| {
            let far = frame.detections.iter().filter(|d| d.x_m >= 50.0);
            far.copied().collect::<Vec<_>>()
        };
        assert_eq!(beyond(frame), beyond(alone.frame()));
    }
    let last = checks.last().unwrap();
    assert_eq!((last.boxes, last.both), (2, 1), "{last:?}");
    // Found by both: one of the boxes and the clusters together.
    let all = f64::from(last.boxes + last.clusters - last.both);
    assert_eq!(last.agreement(), Some(1.0 / all));
    // The box on the car moves as its returns do, and is tracked; the other one stands.
    let frame = radar.frame();
    let of = |y: f64| {
        frame
            .detections
            .iter()
            .find(|d| (d.y_m - y).abs() < 1.5 && d.x_m < 50.0)
    };
    assert!(of(0.0).unwrap().moving && of(0.0).unwrap().points > 0);
    assert!(!of(-18.0).unwrap().moving);
    assert!(frame.tracks.iter().any(|t| t.moving && t.y_m.abs() < 1.5));
    assert_eq!(CrossCheck::default().agreement(), None);
}

#[test]
fn nothing_found_and_nothing_there_is_no_disagreement() {
    let scene = Scene {
        cars: vec![],
        ..Scene::default()
    };
    let mut radar = perception();
    let check = step(&mut radar, &scene.scan(0, 8), &[]);
    assert_eq!((check.boxes, check.both), (0, 0));
    assert!(radar.frame().detections.iter().all(|d| d.x_m >= 50.0));
}
