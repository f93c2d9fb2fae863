//! Ego motion and tracking on twenty synthetic drives that nothing was tuned on, against the
//! truth, and assignment against nearest-neighbour association on the same clusters.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // A test says what is wrong by failing.

use drafthorse_calibration::sample_vehicle;
use drafthorse_core::{EgoMotion, GroundTruth, SensorId};
use drafthorse_detector::evaluation::{
    Evaluation, Instant, Labelled, Scores, Similarity, evaluate,
};
use drafthorse_detector::{Association, DetectorConfig, RadarPerception};
use drafthorse_synth::{Drive, DriveConfig, Event};
use std::collections::BTreeMap;

/// Scans an object may go without a return before its truth stops to count (0.5 s).
const HIDDEN_SCANS: u32 = 10;

/// What one drive gave.
#[derive(Default)]
struct Played {
    assignment: Vec<Instant>,
    nearest: Vec<Instant>,
    /// Sums of squared errors of speed and yaw rate, and how many.
    speed2: f64,
    turn2: f64,
    scans: u32,
    /// Returns, and those that lie on moving objects.
    returns: u64,
    moving_returns: u64,
}

impl Played {
    fn ego(&mut self, found: &EgoMotion, truth: &EgoMotion) {
        let speed = found.speed_mps - truth.speed_mps;
        let turn = found.yaw_rate_radps - truth.yaw_rate_radps;
        self.speed2 += speed * speed;
        self.turn2 += turn * turn;
        self.scans += 1;
    }

    fn rms(&self) -> (f64, f64) {
        let n = f64::from(self.scans.max(1));
        ((self.speed2 / n).sqrt(), (self.turn2 / n).sqrt())
    }
}

/// Moving objects in the radar's reach that had a return within the last half second count; all
/// others are ignored, as are the tracks on them. Tracks of standing things, and tracks outside
/// the reach (of which the truth says nothing), are not asked for.
fn instant(truth: &GroundTruth, hidden: &BTreeMap<u32, u32>, radar: &RadarPerception) -> Instant {
    let mount = sample_vehicle().sensors["radar_front"].mount;
    let in_reach = |x_m: f64, y_m: f64| {
        let (x, y) = (x_m - mount.x_m, y_m - mount.y_m);
        (y.atan2(x) - mount.yaw_rad).abs() < 1.04 && x.hypot(y) < 149.0
    };
    let tracks = radar
        .frame()
        .tracks
        .iter()
        .filter(|t| t.moving && in_reach(t.x_m, t.y_m));
    Instant {
        truth: truth
            .objects
            .iter()
            .map(|o| {
                let recent = hidden.get(&o.id).is_some_and(|&h| h <= HIDDEN_SCANS);
                Labelled {
                    ignored: !(o.moving && recent && in_reach(o.x_m, o.y_m)),
                    ..Labelled::from(o)
                }
            })
            .collect(),
        tracks: tracks.map(Labelled::from).collect(),
    }
}

fn radar(association: Association) -> RadarPerception {
    let vehicle = sample_vehicle();
    let mount = vehicle.sensors["radar_front"].mount;
    let mut config = DetectorConfig::default();
    config.tracking.association = association;
    RadarPerception::new(&config, &[(SensorId(0), mount)]).unwrap()
}

fn play(seed: u64, seconds: f64) -> Played {
    let mut drive = Drive::new(&DriveConfig {
        seed,
        seconds,
        camera_fps: 0.0,
        moving_share: Some(0.3),
        ..DriveConfig::default()
    });
    let (mut first, mut second) = (radar(Association::Assignment), radar(Association::Nearest));
    let mut hidden: BTreeMap<u32, u32> = BTreeMap::new();
    let mut played = Played::default();
    while let Some(event) = drive.next() {
        let Event::Scan { scan, truth } = event else {
            continue;
        };
        for object in &truth.objects {
            if object.returns > 0 {
                hidden.insert(object.id, 0);
            } else if let Some(scans) = hidden.get_mut(&object.id) {
                *scans += 1;
            }
            played.moving_returns += if object.moving {
                u64::from(object.returns)
            } else {
                0
            };
        }
        played.returns += scan.points.len() as u64;
        first.scan(scan, None);
        second.scan(scan, None);
        assert_eq!(
            first.frame().detections,
            second.frame().detections,
            "clusters must be the same"
        );
        played.ego(&first.frame().ego, &truth.ego);
        played.assignment.push(instant(truth, &hidden, &first));
        played.nearest.push(instant(truth, &hidden, &second));
    }
    played
}

fn line(name: &str, s: &Scores) -> String {
    format!(
        "{name:>10}: HOTA {:.4} DetA {:.4} AssA {:.4} LocA {:.4} recall {:.3} precision {:.3} MOTA {:.3} switches {} fragmentations {}",
        s.hota,
        s.det_a,
        s.ass_a,
        s.loc_a,
        s.recall,
        s.precision,
        s.mota,
        s.id_switches,
        s.fragmentations
    )
}

/// Plays the drives, two at a time, and prints what each and all gave.
fn drives(seeds: std::ops::RangeInclusive<u64>, seconds: f64) -> (Scores, Scores, f64, f64) {
    let (mut first, mut second) = (
        Evaluation::new(Similarity::default()),
        Evaluation::new(Similarity::default()),
    );
    let mut whole = Played::default();
    let seeds: Vec<u64> = seeds.collect();
    let mut all = Vec::new();
    for pair in seeds.chunks(2) {
        std::thread::scope(|scope| {
            let running: Vec<_> = pair
                .iter()
                .map(|&seed| scope.spawn(move || play(seed, seconds)))
                .collect();
            all.extend(running.into_iter().map(|r| r.join().unwrap()));
        });
    }
    for (seed, played) in seeds.iter().zip(&all) {
        first.add_sequence(&played.assignment);
        second.add_sequence(&played.nearest);
        let (speed, turn) = played.rms();
        let (a, n) = (
            evaluate(&played.assignment, Similarity::default()),
            evaluate(&played.nearest, Similarity::default()),
        );
        println!(
            "seed {seed:>3}: speed {speed:.4} m/s, yaw rate {turn:.5} rad/s, {:.0} returns a scan, {:.1} % moving; HOTA {:.4} / {:.4}, switches {} / {}, recall {:.3}, precision {:.3}",
            played.returns as f64 / f64::from(played.scans),
            100.0 * played.moving_returns as f64 / played.returns as f64,
            a.hota,
            n.hota,
            a.id_switches,
            n.id_switches,
            a.recall,
            a.precision,
        );
        whole.speed2 += played.speed2;
        whole.turn2 += played.turn2;
        whole.scans += played.scans;
    }
    let (first, second) = (first.scores(), second.scores());
    let (speed, turn) = whole.rms();
    println!(
        "{}\n{}",
        line("assignment", &first),
        line("nearest", &second)
    );
    println!("ego: speed {speed:.4} m/s RMS, yaw rate {turn:.5} rad/s RMS");
    (first, second, speed, turn)
}

#[test]
fn twenty_drives_meet_the_ego_limits_and_assignment_beats_nearest() {
    let (assignment, nearest, speed, turn) = drives(1..=20, 8.0);
    assert!(speed <= 0.05, "ego speed is {speed} m/s RMS off");
    assert!(turn <= 0.01, "yaw rate is {turn} rad/s RMS off");
    assert!(
        assignment.hota > nearest.hota,
        "HOTA {} / {}",
        assignment.hota,
        nearest.hota
    );
    assert!(assignment.id_switches < nearest.id_switches);
}
