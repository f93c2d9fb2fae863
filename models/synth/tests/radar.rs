//! Whether the radar and the truth of a drive say the same about the same world.

use drafthorse_core::{GroundTruth, RadarPoint, RadarScan, TruthObject};
use drafthorse_synth::{Drive, DriveConfig, Event, Source};

/// Mount of the sample vehicle's radar: forward and up, m.
const MOUNT: [f64; 2] = [3.7, 0.6];

/// Plays the radar of a drive.
fn play(config: &DriveConfig, mut each: impl FnMut(&RadarScan, &GroundTruth, &[Source], [f64; 3])) {
    let mut drive = Drive::new(config);
    loop {
        let (scan, truth) = match drive.next() {
            Some(Event::Scan { scan, truth }) => (scan.clone(), truth.clone()),
            Some(Event::Frame { .. }) => continue,
            None => return,
        };
        each(&scan, &truth, drive.sources(), drive.ego_pose());
    }
}

fn radar_only(seed: u64, seconds: f64) -> DriveConfig {
    DriveConfig {
        seed,
        seconds,
        camera_fps: 0.0,
        ..DriveConfig::default()
    }
}

/// Range rate of a thing that stands, by the vehicle's true motion at the radar's mount.
fn rate_of_standing(point: &RadarPoint, truth: &GroundTruth) -> f64 {
    let sight = [point.x_m, point.y_m].map(|c| f64::from(c / point.range_m));
    let left_mps = truth.ego.yaw_rate_radps * MOUNT[0];
    -(truth.ego.speed_mps * sight[0] + left_mps * sight[1])
}

/// How far a return lies outside the footprint of a box, m.
fn outside(point: &RadarPoint, object: &TruthObject) -> f64 {
    let x = f64::from(point.x_m) + MOUNT[0] - object.x_m;
    let y = f64::from(point.y_m) - object.y_m;
    let (sin, cos) = object.yaw_rad.sin_cos();
    let along = (cos * x + sin * y).abs() - 0.5 * object.length_m;
    let across = (cos * y - sin * x).abs() - 0.5 * object.width_m;
    along.max(0.0).hypot(across.max(0.0))
}

fn object<'a>(truth: &'a GroundTruth, source: &Source) -> Option<&'a TruthObject> {
    let Source::Object(id) = source else {
        return None;
    };
    Some(truth.objects.iter().find(|o| o.id == *id).expect("listed"))
}

#[test]
fn what_stands_obeys_the_doppler_equation() {
    let (mut squares, mut count, mut turning) = (0.0, 0.0, 0.0_f64);
    play(&radar_only(7, 20.0), |scan, truth, sources, _| {
        turning = turning.max(truth.ego.yaw_rate_radps.abs());
        for (point, source) in scan.points.iter().zip(sources) {
            let stands =
                *source == Source::Scenery || object(truth, source).is_some_and(|o| !o.moving);
            if stands {
                let error = f64::from(point.range_rate_mps) - rate_of_standing(point, truth);
                assert!(error.abs() < 0.6, "{error} m/s");
                squares += error * error;
                count += 1.0;
            }
        }
    });
    let rms = (squares / count).sqrt();
    assert!(turning > 0.15, "the drive turns: {turning}");
    assert!((0.04..0.12).contains(&rms), "{rms} m/s");
}

#[test]
fn the_share_of_moving_returns_is_the_one_asked_for() {
    for wanted in [0.15, 0.3, 0.45] {
        for seed in [1, 2, 3] {
            let config = DriveConfig {
                moving_share: Some(wanted),
                ..radar_only(seed, 6.0)
            };
            let (mut moving, mut all) = (0.0, 0.0);
            play(&config, |_, truth, sources, _| {
                all += sources.len() as f64;
                moving += sources
                    .iter()
                    .filter(|s| object(truth, s).is_some_and(|o| o.moving))
                    .count() as f64;
            });
            let share = moving / all;
            assert!(
                (share - wanted).abs() < 0.07,
                "seed {seed}: {share} for {wanted}"
            );
        }
    }
}

#[test]
fn returns_lie_on_their_objects_and_are_counted() {
    let (mut near, mut count) = (0, 0);
    play(&radar_only(3, 6.0), |scan, truth, sources, _| {
        assert_eq!(scan.points.len(), sources.len());
        for (point, source) in scan.points.iter().zip(sources) {
            if let Some(object) = object(truth, source) {
                let gap = outside(point, object);
                // Five standard deviations of the azimuth at that range, and of the range.
                let allowed = 1.0 + 5.0 * f64::from(point.azimuth_std_rad * point.range_m);
                assert!(gap < allowed, "{gap} m off a {:?}", object.class);
                near += usize::from(gap < 0.4);
                count += 1;
            }
        }
        for object in &truth.objects {
            let own = sources.iter().filter(|s| **s == Source::Object(object.id));
            assert_eq!(own.count(), object.returns as usize);
        }
    });
    assert!(count > 1000 && near * 10 > count * 8, "{near} of {count}");
}

#[test]
fn scans_look_like_those_of_a_long_range_radar() {
    let (mut points, mut scans, mut far) = (0, 0, 0);
    play(&radar_only(7, 10.0), |scan, _, _, _| {
        scans += 1;
        points += scan.points.len();
        far += scan.points.iter().filter(|p| p.range_m > 60.0).count();
        for p in &scan.points {
            assert!(p.valid && p.range_m < 151.0 && p.azimuth_rad.abs() < 1.08);
            assert!(p.elevation_rad.abs() < 0.32 && p.range_rate_mps.abs() <= 60.0);
            assert_eq!(p.rcs_dbsm, p.rcs_dbsm.round());
        }
    });
    let mean = points / scans;
    assert!((180..420).contains(&mean), "{mean} returns a scan");
    assert!(far * 10 > points, "{far} of {points} beyond 60 m");
}

#[test]
fn range_rates_fold_when_the_interval_is_narrow() {
    let wide = radar_only(5, 1.0);
    let narrow = DriveConfig {
        unambiguous_mps: 8.0,
        ..wide.clone()
    };
    let rates = |config: &DriveConfig| {
        let mut rates = Vec::new();
        play(config, |scan, _, _, _| {
            let half = config.unambiguous_mps as f32;
            assert_eq!(scan.unambiguous_mps, (-half, half));
            rates.extend(scan.points.iter().map(|p| p.range_rate_mps));
        });
        rates
    };
    let (wide, narrow) = (rates(&wide), rates(&narrow));
    let folded = narrow.iter().all(|r| r.abs() <= 8.005);
    assert!(folded && wide.iter().any(|r| r.abs() > 9.0));
}

#[test]
fn the_true_motion_integrates_to_the_true_poses() {
    let mut config = radar_only(2, 15.0);
    config.radar_hz = 100.0;
    let mut last: Option<(GroundTruth, [f64; 3])> = None;
    let mut pose = [0.0; 3];
    let mut travelled = 0.0;
    play(&config, |_, truth, _, now| {
        let Some((before, old)) = last.replace((truth.clone(), now)) else {
            pose = now;
            return;
        };
        let dt = (truth.captured_ns - before.captured_ns) as f64 * 1e-9;
        let v = 0.5 * (truth.ego.speed_mps + before.ego.speed_mps);
        let w = 0.5 * (truth.ego.yaw_rate_radps + before.ego.yaw_rate_radps);
        let heading = pose[2] + 0.5 * w * dt;
        pose[0] += v * dt * heading.cos();
        pose[1] += v * dt * heading.sin();
        pose[2] += w * dt;
        travelled += v * dt;
        // No side slip: the rear axle moves where the vehicle points.
        let (dx, dy) = (now[0] - old[0], now[1] - old[1]);
        let middle = 0.5 * (now[2] + old[2]);
        let slip = dy * middle.cos() - dx * middle.sin();
        assert!(slip.abs() < 1e-4, "slips {slip} m");
        let error = (now[0] - pose[0]).hypot(now[1] - pose[1]);
        assert!(
            error < 0.05 + 2e-3 * travelled,
            "{error} m off after {travelled} m"
        );
        assert!((now[2] - pose[2]).abs() < 0.01);
    });
    assert!(travelled > 60.0);
}

#[test]
fn objects_move_as_their_velocities_say() {
    let mut config = radar_only(4, 5.0);
    config.radar_hz = 100.0;
    let mut last: Option<(GroundTruth, [f64; 3])> = None;
    let mut checked = 0;
    let to_world = |pose: [f64; 3], x: f64, y: f64| {
        let (sin, cos) = pose[2].sin_cos();
        [cos * x - sin * y, sin * x + cos * y]
    };
    play(&config, |_, truth, _, pose| {
        if let Some((before, old_pose)) = &last {
            let dt = (truth.captured_ns - before.captured_ns) as f64 * 1e-9;
            for object in &truth.objects {
                let Some(old) = before.objects.iter().find(|o| o.id == object.id) else {
                    continue;
                };
                let (a, b) = (
                    to_world(*old_pose, old.x_m, old.y_m),
                    to_world(pose, object.x_m, object.y_m),
                );
                let moved = [
                    b[0] + pose[0] - a[0] - old_pose[0],
                    b[1] + pose[1] - a[1] - old_pose[1],
                ];
                let said = to_world(pose, object.vx_mps * dt, object.vy_mps * dt);
                let error = (moved[0] - said[0]).hypot(moved[1] - said[1]) / dt;
                assert!(error < 0.6, "{:?} off by {error} m/s", object.class);
                checked += usize::from(object.moving);
            }
        }
        last = Some((truth.clone(), pose));
    });
    assert!(checked > 500);
}

#[test]
fn what_is_hidden_returns_little() {
    // Cars at middle distance: those with another vehicle squarely in the line of sight against
    // those with nothing near it.
    let (mut hidden, mut open) = ((0.0, 0.0), (0.0, 0.0));
    for seed in 1..9 {
        let mut config = radar_only(seed, 4.0);
        config.radar_hz = 8.0;
        play(&config, |_, truth, _, _| {
            for car in truth.objects.iter().filter(|o| o.length_m > 3.0) {
                let range = (car.x_m - MOUNT[0]).hypot(car.y_m);
                if !(25.0..70.0).contains(&range) {
                    continue;
                }
                let clearance = truth
                    .objects
                    .iter()
                    .filter(|o| o.id != car.id && o.length_m > 3.0)
                    .filter(|o| (o.x_m - MOUNT[0]).hypot(o.y_m) < range - 7.0 && o.x_m > 7.0)
                    .map(|o| {
                        let t = (o.x_m - MOUNT[0]) / (car.x_m - MOUNT[0]);
                        (o.y_m - t * car.y_m).abs()
                    })
                    .fold(f64::INFINITY, f64::min);
                let returns = f64::from(car.returns);
                if clearance < 0.4 {
                    hidden = (hidden.0 + returns, hidden.1 + 1.0);
                } else if clearance > 4.0 {
                    open = (open.0 + returns, open.1 + 1.0);
                }
            }
        });
    }
    assert!(hidden.1 > 30.0 && open.1 > 30.0, "{hidden:?} {open:?}");
    let (hidden, open) = (hidden.0 / hidden.1, open.0 / open.1);
    assert!(hidden < 0.4 * open, "{hidden} hidden, {open} in the open");
}
