//! The camera: from the world to a JPEG picture.

use crate::atmosphere::Atmosphere;
use crate::canvas::{Canvas, Colour, Glow};
use crate::disturbance::Shake;
use crate::lens::Lens;
use crate::paint_ground::ground;
use crate::paint_junctions::{side_streets, traffic_lights};
use crate::paint_scenery::piece;
use crate::paint_users::{road_user, shadow};
use crate::paint_weather::{noise, streaks};
use crate::rng::Rng;
use crate::scenery::Kind;
use crate::world::World;
use drafthorse_core::{CameraModel, Pose};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use nalgebra::Vector3;

const GRASS: Colour = [116.0, 132.0, 82.0];
/// Noise of a disturbed picture, steps of 255.
const DISTURBED_NOISE: f32 = 6.0;
const HILLS: Colour = [142.0, 160.0, 166.0];

/// How a picture departs from the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Not at all.
    None,
    /// A road user is not there.
    Without(u32),
    /// A car or van has another paint: an index into [`crate::paint_users::PAINTS`].
    Painted(u32, usize),
    /// Red traffic lights are green, green ones red.
    SwappedSignals,
    /// There are no traffic lights.
    NoSignals,
}

/// A camera with its picture buffers.
pub(crate) struct Camera {
    mount: Pose,
    model: CameraModel,
    quality: u8,
    air: Atmosphere,
    /// Pictures so far: each has its own noise.
    count: u64,
    background: Vec<u8>,
    canvas: Canvas,
    /// The picture before it is shaken.
    scratch: Vec<u8>,
    jpeg: Vec<u8>,
}

impl Camera {
    /// A camera of that model and mounting pose.
    pub(crate) fn new(model: CameraModel, mount: Pose, quality: u8, air: Atmosphere) -> Self {
        let (width, height) = (model.width_px as usize, model.height_px as usize);
        Self {
            mount,
            model,
            quality: quality.clamp(1, 100),
            background: background(&model, &mount, &air),
            air,
            count: 0,
            canvas: Canvas::new(width, height),
            scratch: Vec::new(),
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
        self.stage(world, world.crossings());
        self.act(world, Change::None);
        self.count += 1;
        self.weather(world.disturbed());
        self.encode();
    }

    /// Everything but road users and traffic lights: sky, ground with zebra crossings at `crossings`,
    /// shadows, scenery.
    pub(crate) fn stage(&mut self, world: &World, crossings: &[f64]) {
        let ego = world.ego();
        self.canvas.begin(&self.background);
        self.hills(ego.pose.yaw + self.mount.yaw_rad);
        let canvas = &mut self.canvas;
        let mut lens = Lens::new(canvas, &self.model, &self.mount, ego.pose, &self.air);
        side_streets(&mut lens, &world.streets, ego.s);
        ground(
            &mut lens,
            &world.streets.path,
            &world.streets.layout,
            ego.s,
            crossings,
        );
        for placed in &world.placed {
            let seen = lens.sees([placed.solid.pose.x, placed.solid.pose.y], 12.0);
            if self.air.shadows && seen {
                shadow(&mut lens, &placed.solid);
            }
        }
        let pieces = world.scenery.between(ego.s - 15.0, ego.s + 230.0);
        for standing in pieces {
            let casts = matches!(standing.kind, Kind::Tree | Kind::Hedge | Kind::Building);
            if self.air.shadows && casts {
                let mut cast = standing.solid;
                cast.top = cast.top.min(5.0);
                if lens.sees([cast.pose.x, cast.pose.y], 14.0) {
                    shadow(&mut lens, &cast);
                }
            }
        }
        for standing in pieces {
            let at = [standing.solid.pose.x, standing.solid.pose.y];
            let reach = standing.solid.length.max(standing.solid.width) + 2.0;
            if lens.sees(at, 14.0) && lens.in_clip(at, reach) {
                piece(&mut lens, standing);
            }
        }
    }

    /// Road users, traffic lights and all lamps onto the stage, with one thing changed.
    pub(crate) fn act(&mut self, world: &World, change: Change) {
        let ego = world.ego();
        let canvas = &mut self.canvas;
        let mut lens = Lens::new(canvas, &self.model, &self.mount, ego.pose, &self.air);
        for placed in &world.placed {
            let id = placed.actor.id;
            let at = [placed.solid.pose.x, placed.solid.pose.y];
            let seen = lens.sees(at, 8.0) && lens.in_clip(at, placed.solid.length);
            if seen && change != Change::Without(id) {
                let paint = match change {
                    Change::Painted(repainted, paint) if repainted == id => Some(paint),
                    _ => None,
                };
                road_user(&mut lens, placed, world.time_s(), paint);
            }
        }
        if change != Change::NoSignals {
            let swapped = change == Change::SwappedSignals;
            traffic_lights(&mut lens, &world.streets, ego.s, world.time_s(), swapped);
        }
        self.canvas.draw_glows();
        self.glare(ego.pose.yaw);
    }

    /// What lies over the whole picture, from the camera's own random stream.
    fn weather(&mut self, disturbed: bool) {
        let mut rng = Rng::new(self.count, 23);
        streaks(&mut self.canvas, &mut rng, &self.air);
        noise(&mut self.canvas, &mut rng, self.air.noise);
        if disturbed {
            let width = self.canvas.width;
            Shake::new(&mut rng, width).apply(&mut self.canvas.rgb, width, &mut self.scratch);
            noise(&mut self.canvas, &mut rng, DISTURBED_NOISE);
        }
    }

    /// What lies over picture number `count`.
    pub(crate) fn weather_of(&mut self, count: u64) {
        self.count = count;
        self.weather(false);
    }

    /// The picture with its depth, to go back to.
    pub(crate) fn canvas(&mut self) -> &mut Canvas {
        &mut self.canvas
    }

    /// The sun in the lens, and the veil that it draws over the picture.
    fn glare(&mut self, yaw: f64) {
        if self.air.glare <= 0.0 {
            return;
        }
        let optical_from_vehicle = self.mount.vehicle_from_optical().rotation.inverse();
        let [x, y, z] = self.air.sun;
        let (sin, cos) = yaw.sin_cos();
        let sun = optical_from_vehicle * Vector3::new(cos * x + sin * y, cos * y - sin * x, z);
        if sun.z < 0.2 {
            return;
        }
        let Some(pixel) = self.model.project(&(sun * 1000.0).into()) else {
            return;
        };
        let width = self.canvas.width as f32;
        for (size, strength) in [(1.4, 90.0), (0.5, 120.0), (0.09, 255.0)] {
            self.canvas.add_disc(&Glow {
                x: pixel.x as f32,
                y: pixel.y as f32,
                inverse_depth: 0.0,
                radius: size * width,
                colour: [1.0, 0.93, 0.78].map(|c| c * strength * self.air.glare),
            });
        }
    }

    /// Low hills on the horizon, fixed to the world's directions.
    fn hills(&mut self, yaw: f64) {
        let (width, model) = (self.canvas.width, &self.model);
        let lit = self.air.lighten(HILLS, self.air.ground, 1e6, 0.0);
        // The clear day's hills have their haze in their colour.
        let hills = if self.air.haze_m < 330.0 {
            self.air.hazed(lit, 300.0)
        } else {
            lit
        };
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
                for (to, from) in pixel.iter_mut().zip(hills) {
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
fn background(model: &CameraModel, mount: &Pose, air: &Atmosphere) -> Vec<u8> {
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
                std::array::from_fn(|i| air.haze[i] + t * (air.zenith[i] - air.haze[i]))
            } else {
                let depth = mount.z_m / -up;
                let aside = depth * ray.y / ray.x.hypot(ray.y);
                air.hazed(air.lighten(GRASS, air.ground, depth, aside), depth)
            };
            rgb.extend(colour.map(|c| c as u8));
        }
    }
    rgb
}
