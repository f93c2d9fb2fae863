//! From a drive to a shard: frames of accumulated scans with the boxes of their instant.

use super::motion::{compensated, radar_velocity, world_from_radar};
use super::{CLASSES, CLUTTER, GHOST, Shard, class_index};
use crate::config::DriveConfig;
use crate::drive::{Drive, Event};
use crate::echo::Source;
use crate::rng::Rng;
use drafthorse_core::{EgoMotion, GroundTruth, Pose, RadarScan};
use nalgebra::{Isometry3, Vector3};
use std::collections::VecDeque;

/// Errors of wheel odometry: speed, m/s, and yaw rate, rad/s.
const SPEED_STD_MPS: f64 = 0.04;
const YAW_RATE_STD_RADPS: f64 = 0.003;

/// How a drive becomes a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardConfig {
    /// Scans in a frame, the newest among them; at least 1.
    pub scans: usize,
    /// A frame every so many scans; at least 1.
    pub every: usize,
}

/// One scan, kept while it is young enough to be in a frame.
struct Kept {
    captured_ns: u64,
    world_from_radar: Isometry3<f64>,
    /// As in [`Shard::points`], in the radar's frame of its own time.
    points: Vec<[f32; 7]>,
    objects: Vec<i64>,
}

/// Plays a drive and takes its frames. Points that are not a road user's have [`CLUTTER`] or
/// [`GHOST`]; boxes are of those in view or with returns, in order of identity.
#[must_use]
pub fn play(drive_config: &DriveConfig, config: ShardConfig) -> Shard {
    let (scans, every) = (config.scans.max(1), config.every.max(1));
    let mut drive = Drive::new(&DriveConfig {
        camera_fps: 0.0,
        ..drive_config.clone()
    });
    let mount = drive.radar_mount();
    let mut rng = Rng::new(drive_config.seed, 16);
    let mut shard = Shard {
        metadata: metadata(drive_config, scans, &mount),
        points_start: vec![0],
        boxes_start: vec![0],
        ..Shard::default()
    };
    let mut kept: VecDeque<Kept> = VecDeque::new();
    let mut count = 0;
    loop {
        let (scan, truth) = match drive.next() {
            Some(Event::Scan { scan, truth }) => (scan.clone(), truth.clone()),
            Some(Event::Frame { .. }) => continue,
            None => return shard,
        };
        let odometry = EgoMotion {
            speed_mps: truth.ego.speed_mps + SPEED_STD_MPS * rng.normal(),
            yaw_rate_radps: truth.ego.yaw_rate_radps + YAW_RATE_STD_RADPS * rng.normal(),
            ..truth.ego
        };
        kept.push_front(keep(&scan, &odometry, &drive, &mount));
        kept.truncate(scans);
        count += 1;
        if count >= scans && (count - scans) % every == 0 {
            take_frame(
                &mut shard,
                &kept,
                &truth,
                &odometry,
                &mount,
                drive.in_view(),
            );
        }
    }
}

fn metadata(config: &DriveConfig, scans: usize, mount: &Pose) -> Vec<(String, String)> {
    let mount = serde_json::to_string(mount).unwrap_or_default();
    [
        ("format", "drafthorse-shard-1".to_owned()),
        ("seed", config.seed.to_string()),
        ("town", config.town.name().to_owned()),
        ("weather", config.weather.name().to_owned()),
        ("radar", config.radar.name().to_owned()),
        ("scans", scans.to_string()),
        ("classes", CLASSES.join(",")),
        ("mount", mount),
        ("generator", env!("CARGO_PKG_VERSION").to_owned()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .to_vec()
}

fn keep(scan: &RadarScan, odometry: &EgoMotion, drive: &Drive, mount: &Pose) -> Kept {
    let radar = radar_velocity(odometry, mount);
    let half = f64::from(scan.unambiguous_mps.1);
    Kept {
        captured_ns: scan.captured_ns,
        world_from_radar: world_from_radar(drive.ego_pose(), mount),
        points: scan
            .points
            .iter()
            .map(|p| {
                let rate = compensated(p, &radar, half) as f32;
                [p.x_m, p.y_m, p.z_m, p.rcs_dbsm, p.range_rate_mps, rate, 0.0]
            })
            .collect(),
        objects: drive
            .sources()
            .iter()
            .map(|source| match source {
                Source::Object(id) => i64::from(*id),
                Source::Scenery | Source::FalseAlarm => CLUTTER,
                Source::Ghost => GHOST,
            })
            .collect(),
    }
}

fn take_frame(
    shard: &mut Shard,
    kept: &VecDeque<Kept>,
    truth: &GroundTruth,
    odometry: &EgoMotion,
    mount: &Pose,
    in_view: &[u32],
) {
    let Some(newest) = kept.front() else {
        return;
    };
    let radar_from_world = newest.world_from_radar.inverse();
    for scan in kept {
        let moved = radar_from_world * scan.world_from_radar;
        let age_s = (newest.captured_ns - scan.captured_ns) as f64 * -1e-9;
        for point in &scan.points {
            let mut point = *point;
            if age_s < 0.0 {
                let [x, y, z] = [0, 1, 2].map(|i| f64::from(point[i]));
                let now = moved * nalgebra::Point3::new(x, y, z);
                (point[0], point[1], point[2]) = (now.x as f32, now.y as f32, now.z as f32);
                point[6] = age_s as f32;
            }
            shard.points.push(point);
        }
        shard.point_object.extend(&scan.objects);
    }
    boxes(shard, kept, truth, mount, in_view);
    shard.captured_ns.push(truth.captured_ns as i64);
    shard
        .ego
        .push([odometry.speed_mps as f32, odometry.yaw_rate_radps as f32]);
    shard.points_start.push(shard.points.len() as i64);
    shard.boxes_start.push(shard.boxes.len() as i64);
}

fn boxes(
    shard: &mut Shard,
    kept: &VecDeque<Kept>,
    truth: &GroundTruth,
    mount: &Pose,
    in_view: &[u32],
) {
    let radar_from_vehicle = mount.parent_from_self().inverse();
    let mut objects: Vec<_> = truth.objects.iter().collect();
    objects.sort_by_key(|o| o.id);
    for object in objects {
        let track = i64::from(object.id);
        let own = |k: &Kept| k.objects.iter().filter(|o| **o == track).count() as i32;
        let newest = kept.front().map_or(0, own);
        let all = kept.iter().map(own).sum();
        if all == 0 && !in_view.contains(&object.id) {
            continue;
        }
        let centre = radar_from_vehicle * nalgebra::Point3::new(object.x_m, object.y_m, object.z_m);
        let heading = object.yaw_rad;
        let velocity = radar_from_vehicle * Vector3::new(object.vx_mps, object.vy_mps, 0.0);
        let forward = radar_from_vehicle * Vector3::new(heading.cos(), heading.sin(), 0.0);
        shard.boxes.push(
            [
                centre.x,
                centre.y,
                centre.z,
                object.length_m,
                object.width_m,
                object.height_m,
                forward.y.atan2(forward.x),
            ]
            .map(|v| v as f32),
        );
        shard
            .box_velocity
            .push([velocity.x as f32, velocity.y as f32]);
        shard.box_class.push(class_index(object.class));
        shard.box_track.push(track);
        shard.box_returns.push(newest);
        shard.box_returns_all.push(all);
        shard.box_moving.push(u8::from(object.moving));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radar_model::RadarKind;
    use crate::town::Town;

    fn drive(seconds: f64) -> DriveConfig {
        DriveConfig {
            seed: 21,
            seconds,
            town: Town::OldTown,
            radar: RadarKind::Dense,
            ..DriveConfig::default()
        }
    }

    #[test]
    fn returns_are_counted_after_noise_and_loss() {
        let shard = play(&drive(2.0), ShardConfig { scans: 3, every: 5 });
        let mut seen = 0;
        for frame in 0..shard.frames() {
            for b in shard.boxes_of(frame) {
                let own = |newest: bool| {
                    let mine = shard.points_of(frame).filter(|&p| {
                        let age = shard.points[p][6];
                        shard.point_object[p] == shard.box_track[b] && (!newest || age == 0.0)
                    });
                    mine.count() as i32
                };
                assert_eq!(shard.box_returns[b], own(true));
                assert_eq!(shard.box_returns_all[b], own(false));
                seen += own(false);
            }
        }
        assert!(seen > 300, "{seen}");
    }

    #[test]
    fn what_stands_stays_where_it_is_and_has_no_rate_left() {
        let shard = play(&drive(3.0), ShardConfig { scans: 5, every: 4 });
        let (mut gaps, mut rates) = (Vec::new(), Vec::new());
        for frame in 0..shard.frames() {
            for b in shard.boxes_of(frame).filter(|&b| shard.box_moving[b] == 0) {
                let [x, y, _, length, width, _, yaw] = shard.boxes[b];
                for p in shard.points_of(frame) {
                    if shard.point_object[p] != shard.box_track[b] || shard.box_class[b] > 1 {
                        continue;
                    }
                    let (dx, dy) = (shard.points[p][0] - x, shard.points[p][1] - y);
                    let (sin, cos) = yaw.sin_cos();
                    let along = (cos * dx + sin * dy).abs() - 0.5 * length;
                    let across = (cos * dy - sin * dx).abs() - 0.5 * width;
                    gaps.push(along.max(0.0).hypot(across.max(0.0)));
                    rates.push(shard.points[p][5].abs());
                }
            }
        }
        gaps.sort_by(f32::total_cmp);
        rates.sort_by(f32::total_cmp);
        assert!(gaps.len() > 200, "{}", gaps.len());
        assert!(
            gaps[gaps.len() * 8 / 10] < 0.4,
            "{}",
            gaps[gaps.len() * 8 / 10]
        );
        assert!(rates[rates.len() * 8 / 10] < 0.2);
    }
}
