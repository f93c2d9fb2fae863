//! What the script of incidents promises: they happen, apart from each other, in front of the vehicle,
//! and the same whoever looks.

use drafthorse_synth::{Drive, DriveConfig, EPOCH_NS, Event, Incident, IncidentKind, Town};

fn staged(town: Town, seed: u64) -> DriveConfig {
    DriveConfig {
        seed,
        town,
        seconds: 70.0,
        radar_hz: 5.0,
        camera_fps: 0.0,
        incidents: 10,
        ..DriveConfig::default()
    }
}

fn played(config: &DriveConfig) -> Vec<Incident> {
    let mut drive = Drive::new(config);
    while drive.next().is_some() {}
    drive.incidents().to_vec()
}

#[test]
fn incidents_happen_apart_from_each_other_and_in_front_of_the_vehicle() {
    let mut kinds = Vec::new();
    let towns = [Town::RingRoad, Town::Gardens, Town::Highway];
    for (seed, town) in (1..).zip(towns) {
        let mut drive = Drive::new(&staged(town, seed));
        let mut told = 0;
        while let Some(event) = drive.next() {
            let Event::Scan { truth, .. } = event else {
                continue;
            };
            let now_s = (truth.captured_ns - EPOCH_NS) as f64 * 1e-9;
            let objects = truth.objects.clone();
            for incident in &drive.incidents()[told..] {
                assert!((now_s - 0.23..=now_s).contains(&incident.at_s));
                // Beside the vehicle's corner somebody is out of the radar's sight, and of the truth.
                if let Some(object) = objects.iter().find(|o| o.id == incident.object) {
                    assert!((3.7..60.0).contains(&object.x_m), "{incident:?} {object:?}");
                    assert!(
                        object.y_m.abs() < 3.0 + 0.02 * object.x_m.powi(2),
                        "{incident:?} {object:?}"
                    );
                }
                kinds.push(incident.kind);
            }
            told = drive.incidents().len();
        }
        assert!(told >= 2, "{town:?} has {told} incidents");
        let apart = drive.incidents().windows(2).map(|w| w[1].at_s - w[0].at_s);
        assert!(apart.fold(f64::INFINITY, f64::min) > 5.9);
    }
    let seen = IncidentKind::ALL.iter().filter(|kind| kinds.contains(kind));
    assert!(seen.count() >= 4, "{kinds:?}");
}

#[test]
fn incidents_do_not_depend_on_who_looks() {
    let seldom = DriveConfig {
        radar_hz: 1.0,
        disturbed: true,
        ..staged(Town::RingRoad, 3)
    };
    let looked = played(&staged(Town::RingRoad, 3));
    assert!(!looked.is_empty());
    assert_eq!(looked, played(&seldom));
}

#[test]
fn nothing_is_staged_unless_asked_for() {
    let plain = DriveConfig {
        incidents: 0,
        ..staged(Town::Boulevard, 1)
    };
    assert!(played(&plain).is_empty());
}

#[test]
fn a_disturbed_drive_has_long_stretches_of_noise_in_both_sensors() {
    let config = DriveConfig {
        seconds: 60.0,
        camera_fps: 2.0,
        disturbed: true,
        ..staged(Town::Gardens, 2)
    };
    let mut drive = Drive::new(&config);
    let (mut stretches, mut before) = (0, false);
    let mut returns = [(0_usize, 0_usize); 2];
    let mut brightness = [Vec::new(), Vec::new()];
    loop {
        match drive.next() {
            None => break,
            Some(Event::Scan { scan, .. }) => {
                let points = scan.points.len();
                let sum = &mut returns[usize::from(drive.disturbed())];
                *sum = (sum.0 + points, sum.1 + 1);
            }
            Some(Event::Frame { rgb, .. }) => {
                let mean = rgb.iter().map(|v| f64::from(*v)).sum::<f64>() / rgb.len() as f64;
                brightness[usize::from(drive.disturbed())].push(mean);
            }
        }
        let now = drive.disturbed();
        stretches += usize::from(now && !before);
        before = now;
    }
    assert!((1..=3).contains(&stretches), "{stretches}");
    let mean = |(sum, count): (usize, usize)| sum as f64 / count.max(1) as f64;
    assert!(mean(returns[1]) > mean(returns[0]) + 5.0, "{returns:?}");
    let flicker = |b: &[f64]| {
        let steps: Vec<_> = b.windows(2).map(|w| (w[1] - w[0]).abs()).collect();
        steps.iter().sum::<f64>() / steps.len() as f64
    };
    assert!(flicker(&brightness[1]) > 2.0 * flicker(&brightness[0]));
}
