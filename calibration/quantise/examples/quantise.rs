//! Quantises a file: `quantise MODEL.onnx SAMPLES OUT.onnx WHAT COUNT [METHOD] [equalise] [bias]`.
//!
//! WHAT is `u8s8`, `s8s8`, `w4` (4-bit weights), `w4_zero_points`, `gptq` (4-bit weights with error
//! correction) or `f16`; COUNT is the number of samples to observe; METHOD is `min_max`, `entropy`,
//! `mse` or a percentile. The samples after those are held out, and OUT is compared with MODEL on
//! them. The variable `DRAFTHORSE_ONNXRUNTIME` names the library of ONNX Runtime.

mod common;

use drafthorse_engine::{Backend, Tensor, Tolerance};
use drafthorse_onnx::proto::Model;
use drafthorse_quantise::blockwise::{BlockOptions, Correction, quantise_blocks};
use drafthorse_quantise::half::to_half;
use drafthorse_quantise::{Method, correct_biases, equalise, gate, observe, qdq};
use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut wants = |word: &str| {
        let before = arguments.len();
        arguments.retain(|argument| argument != word);
        arguments.len() < before
    };
    let also = Also {
        equalise: wants("equalise"),
        bias: wants("bias"),
    };
    let [model, folder, out, what, count, method @ ..] = arguments.as_slice() else {
        return Err("give the model, samples, the result, what it is to be and a count".into());
    };
    let backend = common::onnxruntime()?;
    let bytes = std::fs::read(model)?;
    let file = drafthorse_onnx::parse(&bytes)?;
    let samples = common::read(Path::new(folder))?;
    let (observed, held_out) = samples.split_at(count.parse::<usize>()?.min(samples.len()));
    let method = common::method(method.first().map(String::as_str))?;

    let correction = Correction {
        backend: &backend,
        samples: observed,
        damping: 0.01,
    };
    let blocks = BlockOptions {
        zero_points: what == "w4_zero_points",
        ..BlockOptions::default()
    };
    let quantised = match what.as_str() {
        "f16" => to_half(&file, &BTreeSet::new())?,
        "w4" | "w4_zero_points" => quantise_blocks(&file, &blocks, None)?,
        "gptq" => quantise_blocks(&file, &blocks, Some(&correction))?,
        _ => {
            let options = qdq::Options::new(common::convention(what)?);
            to_8_bits(&file, &backend, observed, method, &options, &also)?
        }
    };
    let artefact = drafthorse_onnx::encode(&quantised);
    std::fs::write(out, &artefact)?;
    if !held_out.is_empty() {
        let tolerance = Tolerance {
            max_error: f64::INFINITY,
            min_cosine: 0.999,
        };
        let report = gate(&bytes, &artefact, &backend, held_out, tolerance)?;
        for output in &report.outputs {
            let (name, worst) = (&output.output, output.worst);
            let (cosine, error) = (worst.cosine, worst.max_error);
            let all = output.cosine;
            println!("{name}: cosine {cosine:.6} (of all {all:.6}), error {error:.3e}");
        }
        println!(
            "{}",
            if report.passed {
                "passed"
            } else {
                "not passed"
            }
        );
    }
    Ok(())
}

/// What is done beside quantising.
struct Also {
    equalise: bool,
    bias: bool,
}

fn to_8_bits(
    file: &Model,
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
    method: Method,
    options: &qdq::Options,
    also: &Also,
) -> Result<Model, Box<dyn Error>> {
    let mut file = qdq::lower(file, options.convention)?;
    if also.equalise {
        file = equalise(&file)?.0;
    }
    let plan = qdq::plan(&file, options)?;
    let grid = options.convention.grid();
    let ranges = observe(&file, plan.values(), backend, samples, method, grid)?;
    if also.bias {
        file = correct_biases(&file, &plan, &ranges, backend, samples)?;
    }
    Ok(qdq::rewrite(&file, &plan, &ranges)?)
}
