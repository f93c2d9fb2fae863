//! From a radar's raw messages to scans, objects, tracks and status, with faults in words.
//!
//! The decoder is a pure function of its format, its map and its messages in order; what it carries
//! from message to message is small and can be saved and restored.

use crate::sync::SyncRecord;
use drafthorse_core::{
    Fault, FaultKind, RadarObjects, RadarScan, RadarStatus, RadarTracks, RawFormat, RawMessage,
    SensorId,
};
use drafthorse_wire::ars548::{
    self, Ars548Buffers, Ars548Error, Detection, Kind, Object, Protection,
};
use drafthorse_wire::can::{CanDecoder, CanDecoderState, CanEvent, CanFrame, CanMap};
use drafthorse_wire::{ros2, ti};
use serde::{Deserialize, Serialize};
use status::fill_status;

mod status;

/// Which part of a [`RadarReading`] a message filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingKind {
    /// None.
    Nothing,
    /// `scan`.
    Scan,
    /// `objects`.
    Objects,
    /// `tracks`.
    Tracks,
    /// `status`.
    Status,
    /// `vehicle_speed_mps`.
    VehicleSpeed,
}

/// The latest of each kind that a radar gave, reused from message to message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RadarReading {
    /// The latest scan.
    pub scan: RadarScan,
    /// The latest object list.
    pub objects: RadarObjects,
    /// The latest cycle of tracks.
    pub tracks: RadarTracks,
    /// The latest status.
    pub status: RadarStatus,
    /// The latest speed of the vehicle from the radar's bus, m/s.
    pub vehicle_speed_mps: Option<f64>,
}

/// Everything a [`RadarDecoder`] carries from message to message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RadarDecoderState {
    /// That messages are unprotected was reported.
    unprotected_reported: bool,
    /// A message with a matching checksum was seen; from then on one without is refused.
    protected_seen: bool,
    /// Last counter of the detection list and of the object list.
    counters: [Option<u32>; 2],
    /// Last frame number of a TI radar.
    frame: Option<u32>,
    /// The unfinished cycle of a CAN radar.
    can: CanDecoderState,
}

/// Decodes one radar's messages.
#[derive(Clone, Debug)]
pub struct RadarDecoder {
    sensor: SensorId,
    format: RawFormat,
    can: Option<CanDecoder>,
    state: RadarDecoderState,
    buffers: Ars548Buffers,
}

impl RadarDecoder {
    /// A decoder of that sensor's messages; a CAN radar needs a map.
    #[must_use]
    pub fn new(sensor: SensorId, format: RawFormat, can_map: Option<CanMap>) -> Self {
        Self {
            sensor,
            format,
            can: can_map.map(CanDecoder::new),
            state: RadarDecoderState::default(),
            buffers: Ars548Buffers::with_capacity(),
        }
    }

    /// What carries over to the next message.
    #[must_use]
    pub fn checkpoint(&self) -> RadarDecoderState {
        let mut state = self.state.clone();
        if let Some(can) = &self.can {
            state.can = can.state().clone();
        }
        state
    }

    /// Goes on from a checkpoint of a decoder of the same configuration.
    pub fn restore(&mut self, state: RadarDecoderState) {
        if let Some(can) = &mut self.can {
            can.restore(state.can.clone());
        }
        self.state = state;
    }

    /// Decodes one message into the part of `out` that the answer names; faults are appended.
    pub fn decode(
        &mut self,
        raw: &RawMessage,
        out: &mut RadarReading,
        faults: &mut Vec<Fault>,
    ) -> ReadingKind {
        let mut report = Report {
            sensor: self.sensor,
            at_ns: raw.received_ns,
            faults,
        };
        if raw.format != self.format {
            let (is, want) = (raw.format.name(), self.format.name());
            report.add(
                FaultKind::Undecodable,
                1,
                format!(
                    "A message is of format {is} and this radar sends {want}; check the source."
                ),
            );
            return ReadingKind::Nothing;
        }
        match raw.format {
            RawFormat::Ars548 => self.decode_ars548(raw, out, &mut report),
            RawFormat::TiTlv => self.decode_ti(raw, out, &mut report),
            RawFormat::CanFrame => self.decode_can(raw, out, &mut report),
            RawFormat::Ros2PointCloud2 => decode_cloud(self.sensor, raw, out, &mut report),
            // Nothing follows from it in this lane; that it can be read is checked where it is taken.
            RawFormat::Sync => {
                if let Err(error) = SyncRecord::decode(&raw.data) {
                    report.add(
                        FaultKind::Undecodable,
                        1,
                        format!("A message was refused: {error}."),
                    );
                }
                ReadingKind::Nothing
            }
            other => {
                report.add(
                    FaultKind::Undecodable,
                    1,
                    format!(
                        "{} is not a radar's format; check the source.",
                        other.name()
                    ),
                );
                ReadingKind::Nothing
            }
        }
    }

    /// The stream has ended: gives out the unfinished cycle of a CAN radar.
    pub fn flush(&mut self, out: &mut RadarReading) -> ReadingKind {
        match &mut self.can {
            Some(can) => {
                if can.flush(self.sensor, &mut out.tracks) {
                    ReadingKind::Tracks
                } else {
                    ReadingKind::Nothing
                }
            }
            None => ReadingKind::Nothing,
        }
    }

    fn decode_ars548(
        &mut self,
        raw: &RawMessage,
        out: &mut RadarReading,
        report: &mut Report<'_>,
    ) -> ReadingKind {
        let decoded = match ars548::decode(&raw.data, &mut self.buffers) {
            Ok(decoded) => decoded,
            Err(error) => {
                let kind = match error {
                    Ars548Error::Checksum { .. } | Ars548Error::ProtectionLength { .. } => {
                        FaultKind::ChecksumMismatch
                    }
                    Ars548Error::OutOfRange(_) => FaultKind::OutOfRange,
                    _ => FaultKind::Undecodable,
                };
                report.add(kind, 1, format!("A message was refused: {error}."));
                return ReadingKind::Nothing;
            }
        };
        if let Some(protection) = decoded.protection
            && !self.check_protection(protection, decoded.kind, report)
        {
            return ReadingKind::Nothing;
        }
        report.rejected(decoded.rejected);
        match decoded.kind {
            Kind::Detections => {
                let (low, high) = (
                    self.buffers.detection_trailer.velocity_min_mps,
                    self.buffers.detection_trailer.velocity_max_mps,
                );
                stamp_scan(self.sensor, raw, &mut out.scan, (low, high));
                out.scan.points.clear();
                out.scan
                    .points
                    .extend(self.buffers.detections.iter().map(Detection::to_point));
                ReadingKind::Scan
            }
            Kind::Objects => {
                let objects = &mut out.objects;
                objects.sensor = self.sensor;
                objects.sequence = raw.sequence;
                objects.captured_ns = raw.captured_ns;
                objects.received_ns = raw.received_ns;
                objects.objects.clear();
                objects.objects.extend(
                    self.buffers
                        .objects
                        .iter()
                        .filter_map(Object::to_radar_object),
                );
                ReadingKind::Objects
            }
            Kind::Status => {
                out.status.captured_ns = raw.captured_ns;
                out.status.clock_synchronised = decoded.stamp.synchronised;
                fill_status(&self.buffers.status, &mut out.status.fields);
                ReadingKind::Status
            }
        }
    }

    /// False where the message must not be believed.
    fn check_protection(
        &mut self,
        protection: Protection,
        kind: Kind,
        report: &mut Report<'_>,
    ) -> bool {
        if protection.verified {
            self.state.protected_seen = true;
        } else if self.state.protected_seen {
            report.add(
                FaultKind::ChecksumMismatch,
                1,
                "A message without checksum was refused, since this sensor sent them before."
                    .to_owned(),
            );
            return false;
        } else if !self.state.unprotected_reported {
            self.state.unprotected_reported = true;
            report.add(
                FaultKind::Unprotected,
                1,
                "The sensor sends no checksum; its messages are decoded without that check."
                    .to_owned(),
            );
        }
        let [detections, objects] = &mut self.state.counters;
        let last = if kind == Kind::Objects {
            objects
        } else {
            detections
        };
        if let (Some(before), Some(now)) = (*last, protection.counter) {
            report.gap(before, now);
        }
        *last = protection.counter;
        true
    }

    fn decode_ti(
        &mut self,
        raw: &RawMessage,
        out: &mut RadarReading,
        report: &mut Report<'_>,
    ) -> ReadingKind {
        match ti::decode(&raw.data, &mut out.scan.points) {
            Ok(decoded) => {
                let now = decoded.header.frame;
                if let Some(before) = self.state.frame
                    && (decoded.header.subframe == 0 || now != before)
                {
                    report.gap(before, now);
                }
                self.state.frame = Some(now);
                report.rejected(decoded.rejected);
                stamp_scan(self.sensor, raw, &mut out.scan, (0.0, 0.0));
                ReadingKind::Scan
            }
            Err(error) => {
                report.undecodable(&error);
                ReadingKind::Nothing
            }
        }
    }

    fn decode_can(
        &mut self,
        raw: &RawMessage,
        out: &mut RadarReading,
        report: &mut Report<'_>,
    ) -> ReadingKind {
        let Some(can) = &mut self.can else {
            report.add(
                FaultKind::Undecodable,
                1,
                "A CAN radar needs a map of its messages; add ?map=NAME to its source.".to_owned(),
            );
            return ReadingKind::Nothing;
        };
        let frame = match CanFrame::from_bytes(&raw.data) {
            Ok(frame) => frame,
            Err(error) => {
                report.undecodable(&error);
                return ReadingKind::Nothing;
            }
        };
        let tracks = &mut out.tracks;
        match can.decode(
            self.sensor,
            &frame,
            raw.captured_ns,
            raw.received_ns,
            tracks,
        ) {
            CanEvent::Nothing => ReadingKind::Nothing,
            CanEvent::Cycle => ReadingKind::Tracks,
            CanEvent::VehicleSpeed(speed) => {
                out.vehicle_speed_mps = Some(speed);
                ReadingKind::VehicleSpeed
            }
            CanEvent::Undecodable => {
                report.add(
                    FaultKind::Undecodable,
                    1,
                    format!(
                        "The CAN message {:#x} does not hold what its map says; check the map.",
                        frame.id
                    ),
                );
                ReadingKind::Nothing
            }
        }
    }
}

fn decode_cloud(
    sensor: SensorId,
    raw: &RawMessage,
    out: &mut RadarReading,
    report: &mut Report<'_>,
) -> ReadingKind {
    match ros2::decode_cloud(&raw.data, &mut out.scan.points) {
        Ok(decoded) => {
            report.rejected(decoded.rejected);
            stamp_scan(sensor, raw, &mut out.scan, (0.0, 0.0));
            ReadingKind::Scan
        }
        Err(error) => {
            report.undecodable(&error);
            ReadingKind::Nothing
        }
    }
}

fn stamp_scan(sensor: SensorId, raw: &RawMessage, scan: &mut RadarScan, interval: (f32, f32)) {
    scan.sensor = sensor;
    scan.sequence = raw.sequence;
    scan.captured_ns = raw.captured_ns;
    scan.received_ns = raw.received_ns;
    scan.unambiguous_mps = interval;
}

/// Where faults of one message go.
struct Report<'a> {
    sensor: SensorId,
    at_ns: u64,
    faults: &'a mut Vec<Fault>,
}

impl Report<'_> {
    fn add(&mut self, kind: FaultKind, count: u64, detail: String) {
        let (sensor, at_ns) = (Some(self.sensor), self.at_ns);
        self.faults.push(Fault {
            kind,
            sensor,
            at_ns,
            count,
            detail,
        });
    }

    fn undecodable(&mut self, error: &dyn std::error::Error) {
        self.add(
            FaultKind::Undecodable,
            1,
            format!("A message was refused: {error}."),
        );
    }

    fn rejected(&mut self, count: u32) {
        if count > 0 {
            self.add(
                FaultKind::OutOfRange,
                u64::from(count),
                format!(
                    "{count} entries were left out: not a number or outside the sensor's range."
                ),
            );
        }
    }

    /// Compares consecutive counters, which wrap.
    fn gap(&mut self, before: u32, now: u32) {
        let step = now.wrapping_sub(before);
        if step == 1 {
            return;
        }
        let (count, what) = match step {
            0 => (1, "repeated".to_owned()),
            // A step of more than half the range is one backwards.
            1..=0x7FFF_FFFF => (
                u64::from(step) - 1,
                format!("skipped {} messages", step - 1),
            ),
            _ => (
                1,
                "went backwards; the sensor may have restarted".to_owned(),
            ),
        };
        self.add(
            FaultKind::CounterGap,
            count,
            format!("The message counter went from {before} to {now}: it {what}."),
        );
    }
}

#[cfg(test)]
mod tests;
