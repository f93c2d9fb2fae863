//! What an imaging radar returns of the towns: the physics that a detector may rely on.

use drafthorse_core::{Class, GroundTruth, Pose, RadarPoint, RadarScan, TruthObject};
use drafthorse_synth::{Drive, DriveConfig, Event, RadarKind, Source, Town, Weather};

struct Seen<'a> {
    scan: &'a RadarScan,
    truth: &'a GroundTruth,
    sources: &'a [Source],
    in_view: &'a [u32],
}

fn play(config: &DriveConfig, mut each: impl FnMut(&Seen)) {
    let mut drive = Drive::new(config);
    loop {
        let (scan, truth) = match drive.next() {
            Some(Event::Scan { scan, truth }) => (scan.clone(), truth.clone()),
            Some(Event::Frame { .. }) => continue,
            None => return,
        };
        each(&Seen {
            scan: &scan,
            truth: &truth,
            sources: drive.sources(),
            in_view: drive.in_view(),
        });
    }
}

fn dense(seed: u64, seconds: f64) -> DriveConfig {
    DriveConfig {
        seed,
        seconds,
        radar_hz: 5.0,
        camera_fps: 0.0,
        town: Town::Boulevard,
        radar: RadarKind::Dense,
        ..DriveConfig::default()
    }
}

fn own<'a>(seen: &'a Seen, object: &TruthObject) -> impl Iterator<Item = &'a RadarPoint> {
    let source = Source::Object(object.id);
    let pairs = seen.scan.points.iter().zip(seen.sources);
    pairs.filter(move |(_, s)| **s == source).map(|(p, _)| p)
}

fn range_from_radar(object: &TruthObject) -> f64 {
    (object.x_m - 3.7).hypot(object.y_m)
}

#[test]
fn fewer_echoes_are_declared_from_farther_away() {
    // Vehicles and people in view, by range: how many return at all.
    let mut bands = [[0.0_f64; 2]; 3];
    for seed in 1..7 {
        play(&dense(seed, 6.0), |seen| {
            for object in &seen.truth.objects {
                let people = matches!(object.class, Class::Pedestrian | Class::Cyclist);
                let band = match range_from_radar(object) {
                    r if (8.0..20.0).contains(&r) => 0,
                    r if (28.0..42.0).contains(&r) => 1,
                    r if (55.0..70.0).contains(&r) => 2,
                    _ => continue,
                };
                if people && seen.in_view.contains(&object.id) {
                    bands[band][0] += 1.0;
                    bands[band][1] += f64::from(object.returns.min(1));
                }
            }
        });
    }
    let [near, middle, far] = bands.map(|[all, seen]| {
        assert!(all > 60.0, "{all}");
        seen / all
    });
    assert!(
        near > middle + 0.05 && middle > far + 0.05,
        "{near} {middle} {far}"
    );
}

#[test]
fn rates_are_those_of_the_doppler_equation_folded_into_the_interval() {
    for radar in [RadarKind::Dense, RadarKind::Ars548] {
        let mount = Pose {
            x_m: 3.5,
            y_m: 0.4,
            z_m: 0.7,
            yaw_rad: 0.2,
            ..Pose::default()
        };
        let config = DriveConfig {
            radar,
            town: Town::Highway, // Faster than the dense radar's interval is wide.
            radar_mount: Some(mount),
            ..dense(3, 15.0)
        };
        let (mut squares, mut count, mut folded, mut off) = (0.0, 0.0, 0, 0);
        play(&config, |seen| {
            let (low, high) = seen.scan.unambiguous_mps;
            let width = f64::from(high - low);
            let ego = &seen.truth.ego;
            let forward = ego.speed_mps - ego.yaw_rate_radps * mount.y_m;
            let left = ego.yaw_rate_radps * mount.x_m;
            for (point, source) in seen.scan.points.iter().zip(seen.sources) {
                if *source != Source::Scenery {
                    continue;
                }
                let (sin, cos) = mount.yaw_rad.sin_cos();
                let [x, y] = [point.x_m, point.y_m].map(f64::from);
                let (ahead, aside) = (cos * x - sin * y, sin * x + cos * y);
                let range = f64::from(point.range_m);
                let truly = -(forward * ahead + left * aside) / range;
                let error = f64::from(point.range_rate_mps) - truly;
                let intervals = (error / width).round();
                let rest = error - intervals * width;
                if rest.abs() > 0.5 {
                    off += 1; // Leaves in the wind.
                    continue;
                }
                folded += i32::from(intervals != 0.0);
                squares += rest * rest;
                count += 1.0;
                if radar == RadarKind::Dense {
                    assert!(point.range_rate_mps >= low && point.range_rate_mps <= high);
                }
            }
        });
        let rms = f64::sqrt(squares / count);
        assert!((0.03..0.2).contains(&rms), "{radar:?}: {rms} m/s");
        assert!(f64::from(off) < 0.12 * count, "{radar:?}: {off} of {count}");
        assert!(folded > 0, "{radar:?} never left its interval");
    }
}

#[test]
fn returns_of_objects_lie_on_them_and_ghosts_elsewhere() {
    let (mut on, mut all, mut ghosts, mut stray) = (0, 0, 0, 0);
    let outside = |p: &RadarPoint, o: &TruthObject| {
        let (x, y) = (f64::from(p.x_m) + 3.7 - o.x_m, f64::from(p.y_m) - o.y_m);
        let (sin, cos) = o.yaw_rad.sin_cos();
        let along = (cos * x + sin * y).abs() - 0.5 * o.length_m;
        let across = (cos * y - sin * x).abs() - 0.5 * o.width_m;
        along.max(0.0).hypot(across.max(0.0))
    };
    for seed in 11..14 {
        play(&dense(seed, 5.0), |seen| {
            for object in &seen.truth.objects {
                assert_eq!(own(seen, object).count(), object.returns as usize);
                for point in own(seen, object) {
                    all += 1;
                    on += usize::from(outside(point, object) < 0.5);
                }
            }
            for (point, source) in seen.scan.points.iter().zip(seen.sources) {
                if *source == Source::Ghost && point.z_m > -0.3 {
                    ghosts += 1;
                    let objects = &seen.truth.objects;
                    stray += usize::from(objects.iter().all(|o| outside(point, o) > 1.0));
                }
            }
        });
    }
    assert!(all > 2000 && on * 100 > all * 85, "{on} of {all}");
    assert!(ghosts > 100 && stray * 3 > ghosts, "{stray} of {ghosts}");
}

#[test]
fn cross_sections_of_the_classes_overlap() {
    let mut values: [Vec<f32>; 2] = Default::default();
    for seed in 21..25 {
        play(&dense(seed, 5.0), |seen| {
            for object in &seen.truth.objects {
                let list = match object.class {
                    Class::Car => 0,
                    Class::Pedestrian => 1,
                    _ => continue,
                };
                values[list].extend(own(seen, object).map(|p| p.rcs_dbsm));
            }
        });
    }
    // The best threshold on the cross-section is right for less than three quarters.
    let share_above =
        |list: &[f32], t: f32| list.iter().filter(|v| **v > t).count() as f64 / list.len() as f64;
    let best = (-40..30).map(f64::from).fold(0.0, |best: f64, t| {
        let cars = share_above(&values[0], t as f32);
        let people = 1.0 - share_above(&values[1], t as f32);
        best.max(0.5 * (cars + people))
    });
    assert!(values.iter().all(|v| v.len() > 150));
    assert!((0.5..0.75).contains(&best), "{best}");
}

#[test]
fn rain_costs_returns_and_adds_its_own_clutter() {
    let count = |weather: Weather| {
        let (mut objects, mut noise) = (0, 0);
        for seed in 31..34 {
            play(
                &DriveConfig {
                    weather,
                    ..dense(seed, 4.0)
                },
                |seen| {
                    objects += seen.truth.objects.iter().map(|o| o.returns).sum::<u32>();
                    let noises = seen.sources.iter().filter(|s| **s == Source::FalseAlarm);
                    noise += noises.count();
                },
            );
        }
        (objects, noise)
    };
    let (clear, rain) = (count(Weather::Clear), count(Weather::Rain));
    assert!(
        f64::from(rain.0) < 0.95 * f64::from(clear.0),
        "{rain:?} {clear:?}"
    );
    assert!(rain.1 > clear.1 * 5 / 4, "{rain:?} {clear:?}");
}

#[test]
fn a_scan_is_a_function_of_the_world() {
    // The radar that looks at every tenth of a second sees what one that looks twice as often saw
    // of the objects' positions; the same configuration gives the same scans.
    let points =
        |config: &DriveConfig| {
            let mut bits = Vec::new();
            play(config, |seen| {
                bits.extend(seen.scan.points.iter().map(|p| {
                    [p.x_m, p.y_m, p.z_m, p.rcs_dbsm, p.range_rate_mps].map(f32::to_bits)
                }));
            });
            bits
        };
    let config = dense(5, 3.0);
    assert_eq!(points(&config), points(&config));
    assert_ne!(points(&config), points(&dense(6, 3.0)));
}

#[test]
fn towns_have_crossing_traffic_standing_queues_and_everybody() {
    for town in [Town::OldTown, Town::Boulevard, Town::Gardens, Town::Harbour] {
        let (mut crossing, mut waiting) = (0, 0);
        let mut classes = [0; 4];
        for seed in 41..45 {
            let config = DriveConfig {
                town,
                radar_hz: 2.0,
                ..dense(seed, 20.0)
            };
            play(&config, |seen| {
                for o in &seen.truth.objects {
                    let slot = drafthorse_synth::shard::class_index(o.class);
                    classes[usize::from(slot)] += 1;
                    let speed = o.vx_mps.hypot(o.vy_mps);
                    let across = (o.yaw_rad.sin()).abs() > 0.85;
                    let vehicle = matches!(o.class, Class::Car | Class::Truck);
                    crossing += usize::from(across && vehicle && speed > 4.0);
                    let in_lane = o.y_m.abs() < 1.0 && o.x_m > 5.0;
                    waiting += usize::from(vehicle && in_lane && !o.moving);
                }
            });
        }
        assert!(crossing > 20, "{town:?}: {crossing} crossing");
        assert!(waiting > 0, "{town:?}: nobody waits");
        assert!(classes.iter().all(|c| *c > 50), "{town:?}: {classes:?}");
    }
}

#[test]
fn what_is_not_in_view_hardly_returns() {
    let (mut hidden, mut open) = ([0.0; 2], [0.0; 2]);
    play(&dense(51, 10.0), |seen| {
        for object in &seen.truth.objects {
            let middle = object.x_m > 12.0 && range_from_radar(object) < 45.0;
            if middle && object.class == Class::Car {
                let group = match seen.in_view.contains(&object.id) {
                    true => &mut open,
                    false => &mut hidden,
                };
                group[0] += 1.0;
                group[1] += f64::from(object.returns);
            }
        }
    });
    let [hidden, open] = [hidden, open].map(|[n, returns]| {
        assert!(n > 20.0, "{n}");
        returns / n
    });
    assert!(hidden < 0.25 * open, "{hidden} hidden, {open} in view");
}
