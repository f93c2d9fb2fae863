//! Where things of the vehicle's frame are in a camera's picture.

use crate::Place;
use drafthorse_core::{CameraModel, Pose};
use nalgebra::{Isometry3, Point3};

/// A calibrated camera, whose model is that of the picture that tokens are made of.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    optical_from_vehicle: Isometry3<f64>,
    model: CameraModel,
}

/// A part of the picture: left, top, right, bottom, px.
pub(super) type Area = [f64; 4];

impl Camera {
    /// A camera mounted at `mount`.
    #[must_use]
    pub fn new(mount: &Pose, model: CameraModel) -> Self {
        Self {
            optical_from_vehicle: mount.vehicle_from_optical().inverse(),
            model,
        }
    }

    /// Focal length across, px: one radian's width in the middle of the picture.
    pub(super) fn focal_px(&self) -> f64 {
        self.model.fx_px
    }

    /// Pixel of a point of the vehicle's frame (m); `None` behind the camera.
    pub(super) fn pixel(&self, point_m: [f64; 3]) -> Option<[f64; 2]> {
        let point = self.optical_from_vehicle * Point3::from(point_m);
        let pixel = self.model.project(&point)?;
        (pixel.x.is_finite() && pixel.y.is_finite()).then_some([pixel.x, pixel.y])
    }

    /// The part of the picture that surrounds points of the vehicle's frame (m), beyond its edges too;
    /// `None` where none of them is before the camera.
    pub(super) fn around(&self, points_m: impl IntoIterator<Item = [f64; 3]>) -> Option<Area> {
        let pixels = points_m.into_iter().filter_map(|p| self.pixel(p));
        pixels.fold(None, |area: Option<Area>, [x, y]| {
            let [left, top, right, bottom] = area.unwrap_or([x, y, x, y]);
            Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
        })
    }

    /// What a token covers of the picture.
    pub(super) fn area(&self, place: &Place) -> Area {
        let size = [self.model.width_px, self.model.height_px].map(f64::from);
        let edge = |axis: usize, side: f64| {
            let (centre, extent) = (place.centre[axis], place.extent[axis]);
            (f64::from(centre) + side * f64::from(extent)) * size[axis]
        };
        [edge(0, -0.5), edge(1, -0.5), edge(0, 0.5), edge(1, 0.5)]
    }

    /// Whether the picture holds a pixel.
    pub(super) fn shows(&self, [x, y]: [f64; 2]) -> bool {
        let (width, height) = (self.model.width_px, self.model.height_px);
        (0.0..f64::from(width)).contains(&x) && (0.0..f64::from(height)).contains(&y)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The front camera of generated scenes, whose picture is 256 x 128.
    pub(in crate::prune) fn scene_camera() -> Camera {
        let mount = Pose {
            x_m: 1.7,
            z_m: 1.35,
            ..Pose::default()
        };
        let model = CameraModel {
            width_px: 256,
            height_px: 128,
            fx_px: 221.7024,
            fy_px: 221.7024,
            cx_px: 128.0,
            cy_px: 64.0,
            distortion: [0.0; 5],
        };
        Camera::new(&mount, model)
    }

    #[test]
    fn tokens_cover_the_picture() {
        let camera = scene_camera();
        let areas = crate::prune::grid(8, 16)
            .iter()
            .map(|p| camera.area(p))
            .collect::<Vec<_>>();
        assert_eq!(areas[17], [16.0, 16.0, 32.0, 32.0]);
        assert_eq!(areas[127], [240.0, 112.0, 256.0, 128.0]);
    }

    #[test]
    fn what_is_left_in_the_world_is_left_in_the_picture() {
        let camera = scene_camera();
        let [x, y] = camera.pixel([11.7, 1.0, 1.35]).unwrap();
        assert!((x - (128.0 - 22.17)).abs() < 0.01 && (y - 64.0).abs() < 1e-9);
        assert!(camera.shows([x, y]) && !camera.shows([256.0, 3.0]));
        assert_eq!(camera.pixel([0.0, 0.0, 0.0]), None);
        let area = camera
            .around([[11.7, 1.0, 1.35], [0.0; 3], [11.7, -1.0, 0.0]])
            .unwrap();
        assert!((area[2] - area[0] - 44.34).abs() < 0.01 && (area[1] - 64.0).abs() < 1e-9);
    }
}
