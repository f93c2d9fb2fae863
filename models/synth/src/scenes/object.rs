//! Road users that are in front of the camera, before anybody asks whether the picture shows them.

use super::eye::{self, HEIGHT_PX, Region, WIDTH_PX};
use super::range::LISTED_M;
use crate::actor::{Body, Placed};
use crate::paint_users::paint_of;
use crate::path::Pose2;
use crate::shard::class_index;
use crate::world::World;
use nalgebra::{Isometry3, Point3};
use serde::Serialize;

/// Boxes of less than this are not listed, px².
const LEAST_PX2: f64 = 6.0;

/// Whether the picture shows something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Anybody would see it.
    Shown,
    /// Some might see it: nothing that depends on it is said or asked.
    Between,
    /// It cannot be seen.
    Hidden,
}

/// A road user in front of the camera.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// Identity within the drive.
    pub id: u32,
    /// Index into [`crate::shard::CLASSES`].
    pub class: u8,
    /// Index of the paint of a car or van, see [`super::PAINT_COLOURS`].
    pub paint: Option<usize>,
    /// Middle of its box in the vehicle's frame, m.
    pub centre_m: [f64; 3],
    /// Length, width, height, m.
    pub size_m: [f64; 3],
    /// Heading in the vehicle's frame, rad.
    pub yaw_rad: f64,
    /// Velocity over ground in the vehicle's axes, m/s.
    pub velocity_mps: [f64; 2],
    /// Whether it moves over ground.
    pub moving: bool,
    /// Distance of its middle from the camera in the plane, m.
    pub distance_m: f64,
    /// Its box in the picture, cut at the edges: left, top, right, bottom, px.
    pub box_px: [f64; 4],
    /// Share of its box that is within the picture.
    pub inside: f64,
    /// Pixels that would differ without it.
    pub shown_px: usize,
    /// What the checker says of it.
    pub verdict: Verdict,
}

impl Object {
    /// Area of its box, px².
    pub(crate) fn area_px2(&self) -> f64 {
        let [left, top, right, bottom] = self.box_px;
        (right - left) * (bottom - top)
    }

    /// Middle column of its box as a share of the picture's width.
    pub(crate) fn across(&self) -> f64 {
        0.5 * (self.box_px[0] + self.box_px[2]) / WIDTH_PX as f64
    }

    /// The pixels within its box.
    pub(crate) fn pixels(&self) -> Vec<usize> {
        let [left, top, right, bottom] = self.box_px.map(|edge| edge as usize);
        let rows = top..bottom.min(HEIGHT_PX);
        rows.flat_map(|y| (left..right.min(WIDTH_PX)).map(move |x| y * WIDTH_PX + x))
            .collect()
    }

    /// The pixels that it may reach with its lamps.
    pub(crate) fn region(&self) -> Region {
        const MARGIN_PX: f64 = 10.0;
        let [left, top, right, bottom] = self.box_px;
        [
            (left - MARGIN_PX).max(0.0) as usize,
            (top - MARGIN_PX).max(0.0) as usize,
            ((right + MARGIN_PX) as usize).min(WIDTH_PX),
            ((bottom + MARGIN_PX) as usize).min(HEIGHT_PX),
        ]
    }
}

/// The road users in front of the camera, nearest first; none is shown yet.
pub(crate) fn in_front(world: &World) -> Vec<Object> {
    let (mount, model) = eye::camera();
    let optical_from_vehicle = mount.vehicle_from_optical().inverse();
    let ego = world.ego().pose;
    let mut objects: Vec<Object> = world
        .placed
        .iter()
        .filter_map(|placed| object(placed, ego, &optical_from_vehicle, &model, mount.x_m))
        .collect();
    objects.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.id.cmp(&b.id)));
    objects
}

fn object(
    placed: &Placed,
    ego: Pose2,
    optical_from_vehicle: &Isometry3<f64>,
    model: &drafthorse_core::CameraModel,
    camera_x_m: f64,
) -> Option<Object> {
    let (actor, solid) = (&placed.actor, &placed.solid);
    let [x, y] = ego.inward([solid.pose.x, solid.pose.y]);
    let distance_m = (x - camera_x_m).hypot(y);
    if distance_m > LISTED_M {
        return None;
    }
    let mut whole = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for corner in solid.footprint() {
        for z in [solid.bottom, solid.top] {
            let [cx, cy] = ego.inward(corner);
            let point = optical_from_vehicle * Point3::new(cx, cy, z);
            if point.z < 0.3 {
                continue;
            }
            let pixel = model.project(&point)?;
            whole[0] = whole[0].min(pixel.x);
            whole[1] = whole[1].min(pixel.y);
            whole[2] = whole[2].max(pixel.x);
            whole[3] = whole[3].max(pixel.y);
        }
    }
    let ends = [WIDTH_PX as f64, HEIGHT_PX as f64];
    let box_px: [f64; 4] = std::array::from_fn(|i| whole[i].clamp(0.0, ends[i % 2]));
    let area = |b: [f64; 4]| (b[2] - b[0]).max(0.0) * (b[3] - b[1]).max(0.0);
    if area(box_px) < LEAST_PX2 {
        return None;
    }
    let axes = Pose2 {
        yaw: ego.yaw,
        ..Pose2::default()
    };
    let (sin, cos) = (solid.pose.yaw - ego.yaw).sin_cos();
    let painted = matches!(actor.body, Body::Car | Body::Van);
    Some(Object {
        id: actor.id,
        class: class_index(actor.class),
        paint: painted.then(|| paint_of(actor.seed)),
        centre_m: [x, y, 0.5 * solid.top],
        size_m: [solid.length, solid.width, solid.top],
        yaw_rad: sin.atan2(cos),
        velocity_mps: axes.inward(placed.velocity),
        moving: actor.moving(),
        distance_m,
        box_px,
        inside: area(box_px) / area(whole),
        shown_px: 0,
        verdict: Verdict::Hidden,
    })
}
