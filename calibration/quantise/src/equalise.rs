//! Weights of neighbouring convolutions brought to like ranges (Nagel et al., "Data-Free Quantization
//! Through Weight Equalization and Bias Correction", ICCV 2019, section 4.1): a channel scaled down
//! where it is made and up where it is taken, which a ReLU between lets pass.

use crate::error::QuantiseError;
use crate::prepare::{graph_of, int};
use drafthorse_onnx::Graph;
use drafthorse_onnx::proto::{DataType, GraphProto, Model, Node, Tensor};

/// Rounds over all pairs at most. Each takes every pair to its optimum, which moves its neighbours'.
const ROUNDS: usize = 40;

/// Rounds end when no scale moves by more than this part.
const SETTLED: f32 = 1e-3;

/// The prepared model with equalised weights, and the number of pairs. What it gives is the same but
/// for rounding. Pairs are convolutions with constant weights of their own, the second the only taker
/// of the first, with a `Relu` or nothing between.
///
/// # Errors
/// [`QuantiseError::NoGraph`].
pub fn equalise(model: &Model) -> Result<(Model, usize), QuantiseError> {
    let mut model = model.clone();
    let pairs = pairs(graph_of(&model)?);
    let graph = model.graph.as_mut().ok_or(QuantiseError::NoGraph)?;
    let weights = &mut graph.initializer;
    for _ in 0..ROUNDS {
        let mut moved = 0.0f32;
        for pair in &pairs {
            moved = moved.max(pair.equalise(weights));
        }
        if moved < SETTLED {
            break;
        }
    }
    Ok((model, pairs.len()))
}

/// Indices of the weights of two convolutions.
struct Pair {
    first: usize,
    bias: Option<usize>,
    second: usize,
    /// Groups of the second.
    groups: usize,
}

fn pairs(graph: &GraphProto) -> Vec<Pair> {
    let values = Graph::new(graph);
    let own = |node: &Node, input: usize| {
        let name = node.input.get(input).filter(|name| !name.is_empty())?;
        let is_own = values.users(name).len() == 1;
        let index = graph.initializer.iter().position(|w| w.name == *name)?;
        let is_float = graph.initializer[index].data_type() == DataType::F32;
        (is_own && is_float).then_some(index)
    };
    let is_result = |value: &str| graph.output.iter().any(|output| output.name == value);
    let only_user = |value: &str| match values.users(value) {
        [user] if !is_result(value) => Some(*user),
        _ => None,
    };
    let pair = |first: &Node| {
        if first.op_type != "Conv" {
            return None;
        }
        let mut second = only_user(&first.output[0])?;
        if second.op_type == "Relu" {
            second = only_user(&second.output[0])?;
        }
        let is_biased = first.input.get(2).is_some_and(|bias| !bias.is_empty());
        let bias = own(first, 2);
        if second.op_type != "Conv" || is_biased && bias.is_none() {
            return None;
        }
        Some(Pair {
            first: own(first, 1)?,
            bias,
            second: own(second, 1)?,
            groups: usize::try_from(int(second, "group", 1)).ok()?,
        })
    };
    graph.node.iter().filter_map(pair).collect()
}

impl Pair {
    /// Scales each channel so that its greatest weights on both sides are alike; by how much the
    /// channel that moved most was scaled, as a part.
    fn equalise(&self, weights: &mut [Tensor]) -> f32 {
        let (Some(mut first), Some(mut second)) = (
            weights[self.first].data::<f32>(),
            weights[self.second].data::<f32>(),
        ) else {
            return 0.0;
        };
        let shape = weights[self.second].shape();
        let channels = weights[self.first].shape()[0];
        let mut bias = self.bias.and_then(|bias| weights[bias].data::<f32>());
        let made = first.len() / channels;
        // The second's weights are [out, in of one group, kernel]; `taken` lists those of a channel.
        let (of_group, kernel) = (shape[1], shape[2..].iter().product::<usize>());
        let outs = shape[0] / self.groups.max(1);
        let taken = |channel: usize| {
            let (group, within) = (channel / of_group, channel % of_group);
            let rows = group * outs..(group + 1) * outs;
            rows.flat_map(move |row| {
                let start = (row * of_group + within) * kernel;
                start..start + kernel
            })
        };
        let mut moved = 0.0f32;
        for channel in 0..channels {
            let own = channel * made..(channel + 1) * made;
            let r1 = first[own.clone()]
                .iter()
                .fold(0.0f32, |m, w| m.max(w.abs()));
            let r2 = taken(channel).fold(0.0f32, |m, i| m.max(second[i].abs()));
            let scale = (r1 / r2).sqrt();
            if !scale.is_normal() {
                continue;
            }
            first[own].iter_mut().for_each(|w| *w /= scale);
            if let Some(bias) = &mut bias {
                bias[channel] /= scale;
            }
            taken(channel).for_each(|i| second[i] *= scale);
            moved = moved.max((scale - 1.0).abs());
        }
        put(&mut weights[self.first], &first);
        put(&mut weights[self.second], &second);
        if let (Some(index), Some(bias)) = (self.bias, bias) {
            put(&mut weights[index], &bias);
        }
        moved
    }
}

fn put(tensor: &mut Tensor, data: &[f32]) {
    *tensor = Tensor::new(&tensor.name, &tensor.shape(), data);
}
