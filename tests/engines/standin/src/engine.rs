//! The stand-in's engine: the ONNX file behind a header that says what it was built for.

use crate::versions::{onnxruntime, tensorrt};
use crate::{Failure, abi, failed, unfit};
use drafthorse_engine::{Artefact, Backend as _, Dim, LoadOptions};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8] = b"STAND-IN";

/// Shapes that an input may have.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Bounds {
    pub(crate) input: String,
    pub(crate) min: Vec<i64>,
    pub(crate) max: Vec<i64>,
}

/// What an engine was built for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Header {
    tensorrt: String,
    pub(crate) bounds: Vec<Bounds>,
}

/// Steps of the phase that takes long in TensorRT.
const STEPS: i32 = 8;

/// Builds; `step` is told of phases and their steps, and ends the build with `false`.
pub(crate) fn build(
    onnx: &[u8],
    bounds: Vec<Bounds>,
    dla_core: i32,
    step: &mut dyn FnMut(&str, i32, i32) -> bool,
) -> Result<Vec<u8>, Failure> {
    let mut tell = |phase: &str, steps: i32| {
        let goes_on = (0..=steps).all(|done| step(phase, done, steps));
        goes_on.then_some(()).ok_or_else(|| Failure {
            status: abi::CANCELLED,
            text: "the build was cancelled".to_owned(),
        })
    };
    if dla_core >= 0 {
        return Err(failed("the stand-in has no deep learning accelerator"));
    }
    tell("read the model", 1)?;
    let artefact = Artefact {
        name: "the model",
        bytes: onnx,
    };
    let model = onnxruntime()?.load(artefact, &LoadOptions::default());
    let model = model.map_err(failed)?;
    for port in model.inputs() {
        let is_dynamic = port.dims.iter().any(|dim| matches!(dim, Dim::Dynamic(_)));
        let found = bounds.iter().find(|bounds| bounds.input == port.name);
        let fits = |bounds: &Bounds| {
            let shapes = [&bounds.min, &bounds.max].map(|shape| lengths(shape));
            let fit = |shape: &Option<Vec<usize>>| shape.as_ref().is_some_and(|s| port.accepts(s));
            shapes.iter().all(fit)
        };
        match found {
            Some(bounds) if !fits(bounds) => {
                return Err(unfit(format!("the profile does not fit {port}")));
            }
            None if is_dynamic => return Err(unfit(format!("{port} has no profile"))),
            _ => {}
        }
    }
    tell("measure kernels", STEPS)?;
    let tensorrt = tensorrt();
    let header = serde_json::to_vec(&Header { tensorrt, bounds }).map_err(failed)?;
    let mut engine = MAGIC.to_vec();
    engine.extend_from_slice(&(header.len() as u64).to_le_bytes());
    engine.extend_from_slice(&header);
    engine.extend_from_slice(onnx);
    Ok(engine)
}

fn lengths(shape: &[i64]) -> Option<Vec<usize>> {
    let lengths = shape.iter().map(|&length| usize::try_from(length).ok());
    lengths.collect()
}

/// The header of an engine and its model.
pub(crate) fn open(engine: &[u8]) -> Result<(Header, &[u8]), Failure> {
    let foreign = || failed("this is no engine of the stand-in");
    let rest = engine.strip_prefix(MAGIC).ok_or_else(foreign)?;
    let (length, rest) = rest.split_first_chunk::<8>().ok_or_else(foreign)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(failed)?;
    let (header, onnx) = rest.split_at_checked(length).ok_or_else(foreign)?;
    let header: Header = serde_json::from_slice(header).map_err(failed)?;
    let here = tensorrt();
    if header.tensorrt != here {
        return Err(failed(format!(
            "the engine was built by {} and this is {here}",
            header.tensorrt
        )));
    }
    Ok((header, onnx))
}

/// What stands for kernels' times: how many builds they come from.
pub(crate) fn times(before: &[u8]) -> Vec<u8> {
    let before = std::str::from_utf8(before).unwrap_or_default();
    let builds = before.strip_suffix(" builds").and_then(|n| n.parse().ok());
    format!("{} builds", builds.unwrap_or(0u32) + 1).into_bytes()
}
