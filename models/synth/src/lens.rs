//! From the world to the picture: the camera's pose at one instant, its model, the light and the
//! haze, and polygons clipped in front of it.

use crate::atmosphere::Atmosphere;
use crate::canvas::{Canvas, Colour, Glow, Ink, Vertex};
use crate::path::Pose2;
use drafthorse_core::{CameraModel, Pose};
use nalgebra::{Matrix3, Point3, Vector3};

/// Nearest depth that is drawn, m.
const NEAR_M: f64 = 0.25;

/// Strength of the strongest lamps, those of streets.
const STRONGEST_LAMP: f64 = 1.6;

/// A camera at one instant with the picture that it exposes.
pub(crate) struct Lens<'a> {
    canvas: &'a mut Canvas,
    model: &'a CameraModel,
    pub(crate) air: &'a Atmosphere,
    /// Faces give light of their own instead of being lit.
    glowing: bool,
    /// Rotation and translation of `optical_from_world`, as matrices: every corner goes through.
    rotation: Matrix3<f64>,
    translation: Vector3<f64>,
    /// The camera's place in the world.
    eye: [f64; 3],
}

impl<'a> Lens<'a> {
    pub(crate) fn new(
        canvas: &'a mut Canvas,
        model: &'a CameraModel,
        mount: &Pose,
        ego: Pose2,
        air: &'a Atmosphere,
    ) -> Self {
        let [x, y] = ego.out(mount.x_m, mount.y_m);
        let world_from_vehicle = Pose {
            x_m: ego.x,
            y_m: ego.y,
            yaw_rad: ego.yaw,
            ..Pose::default()
        };
        let world_from_optical =
            world_from_vehicle.parent_from_self() * mount.vehicle_from_optical();
        let optical_from_world = world_from_optical.inverse();
        Self {
            canvas,
            model,
            air,
            glowing: false,
            rotation: *optical_from_world.rotation.to_rotation_matrix().matrix(),
            translation: optical_from_world.translation.vector,
            eye: [x, y, mount.z_m],
        }
    }

    fn optical(&self, p: [f64; 3]) -> Point3<f64> {
        Point3::from(self.rotation * Vector3::from(p) + self.translation)
    }

    /// Distance from the camera in the plane, m.
    pub(crate) fn distance(&self, p: [f64; 2]) -> f64 {
        (p[0] - self.eye[0]).hypot(p[1] - self.eye[1])
    }

    /// Whether anything within `reach` of a point of the ground can be in the picture.
    pub(crate) fn sees(&self, p: [f64; 2], reach: f64) -> bool {
        let q = self.optical([p[0], p[1], self.eye[2]]);
        let half = 0.5 * f64::from(self.model.width_px) / self.model.fx_px * 1.05;
        q.z > -reach && q.x.abs() < half * q.z.max(0.0) + reach * (1.0 + half)
    }

    /// Whether anything within `reach` beside a point of the ground can be in the columns that are
    /// drawn on.
    pub(crate) fn in_clip(&self, p: [f64; 2], reach: f64) -> bool {
        let [left, _, right, _] = self.canvas.clip;
        let q = self.optical([p[0], p[1], self.eye[2]]);
        let near = q.z - reach;
        if near < 1.0 || (left, right) == (0, self.canvas.width) {
            return true;
        }
        let column = |x: f64| {
            let ends = [x / near, x / (q.z + reach)];
            ends.map(|tan| self.model.cx_px + self.model.fx_px * tan)
        };
        let [a, b] = column(q.x - reach);
        let [c, d] = column(q.x + reach);
        // A margin for the lens's distortion, and for the light of lamps.
        let glow = if self.air.lamps {
            self.glow_px(STRONGEST_LAMP, near)
        } else {
            0.0
        };
        let margin = 8.0 + glow;
        a.min(b) < right as f64 + margin && c.max(d) > left as f64 - margin
    }

    /// Draws a convex polygon that lies on the ground.
    pub(crate) fn ground(&mut self, corners: &[[f64; 2]], colour: Colour, ink: Ink) {
        let mut world = [[0.0; 3]; 8];
        let count = corners.len().min(8);
        for (to, from) in world.iter_mut().zip(corners) {
            *to = [from[0], from[1], 0.0];
        }
        self.polygon(&world[..count], colour, self.air.ground, ink);
    }

    /// Draws faces that give light of their own.
    pub(crate) fn glowing(&mut self, draw: impl FnOnce(&mut Self)) {
        self.glowing = true;
        draw(self);
        self.glowing = false;
    }

    /// How far a lamp's glow reaches, px.
    fn glow_px(&self, strength: f64, depth_m: f64) -> f64 {
        strength * self.model.fx_px * 0.02 * (10.0 / depth_m).sqrt()
    }

    /// A lamp at a place of a body that shines along the body's x (`ahead` +1, -1, or 0 for all
    /// around): a glow in the lens where lamps are on and this one is in sight.
    pub(crate) fn lamp(
        &mut self,
        pose: &Pose2,
        [x, y, z]: [f64; 3],
        ahead: f64,
        colour: Colour,
        strength: f64,
    ) {
        let [wx, wy] = pose.out(x, y);
        let [ex, _] = pose.inward([self.eye[0], self.eye[1]]);
        if !self.air.lamps || (ex - x) * ahead < 0.0 {
            return;
        }
        let p = self.optical([wx, wy, z]);
        if p.z < 1.0 {
            return;
        }
        if let Some(pixel) = self.model.project(&p) {
            let dim = (-p.z / (2.0 * self.air.haze_m)).exp();
            self.canvas.glows.push(Glow {
                x: pixel.x as f32,
                y: pixel.y as f32,
                inverse_depth: (1.0 / p.z) as f32,
                radius: self.glow_px(strength, p.z) as f32,
                colour: colour.map(|c| c * dim as f32),
            });
        }
    }

    /// Draws a flat convex face of a solid: local corners anticlockwise as seen from outside, in
    /// the frame of `pose`. Faces that look away are left out, the others lit.
    pub(crate) fn face(&mut self, pose: &Pose2, corners: &[[f64; 3]], colour: Colour) {
        let mut world = [[0.0; 3]; 8];
        let count = corners.len().min(8);
        let (sin, cos) = pose.yaw.sin_cos();
        for (to, [x, y, z]) in world.iter_mut().zip(corners) {
            *to = [pose.x + cos * x - sin * y, pose.y + sin * x + cos * y, *z];
        }
        let [a, b, c] = [0, 1, 2].map(|i| Vector3::from(world[i]));
        let normal = (b - a).cross(&(c - a));
        let towards = Vector3::from(self.eye) - a;
        if normal.dot(&towards) <= 0.0 {
            return;
        }
        let normal = normal.normalize();
        let lit = normal.dot(&Vector3::from(self.air.sun)).max(0.0);
        let light = self.air.on_face(lit, normal.z);
        self.polygon(&world[..count], colour, light, Ink::Solid);
    }

    /// Draws a convex polygon of the world under that much light.
    fn polygon(&mut self, corners: &[[f64; 3]], colour: Colour, light: f32, ink: Ink) {
        let mut clipped = [Vertex::default(); 10];
        let (mut count, mut depth, mut aside) = (0, 0.0, 0.0);
        let Some(&last) = corners.last() else {
            return;
        };
        let mut a = self.optical(last);
        for &corner in corners {
            let b = self.optical(corner);
            if (a.z < NEAR_M) != (b.z < NEAR_M) {
                let t = (NEAR_M - a.z) / (b.z - a.z);
                self.keep(&(a + (b - a) * t), &mut clipped, &mut count);
            }
            if b.z >= NEAR_M {
                self.keep(&b, &mut clipped, &mut count);
            }
            depth += b.z.max(0.0) / corners.len() as f64;
            aside += b.x / corners.len() as f64;
            a = b;
        }
        if count < 3 {
            return;
        }
        let colour = match (ink, self.glowing) {
            (Ink::Shadow, _) => colour,
            (_, true) => self.air.hazed(colour, depth),
            (_, false) => {
                let seen = self.air.lighten(colour, light, depth, aside);
                self.air.hazed(seen, depth)
            }
        };
        self.canvas.fill(&clipped[..count], colour, ink);
    }

    fn keep(&self, p: &Point3<f64>, clipped: &mut [Vertex; 10], count: &mut usize) {
        if let Some(pixel) = self.model.project(p)
            && *count < clipped.len()
        {
            clipped[*count] = Vertex {
                x: pixel.x as f32,
                y: pixel.y as f32,
                inverse_depth: (1.0 / p.z) as f32,
            };
            *count += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atmosphere::Light;
    use crate::shapes::block;
    use crate::weather::Weather;

    fn model(distortion: [f64; 5]) -> CameraModel {
        CameraModel {
            width_px: 640,
            height_px: 360,
            fx_px: 554.0,
            fy_px: 540.0,
            cx_px: 322.0,
            cy_px: 171.0,
            distortion,
        }
    }

    fn day() -> Atmosphere {
        Atmosphere::new(Light::Day, Weather::Clear)
    }

    /// First and last column and row that were drawn on.
    fn drawn(canvas: &Canvas) -> [f64; 4] {
        let mut ends = [
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        for (i, pixel) in canvas.rgb.chunks_exact(3).enumerate() {
            if pixel.iter().any(|c| *c > 0) {
                let (x, y) = ((i % canvas.width) as f64, (i / canvas.width) as f64);
                ends = [
                    ends[0].min(x),
                    ends[1].max(x + 1.0),
                    ends[2].min(y),
                    ends[3].max(y + 1.0),
                ];
            }
        }
        ends
    }

    #[test]
    fn a_box_is_drawn_where_the_camera_model_says() {
        let mount = Pose {
            x_m: 1.7,
            y_m: 0.2,
            z_m: 1.35,
            roll_rad: 0.03,
            pitch_rad: 0.02,
            yaw_rad: -0.05,
        };
        let ego = Pose2 {
            x: 120.0,
            y: -35.0,
            yaw: 2.1,
        };
        for model in [model([0.0; 5]), model([-0.08, 0.01, 0.001, -0.0005, 0.0])] {
            for (ahead, left, turn) in [(12.0, 0.0, 0.4), (25.0, 6.0, 1.3), (60.0, -9.0, 2.9)] {
                let [x, y] = ego.out(ahead, left);
                let yaw = ego.yaw + turn;
                let pose = Pose2 { x, y, yaw };
                let (low, high) = ([-2.2, -0.9, 0.0], [2.2, 0.9, 1.5]);
                let mut canvas = Canvas::new(640, 360);
                let air = day();
                let mut lens = Lens::new(&mut canvas, &model, &mount, ego, &air);
                block(&mut lens, &pose, low, high, [200.0, 180.0, 160.0]);
                let optical_from_vehicle = mount.vehicle_from_optical().inverse();
                let mut said = [
                    f64::INFINITY,
                    f64::NEG_INFINITY,
                    f64::INFINITY,
                    f64::NEG_INFINITY,
                ];
                for corner in 0..8 {
                    let pick = |axis: usize| {
                        if corner >> axis & 1 == 0 {
                            low[axis]
                        } else {
                            high[axis]
                        }
                    };
                    let [vx, vy] = ego.inward(pose.out(pick(0), pick(1)));
                    let point = optical_from_vehicle * Point3::new(vx, vy, pick(2));
                    let pixel = model.project(&point).unwrap();
                    said = [
                        said[0].min(pixel.x),
                        said[1].max(pixel.x),
                        said[2].min(pixel.y),
                        said[3].max(pixel.y),
                    ];
                }
                for (drawn, said) in drawn(&canvas).into_iter().zip(said) {
                    assert!((drawn - said).abs() < 1.0, "drawn to {drawn}, said {said}");
                }
            }
        }
    }

    #[test]
    fn what_is_behind_the_camera_is_not_drawn() {
        let (mount, model, air) = (Pose::default(), model([0.0; 5]), day());
        let mut canvas = Canvas::new(640, 360);
        let mut lens = Lens::new(&mut canvas, &model, &mount, Pose2::default(), &air);
        let behind = Pose2 {
            x: -10.0,
            ..Pose2::default()
        };
        block(&mut lens, &behind, [-1.0; 3], [1.0; 3], [200.0; 3]);
        assert!(!lens.sees([-40.0, 0.0], 5.0) && lens.sees([40.0, 0.0], 5.0));
        assert!(canvas.rgb.iter().all(|c| *c == 0));
    }
}
