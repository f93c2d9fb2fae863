//! Biases that make up for the mean error of quantisation (Nagel et al., "Data-Free Quantization
//! Through Weight Equalization and Bias Correction", ICCV 2019, the empirical form of section 4.2).

use crate::error::QuantiseError;
use crate::observe::{Probe, floats, stream};
use crate::prepare::{fresh, graph_of, names};
use crate::qdq::{Plan, rewrite};
use crate::ranges::Ranges;
use drafthorse_engine::{Backend, Tensor};
use drafthorse_onnx::proto::{GraphProto, Model, Node, Tensor as Weight};
use std::collections::BTreeMap;

/// The prepared float model with other biases: for each `Conv` and `Gemm` of the plan, in the order of
/// the graph, the mean of each output channel over all samples is measured in the quantised network,
/// with the biases before it corrected already, and what it is off is taken from the bias. Layers
/// without a bias get one. Rewrite the result with the same plan and ranges.
///
/// Runs all samples once for each layer.
///
/// # Errors
/// [`QuantiseError`].
pub fn correct_biases(
    model: &Model,
    plan: &Plan,
    ranges: &Ranges,
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
) -> Result<Model, QuantiseError> {
    let layers = layers(graph_of(model)?, plan);
    let probes: Vec<Probe> = layers.iter().map(|layer| layer.probe.clone()).collect();
    let expected = means(model, &probes, backend, samples)?;
    let mut corrected = model.clone();
    for (layer, expected) in layers.iter().zip(&expected) {
        let quantised = rewrite(&corrected, plan, ranges)?;
        // A result's maker has another output name there.
        let nodes = &graph_of(&quantised)?.node;
        let node = nodes.iter().find(|node| node.name == layer.name);
        let Some(value) = node.and_then(|node| node.output.first()) else {
            continue;
        };
        let probe = Probe {
            value: value.clone(),
            ..layer.probe.clone()
        };
        let found = means(&quantised, &[probe], backend, samples)?.remove(0);
        let off: Vec<f64> = found.iter().zip(expected).map(|(f, e)| f - e).collect();
        subtract(&mut corrected, &layer.name, &off);
    }
    Ok(corrected)
}

/// A layer whose bias can be corrected.
struct Biased {
    name: String,
    /// Its output, channels on axis 1.
    probe: Probe,
}

fn layers(graph: &GraphProto, plan: &Plan) -> Vec<Biased> {
    let weights: BTreeMap<&str, &Weight> = graph
        .initializer
        .iter()
        .map(|weight| (weight.name.as_str(), weight))
        .collect();
    let biased = |node: &Node| {
        let rank = weights.get(node.input.get(1)?.as_str())?.dims.len();
        let is_biased = matches!(node.op_type.as_str(), "Conv" | "Gemm");
        let is_planned = plan.layers().contains(&node.name);
        (is_biased && is_planned).then(|| Biased {
            name: node.name.clone(),
            probe: Probe {
                value: node.output[0].clone(),
                rank: Some(rank),
            },
        })
    };
    graph.node.iter().filter_map(biased).collect()
}

/// Mean of each channel of each probe, channels on axis 1.
fn means(
    model: &Model,
    probes: &[Probe],
    backend: &dyn Backend,
    samples: &[Vec<Tensor>],
) -> Result<Vec<Vec<f64>>, QuantiseError> {
    let mut sums: Vec<Vec<f64>> = vec![Vec::new(); probes.len()];
    let mut counts = vec![0usize; probes.len()];
    stream(model, probes, backend, samples, &mut |_, index, view| {
        let values = floats(&view, &probes[index].value)?;
        let shape = view.shape();
        let (channels, inner) = (shape[1], shape[2..].iter().product::<usize>());
        let sums = &mut sums[index];
        sums.resize(channels, 0.0);
        for (row, values) in values.chunks_exact(inner.max(1)).enumerate() {
            sums[row % channels] += values.iter().map(|v| f64::from(*v)).sum::<f64>();
        }
        counts[index] += shape[0] * inner;
        Ok(())
    })?;
    for (sums, count) in sums.iter_mut().zip(counts) {
        sums.iter_mut().for_each(|sum| *sum /= count.max(1) as f64);
    }
    Ok(sums)
}

/// Takes `off` from the bias of a node. The bias becomes its own, where others share it.
fn subtract(model: &mut Model, name: &str, off: &[f64]) {
    let Some(graph) = model.graph.as_mut() else {
        return;
    };
    let taken = names(graph);
    let Some(node) = graph.node.iter_mut().find(|node| node.name == name) else {
        return;
    };
    let old = node.input.get(2).filter(|bias| !bias.is_empty());
    let old = old.and_then(|bias| graph.initializer.iter().find(|w| w.name == *bias));
    let old = old.and_then(Weight::data::<f32>);
    let at = |channel: usize| match old.as_deref() {
        // A Gemm's bias may be one number for all channels.
        Some([one]) => f64::from(*one),
        Some(all) => all.get(channel).copied().map_or(0.0, f64::from),
        None => 0.0,
    };
    let new = off.iter().enumerate();
    let new: Vec<f32> = new
        .map(|(channel, off)| (at(channel) - off) as f32)
        .collect();
    let bias = fresh(&format!("{name}/bias"), |name| taken.contains(name));
    node.input.resize(3, String::new());
    node.input[2].clone_from(&bias);
    graph
        .initializer
        .push(Weight::new(&bias, &[new.len()], &new));
}
