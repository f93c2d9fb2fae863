//! `can+socket:IFACE?map=NAME`: CAN frames of a SocketCAN interface.
//!
//! The kernel passes only the mapped identifiers and stamps each frame when it arrives. An
//! interface that goes down or vanishes is waited for.

use super::{ReadOutcome, Source, SourceError, can_map, faults::FaultLog, retry::Retry};
use crate::{os, uri::SourceUri};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_wire::can::{CanFrame, CanMap};
use socketcan::{CanFilter, CanSocket, Socket, SocketOptions};
use std::{io, os::fd::AsFd, time::Duration};

/// Bytes of `struct can_frame`.
const FRAME_BYTES: usize = 16;
/// Most filters the kernel takes (`CAN_RAW_FILTER_MAX`).
const MAX_FILTERS: usize = 512;

/// A CAN interface that comes and goes.
pub(super) struct CanBus {
    interface: String,
    name: String,
    sensor: SensorId,
    clock: fn() -> u64,
    map: CanMap,
    filters: Vec<CanFilter>,
    socket: Option<CanSocket>,
    timeout: Duration,
    retry: Retry,
    dropped: u32,
    sequence: u32,
    faults: FaultLog,
}

impl CanBus {
    pub(super) fn open(
        uri: &SourceUri,
        sensor: SensorId,
        clock: fn() -> u64,
    ) -> Result<Self, SourceError> {
        let map = can_map(uri.option("map").unwrap_or_default())?;
        Ok(Self {
            interface: uri.target().to_owned(),
            name: format!("the CAN interface {}", uri.target()),
            sensor,
            clock,
            filters: filters(&map),
            map,
            socket: None,
            timeout: Duration::ZERO,
            retry: Retry::every(Duration::from_millis(500)),
            dropped: 0,
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }

    fn connect(&self) -> io::Result<CanSocket> {
        let socket = CanSocket::open(&self.interface)?;
        if self.filters.len() <= MAX_FILTERS {
            socket.set_filters(&self.filters)?;
        }
        os::want_stamps_and_drops(socket.as_fd())?;
        Ok(socket)
    }

    fn failed(&mut self, error: &io::Error) -> ReadOutcome {
        self.socket = None;
        let at = (self.clock)();
        self.retry.failed(&mut self.faults, at, &self.name, error)
    }

    fn reconnect(&mut self, timeout: Duration) -> ReadOutcome {
        if !self.retry.due(timeout) {
            return ReadOutcome::Idle;
        }
        match self.connect() {
            Ok(socket) => {
                self.socket = Some(socket);
                self.timeout = Duration::ZERO;
                self.dropped = 0;
                self.retry
                    .found(&mut self.faults, (self.clock)(), &self.name);
                ReadOutcome::Idle
            }
            Err(error) => self.failed(&error),
        }
    }
}

/// A filter for each standard identifier that the map wants, and one for all extended ones, of
/// which there are too many to ask for each.
fn filters(map: &CanMap) -> Vec<CanFilter> {
    let standard = (0..=libc::CAN_SFF_MASK).filter(|&id| {
        let frame = CanFrame {
            id,
            ..CanFrame::default()
        };
        map.accepts(None, &frame)
    });
    let exactly = libc::CAN_EFF_FLAG | libc::CAN_RTR_FLAG | libc::CAN_SFF_MASK;
    let extended = CanFilter::new(libc::CAN_EFF_FLAG, libc::CAN_EFF_FLAG | libc::CAN_RTR_FLAG);
    standard
        .map(|id| CanFilter::new(id, exactly))
        .chain([extended])
        .collect()
}

impl Source for CanBus {
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        let Some(socket) = &self.socket else {
            return Ok(self.reconnect(timeout));
        };
        let timeout = timeout.max(Duration::from_millis(1));
        if self.timeout != timeout && socket.set_read_timeout(timeout).is_ok() {
            self.timeout = timeout;
        }
        let mut bytes = [0; FRAME_BYTES];
        let received = match os::receive(socket.as_fd(), &mut bytes) {
            Ok(received) if received.bytes == FRAME_BYTES => received,
            Ok(_) => return Ok(ReadOutcome::Idle),
            Err(error) if os::is_timeout(&error) => return Ok(ReadOutcome::Idle),
            Err(error) => return Ok(self.failed(&error)),
        };
        to_little_endian(&mut bytes);
        let wanted = CanFrame::from_bytes(&bytes).is_ok_and(|f| self.map.accepts(None, &f));
        if !wanted {
            return Ok(ReadOutcome::Idle);
        }
        into.data.clear();
        into.data.extend_from_slice(&bytes);
        into.sensor = self.sensor;
        into.format = RawFormat::CanFrame;
        into.received_ns = received.stamp_ns.unwrap_or_else(self.clock);
        into.captured_ns = into.received_ns;
        into.sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        if let Some(dropped) = received.dropped {
            let lost = dropped.wrapping_sub(self.dropped);
            self.dropped = dropped;
            let detail = "CAN frames the kernel had no room for; the program reads too slowly";
            self.faults
                .note(FaultKind::Dropped, into.received_ns, lost.into(), detail);
        }
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        None
    }
}

/// The kernel gives the identifier in the machine's byte order.
fn to_little_endian(frame: &mut [u8; FRAME_BYTES]) {
    let [a, b, c, d, ..] = *frame;
    let id = u32::from_ne_bytes([a, b, c, d]).to_le_bytes();
    for (to, from) in frame.iter_mut().zip(id) {
        *to = from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_cover_the_mapped_identifiers_and_no_other_standard_one() {
        let map = can_map("toyota-tracks").unwrap();
        let filters = filters(&map);
        let passes = |id: u32| {
            filters.iter().any(|f| {
                let f: &libc::can_filter = f.as_ref();
                id & f.can_mask == f.can_id & f.can_mask
            })
        };
        for id in 0x210..0x220 {
            assert!(passes(id), "{id:#x}");
        }
        assert!(!passes(0x20f));
        assert!(!passes(0x220));
        assert!(passes(0x18ff_1234 | libc::CAN_EFF_FLAG));
        assert!(!passes(0x210 | libc::CAN_RTR_FLAG));
    }
}
