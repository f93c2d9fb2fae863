//! `ars548+pcap:FILE`: an ARS548's datagrams in a packet capture.

use super::{ReadOutcome, Source, SourceError, faults::FaultLog};
use crate::uri::SourceUri;
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_wire::{
    ars548,
    capture::{CaptureCounts, CaptureError, CaptureReader, Datagram, UdpFilter},
};
use std::{fs::File, io::Read, path::PathBuf, time::Duration};

/// The sensor's usual destination port.
const PORT: u16 = 42_102;
const PIECE: usize = 64 * 1024;

/// Reads the datagrams sent to one port. A datagram's capture stamp is the sensor's own where the
/// sensor says that its clock is synchronised, else the packet's.
pub(super) struct Ars548Pcap {
    path: PathBuf,
    file: File,
    sensor: SensorId,
    size: u64,
    taken: u64,
    piece: Vec<u8>,
    reader: CaptureReader,
    datagram: Datagram,
    reported: CaptureCounts,
    sequence: u32,
    ended: bool,
    faults: FaultLog,
}

impl Ars548Pcap {
    pub(super) fn open(uri: &SourceUri, sensor: SensorId) -> Result<Self, SourceError> {
        let path = uri.path().to_owned();
        let file = File::open(&path).map_err(SourceError::read(&path))?;
        let size = file.metadata().map_err(SourceError::read(&path))?.len();
        let port = uri.number("port")?.unwrap_or(PORT);
        let filter = UdpFilter {
            destination: None,
            port: Some(port),
        };
        Ok(Self {
            path,
            file,
            sensor,
            size,
            taken: 0,
            piece: vec![0; PIECE],
            reader: CaptureReader::new(filter),
            datagram: Datagram::default(),
            reported: CaptureCounts::default(),
            sequence: 0,
            ended: false,
            faults: FaultLog::new(sensor),
        })
    }

    /// A capture that is none at all is an error; one that breaks off is a counted loss.
    fn broken_off(&mut self, error: &CaptureError) -> Result<(), SourceError> {
        if *error == CaptureError::NotACapture {
            return Err(SourceError::Format {
                path: self.path.clone(),
                expected: "a packet capture",
                why: error.to_string(),
            });
        }
        let at = self.datagram.ns;
        let detail = error.to_string();
        self.faults.note(FaultKind::Undecodable, at, 1, &detail);
        Ok(())
    }

    fn note_losses(&mut self) {
        let (now, before) = (self.reader.counts(), self.reported);
        let at = self.datagram.ns;
        let fragments = now.fragments.total() - before.fragments.total();
        let detail = "datagrams of the capture lost for want of fragments";
        self.faults
            .note(FaultKind::FragmentLost, at, fragments, detail);
        let detail = "packets of which the capture kept only a part";
        self.faults
            .note(FaultKind::Undecodable, at, now.cut - before.cut, detail);
        self.reported = now;
    }

    /// The next datagram, if there is one.
    fn advance(&mut self) -> Result<bool, SourceError> {
        while !self.ended {
            match self.reader.next_datagram(&mut self.datagram) {
                Ok(true) => return Ok(true),
                Ok(false) => {
                    let read = self.file.read(&mut self.piece);
                    let read = read.map_err(SourceError::read(&self.path))?;
                    self.taken += read as u64;
                    self.reader.push(self.piece.get(..read).unwrap_or_default());
                    if read == 0 {
                        self.ended = true;
                        if let Err(error) = self.reader.finish() {
                            self.broken_off(&error)?;
                        }
                    }
                }
                Err(error) => {
                    self.ended = true;
                    self.broken_off(&error)?;
                }
            }
        }
        Ok(false)
    }
}

impl Source for Ars548Pcap {
    fn read(&mut self, into: &mut RawMessage, _: Duration) -> Result<ReadOutcome, SourceError> {
        let there = self.advance()?;
        self.note_losses();
        if !there {
            return Ok(ReadOutcome::End);
        }
        std::mem::swap(&mut into.data, &mut self.datagram.payload);
        into.sensor = self.sensor;
        into.format = RawFormat::Ars548;
        into.received_ns = self.datagram.ns;
        into.captured_ns = own_stamp(&into.data).unwrap_or(self.datagram.ns);
        into.sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        Some(self.taken as f64 / self.size.max(1) as f64)
    }
}

/// The sensor's own stamp, where it says that its clock is synchronised.
pub(super) fn own_stamp(payload: &[u8]) -> Option<u64> {
    let stamp = ars548::stamp(payload).ok()?;
    stamp.synchronised.then_some(stamp.ns)
}
