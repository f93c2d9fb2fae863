//! Pixel values against those of the Hugging Face image processors, which scale with Pillow.

use crate::common::{Reference, near, picture, preparation};
use drafthorse_vision::{Filter, Normalisation, PatchRows, Preparation, Split};

/// Levels of 255 that a scaled value may differ from Pillow's, which rounds its coefficients otherwise.
const LEVELS: f32 = 2.0;

fn split(longest_px: usize, tile_px: usize, splits: bool) -> Preparation {
    Preparation::Split(Split {
        longest_px,
        tile_px,
        token_px: 12,
        splits,
        filter: Filter::Lanczos,
        normalisation: Normalisation::new(1.0 / 255.0, [0.5; 3], [0.5; 3]),
    })
}

/// Compares values of (level / 255 - 0.5) / 0.5 with the peer's levels; returns the share that differs.
fn levels(what: &str, ours: &[f32], theirs: &[u8]) -> f64 {
    let ours: Vec<f32> = ours
        .iter()
        .map(|v| ((v * 0.5 + 0.5) * 255.0).round())
        .collect();
    let theirs: Vec<f32> = theirs.iter().map(|&level| f32::from(level)).collect();
    near(what, &ours, &theirs, LEVELS);
    let differ = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count();
    differ as f64 / ours.len() as f64
}

#[test]
fn tiles_are_those_of_the_peer() {
    let (smolvlm, reference) = (preparation("smolvlm"), Reference::of("smolvlm"));
    for (name, width, height) in [("wide", 50, 34), ("tall", 20, 60)] {
        let pixels = smolvlm.prepare(&picture(width, height)).unwrap();
        let differ = levels(
            name,
            &pixels.values,
            &reference.levels(&format!("{name}.levels")),
        );
        assert!(differ < 0.05, "{name}: {differ} of the values differ");
    }
    let tall = smolvlm.prepare(&picture(20, 60)).unwrap();
    near(
        "tall",
        &tall.values,
        &reference.floats("tall.pixels"),
        LEVELS / 127.5,
    );
    let alone = split(72, 24, false).prepare(&picture(50, 34)).unwrap();
    let differ = levels("alone", &alone.values, &reference.levels("alone.levels"));
    assert!(differ < 0.05 && alone.layout.split.is_none(), "{differ}");
}

#[test]
fn tiles_of_the_published_size_are_those_of_the_peer() {
    let reference = Reference::of("smolvlm");
    let large = split(2048, 512, true);
    let Preparation::Split(large) = large else {
        unreachable!()
    };
    let large = Preparation::Split(Split {
        token_px: 64,
        ..large
    });
    let pixels = large.prepare(&picture(640, 480)).unwrap();
    assert_eq!(pixels.shape, reference.indices("large.shape"));
    assert_eq!(pixels.layout.tokens(), 13 * 64);
    let some: Vec<f32> = pixels.values.iter().step_by(997).copied().collect();
    let differ = levels("large", &some, &reference.levels("large.levels"));
    assert!(differ < 0.05, "{differ} of the values differ");
}

#[test]
fn patches_are_those_of_the_peer() {
    let (qwen, reference) = (preparation("qwen2_5_vl"), Reference::of("qwen2_5_vl"));
    // Two levels over the smallest standard deviation.
    let most = LEVELS / 255.0 / 0.26;
    for (name, width, height) in [("within", 50, 34), ("above", 100, 70), ("below", 10, 20)] {
        let pixels = qwen.prepare(&picture(width, height)).unwrap();
        assert_eq!(
            pixels.grid.unwrap().to_vec(),
            reference.indices(&format!("{name}.grid"))
        );
        let theirs = reference.floats(&format!("{name}.pixels"));
        near(name, &pixels.values, &theirs, most);
    }
    let Preparation::Patches(small) = qwen else {
        unreachable!()
    };
    let large = Preparation::Patches(PatchRows {
        patch_px: 14,
        least_pixels: 56 * 56,
        most_pixels: 28 * 28 * 1280,
        ..small
    });
    let pixels = large.prepare(&picture(640, 480)).unwrap();
    assert_eq!(pixels.shape, reference.indices("large.shape"));
    let some: Vec<f32> = pixels.values.iter().step_by(997).copied().collect();
    near("large", &some, &reference.floats("large.pixels"), most);
}

#[test]
fn pictures_that_cannot_be_shown_are_refused() {
    let mut cut = picture(50, 34);
    cut.rgb.pop();
    for model in ["smolvlm", "qwen2_5_vl", "scene_vlm"] {
        let preparation = preparation(model);
        for bad in [picture(0, 10), cut.clone()] {
            let error = preparation.prepare(&bad).unwrap_err();
            assert!(
                error.to_string().contains("bytes of RGB"),
                "{model}: {error}"
            );
        }
    }
    let error = preparation("qwen2_5_vl")
        .prepare(&picture(2, 500))
        .unwrap_err();
    assert!(error.to_string().contains("200 times"), "{error}");
}
