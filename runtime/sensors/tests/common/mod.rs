//! What the source tests share: where the recordings are, and reading a source to its end.
// Each test file uses its part, and only functions marked as tests are exempt from these by name.
#![allow(dead_code, clippy::unwrap_used, clippy::print_stdout)]

use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use drafthorse_sensors::{ReadOutcome, Source, SourceError, SourceUri, open, vehicle_clock_ns};
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// The sensor that sources are opened for.
pub(crate) const SENSOR: SensorId = SensorId(5);

/// A real recording; `None`, said on the terminal, where it is absent.
pub(crate) fn recording(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("DRAFTHORSE_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if !path.exists() {
        println!("skipped: the recording {name} is not there; set DRAFTHORSE_DATA");
        return None;
    }
    Some(path)
}

/// Opens a URI as the application would.
pub(crate) fn open_uri(uri: &str) -> Result<Box<dyn Source>, SourceError> {
    let uri: SourceUri = uri.parse().unwrap_or_else(|e| panic!("{uri}: {e}"));
    open(&uri, SENSOR, vehicle_clock_ns)
}

/// Everything a recording gives.
pub(crate) fn read_all(source: &mut dyn Source) -> (Vec<RawMessage>, Vec<Fault>) {
    let mut messages = Vec::new();
    let mut faults = Vec::new();
    let mut message = RawMessage::empty(SensorId(0), RawFormat::Jpeg);
    let mut progress = source.progress().unwrap();
    loop {
        match source.read(&mut message, Duration::ZERO).unwrap() {
            ReadOutcome::Message => messages.push(message.clone()),
            ReadOutcome::End => break,
            ReadOutcome::Idle => panic!("a recording never waits"),
        }
        assert_eq!(message.sensor, SENSOR);
        assert_eq!(message.sequence as usize, messages.len() - 1);
        let now = source.progress().unwrap();
        assert!((progress..=1.0).contains(&now), "{progress} to {now}");
        progress = now;
    }
    assert!((source.progress().unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(
        source.read(&mut message, Duration::ZERO).unwrap(),
        ReadOutcome::End
    );
    source.take_faults(&mut faults);
    (messages, faults)
}

/// Kind and count of each fault.
pub(crate) fn counts(faults: &[Fault]) -> Vec<(FaultKind, u64)> {
    faults.iter().map(|f| (f.kind, f.count)).collect()
}

/// Reads a live source until a message comes, for at most five seconds.
pub(crate) fn next_message(source: &mut dyn Source) -> RawMessage {
    let mut message = RawMessage::empty(SensorId(0), RawFormat::Jpeg);
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        let outcome = source
            .read(&mut message, Duration::from_millis(50))
            .unwrap();
        if outcome == ReadOutcome::Message {
            return message;
        }
    }
    panic!("no message within five seconds");
}

/// Reads a live source until a fault of that kind comes, for at most five seconds.
pub(crate) fn next_fault(source: &mut dyn Source, kind: FaultKind) -> Fault {
    let mut message = RawMessage::empty(SensorId(0), RawFormat::Jpeg);
    let mut faults = Vec::new();
    let end = Instant::now() + Duration::from_secs(5);
    while Instant::now() < end {
        source
            .read(&mut message, Duration::from_millis(50))
            .unwrap();
        source.take_faults(&mut faults);
        if let Some(fault) = faults.iter().find(|f| f.kind == kind) {
            return fault.clone();
        }
    }
    panic!("no {kind:?} within five seconds, only {faults:?}");
}

/// An ARS548 detection list without detections, stamped and marked as synchronised or not.
pub(crate) fn ars548_payload(stamp_ns: u64, synchronised: bool) -> Vec<u8> {
    let mut payload = vec![0; 35_336];
    payload[2..4].copy_from_slice(&336_u16.to_be_bytes());
    payload[4..8].copy_from_slice(&35_328_u32.to_be_bytes());
    payload[36..40].copy_from_slice(&((stamp_ns % 1_000_000_000) as u32).to_be_bytes());
    payload[40..44].copy_from_slice(&((stamp_ns / 1_000_000_000) as u32).to_be_bytes());
    payload[44] = if synchronised { 1 } else { 2 };
    payload
}

/// A TI packet without items.
pub(crate) fn ti_packet(frame: u32, cpu_cycles: u32) -> Vec<u8> {
    let header = drafthorse_wire::ti::TiHeader {
        version: 0x0306_0000,
        packet_bytes: 0,
        platform: 0xA6843,
        frame,
        cpu_cycles,
        detected: 0,
        items: 0,
        subframe: 0,
    };
    let point = drafthorse_wire::ti::TiPoint {
        y_m: 10.0,
        ..Default::default()
    };
    let mut packet = Vec::new();
    let kind = drafthorse_wire::ti::PointsType::Float;
    drafthorse_wire::ti::encode_packet(&header, &[point], kind, &mut packet).unwrap();
    packet
}
