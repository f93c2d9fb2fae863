//! The scenes' camera, and what its picture shows.
//!
//! Pictures are rendered at twice the model's resolution and averaged down. Whether a picture shows
//! a thing is asked of pictures alone: the same instant is rendered with that one thing changed
//! (left out, repainted, switched), and the pixels that differ by enough are counted. Fog, night,
//! size, and what hides what are all in that count.

use crate::atmosphere::{Atmosphere, Light};
use crate::camera::{Camera, Change};
use crate::canvas::Canvas;
use crate::config::DriveConfig;
use crate::drive::Drive;
use crate::weather::Weather;
use crate::world::World;
use drafthorse_core::{CameraModel, Pose};
use nalgebra::Point3;

/// Pixels a row of a scene's picture.
pub const WIDTH_PX: usize = 256;
/// Rows of a scene's picture.
pub const HEIGHT_PX: usize = 128;
/// Rendered pixels for one of the picture, each way.
const OVERSAMPLE: usize = 2;
/// The sample camera's picture is scaled by this.
const SCALE: f64 = 0.4;
/// Rows cut off the top of the scaled picture.
const CUT_PX: f64 = 8.0;
/// A pixel differs where a channel does by this much (of 255), and more where the sensor is noisy.
const DIFFERS: f32 = 14.0;

/// Mounting pose and model of the scenes' camera: the sample vehicle's front camera, scaled to 0.4 of
/// its resolution and cropped to the middle rows.
#[must_use]
pub fn camera() -> (Pose, CameraModel) {
    scaled(1)
}

/// The sample vehicle's camera.
fn full() -> (Pose, CameraModel) {
    let calibration = Drive::calibration();
    let sensor = &calibration.sensors["camera_front"];
    #[allow(clippy::expect_used)] // The calibration is compiled in; every test builds one.
    let model = sensor.camera.expect("the sample camera has a model");
    (sensor.mount, model)
}

fn scaled(oversample: usize) -> (Pose, CameraModel) {
    let (mount, full) = full();
    let times = oversample as f64;
    let model = CameraModel {
        width_px: (WIDTH_PX * oversample) as u32,
        height_px: (HEIGHT_PX * oversample) as u32,
        fx_px: full.fx_px * SCALE * times,
        fy_px: full.fy_px * SCALE * times,
        cx_px: full.cx_px * SCALE * times,
        cy_px: (full.cy_px * SCALE - CUT_PX) * times,
        distortion: full.distortion,
    };
    (mount, model)
}

/// The sample vehicle's camera as it records, in that air.
pub(crate) fn sample_camera(air: Atmosphere) -> Camera {
    let (mount, model) = full();
    let quality = DriveConfig::default().jpeg_quality;
    Camera::new(model, mount, quality, air)
}

/// The part of the picture around points of the vehicle's frame, `margin_px` wider on every side;
/// `None` where it has none.
pub(crate) fn around(points: &[[f64; 3]], margin_px: f64) -> Option<Region> {
    let (mount, model) = camera();
    let optical_from_vehicle = mount.vehicle_from_optical().inverse();
    let mut ends = [f64::MAX, f64::MAX, f64::MIN, f64::MIN];
    for point in points {
        let point = optical_from_vehicle * Point3::from(*point);
        let Some(pixel) = model.project(&point) else {
            continue;
        };
        ends[0] = ends[0].min(pixel.x - margin_px);
        ends[1] = ends[1].min(pixel.y - margin_px);
        ends[2] = ends[2].max(pixel.x + margin_px);
        ends[3] = ends[3].max(pixel.y + margin_px);
    }
    let size = [WIDTH_PX, HEIGHT_PX];
    let region: Region = std::array::from_fn(|i| (ends[i].max(0.0) as usize).min(size[i % 2]));
    (region[0] < region[2] && region[1] < region[3]).then_some(region)
}

/// A part of the picture: first column, first row, end column, end row.
pub(crate) type Region = [usize; 4];

/// The whole picture.
pub(crate) const WHOLE: Region = [0, 0, WIDTH_PX, HEIGHT_PX];

/// The camera in one weather and light.
pub(crate) struct Eye {
    camera: Camera,
    /// The instant before road users and lights are on it.
    stage: Canvas,
    /// The instant with all that is on it.
    acted: Canvas,
    /// The instant without rain and noise, RGB.
    plain: Vec<u8>,
    /// What `plain` is compared with.
    other: Vec<u8>,
    differs: u8,
}

impl Eye {
    pub(crate) fn new(weather: Weather, light: Light) -> Self {
        let (mount, model) = scaled(OVERSAMPLE);
        let air = Atmosphere::new(light, weather);
        // Noise is averaged down with the picture.
        let differs = (DIFFERS + 2.0 * air.noise / OVERSAMPLE as f32) as u8;
        Self {
            camera: Camera::new(model, mount, 90, air),
            stage: Canvas::new(WIDTH_PX * OVERSAMPLE, HEIGHT_PX * OVERSAMPLE),
            acted: Canvas::new(WIDTH_PX * OVERSAMPLE, HEIGHT_PX * OVERSAMPLE),
            plain: vec![0; WIDTH_PX * HEIGHT_PX * 3],
            other: vec![0; WIDTH_PX * HEIGHT_PX * 3],
            differs,
        }
    }

    /// Looks at the world's current instant.
    pub(crate) fn look(&mut self, world: &World) {
        self.clip(WHOLE);
        self.camera.stage(world, world.crossings());
        self.stage.clone_from(self.camera.canvas());
        self.camera.act(world, Change::None);
        self.acted.clone_from(self.camera.canvas());
        shrink(&self.acted.rgb, WHOLE, &mut self.plain);
    }

    /// The picture of the instant last looked at, RGB, under rain and noise of stream `number`.
    pub(crate) fn picture(&mut self, world: &World, number: u64) -> Vec<u8> {
        self.clip(WHOLE);
        self.camera.canvas().restore(&self.stage, &self.acted);
        self.camera.act(world, Change::None);
        self.camera.weather_of(number);
        let mut rgb = vec![0; WIDTH_PX * HEIGHT_PX * 3];
        shrink(&self.camera.canvas().rgb, WHOLE, &mut rgb);
        rgb
    }

    /// Pixels of `region` (index in the picture) that would differ by `times` the least difference
    /// if `change` were so.
    pub(crate) fn differing(
        &mut self,
        world: &World,
        change: Change,
        region: Region,
        times: u8,
    ) -> Vec<usize> {
        self.clip(region);
        self.camera.canvas().restore(&self.stage, &self.acted);
        self.camera.act(world, change);
        self.compare(region, times)
    }

    /// Pixels of `region` that would differ if there were no zebra crossing.
    pub(crate) fn zebra(&mut self, world: &World, region: Region) -> Vec<usize> {
        self.with_zebras(world, &[], region)
    }

    /// Pixels of `region` that would differ if the zebra crossings were those at `crossings`.
    fn with_zebras(&mut self, world: &World, crossings: &[f64], region: Region) -> Vec<usize> {
        self.clip(region);
        self.camera.stage(world, crossings);
        let canvas = self.camera.canvas();
        let bare = canvas.clone();
        canvas.restore(&bare, &self.acted);
        self.camera.act(world, Change::None);
        self.compare(region, 1)
    }

    /// Draws on a region only.
    fn clip(&mut self, region: Region) {
        self.camera.canvas().clip = region.map(|edge| edge * OVERSAMPLE);
    }

    fn compare(&mut self, region: Region, times: u8) -> Vec<usize> {
        shrink(&self.camera.canvas().rgb, region, &mut self.other);
        let least = self.differs.saturating_mul(times);
        let [left, top, right, bottom] = region;
        let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| y * WIDTH_PX + x));
        pixels
            .filter(|&p| {
                let (a, b) = (&self.plain[3 * p..3 * p + 3], &self.other[3 * p..3 * p + 3]);
                a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) >= least)
            })
            .collect()
    }
}

/// Averages a rendered picture down within a region of the small one.
fn shrink(rgb: &[u8], [left, top, right, bottom]: Region, small: &mut [u8]) {
    let wide = WIDTH_PX * OVERSAMPLE;
    for y in top..bottom {
        for x in left..right {
            for channel in 0..3 {
                let at = |dy: usize, dx: usize| {
                    let pixel = (y * OVERSAMPLE + dy) * wide + x * OVERSAMPLE + dx;
                    u16::from(rgb[3 * pixel + channel])
                };
                let sum = at(0, 0) + at(0, 1) + at(1, 0) + at(1, 1);
                small[3 * (y * WIDTH_PX + x) + channel] = ((sum + 2) / 4) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DriveConfig;
    use crate::town::Town;

    #[test]
    fn where_nothing_is_changed_nothing_differs() {
        // Lamps are lit: their light reaches from outside a region into it, unless hidden there.
        for (seed, light) in [(5, Light::Night), (6, Light::Dusk), (7, Light::Day)] {
            let mut world = World::new(&DriveConfig {
                seed,
                town: Town::Boulevard,
                ..DriveConfig::default()
            });
            let mut eye = Eye::new(Weather::Clear, light);
            for time_s in [2.0, 6.0, 10.0] {
                world.advance_to(time_s);
                eye.look(&world);
                for (i, region) in regions().enumerate() {
                    // What was drawn before must leave nothing behind.
                    let other = world.placed[i % world.placed.len()].actor.id;
                    eye.differing(&world, Change::Without(other), WHOLE, 1);
                    let none = eye.differing(&world, Change::None, region, 1);
                    let crossings = world.crossings().to_vec();
                    let same = eye.with_zebras(&world, &crossings, region);
                    let at = format!("seed {seed}, {light:?}, {time_s} s, {region:?}");
                    assert!(none.is_empty(), "{} px, {at}", none.len());
                    assert!(same.is_empty(), "{} px, {at}", same.len());
                }
            }
        }
    }

    fn regions() -> impl Iterator<Item = Region> {
        (0..8).flat_map(|x| (1..4).map(move |y| [32 * x, 24 * y, 32 * x + 32, 24 * y + 24]))
    }
}
