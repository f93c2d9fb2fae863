//! What each layer costs: `sensitivity MODEL.onnx SAMPLES u8s8|s8s8 COSINE [METHOD]` prints the loss of
//! each layer alone, and which layers stay float until every output has that cosine.

mod common;

use drafthorse_engine::Tolerance;
use drafthorse_quantise::{qdq, sensitivity::Study};
use std::error::Error;
use std::path::Path;

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, folder, what, cosine, method @ ..] = arguments.as_slice() else {
        return Err("give the model, samples, the convention and the least cosine".into());
    };
    let backend = common::onnxruntime()?;
    let file = drafthorse_onnx::parse(&std::fs::read(model)?)?;
    let samples = common::read(Path::new(folder))?;
    let method = common::method(method.first().map(String::as_str))?;
    let options = qdq::Options::new(common::convention(what)?);
    let study = Study::new(&file, &backend, &samples, method, &options)?;
    let losses = study.losses()?;
    for loss in &losses {
        println!(
            "{:<32} {:.3e} {:.3e}",
            loss.layer, loss.cosine_loss, loss.max_error
        );
    }
    let tolerance = Tolerance {
        max_error: f64::INFINITY,
        min_cosine: cosine.parse()?,
    };
    let mixed = study.mixed(&losses, tolerance)?;
    for (index, step) in mixed.steps.iter().enumerate() {
        let given_up = index.checked_sub(1).map_or("nothing", |i| &mixed.float[i]);
        println!(
            "float: {given_up:<32} {:.6} {:.3e}",
            step.cosine, step.max_error
        );
    }
    Ok(())
}
