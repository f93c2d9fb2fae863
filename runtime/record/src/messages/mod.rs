//! What a log holds: message types, their schemas, the roles of channels, and the conversion of
//! plain data into protobuf bytes without allocation. How bytes reach the disk is not here.

mod camera;
mod channel;
mod field;
mod frames;
mod latency;
mod perception;
mod raw;
mod truth;

pub use camera::{camera_calibration, encode_frame_info, encode_preview};
pub use channel::{ROLE_KEY, Role, SENSOR_INDEX_KEY, SENSOR_KEY, foxglove_channel, own_channel};
pub use frames::{encode_transform, odom_from_vehicle};
pub use latency::encode_lane_latency;
pub use perception::{LoggedPoint, PerceptionEncoder, encode_ego, points_of};
pub use raw::{encode_raw, raw_channel, raw_data};
pub use truth::ground_truth;

/// Types generated from `proto/drafthorse/messages.proto`.
#[allow(missing_docs, unreachable_pub, clippy::pedantic)]
pub mod drafthorse {
    include!(concat!(env!("OUT_DIR"), "/drafthorse.rs"));
}

/// Serialised `FileDescriptorSet` of `proto/drafthorse/messages.proto`.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/messages.bin"));

impl From<drafthorse_core::Class> for drafthorse::ObjectClass {
    fn from(class: drafthorse_core::Class) -> Self {
        use drafthorse_core::Class;
        match class {
            Class::Unknown => Self::Unknown,
            Class::Car => Self::Car,
            Class::Truck => Self::Truck,
            Class::Cyclist => Self::Cyclist,
            Class::Pedestrian => Self::Pedestrian,
        }
    }
}

impl From<drafthorse::ObjectClass> for drafthorse_core::Class {
    fn from(class: drafthorse::ObjectClass) -> Self {
        use drafthorse::ObjectClass;
        match class {
            ObjectClass::Unknown => Self::Unknown,
            ObjectClass::Car => Self::Car,
            ObjectClass::Truck => Self::Truck,
            ObjectClass::Cyclist => Self::Cyclist,
            ObjectClass::Pedestrian => Self::Pedestrian,
        }
    }
}

impl From<&drafthorse::Track> for drafthorse_core::Track {
    fn from(track: &drafthorse::Track) -> Self {
        Self {
            id: track.id,
            class: track.class().into(),
            x_m: track.x_m,
            y_m: track.y_m,
            z_m: track.z_m,
            vx_mps: track.vx_mps,
            vy_mps: track.vy_mps,
            yaw_rad: track.yaw_rad,
            length_m: track.length_m,
            width_m: track.width_m,
            height_m: track.height_m,
            position_std_m: track.position_std_m,
            score: track.score,
            moving: track.moving,
            age_scans: track.age_scans,
            missed_scans: track.missed_scans,
        }
    }
}
