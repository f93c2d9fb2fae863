//! From records to a UDP payload, for tests, simulation and replay.

use super::layout::{
    Detection, DetectionListHeader, DetectionListTrailer, MessageHeader, Object, ObjectListHeader,
    Status,
};
use super::protection::{CRC_OFFSET, e2e_crc, protected_length};
use super::{
    Ars548Error, DETECTION_LIST_BYTES, MAX_DETECTIONS, MAX_OBJECTS, METHOD_DETECTIONS,
    METHOD_OBJECTS, METHOD_STATUS, OBJECT_LIST_BYTES, STATUS_BYTES,
};
use crate::bytes::Packed;
use drafthorse_core::RadarPoint;

impl MessageHeader {
    /// Header of a synchronised sensor at `ns`, unprotected; the encoder sets method and length.
    #[must_use]
    pub fn at(ns: u64) -> Self {
        Self {
            protocol_version: 1,
            interface_version: 1,
            message_type: 2,
            nanoseconds: (ns % 1_000_000_000) as u32,
            seconds: (ns / 1_000_000_000) as u32,
            sync_status: 1,
            ..Self::default()
        }
    }
}

impl Detection {
    /// The wire record of a point: RCS rounded to whole dBsm, unknown deviations flagged invalid.
    #[must_use]
    pub fn from_point(point: &RadarPoint) -> Self {
        let mut flags = 0x02 | 0x20;
        if !point.valid {
            flags |= Self::flag_all_values();
        }
        let mut std = |value: f32, flag: u8| {
            if value.is_finite() {
                value
            } else {
                flags |= flag;
                0.0
            }
        };
        let azimuth_std_rad = std(point.azimuth_std_rad, 0x08);
        let range_rate_std_mps = std(point.range_rate_std_mps, 0x80);
        Self {
            azimuth_rad: point.azimuth_rad,
            azimuth_std_rad,
            invalid_flags: flags,
            elevation_rad: point.elevation_rad,
            range_m: point.range_m,
            range_rate_mps: point.range_rate_mps,
            range_rate_std_mps,
            // The cast saturates and maps NaN to 0, which is what the field can say.
            rcs_dbsm: point.rcs_dbsm.round() as i8,
            ..Self::default()
        }
    }

    fn flag_all_values() -> u8 {
        0x01 | 0x04 | 0x10 | 0x40
    }
}

/// Encodes a detection list; method, length and count are set to what the list needs.
///
/// # Errors
/// [`Ars548Error::TooManyEntries`] above 800 detections.
pub fn encode_detections(
    header: &DetectionListHeader,
    detections: &[Detection],
    trailer: &DetectionListTrailer,
    out: &mut Vec<u8>,
) -> Result<(), Ars548Error> {
    if detections.len() > MAX_DETECTIONS {
        return Err(Ars548Error::TooManyEntries {
            count: detections.len() as u32,
            slots: MAX_DETECTIONS as u32,
        });
    }
    out.clear();
    let mut header = *header;
    set_method(&mut header.message, METHOD_DETECTIONS, DETECTION_LIST_BYTES);
    header.write(out);
    for detection in detections {
        detection.write(out);
    }
    out.resize(DETECTION_LIST_BYTES - DetectionListTrailer::SIZE, 0);
    DetectionListTrailer {
        count: detections.len() as u32,
        ..*trailer
    }
    .write(out);
    Ok(())
}

/// Encodes an object list; method, length and count are set to what the list needs.
///
/// # Errors
/// [`Ars548Error::TooManyEntries`] above 50 objects.
pub fn encode_objects(
    header: &ObjectListHeader,
    objects: &[Object],
    out: &mut Vec<u8>,
) -> Result<(), Ars548Error> {
    if objects.len() > MAX_OBJECTS {
        return Err(Ars548Error::TooManyEntries {
            count: objects.len() as u32,
            slots: MAX_OBJECTS as u32,
        });
    }
    out.clear();
    let mut header = ObjectListHeader {
        count: objects.len() as u8,
        ..*header
    };
    set_method(&mut header.message, METHOD_OBJECTS, OBJECT_LIST_BYTES);
    header.write(out);
    for object in objects {
        object.write(out);
    }
    out.resize(OBJECT_LIST_BYTES, 0);
    Ok(())
}

/// Encodes a status message; service, method and length are set to what it needs.
pub fn encode_status(status: &Status, out: &mut Vec<u8>) {
    out.clear();
    Status {
        service_id: 0,
        method_id: METHOD_STATUS,
        length: STATUS_BYTES as u32 - 8,
        ..*status
    }
    .write(out);
}

/// Fills in the protection fields of an encoded list: length, counter, data identifier, checksum.
///
/// # Errors
/// [`Ars548Error::NoHeader`] where the payload is too short to hold them.
pub fn protect(payload: &mut [u8], counter: u32, data_id: u32) -> Result<(), Ars548Error> {
    let length = protected_length(payload);
    let bytes = payload.len();
    let short = || Ars548Error::NoHeader(bytes);
    for (index, value) in [length, counter, data_id].into_iter().enumerate() {
        let at = CRC_OFFSET + 8 + 4 * index;
        payload
            .get_mut(at..at + 4)
            .ok_or_else(short)?
            .copy_from_slice(&value.to_be_bytes());
    }
    let crc = e2e_crc(payload).ok_or_else(short)?;
    payload
        .get_mut(CRC_OFFSET..CRC_OFFSET + 8)
        .ok_or_else(short)?
        .copy_from_slice(&crc.to_be_bytes());
    Ok(())
}

fn set_method(header: &mut MessageHeader, method: u16, bytes: usize) {
    header.service_id = 0;
    header.method_id = method;
    header.length = bytes as u32 - 8;
}
