//! `v4l2:DEVICE`: a camera of the Linux kernel, streaming through mapped buffers.
//!
//! The kernel stamps a picture on `CLOCK_MONOTONIC`; the stamp is brought to the vehicle clock by
//! the two clocks' difference when the picture is taken over. A camera that is unplugged is opened
//! again when it comes back.

use super::{ReadOutcome, Source, SourceError, faults::FaultLog, retry::Retry};
use crate::{os, uri::SourceUri};
use drafthorse_core::{Fault, FaultKind, RawFormat, RawMessage, SensorId};
use std::{io, time::Duration};
use v4l::{
    Device, Format, FourCC, Fraction,
    buffer::{Flags, Metadata, Type},
    io::{mmap::Stream, traits::CaptureStream},
    video::{Capture, capture::Parameters},
};

const BUFFERS: u32 = 4;
/// A camera that gives no first picture for this long is opened anew.
const FIRST_PICTURE: Duration = Duration::from_secs(3);

/// What was asked for in the URI.
#[derive(Clone, Copy, Debug)]
struct Wish {
    width: Option<u32>,
    height: Option<u32>,
    rate: Option<f64>,
    format: Option<RawFormat>,
}

/// A running stream and what it gives.
struct Running {
    stream: Stream<'static>,
    width: u32,
    height: u32,
    stride: usize,
    format: RawFormat,
    started: bool,
    /// The driver's count of the last picture.
    counter: Option<u32>,
}

/// A camera that comes and goes.
pub(super) struct V4l2 {
    device: String,
    name: String,
    wish: Wish,
    sensor: SensorId,
    clock: fn() -> u64,
    running: Option<Running>,
    retry: Retry,
    sequence: u32,
    faults: FaultLog,
}

impl V4l2 {
    pub(super) fn open(
        uri: &SourceUri,
        sensor: SensorId,
        clock: fn() -> u64,
    ) -> Result<Self, SourceError> {
        let format = match uri.option("format") {
            Some("yuyv") => Some(RawFormat::Yuyv),
            Some("nv12") => Some(RawFormat::Nv12),
            // The plan of a run names one format before the camera is asked: MJPEG by default.
            _ => Some(RawFormat::Jpeg),
        };
        Ok(Self {
            device: uri.target().to_owned(),
            name: format!("the camera {}", uri.target()),
            wish: Wish {
                width: uri.number("width")?,
                height: uri.number("height")?,
                rate: uri.number("fps")?,
                format,
            },
            sensor,
            clock,
            running: None,
            retry: Retry::every(Duration::from_millis(500)),
            sequence: 0,
            faults: FaultLog::new(sensor),
        })
    }

    fn failed(&mut self, error: &io::Error) -> ReadOutcome {
        self.running = None;
        let at = (self.clock)();
        self.retry.failed(&mut self.faults, at, &self.name, error)
    }

    fn reconnect(&mut self, timeout: Duration) -> ReadOutcome {
        if !self.retry.due(timeout) {
            return ReadOutcome::Idle;
        }
        match Running::start(&self.device, self.wish) {
            Ok(running) => {
                self.running = Some(running);
                ReadOutcome::Idle
            }
            Err(error) => self.failed(&error),
        }
    }
}

/// Pixel formats in the order they are preferred: the cheapest to decode first.
const FORMATS: [(RawFormat, [&[u8; 4]; 2]); 3] = [
    (RawFormat::Yuyv, [b"YUYV", b"YUYV"]),
    (RawFormat::Nv12, [b"NV12", b"NV12"]),
    (RawFormat::Jpeg, [b"MJPG", b"JPEG"]),
];

fn format_of(code: FourCC) -> Option<RawFormat> {
    let known = FORMATS
        .iter()
        .find(|(_, codes)| codes.contains(&&code.repr));
    known.map(|(format, _)| *format)
}

impl Running {
    fn start(device: &str, wish: Wish) -> io::Result<Self> {
        let device = Device::with_path(device)?;
        let chosen = negotiate(&device, wish)?;
        if let Some(rate) = wish.rate {
            // A camera that cannot change its rate keeps its own.
            let interval = Fraction::new(1_000, (rate * 1_000.0).round() as u32);
            let _ = device.set_params(&Parameters::new(interval));
        }
        let format = format_of(chosen.fourcc).ok_or_else(|| {
            let code = chosen.fourcc;
            io::Error::new(
                io::ErrorKind::Unsupported,
                format!("it gives {code} and none of YUYV, NV12 and MJPEG"),
            )
        })?;
        let mut stream = Stream::with_buffers(&device, Type::VideoCapture, BUFFERS)?;
        stream.set_timeout(FIRST_PICTURE);
        let least = if format == RawFormat::Yuyv { 2 } else { 1 } * chosen.width;
        Ok(Self {
            stream,
            width: chosen.width,
            height: chosen.height,
            stride: chosen.stride.max(least) as usize,
            format,
            started: false,
            counter: None,
        })
    }

    /// Whether a picture can be taken without waiting for longer than `timeout`.
    fn ready(&self, timeout: Duration) -> io::Result<bool> {
        if !self.started {
            // The first call queues the buffers and starts the camera.
            return Ok(true);
        }
        let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        Ok(self.stream.handle().poll(libc::POLLIN, milliseconds)? > 0)
    }

    /// Takes the next picture; its stamp on the vehicle clock where the driver stamps.
    fn take(&mut self, out: &mut Vec<u8>) -> io::Result<Option<Metadata>> {
        let (bytes, meta) = CaptureStream::next(&mut self.stream)?;
        let meta = *meta;
        self.started = true;
        let bytes = bytes.get(..meta.bytesused as usize).unwrap_or(bytes);
        out.clear();
        if meta.flags.contains(Flags::ERROR) || bytes.is_empty() {
            return Ok(None);
        }
        let (row, rows) = match self.format {
            RawFormat::Yuyv => (2 * self.width as usize, self.height as usize),
            RawFormat::Nv12 => (self.width as usize, self.height as usize * 3 / 2),
            _ => {
                out.extend_from_slice(bytes);
                return Ok(Some(meta));
            }
        };
        if bytes.len() < self.stride * (rows - 1) + row {
            return Ok(None);
        }
        out.extend_from_slice(&self.width.to_le_bytes());
        out.extend_from_slice(&self.height.to_le_bytes());
        for line in bytes.chunks(self.stride).take(rows) {
            out.extend_from_slice(line.get(..row).unwrap_or_default());
        }
        Ok(Some(meta))
    }
}

/// Agrees on a format with the driver, which may change what is asked.
fn negotiate(device: &Device, wish: Wish) -> io::Result<Format> {
    let current = Capture::format(device)?;
    let offered = device.enum_formats()?;
    let wanted = FORMATS
        .iter()
        .filter(|(format, _)| wish.format.is_none_or(|wish| wish == *format))
        .flat_map(|(_, codes)| codes.iter());
    for code in wanted {
        let code = FourCC::new(code);
        if !offered.iter().any(|o| o.fourcc == code) {
            continue;
        }
        let mut asked = current;
        asked.fourcc = code;
        asked.width = wish.width.unwrap_or(current.width);
        asked.height = wish.height.unwrap_or(current.height);
        asked.stride = 0;
        asked.size = 0;
        let given = device.set_format(&asked)?;
        if given.fourcc == code && given.width > 0 && given.height > 0 {
            return Ok(given);
        }
    }
    let codes: Vec<String> = offered.iter().map(|o| o.fourcc.to_string()).collect();
    Err(io::Error::new(
        io::ErrorKind::Unsupported,
        format!(
            "it does not offer the format asked for (MJPEG unless ?format=yuyv or nv12), only {}",
            codes.join(", ")
        ),
    ))
}

/// A driver's stamp brought to the vehicle clock; `None` where it is not on `CLOCK_MONOTONIC`.
fn on_vehicle_clock(meta: &Metadata) -> Option<u64> {
    if meta.flags & Flags::TIMESTAMP_MASK != Flags::TIMESTAMP_MONOTONIC {
        return None;
    }
    let seconds = u64::try_from(meta.timestamp.sec).ok()?;
    let microseconds = u64::try_from(meta.timestamp.usec).ok()?;
    let stamp = seconds * 1_000_000_000 + microseconds * 1_000;
    let age = os::monotonic_ns().checked_sub(stamp)?;
    os::realtime_ns().checked_sub(age)
}

impl Source for V4l2 {
    fn read(
        &mut self,
        into: &mut RawMessage,
        timeout: Duration,
    ) -> Result<ReadOutcome, SourceError> {
        let Some(running) = &mut self.running else {
            return Ok(self.reconnect(timeout));
        };
        let meta = match running.ready(timeout) {
            Ok(false) => return Ok(ReadOutcome::Idle),
            Ok(true) => running.take(&mut into.data),
            Err(error) => Err(error),
        };
        let received_ns = (self.clock)();
        let meta = match meta {
            Ok(meta) => meta,
            Err(error) => return Ok(self.failed(&error)),
        };
        self.retry.found(&mut self.faults, received_ns, &self.name);
        let Some(meta) = meta else {
            let detail = "pictures that the camera driver marked as damaged";
            self.faults
                .note(FaultKind::Undecodable, received_ns, 1, detail);
            return Ok(ReadOutcome::Idle);
        };
        if let Some(last) = running.counter.replace(meta.sequence) {
            let lost = meta.sequence.wrapping_sub(last).saturating_sub(1);
            // A count that went back was set anew.
            let lost = if lost > u32::MAX / 2 { 0 } else { lost };
            let detail = "pictures the camera driver had no buffer for";
            self.faults
                .note(FaultKind::Dropped, received_ns, lost.into(), detail);
            // Numbers leave out what was lost, so that pulses of a trigger can be counted beside them.
            self.sequence = self.sequence.wrapping_add(lost);
        }
        into.sensor = self.sensor;
        into.format = running.format;
        into.received_ns = received_ns;
        into.captured_ns = on_vehicle_clock(&meta).unwrap_or(received_ns);
        into.sequence = self.sequence;
        self.sequence = self.sequence.wrapping_add(1);
        Ok(ReadOutcome::Message)
    }

    fn take_faults(&mut self, out: &mut Vec<Fault>) {
        self.faults.take(out);
    }

    fn progress(&self) -> Option<f64> {
        None
    }
}
