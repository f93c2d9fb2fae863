//! One whole packet to a header and points.

use super::{
    HEADER_BYTES, MAGIC, MAX_PACKET_BYTES, TLV_COMPRESSED_POINTS, TLV_POINTS, TLV_SIDE_INFO,
    TiError,
};
use crate::bytes::array;
use drafthorse_core::RadarPoint;

/// Positions beyond this are not measurements of these sensors, m.
const MAX_COORDINATE_M: f32 = 1_000.0;
/// Speeds beyond this are not measurements of these sensors, m/s.
const MAX_SPEED_MPS: f32 = 200.0;

/// The packet header after the magic word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TiHeader {
    /// SDK version, one byte each: major, minor, bug fix, build (most significant first).
    pub version: u32,
    /// Bytes of the whole packet.
    pub packet_bytes: u32,
    /// Device, for example `0xA6843`.
    pub platform: u32,
    /// Frame number.
    pub frame: u32,
    /// Sensor time in CPU cycles.
    pub cpu_cycles: u32,
    /// Points that the sensor says it detected.
    pub detected: u32,
    /// Items in the packet.
    pub items: u32,
    /// Subframe.
    pub subframe: u32,
}

/// Which item gave the points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PointsType {
    /// The packet has no points item.
    #[default]
    None,
    /// Type 1.
    Float,
    /// Type 301.
    Compressed,
}

/// What a successful decode gave beside the points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TiDecoded {
    /// The header.
    pub header: TiHeader,
    /// Which item gave the points.
    pub points: PointsType,
    /// Points rejected because a value was not a number or out of range.
    pub rejected: u32,
    /// Items of types that are not decoded.
    pub skipped_items: u32,
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at).unwrap_or_default())
}

fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes(array(bytes, at).unwrap_or_default())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at).unwrap_or_default())
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_le_bytes(array(bytes, at).unwrap_or_default())
}

/// Reads the header of a packet whose first 40 bytes are there.
///
/// # Errors
/// Too short, no magic word, or a length that no packet has.
pub fn header(bytes: &[u8]) -> Result<TiHeader, TiError> {
    if bytes.len() < HEADER_BYTES {
        return Err(TiError::NoHeader(bytes.len()));
    }
    if array(bytes, 0) != Some(MAGIC) {
        return Err(TiError::NoMagic);
    }
    let header = TiHeader {
        version: u32_at(bytes, 8),
        packet_bytes: u32_at(bytes, 12),
        platform: u32_at(bytes, 16),
        frame: u32_at(bytes, 20),
        cpu_cycles: u32_at(bytes, 24),
        detected: u32_at(bytes, 28),
        items: u32_at(bytes, 32),
        subframe: u32_at(bytes, 36),
    };
    let length = header.packet_bytes as usize;
    if !(HEADER_BYTES..=MAX_PACKET_BYTES).contains(&length) {
        return Err(TiError::WrongLength {
            field: header.packet_bytes,
            actual: bytes.len(),
        });
    }
    Ok(header)
}

/// Decodes one whole packet; the points replace those in `points`.
///
/// SNR is in dB; radar cross-section is not measured by these sensors and stays NaN. Range rate is
/// positive for receding targets, as TI reports it.
///
/// # Errors
/// The packet is not sound, see [`TiError`]; `points` is then empty.
pub fn decode(packet: &[u8], points: &mut Vec<RadarPoint>) -> Result<TiDecoded, TiError> {
    points.clear();
    let result = decode_items(packet, points);
    if result.is_err() {
        points.clear();
    } else {
        points.retain(is_sound);
    }
    result
}

fn decode_items(packet: &[u8], points: &mut Vec<RadarPoint>) -> Result<TiDecoded, TiError> {
    let header = header(packet)?;
    if header.packet_bytes as usize != packet.len() {
        return Err(TiError::WrongLength {
            field: header.packet_bytes,
            actual: packet.len(),
        });
    }
    let mut decoded = TiDecoded {
        header,
        points: PointsType::None,
        rejected: 0,
        skipped_items: 0,
    };
    let mut side_info: Option<&[u8]> = None;
    let mut rest = packet.get(HEADER_BYTES..).unwrap_or_default();
    for index in 0..header.items {
        let (kind, length) = (u32_at(rest, 0), u32_at(rest, 4));
        let truncated = TiError::ItemTruncated {
            index,
            kind,
            length,
        };
        let body = rest.get(8..).ok_or(truncated)?;
        let value = body.get(..length as usize).ok_or(truncated)?;
        rest = body.get(length as usize..).ok_or(truncated)?;
        match kind {
            TLV_POINTS => {
                push_float_points(value, points)?;
                decoded.points = PointsType::Float;
            }
            TLV_COMPRESSED_POINTS => {
                push_compressed_points(value, points)?;
                decoded.points = PointsType::Compressed;
            }
            TLV_SIDE_INFO => side_info = Some(value),
            _ => decoded.skipped_items += 1,
        }
    }
    if let (Some(side), PointsType::Float) = (side_info, decoded.points) {
        add_side_info(side, points)?;
    }
    decoded.rejected = points.iter().filter(|point| !is_sound(point)).count() as u32;
    Ok(decoded)
}

fn is_sound(point: &RadarPoint) -> bool {
    let place = [point.x_m, point.y_m, point.z_m];
    place.iter().all(|v| v.abs() <= MAX_COORDINATE_M) && point.range_rate_mps.abs() <= MAX_SPEED_MPS
}

fn push_float_points(value: &[u8], points: &mut Vec<RadarPoint>) -> Result<(), TiError> {
    let (records, []) = value.as_chunks::<16>() else {
        return Err(TiError::ItemLength {
            kind: TLV_POINTS,
            length: value.len() as u32,
        });
    };
    points.clear();
    points.extend(records.iter().map(|record| {
        let (right, forward) = (f32_at(record, 0), f32_at(record, 4));
        RadarPoint::from_cartesian(forward, -right, f32_at(record, 8), f32_at(record, 12))
    }));
    Ok(())
}

fn push_compressed_points(value: &[u8], points: &mut Vec<RadarPoint>) -> Result<(), TiError> {
    let length = TiError::ItemLength {
        kind: TLV_COMPRESSED_POINTS,
        length: value.len() as u32,
    };
    let (units, records) = value.split_at_checked(20).ok_or(length)?;
    let [xyz_m, speed_mps, snr_db, noise_db] = [0, 4, 8, 12].map(|at| f32_at(units, at));
    let count = usize::from(u16_at(units, 16)) + usize::from(u16_at(units, 18));
    let (records, []) = records.as_chunks::<10>() else {
        return Err(length);
    };
    if records.len() != count {
        return Err(length);
    }
    let usable = |unit: f32| unit.is_finite() && unit > 0.0;
    let side_usable = |unit: f32| unit.is_finite() && unit >= 0.0;
    if count > 0
        && !(usable(xyz_m) && usable(speed_mps) && side_usable(snr_db) && side_usable(noise_db))
    {
        return Err(TiError::BadUnits);
    }
    points.clear();
    points.extend(records.iter().map(|record| {
        let metres = |at| f32::from(i16_at(record, at)) * xyz_m;
        let mut point = RadarPoint::from_cartesian(
            metres(2),
            -metres(0),
            metres(4),
            f32::from(i16_at(record, 6)) * speed_mps,
        );
        let [snr, _noise] = [8, 9].map(|at| record.get(at).copied().unwrap_or_default());
        point.snr_db = f32::from(snr) * snr_db;
        point
    }));
    Ok(())
}

/// SNR in steps of 0.1 dB, then noise in the same, for each point.
fn add_side_info(side: &[u8], points: &mut [RadarPoint]) -> Result<(), TiError> {
    let (records, []) = side.as_chunks::<4>() else {
        return Err(TiError::ItemLength {
            kind: TLV_SIDE_INFO,
            length: side.len() as u32,
        });
    };
    if records.len() != points.len() {
        return Err(TiError::SideInfoCount {
            side: records.len() as u32,
            points: points.len() as u32,
        });
    }
    for (record, point) in records.iter().zip(points) {
        point.snr_db = f32::from(u16_at(record, 0)) * 0.1;
    }
    Ok(())
}
