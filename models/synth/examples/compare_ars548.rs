//! Compares synthetic ARS548 scans with a recorded one: what of the recorded scan lies within what
//! the generator gives, figure by figure.
//!
//! `cargo run --release -p drafthorse-synth --example compare_ars548 -- DETECTION_LIST.bin`
#![allow(clippy::print_stdout)] // A command that prints.

use anyhow::{Context, Result};
use drafthorse_core::RadarPoint;
use drafthorse_synth::{Drive, DriveConfig, Event, RadarKind, Town};
use drafthorse_wire::ars548;
use nalgebra::{Matrix2, Vector2};

/// Seeds of the synthetic drives, and their towns.
const SEEDS: u64 = 3;
const TOWNS: [(&str, &[Town]); 2] = [
    (
        "towns",
        &[
            Town::OldTown,
            Town::Boulevard,
            Town::Gardens,
            Town::RingRoad,
            Town::Harbour,
        ],
    ),
    ("highway", &[Town::Highway]),
];
/// Residual of the range rate below which a return counts as standing, m/s.
const STANDING_MPS: f64 = 0.3;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).context(
        "name the file of a recorded ARS548 detection list (35,336 bytes, one UDP payload)",
    )?;
    let payload = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    let mut buffers = ars548::Ars548Buffers::with_capacity();
    ars548::decode(&payload, &mut buffers).with_context(|| format!("{path} is no such list"))?;
    let recorded: Vec<_> = buffers
        .detections
        .iter()
        .map(ars548::Detection::to_point)
        .collect();
    let half = f64::from(buffers.detection_trailer.velocity_max_mps);
    let recorded = figures(&recorded, half);
    for (name, towns) in TOWNS {
        compare(name, &recorded, &synthetic(towns));
    }
    Ok(())
}

/// Prints the recorded figures beside the spread of the synthetic ones.
fn compare(name: &str, recorded: &[(String, f64)], synthetic: &[Vec<(String, f64)>]) {
    let title = format!("{name}, {} scans", synthetic.len());
    println!(
        "\n{title:<44} {:>9} {:>9} {:>9} {:>9}",
        "recorded", "5 %", "median", "95 %"
    );
    for (i, (name, value)) in recorded.iter().enumerate() {
        let mut values: Vec<f64> = synthetic.iter().map(|s| s[i].1).collect();
        values.retain(|v| v.is_finite());
        let at = |p| quantile(&mut values.clone(), p);
        let (low, high) = (at(0.05), at(0.95));
        let mark = if (low..=high).contains(value) {
            ""
        } else {
            "  outside"
        };
        println!(
            "{name:<44} {value:>9.3} {low:>9.3} {:>9.3} {high:>9.3}{mark}",
            at(0.5)
        );
    }
}

/// Figures of one scan every second of drives in some towns.
fn synthetic(towns: &[Town]) -> Vec<Vec<(String, f64)>> {
    let mut all = Vec::new();
    let seeds = |town: &Town| {
        let town = *town;
        (0..SEEDS).map(move |seed| (town, seed))
    };
    for (town, seed) in towns.iter().flat_map(seeds) {
        let mut drive = Drive::new(&DriveConfig {
            seed,
            seconds: 12.0,
            radar_hz: 1.0,
            camera_fps: 0.0,
            town,
            radar: RadarKind::Ars548,
            ..DriveConfig::default()
        });
        while let Some(event) = drive.next() {
            if let Event::Scan { scan, .. } = event {
                all.push(figures(&scan.points, f64::from(scan.unambiguous_mps.1)));
            }
        }
    }
    all
}

fn figures(points: &[RadarPoint], half_mps: f64) -> Vec<(String, f64)> {
    let n = points.len() as f64;
    let residuals = residuals(points);
    let of = |f: fn(&RadarPoint) -> f32| -> Vec<f64> {
        points.iter().map(|p| f64::from(f(p))).collect()
    };
    let share =
        |test: &dyn Fn(&RadarPoint) -> bool| points.iter().filter(|p| test(p)).count() as f64 / n;
    let mut list = vec![("returns".to_owned(), n)];
    for (low, high) in [(0.0, 20.0), (20.0, 50.0), (50.0, 100.0), (100.0, 300.0)] {
        let within = move |p: &RadarPoint| (low..high).contains(&p.range_m);
        list.push((format!("share at {low}-{high} m"), share(&within)));
    }
    for (low, high) in [(0.0, 20.0), (20.0, 50.0), (50.0, 100.0), (100.0, 300.0)] {
        let band = points.iter().filter(|p| (low..high).contains(&p.range_m));
        let rcs: Vec<f64> = band.map(|p| f64::from(p.rcs_dbsm)).collect();
        let (mean, std) = spread(&rcs);
        list.push((format!("RCS at {low}-{high} m: mean, dBsm"), mean));
        list.push((format!("RCS at {low}-{high} m: std, dB"), std));
    }
    let mut rcs = of(|p| p.rcs_dbsm);
    let (mean, std) = spread(&rcs);
    list.push(("RCS mean, dBsm".to_owned(), mean));
    list.push(("RCS std, dB".to_owned(), std));
    list.push(("RCS smallest, dBsm".to_owned(), quantile(&mut rcs, 0.0)));
    let mut azimuth = of(|p| p.azimuth_rad.abs().to_degrees());
    list.push((
        "azimuth to either side, median, deg".to_owned(),
        quantile(&mut azimuth, 0.5),
    ));
    list.push((
        "azimuth to either side, 95 %, deg".to_owned(),
        quantile(&mut azimuth, 0.95),
    ));
    let mut elevation = of(|p| p.elevation_rad.to_degrees());
    list.push(("elevation std, deg".to_owned(), spread(&elevation).1));
    list.push((
        "elevation 5 %, deg".to_owned(),
        quantile(&mut elevation, 0.05),
    ));
    list.push((
        "elevation 95 %, deg".to_owned(),
        quantile(&mut elevation, 0.95),
    ));
    let standing: Vec<f64> = residuals
        .iter()
        .copied()
        .filter(|r| r.abs() < STANDING_MPS)
        .collect();
    list.push((
        "share that moves".to_owned(),
        1.0 - standing.len() as f64 / n,
    ));
    list.push((
        "spread of the rate of what stands, m/s".to_owned(),
        spread(&standing).1,
    ));
    let beyond = residuals
        .iter()
        .filter(|r| r.abs() > 1.5 * half_mps)
        .count() as f64;
    list.push(("share off by an interval".to_owned(), beyond / n));
    list.push((
        "distance to the nearest return, median, m".to_owned(),
        nearest(points),
    ));
    list
}

/// Range rates less those of the motion that most returns agree on, m/s.
fn residuals(points: &[RadarPoint]) -> Vec<f64> {
    let rows: Vec<(Vector2<f64>, f64)> = points
        .iter()
        .map(|p| {
            let sight = Vector2::new(f64::from(p.x_m), f64::from(p.y_m)) / f64::from(p.range_m);
            (-sight, f64::from(p.range_rate_mps))
        })
        .collect();
    let residual = |v: &Vector2<f64>, (a, rate): &(Vector2<f64>, f64)| rate - a.dot(v);
    let agreed = |v: &Vector2<f64>| {
        let off = |row: &&(Vector2<f64>, f64)| residual(v, row).abs() < STANDING_MPS;
        rows.iter().filter(off).count()
    };
    let mut best = Vector2::zeros();
    for i in 0..rows.len() {
        for step in [7, 31, 101] {
            let (first, second) = (&rows[i], &rows[(i + step) % rows.len()]);
            let matrix = Matrix2::from_rows(&[first.0.transpose(), second.0.transpose()]);
            let solved = matrix
                .try_inverse()
                .map(|m| m * Vector2::new(first.1, second.1));
            if let Some(v) = solved.filter(|v| v.norm() < 60.0)
                && agreed(&v) > agreed(&best)
            {
                best = v;
            }
        }
    }
    for _ in 0..3 {
        let near = rows
            .iter()
            .filter(|row| residual(&best, row).abs() < STANDING_MPS);
        let (mut normal, mut right) = (Matrix2::zeros(), Vector2::zeros());
        for (a, rate) in near {
            normal += a * a.transpose();
            right += a * *rate;
        }
        best = normal.try_inverse().map_or(best, |m| m * right);
    }
    rows.iter().map(|row| residual(&best, row)).collect()
}

fn nearest(points: &[RadarPoint]) -> f64 {
    let mut gaps: Vec<f64> = points
        .iter()
        .enumerate()
        .map(|(i, p)| {
            let others = points.iter().enumerate().filter(|(j, _)| *j != i);
            let gaps = others.map(|(_, q)| f64::from((p.x_m - q.x_m).hypot(p.y_m - q.y_m)));
            gaps.fold(f64::INFINITY, f64::min)
        })
        .collect();
    quantile(&mut gaps, 0.5)
}

fn spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    (mean, (squares / n).sqrt())
}

fn quantile(values: &mut [f64], p: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (p * (values.len().max(1) - 1) as f64).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}
