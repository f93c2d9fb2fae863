//! The radar lane's results as protobuf, from reused structures: nothing allocates after warm-up.

use super::drafthorse::{self, ObjectClass};
use super::field::{begin_bytes, put_bytes, put_message, timestamp};
use drafthorse_core::{Class, Detection, EgoMotion, RadarScan, SensorId, Track};
use foxglove::messages::packed_element_field::NumericType;
use foxglove::messages::{
    ArrowPrimitive, Color, CubePrimitive, Duration, PackedElementField, PointCloud, Pose,
    Quaternion, SceneEntity, SceneUpdate, Vector3,
};
use prost::Message as _;

/// Names of the packed `f32` fields of `/{radar}/points`, in order; `label` (u8) follows.
const POINT_FIELDS: [&str; 8] = [
    "x",
    "y",
    "z",
    "range",
    "azimuth",
    "elevation",
    "range_rate",
    "rcs",
];
const POINT_STRIDE: usize = POINT_FIELDS.len() * 4 + 1;

/// A valid point of `/{radar}/points`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoggedPoint {
    /// Its place in the radar's frame, m.
    pub xyz_m: [f64; 3],
    /// Its range rate as measured, m/s.
    pub range_rate_mps: f64,
    /// Radar cross-section, dBsm; NaN where it is not known.
    pub rcs_dbsm: f64,
}

/// The valid points of a message that [`PerceptionEncoder::points`] wrote; none where it is no such message.
#[must_use]
pub fn points_of(message: &[u8]) -> Option<Vec<LoggedPoint>> {
    let cloud = PointCloud::decode(message).ok()?;
    let same = |(field, name): (&PackedElementField, &str)| field.name == name;
    let is_ours = cloud.point_stride as usize == POINT_STRIDE
        && cloud.fields.len() > POINT_FIELDS.len()
        && cloud.fields.iter().zip(POINT_FIELDS).all(same);
    let points = cloud.data.chunks_exact(POINT_STRIDE);
    let valid = points.filter(|point| point[POINT_STRIDE - 1] > 0);
    let read = |point: &[u8]| {
        let mut values = point.chunks_exact(4).map(|bytes| {
            let bytes = bytes.try_into().unwrap_or_default();
            f64::from(f32::from_le_bytes(bytes))
        });
        let [x, y, z, _, _, _, range_rate_mps, rcs_dbsm] =
            std::array::from_fn(|_| values.next().unwrap_or(f64::NAN));
        LoggedPoint {
            xyz_m: [x, y, z],
            range_rate_mps,
            rcs_dbsm,
        }
    };
    is_ours.then(|| valid.map(read).collect())
}

/// Encodes detections, tracks, ego motion, points and the 3-D scene.
#[derive(Debug)]
pub struct PerceptionEncoder {
    cloud: PointCloud,
    detections: drafthorse::Detections,
    tracks: drafthorse::Tracks,
    scene: SceneUpdate,
}

impl Default for PerceptionEncoder {
    fn default() -> Self {
        let mut fields: Vec<_> = (0u32..)
            .zip(POINT_FIELDS)
            .map(|(i, name)| field(name, i * 4, NumericType::Float32))
            .collect();
        fields.push(field("label", 32, NumericType::Uint8));
        Self {
            cloud: PointCloud {
                pose: Some(Pose {
                    position: Some(Vector3::default()),
                    orientation: Some(rotation_about_z(0.0)),
                }),
                point_stride: POINT_STRIDE as u32,
                fields,
                ..Default::default()
            },
            detections: drafthorse::Detections::default(),
            tracks: drafthorse::Tracks::default(),
            scene: SceneUpdate {
                deletions: Vec::new(),
                entities: vec![SceneEntity {
                    frame_id: "vehicle".to_owned(),
                    id: "tracks".to_owned(),
                    lifetime: Some(Duration::new(0, 500_000_000)),
                    ..Default::default()
                }],
            },
        }
    }
}

impl PerceptionEncoder {
    /// Appends the scan as a `foxglove.PointCloud` in the radar's frame. `labels` holds one small
    /// number a point (0 invalid, 1 stationary, 2 moving); missing ones are 0.
    pub fn points(&mut self, scan: &RadarScan, frame: &str, labels: &[u8], buf: &mut Vec<u8>) {
        self.cloud.timestamp = Some(timestamp(scan.captured_ns));
        put_bytes(buf, 2, frame.as_bytes());
        put_message(buf, &self.cloud);
        begin_bytes(buf, 6, scan.points.len() * POINT_STRIDE);
        for (i, p) in scan.points.iter().enumerate() {
            for value in [
                p.x_m,
                p.y_m,
                p.z_m,
                p.range_m,
                p.azimuth_rad,
                p.elevation_rad,
                p.range_rate_mps,
                p.rcs_dbsm,
            ] {
                buf.extend_from_slice(&value.to_le_bytes());
            }
            buf.push(labels.get(i).copied().unwrap_or(0));
        }
    }

    /// Appends `drafthorse.Detections`.
    pub fn detections(
        &mut self,
        sensor: SensorId,
        scan_sequence: u32,
        captured_ns: u64,
        detections: &[Detection],
        buf: &mut Vec<u8>,
    ) {
        self.detections.captured_ns = captured_ns;
        self.detections.sensor = u32::from(sensor.0);
        self.detections.scan_sequence = scan_sequence;
        self.detections.detections.clear();
        self.detections
            .detections
            .extend(detections.iter().map(|d| drafthorse::Detection {
                x_m: d.x_m,
                y_m: d.y_m,
                z_m: d.z_m,
                length_m: d.length_m,
                width_m: d.width_m,
                height_m: d.height_m,
                yaw_rad: d.yaw_rad,
                radial_speed_mps: d.radial_speed_mps,
                points: d.points,
                rcs_dbsm: d.rcs_dbsm,
                moving: d.moving,
                class: ObjectClass::from(d.class).into(),
                score: d.score,
            }));
        put_message(buf, &self.detections);
    }

    /// Appends `drafthorse.Tracks`.
    pub fn tracks(
        &mut self,
        sensor: SensorId,
        scan_sequence: u32,
        captured_ns: u64,
        tracks: &[Track],
        buf: &mut Vec<u8>,
    ) {
        self.tracks.captured_ns = captured_ns;
        self.tracks.sensor = u32::from(sensor.0);
        self.tracks.scan_sequence = scan_sequence;
        self.tracks.tracks.clear();
        self.tracks
            .tracks
            .extend(tracks.iter().map(|t| drafthorse::Track {
                id: t.id,
                class: ObjectClass::from(t.class).into(),
                x_m: t.x_m,
                y_m: t.y_m,
                z_m: t.z_m,
                vx_mps: t.vx_mps,
                vy_mps: t.vy_mps,
                yaw_rad: t.yaw_rad,
                length_m: t.length_m,
                width_m: t.width_m,
                height_m: t.height_m,
                position_std_m: t.position_std_m,
                score: t.score,
                moving: t.moving,
                age_scans: t.age_scans,
                missed_scans: t.missed_scans,
            }));
        put_message(buf, &self.tracks);
    }

    /// Appends the tracks as boxes with velocity arrows, `foxglove.SceneUpdate`.
    pub fn scene(&mut self, captured_ns: u64, tracks: &[Track], buf: &mut Vec<u8>) {
        if let [entity] = self.scene.entities.as_mut_slice() {
            entity.timestamp = Some(timestamp(captured_ns));
            entity.cubes.clear();
            entity.arrows.clear();
            for track in tracks {
                entity.cubes.push(cube(track));
                if track.moving {
                    entity.arrows.push(arrow(track));
                }
            }
        }
        put_message(buf, &self.scene);
    }
}

/// Appends `drafthorse.EgoMotion` with the dead-reckoned pose `x y yaw` (m, m, rad).
pub fn encode_ego(ego: &EgoMotion, odom: [f64; 3], buf: &mut Vec<u8>) {
    put_message(
        buf,
        &drafthorse::EgoMotion {
            captured_ns: ego.captured_ns,
            speed_mps: ego.speed_mps,
            yaw_rate_radps: ego.yaw_rate_radps,
            speed_std_mps: ego.speed_std_mps,
            yaw_rate_std_radps: ego.yaw_rate_std_radps,
            inliers: ego.inliers,
            considered: ego.considered,
            observed: ego.observed,
            odom_x_m: odom[0],
            odom_y_m: odom[1],
            odom_yaw_rad: odom[2],
        },
    );
}

fn field(name: &str, offset: u32, numeric: NumericType) -> PackedElementField {
    PackedElementField {
        name: name.to_owned(),
        offset,
        r#type: numeric as i32,
    }
}

fn cube(track: &Track) -> CubePrimitive {
    CubePrimitive {
        pose: Some(pose(track, track.yaw_rad)),
        size: Some(Vector3 {
            x: track.length_m,
            y: track.width_m,
            z: track.height_m,
        }),
        color: Some(color(track.class, 0.5)),
    }
}

fn arrow(track: &Track) -> ArrowPrimitive {
    let speed_mps = libm::hypot(track.vx_mps, track.vy_mps);
    ArrowPrimitive {
        pose: Some(pose(track, libm::atan2(track.vy_mps, track.vx_mps))),
        shaft_length: 0.5 * speed_mps,
        shaft_diameter: 0.15,
        head_length: 0.5,
        head_diameter: 0.4,
        color: Some(color(track.class, 1.0)),
    }
}

fn pose(track: &Track, yaw_rad: f64) -> Pose {
    Pose {
        position: Some(Vector3 {
            x: track.x_m,
            y: track.y_m,
            z: track.z_m,
        }),
        orientation: Some(rotation_about_z(yaw_rad)),
    }
}

fn rotation_about_z(yaw_rad: f64) -> Quaternion {
    let (z, w) = libm::sincos(0.5 * yaw_rad);
    Quaternion {
        x: 0.0,
        y: 0.0,
        z,
        w,
    }
}

fn color(class: Class, a: f64) -> Color {
    let (r, g, b) = match class {
        Class::Unknown => (0.7, 0.7, 0.7),
        Class::Car => (0.25, 0.65, 1.0),
        Class::Truck => (1.0, 0.6, 0.2),
        Class::Cyclist => (0.4, 0.9, 0.5),
        Class::Pedestrian => (1.0, 0.35, 0.5),
    };
    Color { r, g, b, a }
}
