//! From a log's messages to views of its keyframes.

use super::VisionSettings;
use super::recent::Recent;
use crate::pipeline::channels::{Channel, Channels};
use crate::pipeline::staged::Cause;
use crate::plan::Plan;
use drafthorse_core::{Pose, Track};
use drafthorse_record::messages::drafthorse as message;
use drafthorse_record::messages::{LoggedPoint, points_of};
use drafthorse_vision::prune::{Camera, Return};
use foxglove::messages::CompressedImage;
use nalgebra::Vector3;
use prost::Message as _;
use std::collections::BTreeMap;

/// Previews, tracks and motion held until keyframes are decided; so much again for each further camera that is asked for.
const MAX_HELD_BYTES: usize = 16 << 20;
/// Radar points held beside them, in a bound of their own: dense radars shall not cost the pictures their place.
const MAX_POINT_BYTES: usize = 64 << 20;
/// A preview further away than this is not that of a keyframe, ns.
const PICTURE_AWAY_NS: u64 = 500_000_000;
/// Tracks and motion further away than this say nothing of a picture, ns.
const SCAN_AWAY_NS: u64 = 150_000_000;
/// Speed below which the way is taken to be straight, m/s.
const STANDING_MPS: f64 = 1.0;

/// A keyframe's picture, and what was known then.
#[derive(Clone, Debug)]
pub struct View {
    /// The camera's name.
    pub camera: String,
    /// The keyframe's beginning, ns on the vehicle clock.
    pub keyframe_ns: u64,
    /// When the keyframe was logged, ns.
    pub logged_ns: u64,
    /// When the picture was taken, ns on the vehicle clock.
    pub captured_ns: u64,
    /// The picture, a JPEG.
    pub jpeg: Vec<u8>,
    /// The camera's calibration, where known.
    pub calibration: Option<Camera>,
    /// What the radar tracked.
    pub tracks: Vec<Track>,
    /// What its scan had, where a pruning wants to know.
    pub returns: Vec<Return>,
    /// Curvature of the vehicle's path, 1/m, positive to the left.
    pub curvature_per_m: f64,
}

impl View {
    /// What is said of it follows from its keyframe, and is published as of the picture.
    pub(crate) fn cause(&self) -> Cause {
        Cause {
            sequence: 0,
            captured_ns: self.captured_ns,
            received_ns: self.logged_ns,
        }
    }

    /// A picture of which nothing else is known.
    pub fn of_picture(jpeg: Vec<u8>) -> Self {
        Self {
            camera: String::new(),
            keyframe_ns: 0,
            logged_ns: 0,
            captured_ns: 0,
            jpeg,
            calibration: None,
            tracks: Vec::new(),
            returns: Vec::new(),
            curvature_per_m: 0.0,
        }
    }
}

/// Follows a log and makes views of its keyframes.
pub struct Watch {
    cameras: BTreeMap<String, (Channel, Option<Camera>)>,
    /// Those whose pictures are asked for; a keyframe's own where none is named.
    asked: Vec<String>,
    previews: Vec<Channel>,
    recent: Recent<Channel>,
    /// Channels of the radars' points, with their mounts; none where they do not count.
    radars: Vec<(Channel, Pose)>,
    points: Recent<Channel>,
}

impl Watch {
    /// For logs of a plan, with what these settings want to know.
    pub fn new(plan: &Plan, channels: &Channels, settings: &VisionSettings) -> Self {
        let cameras = plan.sensors().filter_map(|(id, sensor)| {
            let of_camera = channels.sensor(id).camera?;
            let calibration = sensor.camera.map(|model| Camera::new(&sensor.mount, model));
            Some((sensor.name.clone(), (of_camera.preview, calibration)))
        });
        let cameras: BTreeMap<_, _> = cameras
            .filter(|(name, _)| settings.cameras.is_empty() || settings.cameras.contains(name))
            .collect();
        let by_radar = settings.pruning.weighs(|importance| importance.radar);
        let radars = plan
            .sensors()
            .filter(|_| by_radar)
            .filter_map(|(id, sensor)| Some((channels.sensor(id).points?, sensor.mount)));
        Self {
            radars: radars.collect(),
            points: Recent::new(MAX_POINT_BYTES),
            previews: cameras.values().map(|(preview, _)| *preview).collect(),
            cameras,
            recent: Recent::new(MAX_HELD_BYTES * settings.cameras.len().max(1)),
            asked: settings.cameras.clone(),
        }
    }

    /// Takes a message of the log; gives the views of a keyframe, one a camera that has a picture of it.
    pub fn take(
        &mut self,
        channel: Channel,
        [log_time_ns, publish_time_ns]: [u64; 2],
        data: &[u8],
    ) -> Vec<View> {
        if channel == Channel::KEYFRAMES {
            let keyframe = message::Keyframe::decode(data);
            return keyframe.map_or_else(|_| Vec::new(), |of| self.views(&of, log_time_ns));
        }
        let is_held = [Channel::TRACKS, Channel::EGO].contains(&channel);
        if is_held || self.previews.contains(&channel) {
            self.recent.push(channel, publish_time_ns, data);
        } else if self.radars.iter().any(|(points, _)| *points == channel) {
            self.points.push(channel, publish_time_ns, data);
        }
        Vec::new()
    }

    fn views(&self, keyframe: &message::Keyframe, logged_ns: u64) -> Vec<View> {
        let cameras = match self.asked.as_slice() {
            [] => std::slice::from_ref(&keyframe.camera),
            asked => asked,
        };
        let views = cameras.iter();
        views
            .filter_map(|camera| self.view(camera, keyframe, logged_ns))
            .collect()
    }

    fn view(&self, camera: &str, keyframe: &message::Keyframe, logged_ns: u64) -> Option<View> {
        let (preview, calibration) = self.cameras.get(camera)?;
        // A moment without a picture of the keyframes' own camera has no other instant.
        let at_ns = match keyframe.camera.is_empty() {
            true => keyframe.begin_ns,
            false => keyframe.captured_ns,
        };
        let (captured_ns, picture) = self.recent.nearest(preview, at_ns, PICTURE_AWAY_NS)?;
        let jpeg = CompressedImage::decode(picture).ok()?.data.to_vec();
        let at_picture = |channel| {
            let nearest = self.recent.nearest(&channel, captured_ns, SCAN_AWAY_NS);
            nearest.map_or(&[][..], |(_, data)| data)
        };
        let tracks = message::Tracks::decode(at_picture(Channel::TRACKS)).unwrap_or_default();
        let ego = message::EgoMotion::decode(at_picture(Channel::EGO)).unwrap_or_default();
        let curvature_per_m = match ego.speed_mps > STANDING_MPS {
            true => ego.yaw_rate_radps / ego.speed_mps,
            false => 0.0,
        };
        Some(View {
            camera: camera.to_owned(),
            keyframe_ns: keyframe.begin_ns,
            logged_ns,
            captured_ns,
            jpeg,
            calibration: *calibration,
            tracks: tracks.tracks.iter().map(Track::from).collect(),
            returns: self.returns(captured_ns, &ego),
            curvature_per_m,
        })
    }

    /// What the radars' scans nearest to an instant have.
    fn returns(&self, captured_ns: u64, ego: &message::EgoMotion) -> Vec<Return> {
        let scans = self.radars.iter().filter_map(|(channel, mount)| {
            let nearest = self.points.nearest(channel, captured_ns, SCAN_AWAY_NS);
            Some((points_of(nearest?.1)?, mount))
        });
        let is_motion_known = ego.captured_ns > 0;
        let in_vehicle = |(points, mount): (Vec<LoggedPoint>, &Pose)| {
            let vehicle_from_radar = mount.parent_from_self();
            let at = vehicle_from_radar.translation.vector;
            let velocity = Vector3::new(
                ego.speed_mps - ego.yaw_rate_radps * at.y,
                ego.yaw_rate_radps * at.x,
                0.0,
            );
            points.into_iter().map(move |point| {
                let from_radar = vehicle_from_radar.rotation * Vector3::from(point.xyz_m);
                let towards = from_radar.try_normalize(0.0).unwrap_or_default();
                Return {
                    x_m: at.x + from_radar.x,
                    y_m: at.y + from_radar.y,
                    speed_mps: match is_motion_known {
                        true => point.range_rate_mps + velocity.dot(&towards),
                        false => f64::NAN,
                    },
                    rcs_dbsm: point.rcs_dbsm,
                }
            })
        };
        scans.flat_map(in_vehicle).collect()
    }
}
