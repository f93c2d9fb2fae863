//! Holds the encoder, the splat and the decoding against what PyTorch made of the same scans.
//!
//! `cargo run --release -p drafthorse-gaussian --example agreement -- FOLDER`, where FOLDER is what
//! `python -m radar_gaussian.export` wrote. Errors are relative to the largest number of their kind
//! in the scan; the worst scan counts.

use drafthorse_gaussian::{Decoder, Encoder, POINT, Splatter, Stem};
use safetensors::SafeTensors;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

type Failure = Box<dyn std::error::Error>;

/// Largest error that passes.
const LIMIT: f64 = 1e-4;

fn main() -> Result<ExitCode, Failure> {
    let folder = std::env::args_os().nth(1);
    let folder = PathBuf::from(folder.ok_or("name the folder of an exported model")?);
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let weights = read("encoder.safetensors")?;
    let mut encoder = Encoder::read(&weights)?;
    let mut stem = Stem::read(&weights, encoder.settings())?;
    let mut decoder = Decoder::read(&read("decode.json")?)?;
    let bytes = read("reference.safetensors")?;
    let reference = Reference(SafeTensors::deserialize(&bytes)?);
    let mut worst = Worst::default();
    let mut view = vec![0.0; Splatter::new(encoder.settings()).view_len()];
    let mut splatter = Splatter::new(encoder.settings());
    let scans = reference.starts("points_start")?.len() - 1;
    let boxes = compare(
        &reference,
        &mut encoder,
        (&mut splatter, &mut view),
        &mut stem,
        &mut decoder,
        &mut worst,
    )?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{scans} scans, {boxes} boxes")?;
    for (name, error) in &worst.errors {
        writeln!(out, "  {name:<12} {error:.2e}")?;
    }
    let passed = worst.errors.iter().all(|(_, error)| *error <= LIMIT);
    writeln!(out, "{}", if passed { "agrees" } else { "DIFFERS" })?;
    Ok(ExitCode::from(u8::from(!passed)))
}

fn compare(
    reference: &Reference<'_>,
    encoder: &mut Encoder,
    (splatter, view): (&mut Splatter, &mut [f32]),
    stem: &mut Stem,
    decoder: &mut Decoder,
    worst: &mut Worst,
) -> Result<usize, Failure> {
    let settings = encoder.settings().clone();
    let points_start = reference.starts("points_start")?;
    let bev_start = reference.starts("bev_start")?;
    let boxes_start = reference.starts("detections_start")?;
    let cells: Vec<i32> = reference.numbers("bev_cell", i32::from_le_bytes)?;
    let [points, bev, heatmap, box_maps, boxes, scores] =
        ["points", "bev_value", "heatmap", "box", "boxes", "scores"]
            .map(|name| reference.floats(name));
    let (points, bev, heatmap) = (points?, bev?, heatmap?);
    let (box_maps, boxes, scores) = (box_maps?, boxes?, scores?);
    let parts = ["mean_m", "scale_m", "quaternion", "opacity", "features"];
    let parts: Vec<(&str, Vec<f32>)> = parts
        .into_iter()
        .map(|name| Ok((name, reference.floats(name)?)))
        .collect::<Result<_, Failure>>()?;
    let shape = reference.0.tensor("heatmap")?.shape().to_vec();
    let stems = reference.floats("stem")?;
    let mut stem_out = vec![0.0; stem.shape().iter().product()];
    let mut drawn = Splatter::new(&settings);
    let scans = points_start.len() - 1;
    let plane = [shape[2], shape[3]];
    let mut count = 0;
    for scan in 0..scans {
        let rows = points_start[scan]..points_start[scan + 1];
        let width = settings.features.len();
        let scan_points: Vec<[f32; POINT]> = points[rows.start * width..rows.end * width]
            .chunks_exact(width)
            .map(|row| {
                let mut point = [0.0; POINT];
                for (&place, &value) in settings.features.iter().zip(row) {
                    point[place] = value;
                }
                point
            })
            .collect();
        let gaussians = encoder.encode(&scan_points);
        let made = [
            gaussians.mean_m.as_flattened(),
            gaussians.scale_m.as_flattened(),
            gaussians.quaternion.as_flattened(),
            &gaussians.opacity,
            &gaussians.features,
        ];
        for ((name, right), made) in parts.iter().zip(made) {
            let width = right.len() / points_start[scans];
            worst.note(name, made, &right[rows.start * width..rows.end * width]);
        }
        // The view holds what this splatter has drawn last: another blends for the stem.
        drawn.draw(gaussians, view);
        let edge = worst.edge;
        let (start, end) = (bev_start[scan], bev_start[scan + 1]);
        let mut right = vec![0.0; view.len()];
        for (index, &cell) in (start..end).zip(&cells[start..end]) {
            for channel in 0..settings.channels {
                let at = channel * settings.grid.cells() + cell as usize;
                right[at] = bev[index * settings.channels + channel];
            }
        }
        // A cell more or less where alpha is within rounding of its least is no error.
        let largest = right.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let feature = gaussians
            .features
            .iter()
            .fold(0.0f32, |a, b| a.max(b.abs()));
        for (right, made) in right.iter_mut().zip(view.iter()) {
            let apart = (*right - made).abs();
            if apart > LIMIT as f32 * largest && apart <= 1.01 * settings.alpha_min * feature {
                worst.edge += 1;
                *right = *made;
            }
        }
        worst.note("bev", view, &right);
        if worst.edge == edge {
            stem.apply(&splatter.blend(gaussians), &mut stem_out);
            let stems = &stems[scan * stem_out.len()..(scan + 1) * stem_out.len()];
            worst.note("stem", &stem_out, stems);
        }
        let per = |map: &[f32]| map.len() / scans;
        let maps = [&heatmap, &box_maps].map(|map| &map[scan * per(map)..(scan + 1) * per(map)]);
        let found = decoder.decode(maps[0], maps[1], plane);
        let (start, end) = (boxes_start[scan], boxes_start[scan + 1]);
        if found.len() != end - start {
            return Err(format!("scan {scan}: {} boxes, not {}", found.len(), end - start).into());
        }
        count += found.len();
        let made: Vec<f32> = found
            .iter()
            .flat_map(|b| b.centre_m.into_iter().chain(b.size_m).chain([b.yaw_rad]))
            .collect();
        worst.note("boxes", &made, &boxes[start * 7..end * 7]);
        let made: Vec<f32> = found.iter().map(|b| b.score).collect();
        worst.note("scores", &made, &scores[start..end]);
    }
    if worst.edge > 0 {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{} elements at the edge of a Gaussian", worst.edge)?;
    }
    Ok(count)
}

/// The largest relative error of each kind, and how many elements lie at the edge of a Gaussian.
#[derive(Default)]
struct Worst {
    errors: Vec<(String, f64)>,
    edge: usize,
}

impl Worst {
    fn note(&mut self, name: &str, made: &[f32], right: &[f32]) {
        let largest = right.iter().fold(0.0f32, |a, b| a.max(b.abs())).max(1e-30);
        let apart = made.iter().zip(right).map(|(a, b)| (a - b).abs());
        let mut error = f64::from(apart.fold(0.0, f32::max) / largest);
        if made.len() != right.len() {
            error = f64::INFINITY;
        }
        match self.errors.iter_mut().find(|(known, _)| known == name) {
            Some((_, worst)) => *worst = worst.max(error),
            None => self.errors.push((name.to_owned(), error)),
        }
    }
}

struct Reference<'a>(SafeTensors<'a>);

impl Reference<'_> {
    fn numbers<const N: usize, T>(
        &self,
        name: &str,
        number: fn([u8; N]) -> T,
    ) -> Result<Vec<T>, Failure> {
        let array = self.0.tensor(name)?;
        let (numbers, _) = array.data().as_chunks();
        Ok(numbers.iter().copied().map(number).collect())
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, Failure> {
        self.numbers(name, f32::from_le_bytes)
    }

    fn starts(&self, name: &str) -> Result<Vec<usize>, Failure> {
        let starts = self.numbers(name, i64::from_le_bytes)?;
        Ok(starts.into_iter().map(|start| start as usize).collect())
    }
}
