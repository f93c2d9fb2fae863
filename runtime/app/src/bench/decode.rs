//! Decoding: how many ARS548 detection lists a second one core turns into scans.

use super::Figure;
use anyhow::Result;
use drafthorse_core::{RawFormat, SensorId};
use drafthorse_sensors::radar::{RadarDecoder, RadarReading, ReadingKind};
use std::time::{Duration, Instant};

pub(super) fn run(print: &mut dyn FnMut(Figure) -> Result<()>) -> Result<()> {
    let scans = crate::feed::sample_scans(2.0);
    let mut decoder = RadarDecoder::new(SensorId(0), RawFormat::Ars548, None);
    let mut reading = RadarReading::default();
    let mut faults = Vec::new();
    let mut rates = Vec::new();
    for _ in 0..15 {
        let began = Instant::now();
        let mut decoded = 0u32;
        while began.elapsed() < Duration::from_millis(100) {
            for scan in &scans {
                let kind = decoder.decode(scan, &mut reading, &mut faults);
                decoded += u32::from(kind == ReadingKind::Scan);
                faults.clear();
            }
        }
        rates.push(f64::from(decoded) / began.elapsed().as_secs_f64());
    }
    rates.sort_by(f64::total_cmp);
    print(Figure::alone(
        "decode.ars548_scans_per_second",
        rates[rates.len() / 2],
        "scans/s",
    ))
}
