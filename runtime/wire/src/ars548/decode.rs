//! From a UDP payload to records, checked.

use super::layout::{
    Detection, DetectionListHeader, DetectionListTrailer, Object, ObjectListHeader, Status,
};
use super::protection::{Protection, check};
use super::{
    Ars548Error, DETECTION_LIST_BYTES, MAX_DETECTIONS, MAX_OBJECTS, METHOD_DETECTIONS,
    METHOD_OBJECTS, METHOD_STATUS, OBJECT_LIST_BYTES, STATUS_BYTES,
};
use crate::bytes::{Packed, array};
use drafthorse_core::RadarPoint;
use std::f32::consts::{FRAC_PI_2, PI};

/// Where the detection slots begin.
const DETECTIONS_AT: usize = DetectionListHeader::SIZE;
/// Where the record after the detection slots begins.
const TRAILER_AT: usize = DETECTIONS_AT + MAX_DETECTIONS * Detection::SIZE;
/// Where the object slots begin.
const OBJECTS_AT: usize = ObjectListHeader::SIZE;

const _: () = assert!(TRAILER_AT + DetectionListTrailer::SIZE == DETECTION_LIST_BYTES);
const _: () = assert!(OBJECTS_AT + MAX_OBJECTS * Object::SIZE == OBJECT_LIST_BYTES);
const _: () = assert!(Status::SIZE == STATUS_BYTES);

/// Which message a payload was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Detection list.
    Detections,
    /// Object list.
    Objects,
    /// Status.
    Status,
}

/// The sensor's own stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SensorStamp {
    /// Nanoseconds since the epoch of the sensor's clock.
    pub ns: u64,
    /// The sensor says that its clock is synchronised.
    pub synchronised: bool,
    /// The status byte: 1 synchronised, 2 never, 3 lost.
    pub sync_status: u8,
}

/// What a successful decode gave beside the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Which message; says which fields of the buffers are new.
    pub kind: Kind,
    /// The sensor's stamp.
    pub stamp: SensorStamp,
    /// What the protection fields gave; `None` for a status message, which has none.
    pub protection: Option<Protection>,
    /// Entries rejected because a value was not a number or out of range.
    pub rejected: u32,
}

/// Records of the last decoded message of each kind, reused from message to message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ars548Buffers {
    /// Header of the last detection list.
    pub detection_header: DetectionListHeader,
    /// Its accepted detections.
    pub detections: Vec<Detection>,
    /// The record after its detections.
    pub detection_trailer: DetectionListTrailer,
    /// Header of the last object list.
    pub object_header: ObjectListHeader,
    /// Its accepted objects.
    pub objects: Vec<Object>,
    /// The last status message.
    pub status: Status,
}

impl Ars548Buffers {
    /// Buffers that never need to grow.
    #[must_use]
    pub fn with_capacity() -> Self {
        Self {
            detections: Vec::with_capacity(MAX_DETECTIONS),
            objects: Vec::with_capacity(MAX_OBJECTS),
            ..Self::default()
        }
    }
}

/// Service, method and both lengths, checked.
fn kind_of(payload: &[u8]) -> Result<Kind, Ars548Error> {
    let (Some(service), Some(method), Some(length)) =
        (array(payload, 0), array(payload, 2), array(payload, 4))
    else {
        return Err(Ars548Error::NoHeader(payload.len()));
    };
    let (service, method) = (u16::from_be_bytes(service), u16::from_be_bytes(method));
    if service != 0 {
        return Err(Ars548Error::UnknownService(service));
    }
    let (kind, expected) = match method {
        METHOD_DETECTIONS => (Kind::Detections, DETECTION_LIST_BYTES),
        METHOD_OBJECTS => (Kind::Objects, OBJECT_LIST_BYTES),
        METHOD_STATUS => (Kind::Status, STATUS_BYTES),
        other => return Err(Ars548Error::UnknownMethod(other)),
    };
    if payload.len() != expected {
        return Err(Ars548Error::WrongLength {
            method,
            expected,
            actual: payload.len(),
        });
    }
    let (field, expected) = (u32::from_be_bytes(length), expected as u32 - 8);
    if field != expected {
        return Err(Ars548Error::WrongLengthField { field, expected });
    }
    Ok(kind)
}

/// The sensor's stamp of any of the three messages, without decoding the rest.
///
/// # Errors
/// As [`decode`], except for entries and protection, which are not looked at.
pub fn stamp(payload: &[u8]) -> Result<SensorStamp, Ars548Error> {
    let at = match kind_of(payload)? {
        Kind::Detections | Kind::Objects => 36,
        Kind::Status => 8,
    };
    let nanoseconds = u32::from_be_bytes(array(payload, at).unwrap_or_default());
    let seconds = u32::from_be_bytes(array(payload, at + 4).unwrap_or_default());
    if nanoseconds >= 1_000_000_000 {
        return Err(Ars548Error::OutOfRange("timestamp nanoseconds"));
    }
    let sync_status = payload.get(at + 8).copied().unwrap_or_default();
    Ok(SensorStamp {
        ns: u64::from(seconds) * 1_000_000_000 + u64::from(nanoseconds),
        synchronised: sync_status == 1,
        sync_status,
    })
}

/// Decodes one UDP payload into `buffers`.
///
/// # Errors
/// The payload is not a sound ARS548 message, see [`Ars548Error`]. On an error the buffers hold
/// what they held before, except that the list of the message's kind may be empty.
pub fn decode(payload: &[u8], buffers: &mut Ars548Buffers) -> Result<Decoded, Ars548Error> {
    let stamp = stamp(payload)?;
    let kind = kind_of(payload)?;
    let short = || Ars548Error::NoHeader(payload.len());
    let (protection, rejected) = match kind {
        Kind::Detections => {
            let protection = check(payload)?;
            (
                Some(protection),
                decode_detections(payload, buffers).ok_or_else(short)??,
            )
        }
        Kind::Objects => {
            let protection = check(payload)?;
            (
                Some(protection),
                decode_objects(payload, buffers).ok_or_else(short)??,
            )
        }
        Kind::Status => {
            buffers.status = Status::read(&mut &*payload).ok_or_else(short)?;
            (None, 0)
        }
    };
    Ok(Decoded {
        kind,
        stamp,
        protection,
        rejected,
    })
}

fn decode_detections(
    payload: &[u8],
    buffers: &mut Ars548Buffers,
) -> Option<Result<u32, Ars548Error>> {
    buffers.detections.clear();
    let header = DetectionListHeader::read(&mut &*payload)?;
    let trailer = DetectionListTrailer::read(&mut payload.get(TRAILER_AT..)?)?;
    if trailer.count as usize > MAX_DETECTIONS {
        return Some(Err(Ars548Error::TooManyEntries {
            count: trailer.count,
            slots: MAX_DETECTIONS as u32,
        }));
    }
    let (low, high) = (trailer.velocity_min_mps, trailer.velocity_max_mps);
    if !(low.abs() <= 200.0 && high.abs() <= 200.0 && low <= high) {
        return Some(Err(Ars548Error::OutOfRange(
            "unambiguous velocity interval",
        )));
    }
    buffers.detection_header = header;
    buffers.detection_trailer = trailer;
    let mut rest = payload.get(DETECTIONS_AT..TRAILER_AT)?;
    let mut rejected = 0;
    for _ in 0..trailer.count {
        let detection = Detection::read(&mut rest)?;
        if detection.is_sound() {
            buffers.detections.push(detection);
        } else {
            rejected += 1;
        }
    }
    Some(Ok(rejected))
}

fn decode_objects(payload: &[u8], buffers: &mut Ars548Buffers) -> Option<Result<u32, Ars548Error>> {
    buffers.objects.clear();
    let header = ObjectListHeader::read(&mut &*payload)?;
    if usize::from(header.count) > MAX_OBJECTS {
        return Some(Err(Ars548Error::TooManyEntries {
            count: u32::from(header.count),
            slots: MAX_OBJECTS as u32,
        }));
    }
    buffers.object_header = header;
    let mut rest = payload.get(OBJECTS_AT..)?;
    let mut rejected = 0;
    for _ in 0..header.count {
        let object = Object::read(&mut rest)?;
        if object.to_radar_object().is_some() {
            buffers.objects.push(object);
        } else {
            rejected += 1;
        }
    }
    Some(Ok(rejected))
}

impl Detection {
    /// Flag bits of a value itself, not of its standard deviation.
    const INVALID_VALUE: u8 = 0x01 | 0x04 | 0x10 | 0x40;
    const INVALID_AZIMUTH_STD: u8 = 0x08;
    const INVALID_RANGE_RATE_STD: u8 = 0x80;

    /// Whether every measured value is a number within the sensor's range.
    ///
    /// Range 0 to 1,500 m, azimuth within pi, elevation within pi/2, range rate within 200 m/s
    /// (twice the interface description's figure, since ambiguity resolution extends it), standard
    /// deviations not negative. A value that the sensor itself flags invalid must still be a number.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let std = |value: f32, flag: u8| {
            self.invalid_flags & flag != 0 || (0.0..=1_000.0).contains(&value)
        };
        (0.0..=1_500.0).contains(&self.range_m)
            && self.azimuth_rad.abs() <= PI
            && self.elevation_rad.abs() <= FRAC_PI_2
            && self.range_rate_mps.abs() <= 200.0
            && std(self.range_std_m, 0x02)
            && std(self.azimuth_std_rad, Self::INVALID_AZIMUTH_STD)
            && std(self.elevation_std_rad, 0x20)
            && std(self.range_rate_std_mps, Self::INVALID_RANGE_RATE_STD)
    }

    /// The detection as a point in the sensor frame.
    #[must_use]
    pub fn to_point(&self) -> RadarPoint {
        let mut point = RadarPoint::from_polar(
            self.range_m,
            self.azimuth_rad,
            self.elevation_rad,
            self.range_rate_mps,
            f32::from(self.rcs_dbsm),
        );
        point.valid = self.invalid_flags & Self::INVALID_VALUE == 0;
        if self.invalid_flags & Self::INVALID_AZIMUTH_STD == 0 {
            point.azimuth_std_rad = self.azimuth_std_rad;
        }
        if self.invalid_flags & Self::INVALID_RANGE_RATE_STD == 0 {
            point.range_rate_std_mps = self.range_rate_std_mps;
        }
        point
    }
}
