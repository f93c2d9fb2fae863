//! Pictures of the synthetic worlds in one: towns, light and weather.
//!
//! `cargo run --release -p drafthorse-synth --example contact_sheet -- SHEET.jpg`

use anyhow::{Context, Result, ensure};
use drafthorse_synth::{Drive, DriveConfig, Event, Light, Town, Weather};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

/// Pictures a row.
const COLUMNS: usize = 4;
/// A picture of the sheet has one pixel for so many of the camera's, each way.
const SHRINK: usize = 2;
/// What is shown: seed, second of the drive, town, light, weather.
const SHOWN: [(u64, f64, Town, Light, Weather); 12] = [
    (7, 6.0, Town::Sample, Light::Day, Weather::Clear),
    (4, 8.0, Town::OldTown, Light::Day, Weather::Clear),
    (5, 5.0, Town::Boulevard, Light::Day, Weather::Clear),
    (6, 3.0, Town::Gardens, Light::LowSun, Weather::Clear),
    (8, 5.0, Town::RingRoad, Light::Day, Weather::Drizzle),
    (9, 7.0, Town::Harbour, Light::Day, Weather::Rain),
    (4, 4.0, Town::Boulevard, Light::Day, Weather::Fog),
    (5, 8.0, Town::OldTown, Light::Dusk, Weather::Clear),
    (6, 5.0, Town::Harbour, Light::Dusk, Weather::Rain),
    (7, 7.0, Town::Boulevard, Light::Night, Weather::Clear),
    (8, 8.0, Town::OldTown, Light::Night, Weather::Rain),
    (9, 5.0, Town::RingRoad, Light::Night, Weather::Fog),
];

/// One picture, shrunk: width, height, RGB.
fn picture(shown: (u64, f64, Town, Light, Weather)) -> Result<(usize, usize, Vec<u8>)> {
    let (seed, at_s, town, light, weather) = shown;
    let mut drive = Drive::new(&DriveConfig {
        seed,
        seconds: at_s + 0.1,
        radar_hz: 0.0,
        camera_fps: 1.0 / at_s,
        town,
        light,
        weather,
        ..DriveConfig::default()
    });
    let mut last = None;
    while let Some(event) = drive.next() {
        if let Event::Frame {
            width, height, rgb, ..
        } = event
        {
            last = Some(shrink(rgb, width as usize, height as usize));
        }
    }
    last.context("the drive gave no picture")
}

fn shrink(rgb: &[u8], width: usize, height: usize) -> (usize, usize, Vec<u8>) {
    let (columns, rows) = (width / SHRINK, height / SHRINK);
    let mut small = Vec::with_capacity(columns * rows * 3);
    for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
        for channel in 0..3 {
            let mut sum = 0;
            for (dy, dx) in (0..SHRINK).flat_map(|y| (0..SHRINK).map(move |x| (y, x))) {
                let at = (row * SHRINK + dy) * width + column * SHRINK + dx;
                sum += usize::from(rgb[3 * at + channel]);
            }
            small.push((sum / (SHRINK * SHRINK)) as u8);
        }
    }
    (columns, rows, small)
}

fn main() -> Result<()> {
    let path = std::env::args()
        .nth(1)
        .context("name the picture to write")?;
    let pictures = SHOWN.into_iter().map(picture).collect::<Result<Vec<_>>>()?;
    let (width, height) = (pictures[0].0, pictures[0].1);
    let sheet_width = COLUMNS * width;
    let sheet_height = pictures.len().div_ceil(COLUMNS) * height;
    let mut sheet = vec![0; sheet_width * sheet_height * 3];
    for (i, (_, _, rgb)) in pictures.iter().enumerate() {
        for (row, line) in rgb.chunks_exact(3 * width).enumerate() {
            let top = i / COLUMNS * height + row;
            let at = 3 * (top * sheet_width + i % COLUMNS * width);
            sheet[at..at + 3 * width].copy_from_slice(line);
        }
    }
    ensure!(
        sheet_width < 65_536 && sheet_height < 65_536,
        "the sheet is too large for a JPEG"
    );
    let mut encoder =
        Encoder::new_file(&path, 72).with_context(|| format!("cannot write {path}"))?;
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode(
        &sheet,
        sheet_width as u16,
        sheet_height as u16,
        ColorType::Rgb,
    )?;
    Ok(())
}
