//! KITTI's calibration files: how the sensor stands to the camera, and the camera's projection.

use std::path::Path;

use nalgebra::{Matrix3, Matrix3x4, Vector3};

use super::kitti::wrapped;
use crate::error::EvalError;
use crate::scene::{Box3, ImageBox, View};

/// Points nearer to the camera's plane than this are behind the picture, m.
const NEAREST_M: f64 = 0.1;

/// A frame's calibration. The camera's frame is KITTI's: x right, y down, z forward.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// `P2`: homogeneous pixels from the camera's frame.
    pub image_from_camera: Matrix3x4<f64>,
    turn: Matrix3<f64>,
    turn_back: Matrix3<f64>,
    /// The sensor's origin in the camera's frame, m.
    shift_m: Vector3<f64>,
}

impl Calibration {
    /// Reads `P2`, `Tr_velo_to_cam` and, where it is there, `R0_rect`.
    ///
    /// # Errors
    /// Where the file does not open, a matrix is missing, or the transform cannot be undone.
    pub fn read(path: &Path) -> Result<Self, EvalError> {
        let text = std::fs::read_to_string(path).map_err(EvalError::read(path))?;
        let missing = |name, count| EvalError::Calibration {
            path: path.to_owned(),
            name,
            count,
        };
        let p2 = numbers(&text, "P2", 12).ok_or_else(|| missing("P2", 12))?;
        let name = "Tr_velo_to_cam";
        let move_in = numbers(&text, name, 12).ok_or_else(|| missing(name, 12))?;
        let rectify = numbers(&text, "R0_rect", 9)
            .map_or_else(Matrix3::identity, |n| Matrix3::from_row_slice(&n));
        let camera_from_sensor = rectify * Matrix3x4::from_row_slice(&move_in);
        let turn = camera_from_sensor.fixed_columns::<3>(0).into_owned();
        Ok(Self {
            image_from_camera: Matrix3x4::from_row_slice(&p2),
            turn,
            turn_back: turn.try_inverse().ok_or_else(|| missing(name, 12))?,
            shift_m: camera_from_sensor.column(3).into_owned(),
        })
    }

    /// A box of [`kitti`](super::kitti), in the camera's axes, in the sensor's frame. The heading is
    /// taken as about the sensor's -z, as View-of-Delft defines it.
    #[must_use]
    pub fn sensor_from_camera(&self, shape: &Box3) -> Box3 {
        let [forward, left, up] = shape.centre_m;
        let half = shape.size_m[2] / 2.0;
        let bottom = Vector3::new(-left, half - up, forward);
        let bottom = self.turn_back * (bottom - self.shift_m);
        Box3 {
            centre_m: [bottom.x, bottom.y, bottom.z + half],
            ..*shape
        }
    }

    /// The inverse of [`Self::sensor_from_camera`].
    #[must_use]
    pub fn camera_from_sensor(&self, shape: &Box3) -> Box3 {
        let [x, y, z] = shape.centre_m;
        let half = shape.size_m[2] / 2.0;
        let bottom = self.turn * Vector3::new(x, y, z - half) + self.shift_m;
        Box3 {
            centre_m: [bottom.z, -bottom.x, half - bottom.y],
            ..*shape
        }
    }

    /// How the camera sees a box of the sensor's frame: the rectangle around its corners, cut at
    /// the picture's edges. Nothing where it is behind the camera or outside the picture of
    /// `width_px` by `height_px`.
    #[must_use]
    pub fn view(&self, shape: &Box3, width_px: f64, height_px: f64) -> Option<View> {
        let (sin, cos) = shape.yaw_rad.sin_cos();
        let [length, width, height] = shape.size_m;
        let mut bounds: Option<ImageBox> = None;
        for corner in 0..8 {
            let side = |bit: u32| if corner >> bit & 1 == 0 { -0.5 } else { 0.5 };
            let (along, across) = (side(0) * length, side(1) * width);
            let sensor = Vector3::new(
                shape.centre_m[0] + cos * along - sin * across,
                shape.centre_m[1] + sin * along + cos * across,
                shape.centre_m[2] + side(2) * height,
            );
            let camera = self.turn * sensor + self.shift_m;
            if camera.z < NEAREST_M {
                continue;
            }
            let pixel = self.image_from_camera * camera.push(1.0);
            let (u, v) = (pixel.x / pixel.z, pixel.y / pixel.z);
            let b = bounds.get_or_insert(ImageBox {
                left_px: u,
                top_px: v,
                right_px: u,
                bottom_px: v,
            });
            b.left_px = b.left_px.min(u);
            b.top_px = b.top_px.min(v);
            b.right_px = b.right_px.max(u);
            b.bottom_px = b.bottom_px.max(v);
        }
        let whole = bounds?;
        let bounds = ImageBox {
            left_px: whole.left_px.max(0.0),
            top_px: whole.top_px.max(0.0),
            right_px: whole.right_px.min(width_px - 1.0),
            bottom_px: whole.bottom_px.min(height_px - 1.0),
        };
        if bounds.left_px >= bounds.right_px || bounds.top_px >= bounds.bottom_px {
            return None;
        }
        let camera = self.camera_from_sensor(shape);
        let rotation = -shape.yaw_rad - std::f64::consts::FRAC_PI_2;
        let bearing = (-camera.centre_m[1]).atan2(camera.centre_m[0]);
        Some(View {
            bounds,
            alpha_rad: wrapped(rotation - bearing),
        })
    }
}

/// The numbers of the line `name:`, if there are `count` of them, all finite.
fn numbers(text: &str, name: &str, count: usize) -> Option<Vec<f64>> {
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))?;
    let numbers: Vec<f64> = line
        .split_whitespace()
        .map_while(|n| n.parse().ok().filter(|n: &f64| n.is_finite()))
        .collect();
    (numbers.len() == count && line.split_whitespace().count() == count).then_some(numbers)
}
