//! Looking at values inside a network while samples run through it.
//!
//! A value that is looked at becomes an output of a copy of the graph. One sample runs at a time and
//! only so many values are outputs at once, so that memory does not grow with samples or depth.

use crate::affine::Grid;
use crate::error::QuantiseError;
use crate::prepare::{fresh, graph_of, names};
use crate::ranges::{Extent, Histogram, Method, Ranges};
use drafthorse_engine::{Artefact, Backend, LoadOptions, Model as Engine, Tensor, View};
use drafthorse_onnx::proto::{
    DataType, Dimension, Model, Node, Shape, Tensor as Weight, TensorType, Type, ValueInfo,
};

/// Values that are outputs at once.
const AT_ONCE: usize = 48;

/// A value to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its name.
    pub value: String,
    /// Number of its axes where its shape is of interest. Without, its elements come in their order
    /// as one axis.
    pub rank: Option<usize>,
}

impl Probe {
    /// A value's elements without their shape.
    #[must_use]
    pub fn flat(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            rank: None,
        }
    }
}

/// Runs all samples and calls `visit` with the sample's number, the probe's number and the value.
/// Probes are taken in groups; within a group samples come in their order.
///
/// A sample is one tensor for each input of the model, in the file's order.
///
/// # Errors
/// [`QuantiseError`]: no samples, samples that do not fit, values that are no 32-bit floats, and
/// what the engine says.
pub fn stream(
    model: &Model,
    probes: &[Probe],
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
    visit: &mut dyn FnMut(usize, usize, View<'_>) -> Result<(), QuantiseError>,
) -> Result<(), QuantiseError> {
    if samples.is_empty() {
        return Err(QuantiseError::NoSamples);
    }
    for (group, some) in probes.chunks(AT_ONCE).enumerate() {
        let bytes = drafthorse_onnx::encode(&probed(model, some)?);
        let mut engine = load("the observed model", &bytes, backend)?;
        for (number, sample) in samples.iter().enumerate() {
            run(engine.as_mut(), number, sample)?;
            for index in 0..some.len() {
                visit(number, group * AT_ONCE + index, engine.output(index))?;
            }
        }
    }
    Ok(())
}

/// Loads a file as all checks here do.
pub(crate) fn load(
    name: &str,
    bytes: &[u8],
    backend: &dyn Backend,
) -> Result<Box<dyn Engine>, QuantiseError> {
    let artefact = Artefact { name, bytes };
    Ok(backend.load(artefact, &LoadOptions::default())?)
}

/// Fills the inputs and runs.
pub(crate) fn run(
    engine: &mut dyn Engine,
    number: usize,
    sample: &[Tensor],
) -> Result<(), QuantiseError> {
    let needed = engine.inputs().len();
    if sample.len() != needed {
        return Err(QuantiseError::Sample {
            sample: number,
            given: sample.len(),
            needed,
        });
    }
    for (index, tensor) in sample.iter().enumerate() {
        engine.resize(index, tensor.shape())?;
        if !engine.input_mut(index).copy_from(tensor.view()) {
            return Err(drafthorse_engine::EngineError::Shape {
                port: engine.inputs()[index].to_string(),
                given: format!("{}{:?}", tensor.dtype(), tensor.shape()),
            }
            .into());
        }
    }
    Ok(engine.run()?)
}

/// The model with the probes as its only outputs.
fn probed(model: &Model, probes: &[Probe]) -> Result<Model, QuantiseError> {
    let taken = names(graph_of(model)?);
    let name = |wanted: &str| fresh(wanted, |name| taken.contains(name));
    let mut model = model.clone();
    let graph = model.graph.as_mut().ok_or(QuantiseError::NoGraph)?;
    let flat = name("observed/flat");
    graph.initializer.push(Weight::new(&flat, &[1], &[-1i64]));
    graph.output.clear();
    for (index, probe) in probes.iter().enumerate() {
        let output = name(&format!("observed/{index}"));
        let (op, extra) = match probe.rank {
            Some(_) => ("Identity", None),
            None => ("Reshape", Some(flat.clone())),
        };
        graph.node.push(Node {
            name: output.clone(),
            op_type: op.to_owned(),
            input: std::iter::once(probe.value.clone()).chain(extra).collect(),
            output: vec![output.clone()],
            ..Node::default()
        });
        graph
            .output
            .push(float_of_rank(&output, probe.rank.unwrap_or(1)));
    }
    Ok(model)
}

fn float_of_rank(name: &str, rank: usize) -> ValueInfo {
    ValueInfo {
        name: name.to_owned(),
        r#type: Some(Type {
            tensor_type: Some(TensorType {
                elem_type: DataType::F32 as i32,
                shape: Some(Shape {
                    dim: vec![Dimension::default(); rank],
                }),
            }),
            ..Type::default()
        }),
        ..ValueInfo::default()
    }
}

/// The elements of a probe.
pub(crate) fn floats<'a>(view: &View<'a>, value: &str) -> Result<&'a [f32], QuantiseError> {
    view.data::<f32>().ok_or_else(|| QuantiseError::NotFloat {
        value: value.to_owned(),
    })
}

/// Ranges of values over all samples. Two passes at most; the same samples in the same order give
/// the same ranges.
///
/// # Errors
/// As [`stream`], values that are not finite, and a method without sense.
pub fn observe(
    model: &Model,
    values: &[String],
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
    method: Method,
    grid: Grid,
) -> Result<Ranges, QuantiseError> {
    method.check()?;
    let probes: Vec<Probe> = values.iter().map(|value| Probe::flat(value)).collect();
    let mut extents = vec![Extent::default(); values.len()];
    stream(
        model,
        &probes,
        backend,
        samples,
        &mut |sample, probe, view| {
            extents[probe].add(floats(&view, &values[probe])?);
            match extents[probe].is_finite() {
                true => Ok(()),
                false => Err(QuantiseError::NotFinite {
                    value: values[probe].clone(),
                    sample,
                }),
            }
        },
    )?;
    let mut histograms: Vec<Option<Histogram>> = extents
        .iter()
        .map(|extent| method.histogram(extent))
        .collect();
    if histograms.iter().any(Option::is_some) {
        stream(model, &probes, backend, samples, &mut |_, probe, view| {
            if let Some(histogram) = &mut histograms[probe] {
                histogram.add(floats(&view, &values[probe])?);
            }
            Ok(())
        })?;
    }
    let found = values.iter().zip(&extents).zip(&histograms);
    let ranges = found.map(|((value, extent), histogram)| {
        let range = method.range(extent, histogram.as_ref(), grid);
        (value.clone(), range)
    });
    Ok(Ranges(ranges.collect()))
}
