//! The camera: from the world to a JPEG picture.

use crate::canvas::{Canvas, Colour};
use crate::lens::{HAZE, Lens, hazed};
use crate::paint_ground::ground;
use crate::paint_scenery::piece;
use crate::paint_users::{road_user, shadow};
use crate::scenery::Kind;
use crate::world::World;
use drafthorse_core::{CameraModel, Pose};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use nalgebra::Vector3;

const GRASS: Colour = [116.0, 132.0, 82.0];
const ZENITH: Colour = [94.0, 146.0, 206.0];
const HILLS: Colour = [142.0, 160.0, 166.0];

/// A camera with its picture buffers.
pub(crate) struct Camera {
    mount: Pose,
    model: CameraModel,
    quality: u8,
    background: Vec<u8>,
    canvas: Canvas,
    jpeg: Vec<u8>,
}

impl Camera {
    /// A camera of that model and mounting pose.
    pub(crate) fn new(model: CameraModel, mount: Pose, quality: u8) -> Self {
        let (width, height) = (model.width_px as usize, model.height_px as usize);
        Self {
            mount,
            model,
            quality: quality.clamp(1, 100),
            background: background(&model, &mount),
            canvas: Canvas::new(width, height),
            jpeg: Vec::new(),
        }
    }

    /// Width and height, px.
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.model.width_px, self.model.height_px)
    }

    /// The latest picture, RGB.
    pub(crate) fn rgb(&self) -> &[u8] {
        &self.canvas.rgb
    }

    /// The latest picture as JPEG; empty where a picture is too large for the format.
    pub(crate) fn jpeg(&self) -> &[u8] {
        &self.jpeg
    }

    /// Takes a picture of the world's current instant.
    pub(crate) fn expose(&mut self, world: &World) {
        let ego = world.ego();
        self.canvas.begin(&self.background);
        self.hills(ego.pose.yaw + self.mount.yaw_rad);
        let mut lens = Lens::new(&mut self.canvas, &self.model, &self.mount, ego.pose);
        ground(
            &mut lens,
            &world.path,
            &world.layout,
            ego.s,
            world.crossings(),
        );
        for placed in &world.placed {
            if lens.sees([placed.solid.pose.x, placed.solid.pose.y], 12.0) {
                shadow(&mut lens, &placed.solid);
            }
        }
        let pieces = world.scenery.between(ego.s - 15.0, ego.s + 230.0);
        for standing in pieces {
            if matches!(standing.kind, Kind::Tree | Kind::Hedge | Kind::Building) {
                let mut cast = standing.solid;
                cast.top = cast.top.min(5.0);
                if lens.sees([cast.pose.x, cast.pose.y], 14.0) {
                    shadow(&mut lens, &cast);
                }
            }
        }
        for standing in pieces {
            if lens.sees([standing.solid.pose.x, standing.solid.pose.y], 14.0) {
                piece(&mut lens, standing);
            }
        }
        for placed in &world.placed {
            if lens.sees([placed.solid.pose.x, placed.solid.pose.y], 8.0) {
                road_user(&mut lens, placed, world.time_s());
            }
        }
        self.encode();
    }

    /// Low hills on the horizon, fixed to the world's directions.
    fn hills(&mut self, yaw: f64) {
        let (width, model) = (self.canvas.width, &self.model);
        let horizon = model.cy_px - model.fy_px * self.mount.pitch_rad.tan();
        for column in 0..width {
            let right = (column as f64 + 0.5 - model.cx_px) / model.fx_px;
            let bearing = yaw - right.atan();
            let rise = 0.022
                + 0.009 * (3.0 * bearing + 1.0).sin()
                + 0.006 * (8.0 * bearing).sin()
                + 0.002 * (29.0 * bearing).sin();
            let top = (horizon - model.fy_px * rise).max(0.0) as usize;
            let bottom = (horizon.max(0.0) as usize).min(self.canvas.height);
            for row in top..bottom {
                let at = 3 * (row * width + column);
                let pixel = &mut self.canvas.rgb[at..at + 3];
                for (to, from) in pixel.iter_mut().zip(HILLS) {
                    *to = from as u8;
                }
            }
        }
    }

    fn encode(&mut self) {
        self.jpeg.clear();
        let mut encoder = Encoder::new(&mut self.jpeg, self.quality);
        encoder.set_sampling_factor(SamplingFactor::F_2_2);
        let sizes = (
            u16::try_from(self.canvas.width),
            u16::try_from(self.canvas.height),
        );
        let done = match sizes {
            (Ok(width), Ok(height)) => encoder
                .encode(&self.canvas.rgb, width, height, ColorType::Rgb)
                .is_ok(),
            _ => false,
        };
        if !done {
            self.jpeg.clear();
        }
    }
}

/// Sky above the horizon, grass fading into haze below it.
fn background(model: &CameraModel, mount: &Pose) -> Vec<u8> {
    let vehicle_from_optical = mount.vehicle_from_optical().rotation;
    let (width, height) = (model.width_px, model.height_px);
    let mut rgb = Vec::with_capacity((width * height * 3) as usize);
    for row in 0..height {
        for column in 0..width {
            let ray = vehicle_from_optical
                * Vector3::new(
                    (f64::from(column) + 0.5 - model.cx_px) / model.fx_px,
                    (f64::from(row) + 0.5 - model.cy_px) / model.fy_px,
                    1.0,
                );
            let up = ray.z / ray.x.hypot(ray.y);
            let colour: Colour = if up >= 0.0 {
                let t = (up * 3.0).min(1.0).sqrt() as f32;
                std::array::from_fn(|i| HAZE[i] + t * (ZENITH[i] - HAZE[i]))
            } else {
                hazed(GRASS, mount.z_m / -up)
            };
            rgb.extend(colour.map(|c| c as u8));
        }
    }
    rgb
}
