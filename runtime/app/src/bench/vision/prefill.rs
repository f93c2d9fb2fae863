//! What fewer tokens save before the first word: a decoder's run over a long prompt, beside runs over half and a
//! quarter of its image tokens, and the bytes of its cache.

use super::Figure;
use anyhow::{Context, Result, bail};
use drafthorse_engine::{Artefact, Backend, LoadOptions, Model, StatePair, Tensor};
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
    // The same model with its cache handed out.
    let options = LoadOptions {
        state: Vec::new(),
        ..sample.options(threads)
    };
    let mut open = backend.load(artefact, &options)?;
    let mut caches = Vec::new();
    for length in lengths {
        caches.push(cache_bytes(
            open.as_mut(),
            &sample.state,
            &network.ids(0, length),
        )?);
    }
    let cache = |percent: u32, bytes: usize| {
        let name = format!("vision.cache_share.{percent}");
        let [all_bytes, kept_bytes] = [caches[0], bytes].map(|bytes| bytes as f64);
        Figure {
            beside: [
                ("all_bytes".to_owned(), all_bytes),
                ("kept_bytes".to_owned(), kept_bytes),
            ]
            .into(),
            ..Figure::alone(&name, kept_bytes / all_bytes, "of all bytes")
        }
    };
    Ok(vec![
        figure(50, half),
        figure(25, quarter),
        cache(50, caches[1]),
        cache(25, caches[2]),
    ])
}

/// Bytes of the keys and values that a run over a prompt leaves.
fn cache_bytes(model: &mut dyn Model, state: &[StatePair], ids: &Tensor) -> Result<usize> {
    for pair in state {
        let index = model.inputs().iter().position(|p| p.name == pair.input);
        let index = index.with_context(|| format!("the decoder has no input {}", pair.input))?;
        model.resize(index, &pair.initial)?;
    }
    fill_ids(model, ids)?;
    model.run()?;
    let outputs = model.outputs().iter().enumerate();
    let cache = outputs.filter(|(_, port)| state.iter().any(|pair| pair.output == port.name));
    let mut bytes = Vec::new();
    cache.for_each(|(index, _)| model.output(index).write_le(&mut bytes));
    Ok(bytes.len())
}

fn prefill_ms(model: &mut dyn Model, ids: &Tensor) -> Result<f64> {
    model.reset()?;
    fill_ids(model, ids)?;
    let began = Instant::now();
    model.run()?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn fill_ids(model: &mut dyn Model, ids: &Tensor) -> Result<()> {
    let inputs = model.inputs();
    let index = inputs.iter().position(|port| port.name == "ids");
    let index = index.context("the decoder has no input ids")?;
    model.resize(index, ids.shape())?;
    if !model.input_mut(index).copy_from(ids.view()) {
        bail!("a decoder takes tokens as i64");
    }
    Ok(())
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
