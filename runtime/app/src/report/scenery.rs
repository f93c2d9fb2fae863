//! What is seen in the log: radar points, boxes, the vehicle's motion, pictures, and where the
//! sensors sit.

use super::ReportOptions;
use super::cloud::{self, Packed};
use super::data::{BoxRow, CLASSES};
use super::fold::Message;
use super::thin::Thinned;
use drafthorse_record::messages::drafthorse;
use foxglove::messages::{CameraCalibration, CompressedImage, FrameTransform, PointCloud};
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};
use prost::{DecodeError, Message as _};
use std::collections::BTreeMap;

/// Samples kept of each plotted series.
const MAX_SAMPLES: usize = 2400;
/// Boxes of one instant that the page gets at most.
const MAX_BOXES_AT_ONCE: usize = 160;
/// Frames, cameras and identities remembered at most, against a log that invents them.
const MAX_FRAMES: usize = 256;
const MAX_TRACK_IDS: usize = 1_000_000;

/// Folded scenery; instants are ns.
#[derive(Debug)]
pub(super) struct Scenery {
    pub mounts: BTreeMap<String, (String, Isometry3<f64>)>,
    pub radars: Vec<(String, String)>,
    /// Cameras by name, with their calibration; its frame is the optical one.
    pub cameras: BTreeMap<String, Option<CameraCalibration>>,
    pub clouds: Thinned<(u64, u32, Packed)>,
    pub points: u64,
    pub tracks: Thinned<(u64, u32, Vec<BoxRow>)>,
    pub detections: Thinned<(u64, u32, Vec<BoxRow>)>,
    pub truth: Thinned<(u64, u32, Vec<BoxRow>)>,
    pub ego: Thinned<(u64, [i64; 6])>,
    pub ego_truth: Thinned<(u64, [i64; 2])>,
    pub track_counts: Thinned<(u64, [i64; 2])>,
    pub class_of_track: BTreeMap<u32, u8>,
    pub most_tracks: u64,
    pub previews: Thinned<(u64, String, Vec<u8>)>,
    /// Whole JPEG frames, for cameras without previews.
    pub images: Thinned<(u64, String, Vec<u8>)>,
    streams: BTreeMap<String, u32>,
}

impl Scenery {
    pub(super) fn new(options: &ReportOptions) -> Self {
        let pictures = || Thinned::new(options.max_pictures, options.max_picture_bytes);
        Self {
            mounts: BTreeMap::new(),
            radars: Vec::new(),
            cameras: BTreeMap::new(),
            clouds: Thinned::new(2 * options.max_instants, options.max_points),
            points: 0,
            tracks: Thinned::new(options.max_instants, options.max_boxes),
            detections: Thinned::new(options.max_instants, options.max_boxes),
            truth: Thinned::new(options.max_instants, options.max_boxes),
            ego: Thinned::new(MAX_SAMPLES, usize::MAX),
            ego_truth: Thinned::new(MAX_SAMPLES, usize::MAX),
            track_counts: Thinned::new(MAX_SAMPLES, usize::MAX),
            class_of_track: BTreeMap::new(),
            most_tracks: 0,
            previews: pictures(),
            images: pictures(),
            streams: BTreeMap::new(),
        }
    }

    /// Takes a message if it is of the scenery; says whether it was.
    pub(super) fn add(&mut self, m: &Message<'_>, at_ns: u64) -> Result<bool, DecodeError> {
        match m.schema {
            "foxglove.PointCloud" => self.cloud(m, at_ns)?,
            "foxglove.FrameTransform" => self.transform(&FrameTransform::decode(m.data)?),
            "foxglove.CameraCalibration" => {
                let calibration = CameraCalibration::decode(m.data)?;
                if let Some(known) = self.camera(m.sensor_name()) {
                    *known = Some(calibration);
                }
            }
            "foxglove.CompressedImage" => self.picture(m, at_ns)?,
            "foxglove.CompressedVideo" | "foxglove.RawImage" => {
                self.camera(m.sensor_name());
            }
            "drafthorse.EgoMotion" => {
                let e = drafthorse::EgoMotion::decode(m.data)?;
                let row = [
                    scaled(e.speed_mps, 1e3),
                    scaled(e.yaw_rate_radps, 1e4),
                    i64::from(e.observed),
                    scaled(e.odom_x_m, 1e2),
                    scaled(e.odom_y_m, 1e2),
                    scaled(e.odom_yaw_rad, 1e4),
                ];
                self.ego.offer(0, || ((at_ns, row), 1));
            }
            "drafthorse.Tracks" => self.tracks(&drafthorse::Tracks::decode(m.data)?, at_ns),
            "drafthorse.Detections" => {
                let message = drafthorse::Detections::decode(m.data)?;
                let (sensor, found) = (message.sensor, message.detections);
                self.detections.offer(sensor, || {
                    let kept = found.iter().take(MAX_BOXES_AT_ONCE);
                    let rows: Vec<_> = kept.map(detection_row).collect();
                    let weight = rows.len().max(1);
                    ((at_ns, sensor, rows), weight)
                });
                // The status counts them.
                return Ok(false);
            }
            "drafthorse.GroundTruth" => {
                let truth = drafthorse::GroundTruth::decode(m.data)?;
                let row = [
                    scaled(truth.ego_speed_mps, 1e3),
                    scaled(truth.ego_yaw_rate_radps, 1e4),
                ];
                self.ego_truth.offer(0, || ((at_ns, row), 1));
                self.truth.offer(0, || {
                    let objects = truth.objects.iter().take(MAX_BOXES_AT_ONCE);
                    let rows: Vec<_> = objects.map(truth_row).collect();
                    let weight = rows.len().max(1);
                    ((at_ns, 0, rows), weight)
                });
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn stream(&mut self, name: &str) -> u32 {
        if let Some(stream) = self.streams.get(name) {
            return *stream;
        }
        let next = self.streams.len() as u32;
        self.streams.insert(name.to_owned(), next);
        next
    }

    fn camera(&mut self, name: &str) -> Option<&mut Option<CameraCalibration>> {
        if !self.cameras.contains_key(name) {
            if self.cameras.len() >= MAX_FRAMES {
                return None;
            }
            self.cameras.insert(name.to_owned(), None);
        }
        self.cameras.get_mut(name)
    }

    fn cloud(&mut self, m: &Message<'_>, at_ns: u64) -> Result<(), DecodeError> {
        let cloud = PointCloud::decode(m.data)?;
        let name = m.sensor_name();
        let radar = match self.radars.iter().position(|(n, _)| n == name) {
            Some(radar) => radar,
            None if self.radars.len() < MAX_FRAMES => {
                self.radars.push((name.to_owned(), cloud.frame_id.clone()));
                self.radars.len() - 1
            }
            None => return Ok(()),
        };
        self.points += cloud.data.len() as u64 / u64::from(cloud.point_stride.max(1));
        self.clouds.offer(radar as u32, || {
            let packed = cloud::pack(&cloud).unwrap_or_default();
            let weight = (packed.bytes.len() / Packed::STRIDE).max(1);
            ((at_ns, radar as u32, packed), weight)
        });
        Ok(())
    }

    fn transform(&mut self, transform: &FrameTransform) {
        // The dead-reckoned pose of the vehicle comes with its motion; only mounts are kept here.
        if transform.child_frame_id == "vehicle" || self.mounts.len() >= MAX_FRAMES {
            return;
        }
        let t = transform.translation.unwrap_or_default();
        let rotation = transform
            .rotation
            .map(|q| Quaternion::new(q.w, q.x, q.y, q.z))
            .filter(|q| q.norm() > 1e-6)
            .map_or_else(UnitQuaternion::identity, UnitQuaternion::from_quaternion);
        let pose = Isometry3::from_parts(Translation3::new(t.x, t.y, t.z), rotation);
        self.mounts.insert(
            transform.child_frame_id.clone(),
            (transform.parent_frame_id.clone(), pose),
        );
    }

    fn picture(&mut self, m: &Message<'_>, at_ns: u64) -> Result<(), DecodeError> {
        let preview = m.topic.ends_with("/preview");
        let stream = self.stream(m.topic);
        let name = m.sensor_name();
        self.camera(name);
        let store = if preview {
            &mut self.previews
        } else {
            &mut self.images
        };
        let mut failed = None;
        store.offer(stream, || match CompressedImage::decode(m.data) {
            // Anything but a JPEG weighs more than all pictures may.
            Ok(image) if !image.data.starts_with(&[0xff, 0xd8]) => {
                ((at_ns, String::new(), Vec::new()), usize::MAX)
            }
            Ok(image) => {
                let weight = image.data.len();
                ((at_ns, name.to_owned(), image.data.to_vec()), weight)
            }
            Err(error) => {
                failed = Some(error);
                ((at_ns, String::new(), Vec::new()), usize::MAX)
            }
        });
        failed.map_or(Ok(()), Err)
    }

    fn tracks(&mut self, message: &drafthorse::Tracks, at_ns: u64) {
        let tracks = &message.tracks;
        self.most_tracks = self.most_tracks.max(tracks.len() as u64);
        for track in tracks {
            if self.class_of_track.len() < MAX_TRACK_IDS
                || self.class_of_track.contains_key(&track.id)
            {
                self.class_of_track
                    .insert(track.id, class(track.class) as u8);
            }
        }
        let moving = tracks.iter().filter(|t| t.moving).count() as i64;
        self.track_counts
            .offer(0, || ((at_ns, [tracks.len() as i64, moving]), 1));
        self.tracks.offer(0, || {
            let kept = tracks.iter().take(MAX_BOXES_AT_ONCE);
            let rows: Vec<_> = kept.map(track_row).collect();
            let weight = rows.len().max(1);
            ((at_ns, 0, rows), weight)
        });
    }

    /// The transform from a frame to the vehicle through the static transforms; `None` if the log
    /// does not connect them.
    pub(super) fn vehicle_from(&self, frame: &str) -> Option<Isometry3<f64>> {
        let mut frame = frame;
        let mut vehicle_from_frame = Isometry3::identity();
        for _ in 0..8 {
            if frame == "vehicle" {
                return Some(vehicle_from_frame);
            }
            let (parent, parent_from_frame) = self.mounts.get(frame)?;
            vehicle_from_frame = parent_from_frame * vehicle_from_frame;
            frame = parent;
        }
        None
    }
}

fn class(class: i32) -> usize {
    usize::try_from(class)
        .ok()
        .filter(|c| *c < CLASSES.len())
        .unwrap_or(0)
}

fn scaled(value: f64, scale: f64) -> i64 {
    (value * scale).round() as i64
}

fn track_row(t: &drafthorse::Track) -> BoxRow {
    [
        i64::from(t.id),
        class(t.class) as i64,
        scaled(t.x_m, 1e2),
        scaled(t.y_m, 1e2),
        scaled(t.z_m, 1e2),
        scaled(t.vx_mps, 1e2),
        scaled(t.vy_mps, 1e2),
        scaled(t.yaw_rad, 1e3),
        scaled(t.length_m, 1e2),
        scaled(t.width_m, 1e2),
        scaled(t.height_m, 1e2),
        scaled(t.score, 1e2),
        i64::from(t.moving),
        i64::from(t.missed_scans),
        i64::from(t.age_scans),
    ]
}

fn detection_row(d: &drafthorse::Detection) -> BoxRow {
    [
        0,
        class(d.class) as i64,
        scaled(d.x_m, 1e2),
        scaled(d.y_m, 1e2),
        scaled(d.z_m, 1e2),
        0,
        0,
        scaled(d.yaw_rad, 1e3),
        scaled(d.length_m, 1e2),
        scaled(d.width_m, 1e2),
        scaled(d.height_m, 1e2),
        scaled(d.score, 1e2),
        i64::from(d.moving),
        0,
        0,
    ]
}

fn truth_row(t: &drafthorse::TruthObject) -> BoxRow {
    [
        i64::from(t.id),
        class(t.class) as i64,
        scaled(t.x_m, 1e2),
        scaled(t.y_m, 1e2),
        scaled(t.z_m, 1e2),
        scaled(t.vx_mps, 1e2),
        scaled(t.vy_mps, 1e2),
        scaled(t.yaw_rad, 1e3),
        scaled(t.length_m, 1e2),
        scaled(t.width_m, 1e2),
        scaled(t.height_m, 1e2),
        i64::from(t.returns),
        i64::from(t.moving),
        0,
        0,
    ]
}
