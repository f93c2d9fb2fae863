//! Pictures of scenes in one, and beside it a text with their facts, captions and questions.

use anyhow::{Context, Result};
use drafthorse_synth::scenes::{HEIGHT_PX, Scene, Verdict, WIDTH_PX};
use jpeg_encoder::{ColorType, Encoder};
use std::fmt::Write;
use std::path::Path;

const COLUMNS: usize = 4;
const ROWS: usize = 6;
/// Pixels of the sheet for one of a picture, each way.
const ENLARGE: usize = 2;

/// Writes the sheet as JPEG, and its text under the same name with the ending `txt`. Boxes are drawn
/// round what is shown (green) and what is between (red).
pub(crate) fn write(scenes: &[Scene], path: &Path) -> Result<()> {
    let scenes = &scenes[..scenes.len().min(COLUMNS * ROWS)];
    let (width, height) = (COLUMNS * ENLARGE * WIDTH_PX, ROWS * ENLARGE * HEIGHT_PX);
    let mut rgb = vec![0; width * height * 3];
    let mut text = String::new();
    for (i, scene) in scenes.iter().enumerate() {
        let (left, top) = (
            i % COLUMNS * ENLARGE * WIDTH_PX,
            i / COLUMNS * ENLARGE * HEIGHT_PX,
        );
        let framed = framed(scene);
        for y in 0..ENLARGE * HEIGHT_PX {
            for x in 0..ENLARGE * WIDTH_PX {
                let from = 3 * (y * ENLARGE * WIDTH_PX + x);
                let to = 3 * ((top + y) * width + left + x);
                rgb[to..to + 3].copy_from_slice(&framed[from..from + 3]);
            }
        }
        describe(scene, i, &mut text)?;
    }
    let mut encoder =
        Encoder::new_file(path, 92).with_context(|| format!("cannot write {}", path.display()))?;
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_1_1);
    encoder.encode(&rgb, width as u16, height as u16, ColorType::Rgb)?;
    let path = path.with_extension("txt");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The enlarged picture with its boxes.
fn framed(scene: &Scene) -> Vec<u8> {
    let (width, height) = (ENLARGE * WIDTH_PX, ENLARGE * HEIGHT_PX);
    let mut rgb = Vec::with_capacity(width * height * 3);
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let at = 3 * (y / ENLARGE * WIDTH_PX + x / ENLARGE);
        rgb.extend(&scene.rgb[at..at + 3]);
    }
    for object in &scene.objects {
        let colour = match object.verdict {
            Verdict::Shown => [40, 255, 60],
            Verdict::Between => [255, 40, 40],
            Verdict::Hidden => continue,
        };
        let ends = [width - 1, height - 1];
        let [x0, y0, x1, y1]: [usize; 4] = std::array::from_fn(|i| {
            ((object.box_px[i] * ENLARGE as f64) as usize).min(ends[i % 2])
        });
        let mut dot = |x: usize, y: usize| {
            let at = 3 * (y * width + x);
            rgb[at..at + 3].copy_from_slice(&colour);
        };
        (x0..=x1).for_each(|x| [y0, y1].into_iter().for_each(|y| dot(x, y)));
        (y0..=y1).for_each(|y| [x0, x1].into_iter().for_each(|x| dot(x, y)));
    }
    rgb
}

fn describe(scene: &Scene, index: usize, text: &mut String) -> Result<()> {
    let (row, column) = (index / COLUMNS + 1, index % COLUMNS + 1);
    writeln!(
        text,
        "row {row}, column {column}: {}, {}, {}, looked for: {:?}",
        scene.town.name(),
        scene.weather.name(),
        scene.light.name(),
        scene.content
    )?;
    let facts: Vec<String> = scene
        .facts
        .iter()
        .map(|(k, v)| format!("{k} {v}"))
        .collect();
    writeln!(text, "  facts: {}", facts.join(", "))?;
    for (_, caption) in &scene.captions {
        writeln!(text, "  caption: {caption}")?;
    }
    for question in &scene.questions {
        writeln!(text, "  {} {}", question.text, question.answer)?;
    }
    Ok(())
}
