//! From an object's reference point to the centre of its box, and back.

use super::{Ars548Error, Object};
use drafthorse_core::RadarObject;

/// The point of an object's box that its reported position is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Reference {
    /// Front left corner.
    FrontLeft = 0,
    /// Middle of the front edge.
    Front = 1,
    /// Front right corner.
    FrontRight = 2,
    /// Middle of the right edge.
    Right = 3,
    /// Rear right corner.
    RearRight = 4,
    /// Middle of the rear edge.
    Rear = 5,
    /// Rear left corner.
    RearLeft = 6,
    /// Middle of the left edge.
    Left = 7,
    /// The centre; also what the wire's 255 (not filled) is taken for.
    Centre = 8,
}

impl Reference {
    /// The reference of a wire value; `None` for values the sensor does not define.
    #[must_use]
    pub fn from_wire(value: u8) -> Option<Self> {
        Some(match value {
            0 => Self::FrontLeft,
            1 => Self::Front,
            2 => Self::FrontRight,
            3 => Self::Right,
            4 => Self::RearRight,
            5 => Self::Rear,
            6 => Self::RearLeft,
            7 => Self::Left,
            8 | 255 => Self::Centre,
            _ => return None,
        })
    }

    /// From the centre to the reference point, in half lengths ahead and half widths to the left.
    #[must_use]
    pub fn from_centre(self) -> (f64, f64) {
        match self {
            Self::FrontLeft => (1.0, 1.0),
            Self::Front => (1.0, 0.0),
            Self::FrontRight => (1.0, -1.0),
            Self::Right => (0.0, -1.0),
            Self::RearRight => (-1.0, -1.0),
            Self::Rear => (-1.0, 0.0),
            Self::RearLeft => (-1.0, 1.0),
            Self::Left => (0.0, 1.0),
            Self::Centre => (0.0, 0.0),
        }
    }

    /// Offset of the reference point from the centre, m.
    fn offset_m(self, length_m: f32, width_m: f32, yaw_rad: f32) -> (f64, f64) {
        let (ahead, left) = self.from_centre();
        let (ahead, left) = (
            0.5 * ahead * f64::from(length_m),
            0.5 * left * f64::from(width_m),
        );
        let (sin, cos) = libm::sincos(f64::from(yaw_rad));
        (ahead * cos - left * sin, ahead * sin + left * cos)
    }
}

impl Object {
    /// The object with its position as sent, its box centre, velocity over ground and existence as a
    /// fraction.
    ///
    /// `None` where a value is not a number, outside the sensor's range, or the reference point is
    /// one that the sensor does not define.
    #[must_use]
    pub fn to_radar_object(&self) -> Option<RadarObject> {
        let within = |value: f32, limit: f32| value.is_finite() && value.abs() <= limit;
        let extent = |value: f32| (0.0..=100.0).contains(&value);
        let reference = Reference::from_wire(self.position_reference)?;
        let sound = [self.x_m, self.y_m, self.z_m]
            .iter()
            .all(|v| within(*v, 1_600.0))
            && within(self.orientation_rad, std::f32::consts::PI + 1e-3)
            && [self.vx_mps, self.vy_mps].iter().all(|v| within(*v, 200.0))
            && (0.0..=100.0).contains(&self.existence_percent)
            && extent(self.length_m)
            && extent(self.width_m);
        if !sound {
            return None;
        }
        let (dx, dy) = reference.offset_m(self.length_m, self.width_m, self.orientation_rad);
        Some(RadarObject {
            id: self.id,
            x: self.x_m,
            y: self.y_m,
            z: self.z_m,
            centre_x: (f64::from(self.x_m) - dx) as f32,
            centre_y: (f64::from(self.y_m) - dy) as f32,
            vx: self.vx_mps,
            vy: self.vy_mps,
            length: self.length_m,
            width: self.width_m,
            height: f32::NAN,
            yaw_rad: self.orientation_rad,
            existence: self.existence_percent / 100.0,
        })
    }

    /// The wire record of an object by its box centre, its position given at `reference`; unmeasured
    /// fields are zero.
    ///
    /// # Errors
    /// [`Ars548Error::NotEncodable`] where the object itself is outside the sensor's range.
    pub fn from_radar_object(
        object: &RadarObject,
        reference: Reference,
    ) -> Result<Self, Ars548Error> {
        let (dx, dy) = reference.offset_m(object.length, object.width, object.yaw_rad);
        let record = Self {
            id: object.id,
            position_reference: reference as u8,
            x_m: (f64::from(object.centre_x) + dx) as f32,
            y_m: (f64::from(object.centre_y) + dy) as f32,
            z_m: object.z,
            vx_mps: object.vx,
            vy_mps: object.vy,
            length_m: object.length,
            width_m: object.width,
            orientation_rad: object.yaw_rad,
            existence_percent: object.existence * 100.0,
            ..Self::default()
        };
        match record.to_radar_object() {
            Some(_) => Ok(record),
            None => Err(Ars548Error::NotEncodable(
                "an object outside the sensor's range",
            )),
        }
    }
}
