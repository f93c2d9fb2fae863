//! Radar points out of a `foxglove.PointCloud`, packed small for the page.

use foxglove::messages::{PackedElementField, PointCloud, packed_element_field::NumericType};
use nalgebra::{Isometry3, Point3, Quaternion, Translation3, UnitQuaternion};

/// Points of one scan that the page gets at most.
const MAX_POINTS: usize = 800;

/// Points of one scan in the radar's frame, [`Packed::STRIDE`] bytes each, little-endian: x, y and z
/// in 2 cm (i16), range rate in cm/s (i16, -32768 unknown), RCS in dBsm (i8, -128 unknown), label
/// (u8: 0 invalid, 1 stationary, 2 moving, 255 unknown).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Packed {
    /// Points in the message.
    pub points: usize,
    /// The packed points, an even selection if the message holds very many.
    pub bytes: Vec<u8>,
}

impl Packed {
    /// Bytes a point.
    pub(super) const STRIDE: usize = 10;
}

/// Packs a cloud; `None` if it names no x and y, or its sizes do not fit together.
pub(super) fn pack(cloud: &PointCloud) -> Option<Packed> {
    let stride = cloud.point_stride as usize;
    if cloud.data.is_empty() {
        return Some(Packed::default());
    }
    if stride == 0 {
        return None;
    }
    let find = |names: &[&str]| {
        let named = |f: &&PackedElementField| names.contains(&f.name.as_str());
        Reader::new(cloud.fields.iter().find(named)?, stride)
    };
    let (x, y) = (find(&["x"])?, find(&["y"])?);
    let z = find(&["z"]);
    let rate = find(&["range_rate", "range_rate_mps", "doppler", "velocity"]);
    let rcs = find(&["rcs", "rcs_dbsm"]);
    let label = find(&["label"]);
    let pose = pose(cloud);

    let points = cloud.data.len() / stride;
    let step = points.div_ceil(MAX_POINTS).max(1);
    let mut bytes = Vec::with_capacity(points.div_ceil(step) * Packed::STRIDE);
    for point in cloud.data.chunks_exact(stride).step_by(step) {
        let read = |r: &Option<Reader>| r.as_ref().map(|r| r.read(point));
        let p = pose * Point3::new(x.read(point), y.read(point), read(&z).unwrap_or(0.0));
        if !p.coords.iter().all(|v| v.is_finite()) {
            continue;
        }
        for metres in [p.x, p.y, p.z] {
            bytes.extend_from_slice(&((metres * 50.0).round() as i16).to_le_bytes());
        }
        let rate = read(&rate)
            .filter(|v| v.is_finite())
            .map_or(i16::MIN, |v| ((v * 100.0).round() as i16).max(i16::MIN + 1));
        bytes.extend_from_slice(&rate.to_le_bytes());
        let rcs = read(&rcs)
            .filter(|v| v.is_finite())
            .map_or(i8::MIN, |v| (v.round() as i8).max(i8::MIN + 1));
        bytes.push(rcs.to_le_bytes()[0]);
        bytes.push(read(&label).map_or(255, |v| v as u8));
    }
    Some(Packed { points, bytes })
}

fn pose(cloud: &PointCloud) -> Isometry3<f64> {
    let Some(pose) = &cloud.pose else {
        return Isometry3::identity();
    };
    let t = pose.position.unwrap_or_default();
    let rotation = pose
        .orientation
        .map(|q| Quaternion::new(q.w, q.x, q.y, q.z))
        .filter(|q| q.norm() > 1e-6)
        .map_or_else(UnitQuaternion::identity, UnitQuaternion::from_quaternion);
    Isometry3::from_parts(Translation3::new(t.x, t.y, t.z), rotation)
}

/// Reads one field of a point.
struct Reader {
    offset: usize,
    kind: NumericType,
}

impl Reader {
    fn new(field: &PackedElementField, stride: usize) -> Option<Self> {
        let kind = NumericType::try_from(field.r#type).ok()?;
        let size = match kind {
            NumericType::Unknown => return None,
            NumericType::Uint8 | NumericType::Int8 => 1,
            NumericType::Uint16 | NumericType::Int16 => 2,
            NumericType::Uint32 | NumericType::Int32 | NumericType::Float32 => 4,
            NumericType::Float64 => 8,
        };
        let offset = field.offset as usize;
        (offset.checked_add(size)? <= stride).then_some(Self { offset, kind })
    }

    /// The value; the caller's slice is a whole stride, which [`Reader::new`] checked the field fits.
    fn read(&self, point: &[u8]) -> f64 {
        fn at<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes
                .get(..N)
                .and_then(|b| b.try_into().ok())
                .unwrap_or([0; N])
        }
        let bytes = point.get(self.offset..).unwrap_or_default();
        match self.kind {
            NumericType::Unknown => f64::NAN,
            NumericType::Uint8 => f64::from(u8::from_le_bytes(at(bytes))),
            NumericType::Int8 => f64::from(i8::from_le_bytes(at(bytes))),
            NumericType::Uint16 => f64::from(u16::from_le_bytes(at(bytes))),
            NumericType::Int16 => f64::from(i16::from_le_bytes(at(bytes))),
            NumericType::Uint32 => f64::from(u32::from_le_bytes(at(bytes))),
            NumericType::Int32 => f64::from(i32::from_le_bytes(at(bytes))),
            NumericType::Float32 => f64::from(f32::from_le_bytes(at(bytes))),
            NumericType::Float64 => f64::from_le_bytes(at(bytes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(points: &[[f32; 3]], label: u8) -> PointCloud {
        let field = |name: &str, offset, kind: NumericType| PackedElementField {
            name: name.to_owned(),
            offset,
            r#type: kind as i32,
        };
        let mut data = Vec::new();
        for [x, y, rate] in points {
            data.push(label);
            data.extend_from_slice(&x.to_le_bytes());
            data.extend_from_slice(&f64::from(*y).to_le_bytes());
            data.extend_from_slice(&rate.to_le_bytes());
        }
        PointCloud {
            point_stride: 17,
            fields: vec![
                field("label", 0, NumericType::Uint8),
                field("x", 1, NumericType::Float32),
                field("y", 5, NumericType::Float64),
                field("range_rate", 13, NumericType::Float32),
            ],
            data: data.into(),
            ..Default::default()
        }
    }

    #[test]
    fn fields_are_found_by_name_and_packed() {
        let packed = pack(&cloud(&[[10.0, -2.5, -3.25], [f32::NAN, 0.0, 0.0]], 2)).unwrap();
        assert_eq!(packed.points, 2);
        let mut want = Vec::new();
        for v in [500_i16, -125, 0, -325] {
            want.extend_from_slice(&v.to_le_bytes());
        }
        want.extend_from_slice(&[0x80, 2]);
        assert_eq!(packed.bytes, want, "a point that is not finite is left out");
    }

    #[test]
    fn unknown_range_rate_is_marked() {
        let packed = pack(&cloud(&[[1.0, 1.0, f32::NAN]], 1)).unwrap();
        assert_eq!(packed.bytes[6..8], i16::MIN.to_le_bytes());
    }

    #[test]
    fn very_many_points_are_thinned_but_counted() {
        let packed = pack(&cloud(&vec![[1.0, 2.0, 3.0]; 10_001], 1)).unwrap();
        assert_eq!(packed.points, 10_001);
        assert!(packed.bytes.len() <= MAX_POINTS * Packed::STRIDE);
        assert!(packed.bytes.len() > MAX_POINTS / 2 * Packed::STRIDE);
    }

    #[test]
    fn inconsistent_clouds_are_refused_without_panic() {
        let mut c = cloud(&[[1.0, 2.0, 3.0]], 1);
        c.point_stride = 8;
        assert_eq!(pack(&c), None, "y ends outside the stride");
        c.point_stride = 0;
        assert_eq!(pack(&c), None);
        let mut c = cloud(&[[1.0, 2.0, 3.0]], 1);
        c.fields[1].offset = u32::MAX;
        assert_eq!(pack(&c), None);
        assert_eq!(pack(&PointCloud::default()), Some(Packed::default()));
    }
}
