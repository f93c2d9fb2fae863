//! `sensor_msgs/msg/PointCloud2` of a radar.

use super::Ros2Error;
use super::cdr::{Reader, Writer};
use crate::bytes::array;
use drafthorse_core::RadarPoint;

/// Positions beyond this are not radar measurements, m.
const MAX_COORDINATE_M: f32 = 10_000.0;

/// Numeric types of a point field, by their value in `sensor_msgs/msg/PointField`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Datatype {
    I8 = 1,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

impl Datatype {
    fn from_wire(value: u8) -> Option<Self> {
        use Datatype::{F32, F64, I8, I16, I32, U8, U16, U32};
        [I8, U8, I16, U16, I32, U32, F32, F64]
            .into_iter()
            .find(|datatype| *datatype as u8 == value)
    }

    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }
}

/// Where a quantity lies in a point.
#[derive(Clone, Copy, Debug)]
struct Field {
    offset: usize,
    datatype: Datatype,
}

impl Field {
    /// The value, or NaN past the end of the point.
    fn value(self, point: &[u8], big: bool) -> f32 {
        fn get<const N: usize>(point: &[u8], at: usize, big: bool) -> Option<[u8; N]> {
            let mut bytes: [u8; N] = array(point, at)?;
            if big {
                bytes.reverse();
            }
            Some(bytes)
        }
        let at = self.offset;
        let value = match self.datatype {
            Datatype::I8 => get(point, at, big).map(|b| f32::from(i8::from_le_bytes(b))),
            Datatype::U8 => get(point, at, big).map(|b| f32::from(u8::from_le_bytes(b))),
            Datatype::I16 => get(point, at, big).map(|b| f32::from(i16::from_le_bytes(b))),
            Datatype::U16 => get(point, at, big).map(|b| f32::from(u16::from_le_bytes(b))),
            Datatype::I32 => get(point, at, big).map(|b| i32::from_le_bytes(b) as f32),
            Datatype::U32 => get(point, at, big).map(|b| u32::from_le_bytes(b) as f32),
            Datatype::F32 => get(point, at, big).map(f32::from_le_bytes),
            Datatype::F64 => get(point, at, big).map(|b| f64::from_le_bytes(b) as f32),
        };
        value.unwrap_or(f32::NAN)
    }
}

/// The quantities that are looked for, with the names they go by; the first name found wins.
const QUANTITIES: [(&str, &[&str]); 6] = [
    ("x", &["x"]),
    ("y", &["y"]),
    ("z", &["z"]),
    (
        "range rate",
        &[
            "range_rate",
            "doppler",
            "velocity",
            "radial_velocity",
            "radial_speed",
            "v_r",
            "vr",
        ],
    ),
    ("radar cross-section", &["rcs", "RCS", "power", "intensity"]),
    ("snr", &["snr", "SNR"]),
];

/// What a successful decode gave beside the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudDecoded<'a> {
    /// Stamp, ns.
    pub stamp_ns: u64,
    /// Frame.
    pub frame_id: &'a str,
    /// Points rejected because a coordinate or the range rate was not a number or out of range.
    pub rejected: u32,
    /// Whether the cloud has a range rate; where not, the points' range rate is NaN.
    pub has_range_rate: bool,
}

/// Decodes a message; the points replace those in `points`.
///
/// Fields are found by name: `x`, `y`, `z` (m, taken as x forward, y left, z up) must be there;
/// range rate (m/s), radar cross-section (dBsm, or what the driver calls power or intensity) and SNR
/// (dB) are NaN where absent.
///
/// # Errors
/// The bytes are not such a message, see [`Ros2Error`]; `points` is then empty.
pub fn decode_cloud<'a>(
    bytes: &'a [u8],
    points: &mut Vec<RadarPoint>,
) -> Result<CloudDecoded<'a>, Ros2Error> {
    points.clear();
    let mut reader = Reader::new(bytes)?;
    let (stamp_ns, frame_id) = reader.header()?;
    let (height, width) = (
        reader.u32("height")? as usize,
        reader.u32("width")? as usize,
    );
    let fields = read_fields(&mut reader)?;
    let big = reader.u8("is_bigendian")? != 0;
    let point_step = reader.u32("point_step")? as usize;
    let row_step = reader.u32("row_step")? as usize;
    let data = reader.bytes("data")?;
    reader.u8("is_dense")?;

    let [x, y, z, rate, rcs, snr] = fields;
    let need = |field: Option<Field>, name| field.ok_or(Ros2Error::NoField(name));
    let (x, y, z) = (need(x, "x")?, need(y, "y")?, need(z, "z")?);
    for (field, (name, _)) in fields.iter().zip(QUANTITIES) {
        let fits = |field: &Field| {
            field
                .offset
                .checked_add(field.datatype.bytes())
                .is_some_and(|end| end <= point_step)
        };
        if !field.as_ref().is_none_or(fits) {
            return Err(Ros2Error::BadField(name.to_owned()));
        }
    }
    let row_bytes = width.checked_mul(point_step).ok_or(Ros2Error::BadShape)?;
    let all = row_step.checked_mul(height).ok_or(Ros2Error::BadShape)?;
    let empty = width == 0 || height == 0;
    if !empty && (row_bytes > row_step || all > data.len() || point_step == 0) {
        return Err(Ros2Error::BadShape);
    }
    let mut decoded = CloudDecoded {
        stamp_ns,
        frame_id,
        rejected: 0,
        has_range_rate: rate.is_some(),
    };
    if empty {
        return Ok(decoded);
    }
    for row in data.chunks_exact(row_step).take(height) {
        for point in row.chunks_exact(point_step).take(width) {
            let value = |field: Field| field.value(point, big);
            let optional = |field: Option<Field>| field.map_or(f32::NAN, value);
            let mut result =
                RadarPoint::from_cartesian(value(x), value(y), value(z), optional(rate));
            result.rcs_dbsm = optional(rcs);
            result.snr_db = optional(snr);
            let place = [result.x_m, result.y_m, result.z_m];
            let sound = place.iter().all(|v| v.abs() <= MAX_COORDINATE_M)
                && (rate.is_none() || result.range_rate_mps.abs() <= 200.0);
            if sound {
                points.push(result);
            } else {
                decoded.rejected += 1;
            }
        }
    }
    Ok(decoded)
}

/// The wanted fields of the message, in the order of [`QUANTITIES`].
fn read_fields(reader: &mut Reader<'_>) -> Result<[Option<Field>; 6], Ros2Error> {
    let mut found: [Option<(usize, Field)>; 6] = [None; 6];
    for _ in 0..reader.u32("fields")? {
        let name = reader.string("fields")?;
        let offset = reader.u32("fields")? as usize;
        let datatype = reader.u8("fields")?;
        reader.u32("fields")?;
        for (slot, (_, names)) in found.iter_mut().zip(QUANTITIES) {
            let Some(rank) = names.iter().position(|known| *known == name) else {
                continue;
            };
            let datatype = Datatype::from_wire(datatype)
                .ok_or_else(|| Ros2Error::BadField(name.to_owned()))?;
            if slot.is_none_or(|(best, _)| rank < best) {
                *slot = Some((rank, Field { offset, datatype }));
            }
        }
    }
    Ok(found.map(|slot| slot.map(|(_, field)| field)))
}

/// How [`encode_cloud`] lays a cloud out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PointCloudLayout {
    /// Byte order of the message.
    pub little_endian: bool,
    /// Byte order of the point data.
    pub big_endian_data: bool,
    /// Unused bytes after each point.
    pub padding: usize,
}

/// Encodes points with the f32 fields `x y z doppler rcs snr` in one row, for tests.
pub fn encode_cloud(
    stamp_ns: u64,
    frame_id: &str,
    points: &[RadarPoint],
    layout: PointCloudLayout,
    out: &mut Vec<u8>,
) {
    const NAMES: [&str; 6] = ["x", "y", "z", "doppler", "rcs", "snr"];
    let count = u32::try_from(points.len()).unwrap_or(u32::MAX);
    let step = u32::try_from(NAMES.len() * 4 + layout.padding).unwrap_or(u32::MAX);
    let mut writer = Writer::new(out, layout.little_endian);
    writer.header(stamp_ns, frame_id);
    writer.u32(1);
    writer.u32(count);
    writer.u32(NAMES.len() as u32);
    for (index, name) in (0..).zip(NAMES) {
        writer.string(name);
        writer.u32(index * 4);
        writer.u8(Datatype::F32 as u8);
        writer.u32(1);
    }
    writer.u8(u8::from(layout.big_endian_data));
    writer.u32(step);
    writer.u32(step.saturating_mul(count));
    let mut data = Vec::with_capacity(points.len() * step as usize);
    for p in points {
        for value in [p.x_m, p.y_m, p.z_m, p.range_rate_mps, p.rcs_dbsm, p.snr_db] {
            data.extend_from_slice(&if layout.big_endian_data {
                value.to_be_bytes()
            } else {
                value.to_le_bytes()
            });
        }
        data.resize(data.len() + layout.padding, 0);
    }
    writer.bytes(&data);
    writer.u8(1);
}
