//! `drafthorse decode`: a source's messages, one a line.

use super::{Failed, decode_sync};
use crate::cli::DecodeArgs;
use crate::config::Config;
use crate::feed::{self, Feed, Resolved};
use crate::plan::{Mode, Plan};
use anyhow::Result;
use drafthorse_core::{Fault, Image, RadarPoint, RawFormat, RawMessage};
use drafthorse_sensors::camera::CameraDecoder;
use drafthorse_sensors::radar::{RadarDecoder, RadarReading, ReadingKind};
use drafthorse_sensors::sync::SyncRecord;
use serde_json::{Value, json};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub(super) fn decode(args: &DecodeArgs) -> Result<()> {
    let config = Config::from_sources(vec![args.source.clone()]);
    config.check()?;
    let Resolved { plan, mut feeds } = feed::resolve(&config)?;
    let mut decoders = Decoders::new(&plan)?;
    let mut out = Printer {
        out: BufWriter::new(std::io::stdout().lock()),
        json: args.json,
        left: args.limit.unwrap_or(u64::MAX),
        undecodable: 0,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;

    if plan.mode == Mode::Live {
        eprintln!("listening to {}; Ctrl-C ends it", args.source);
    }
    let mut faults = Vec::new();
    for feed in &mut feeds {
        feed.take_faults(&mut faults);
        read_all(feed, &plan, &mut decoders, &mut out, &mut faults, &stop)?;
    }
    decoders.finish(&mut out)?;
    out.out.flush()?;
    if feeds.iter().any(Feed::failed) || out.undecodable > 0 {
        return Err(Failed(format!(
            "{}: some of it could not be decoded, see the faults above",
            args.source
        ))
        .into());
    }
    Ok(())
}

fn read_all(
    feed: &mut Feed,
    plan: &Plan,
    decoders: &mut Decoders,
    out: &mut Printer<impl Write>,
    faults: &mut Vec<Fault>,
    stop: &AtomicBool,
) -> Result<()> {
    loop {
        for fault in faults.drain(..) {
            out.fault(&fault, plan)?;
        }
        if let Some(raw) = feed.head() {
            decoders.message(raw, plan, out)?;
        }
        if out.left == 0 || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let more = feed.read(Duration::from_millis(200), faults);
        if !more && faults.is_empty() {
            return Ok(());
        }
    }
}

enum Decoder {
    Radar(Box<RadarDecoder>),
    Camera(Box<CameraDecoder>),
}

struct Decoders {
    sensors: Vec<Decoder>,
    reading: RadarReading,
    image: Image,
    found: Vec<Fault>,
}

impl Decoders {
    fn new(plan: &Plan) -> Result<Self> {
        let sensors = plan
            .sensors()
            .map(|(id, sensor)| {
                if sensor.format.is_camera() {
                    let decoder = CameraDecoder::new(id, sensor.format)?;
                    return Ok(Decoder::Camera(Box::new(decoder)));
                }
                let map = sensor.can_map.as_ref().map(feed::can::parse).transpose()?;
                let decoder = RadarDecoder::new(id, sensor.format, map);
                Ok(Decoder::Radar(Box::new(decoder)))
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            sensors,
            reading: RadarReading::default(),
            image: Image::default(),
            found: Vec::new(),
        })
    }

    fn message(
        &mut self,
        raw: &RawMessage,
        plan: &Plan,
        out: &mut Printer<impl Write>,
    ) -> Result<()> {
        match &mut self.sensors[usize::from(raw.sensor.0)] {
            Decoder::Radar(decoder) => {
                let kind = decoder.decode(raw, &mut self.reading, &mut self.found);
                out.reading(kind, &self.reading, raw.received_ns)?;
                if raw.format == RawFormat::Sync
                    && let Ok(record) = SyncRecord::decode(&raw.data)
                {
                    let (value, words) = decode_sync::line(raw, &record);
                    out.line(&value, || words)?;
                }
                for fault in self.found.drain(..) {
                    out.fault(&fault, plan)?;
                }
                Ok(())
            }
            Decoder::Camera(decoder) => match decoder.decode(raw, &mut self.image) {
                Ok(true) => out.image(&self.image),
                Ok(false) => Ok(()),
                Err(error) => out.fault(
                    &Fault {
                        kind: drafthorse_core::FaultKind::Undecodable,
                        sensor: Some(raw.sensor),
                        at_ns: raw.captured_ns,
                        count: 1,
                        detail: error.to_string(),
                    },
                    plan,
                ),
            },
        }
    }

    fn finish(&mut self, out: &mut Printer<impl Write>) -> Result<()> {
        for decoder in &mut self.sensors {
            if let Decoder::Radar(decoder) = decoder {
                let kind = decoder.flush(&mut self.reading);
                out.reading(kind, &self.reading, self.reading.tracks.received_ns)?;
            }
        }
        Ok(())
    }
}

struct Printer<W> {
    out: W,
    json: bool,
    left: u64,
    undecodable: u64,
}

impl<W: Write> Printer<W> {
    fn line(&mut self, value: &Value, words: impl FnOnce() -> String) -> Result<()> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        if self.json {
            serde_json::to_writer(&mut self.out, value)?;
            self.out.write_all(b"\n")?;
        } else {
            writeln!(self.out, "{}", words())?;
        }
        Ok(())
    }

    fn reading(
        &mut self,
        kind: ReadingKind,
        reading: &RadarReading,
        received_ns: u64,
    ) -> Result<()> {
        match kind {
            ReadingKind::Nothing => Ok(()),
            ReadingKind::Scan => {
                let scan = &reading.scan;
                let points: Vec<Value> = scan.points.iter().map(point).collect();
                let value = json!({
                    "kind": "radar_scan", "captured_ns": scan.captured_ns,
                    "received_ns": scan.received_ns, "sequence": scan.sequence,
                    "unambiguous_mps": [scan.unambiguous_mps.0, scan.unambiguous_mps.1],
                    "points": points,
                });
                self.line(&value, || {
                    format!("{} radar_scan {} points", scan.captured_ns, points.len())
                })
            }
            ReadingKind::Objects => {
                let list = &reading.objects;
                let value = json!({
                    "kind": "radar_objects", "captured_ns": list.captured_ns,
                    "received_ns": list.received_ns, "sequence": list.sequence,
                    "objects": list.objects,
                });
                self.line(&value, || {
                    format!("{} radar_objects {}", list.captured_ns, list.objects.len())
                })
            }
            ReadingKind::Tracks => {
                let list = &reading.tracks;
                let value = json!({
                    "kind": "radar_tracks", "captured_ns": list.captured_ns,
                    "received_ns": list.received_ns, "sequence": list.sequence,
                    "tracks": list.tracks,
                });
                self.line(&value, || {
                    format!("{} radar_tracks {}", list.captured_ns, list.tracks.len())
                })
            }
            ReadingKind::Status => {
                let status = &reading.status;
                let fields: serde_json::Map<String, Value> = status
                    .fields
                    .iter()
                    .map(|(name, value)| (name.clone(), json!(value)))
                    .collect();
                let value = json!({
                    "kind": "radar_status", "captured_ns": status.captured_ns,
                    "clock_synchronised": status.clock_synchronised, "fields": fields,
                });
                self.line(&value, || {
                    format!(
                        "{} radar_status clock_synchronised={}",
                        status.captured_ns, status.clock_synchronised
                    )
                })
            }
            ReadingKind::VehicleSpeed => {
                let speed = reading.vehicle_speed_mps;
                let value = json!({
                    "kind": "vehicle_speed", "captured_ns": received_ns, "speed_mps": speed,
                });
                self.line(&value, || {
                    format!(
                        "{received_ns} vehicle_speed {:.2} m/s",
                        speed.unwrap_or(0.0)
                    )
                })
            }
        }
    }

    fn image(&mut self, image: &Image) -> Result<()> {
        let value = json!({
            "kind": "image", "captured_ns": image.captured_ns, "received_ns": image.received_ns,
            "sequence": image.sequence, "width": image.width, "height": image.height,
        });
        self.line(&value, || {
            format!(
                "{} image {}x{}",
                image.captured_ns, image.width, image.height
            )
        })
    }

    fn fault(&mut self, fault: &Fault, plan: &Plan) -> Result<()> {
        use drafthorse_core::FaultKind::{SensorLost, Undecodable};
        if matches!(fault.kind, Undecodable | SensorLost) {
            self.undecodable += 1;
        }
        let sensor = fault.sensor.map(|id| plan.sensor_name(id));
        let value = json!({
            "kind": "fault", "fault": fault.kind.name(), "sensor": sensor,
            "captured_ns": fault.at_ns, "count": fault.count, "detail": fault.detail,
        });
        self.line(&value, || {
            format!(
                "{} fault {} x{}: {}",
                fault.at_ns,
                fault.kind.name(),
                fault.count,
                fault.detail
            )
        })
    }
}

/// A point with the names of the contract; what the sensor does not measure is null.
fn point(p: &RadarPoint) -> Value {
    json!({
        "x": p.x_m, "y": p.y_m, "z": p.z_m,
        "range_m": p.range_m, "azimuth_rad": p.azimuth_rad, "elevation_rad": p.elevation_rad,
        "range_rate_mps": p.range_rate_mps, "rcs_dbsm": known(p.rcs_dbsm),
        "snr_db": known(p.snr_db), "valid": p.valid,
    })
}

fn known(value: f32) -> Option<f32> {
    value.is_finite().then_some(value)
}
