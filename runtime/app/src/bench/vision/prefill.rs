//! What fewer tokens save before the first word: a decoder's run over a long prompt, beside runs over half and a
//! quarter of its image tokens, and the bytes of its cache.

use super::Figure;
use anyhow::{Context, Result, bail};
use drafthorse_engine::{Artefact, Backend, Model, Tensor};
use drafthorse_samples::{Decoder, Size};
use std::time::Instant;

/// Image tokens of a picture in tiles of SmolVLM: 17 tiles of 64.
const IMAGE_TOKENS: usize = 1088;
/// Words of a question around them.
const WORDS: usize = 24;
const RUNS: usize = 7;

/// The prefill's speed-up and the share of the cache, at half and a quarter of the image tokens.
pub(super) fn figures(backend: &dyn Backend, threads: usize) -> Result<Vec<Figure>> {
    let network = Decoder::of(Size::Bench);
    let sample = network.clone().sample();
    let bytes = sample.bytes();
    let artefact = Artefact {
        name: sample.name,
        bytes: &bytes,
    };
    let mut model = backend.load(artefact, &sample.options(threads))?;
    let lengths = [1, 2, 4].map(|part| IMAGE_TOKENS / part + WORDS);
    let mut times_ms = lengths.map(|_| Vec::new());
    // In turn, so that a busy machine slows all of them.
    for run in 0..=RUNS {
        for (times, &length) in times_ms.iter_mut().zip(&lengths) {
            let ms = prefill_ms(model.as_mut(), &network.ids(run as u64, length))?;
            // The first run of each length prepares memory.
            if run > 0 {
                times.push(ms);
            }
        }
    }
    let [full, half, quarter] = times_ms.map(median);
    let figure = |percent: u32, ms: f64| {
        let name = format!("vision.prefill_speedup.{percent}");
        Figure {
            beside: [("all_ms".to_owned(), full), ("kept_ms".to_owned(), ms)].into(),
            ..Figure::alone(&name, full / ms, "x")
        }
    };
    let cache = |percent: u32, length: usize| {
        let name = format!("vision.cache_share.{percent}");
        Figure::alone(&name, length as f64 / lengths[0] as f64, "of all bytes")
    };
    Ok(vec![
        figure(50, half),
        figure(25, quarter),
        cache(50, lengths[1]),
        cache(25, lengths[2]),
    ])
}

fn prefill_ms(model: &mut dyn Model, ids: &Tensor) -> Result<f64> {
    model.reset()?;
    let inputs = model.inputs();
    let index = inputs.iter().position(|port| port.name == "ids");
    let index = index.context("the decoder has no input ids")?;
    model.resize(index, ids.shape())?;
    if !model.input_mut(index).copy_from(ids.view()) {
        bail!("a decoder takes tokens as i64");
    }
    let began = Instant::now();
    model.run()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
