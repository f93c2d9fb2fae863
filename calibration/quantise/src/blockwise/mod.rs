//! 4-bit weights in blocks, as ONNX Runtime's `MatMulNBits` takes them: for language models, whose
//! speed is that of reading their weights.

mod block;
mod gptq;
mod hessian;

use crate::error::QuantiseError;
use crate::prepare::{drop_unused_weights, fresh, import, names, prepare};
use block::Packed;
use drafthorse_engine::{Backend, Tensor};
use drafthorse_onnx::proto::{DataType, GraphProto, Model, Node, Tensor as Weight};
use drafthorse_onnx::{Graph, attr};
use hessian::Hessian;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Weights with one scale.
pub const BLOCK: usize = 32;

/// What the products are computed with: 4 is 8-bit integers.
const ACCURACY_LEVEL: i64 = 4;

/// How weights become 4 bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockOptions {
    /// Blocks get a zero point each, for half a bit more of range where weights are mostly of one
    /// sign. Without, 8 stands for 0.
    pub zero_points: bool,
    /// Nodes that stay float, for example the head over the vocabulary.
    pub exclude: BTreeSet<String>,
}

/// Samples for error correction (Frantar et al., "GPTQ: Accurate Post-Training Quantization for
/// Generative Pre-trained Transformers", ICLR 2023).
pub struct Correction<'a> {
    /// Runs the samples.
    pub backend: &'a dyn Backend,
    /// One tensor for each input of the model, in the file's order.
    pub samples: &'a [Vec<Tensor>],
    /// Part of the mean of the correlations' diagonal that is added to it; 0.01 is usual.
    pub damping: f64,
}

/// A model whose products with constant weights `[K, N]` have them in 4 bits, in blocks of [`BLOCK`]
/// along K. Weights are rounded to nearest; with `correction`, each column's rounding error is spread
/// over the columns after it in the way that changes the product with the samples least.
///
/// Correction keeps a `K * K` matrix of one layer at a time, and takes time that grows with the third
/// power of K. It needs several times K rows of input over all samples: with fewer it fits the samples
/// alone, and does worse than plain rounding on others.
///
/// # Errors
/// [`QuantiseError::Nothing`] for a model without such products, and others.
pub fn quantise_blocks(
    model: &Model,
    options: &BlockOptions,
    correction: Option<&Correction<'_>>,
) -> Result<Model, QuantiseError> {
    let mut model = prepare(model)?;
    let before = model.clone();
    let proto = before.graph.as_ref().ok_or(QuantiseError::NoGraph)?;
    check(proto, options, correction)?;
    let graph = Graph::new(proto);
    let mut taken = names(proto);
    let mut name = |wanted: &str| {
        let name = fresh(wanted, |name| taken.contains(name));
        taken.insert(name.clone());
        name
    };
    let (mut nodes, mut weights) = (Vec::new(), Vec::new());
    // A weight that several nodes take is packed once, corrected by the first one's input.
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut factors = Factors::default();
    for node in &proto.node {
        let Some(weight) = product(node, &graph, options) else {
            nodes.push(node.clone());
            continue;
        };
        let shape = weight.shape();
        let inputs = match known.get(&weight.name) {
            Some(inputs) => inputs.clone(),
            None => {
                let packed = pack(&before, node, weight, options, correction, &mut factors)?;
                let inputs = packed.weights(&weight.name, &mut name, &mut weights);
                known.insert(weight.name.clone(), inputs.clone());
                inputs
            }
        };
        nodes.push(n_bits(node, &inputs, shape[0], shape[1]));
    }
    if weights.is_empty() {
        return Err(QuantiseError::Nothing {
            what: "matrix product (MatMul) with a constant float weight [K, N]",
            instead: "4 bits are for language models; `drafthorse calibrate --target x86`, `tensorrt` or `f16` quantises convolutions too",
        });
    }
    import(&mut model, "com.microsoft", 1);
    let graph = model.graph.as_mut().ok_or(QuantiseError::NoGraph)?;
    graph.node = nodes;
    graph.initializer.extend(weights);
    drop_unused_weights(graph);
    Ok(model)
}

fn check(
    graph: &GraphProto,
    options: &BlockOptions,
    correction: Option<&Correction<'_>>,
) -> Result<(), QuantiseError> {
    let is_known = |name: &&String| graph.node.iter().any(|node| node.name == **name);
    if let Some(unknown) = options.exclude.iter().find(|name| !is_known(name)) {
        return Err(QuantiseError::UnknownNode {
            node: unknown.clone(),
            what: "left float",
        });
    }
    match correction {
        Some(Correction { damping, .. }) if !(*damping > 0.0 && damping.is_finite()) => {
            Err(QuantiseError::Setting {
                what: "the damping",
                given: damping.to_string(),
                instead: "a number above 0, such as 0.01",
            })
        }
        _ => Ok(()),
    }
}

/// The weight of a product that is quantised.
fn product<'a>(node: &Node, graph: &Graph<'a>, options: &BlockOptions) -> Option<&'a Weight> {
    if node.op_type != "MatMul" || !node.domain.is_empty() || options.exclude.contains(&node.name) {
        return None;
    }
    let weight = graph.weight(node.input.get(1)?)?;
    let is_matrix = weight.data_type() == DataType::F32 && weight.dims.len() == 2;
    (is_matrix && weight.dims.iter().all(|length| *length > 0)).then_some(weight)
}

fn pack(
    model: &Model,
    node: &Node,
    weight: &Weight,
    options: &BlockOptions,
    correction: Option<&Correction<'_>>,
    factors: &mut Factors,
) -> Result<Packed, QuantiseError> {
    let shape = weight.shape();
    let values = weight.data::<f32>().unwrap_or_default();
    let mut packed = Packed::new(shape[0], shape[1], options.zero_points);
    match correction {
        None => {
            for n in 0..shape[1] {
                let row: Vec<f32> = (0..shape[0]).map(|k| values[k * shape[1] + n]).collect();
                packed.round(n, &row);
            }
        }
        Some(correction) => {
            let factor = factors.of(model, node, shape[0], correction)?;
            gptq::round(&mut packed, &values, factor);
        }
    }
    Ok(packed)
}

/// The factor of the value that was asked for last: products of one value often come in a row.
#[derive(Default)]
struct Factors {
    value: String,
    factor: Vec<f64>,
}

impl Factors {
    fn of(
        &mut self,
        model: &Model,
        node: &Node,
        k: usize,
        correction: &Correction<'_>,
    ) -> Result<&[f64], QuantiseError> {
        let value = &node.input[0];
        if *value != self.value {
            let hessian = Hessian::of(model, value, k, correction)?;
            let factor = hessian.factor(correction.damping);
            self.factor = factor.ok_or_else(|| QuantiseError::Singular {
                node: node.name.clone(),
            })?;
            self.value.clone_from(value);
        }
        Ok(&self.factor)
    }
}

fn n_bits(node: &Node, weights: &[String], k: usize, n: usize) -> Node {
    let input = std::iter::once(&node.input[0]).chain(weights);
    Node {
        name: node.name.clone(),
        op_type: "MatMulNBits".to_owned(),
        domain: "com.microsoft".to_owned(),
        input: input.cloned().collect(),
        output: node.output.clone(),
        attribute: vec![
            attr::int("K", k as i64),
            attr::int("N", n as i64),
            attr::int("bits", 4),
            attr::int("block_size", BLOCK as i64),
            attr::int("accuracy_level", ACCURACY_LEVEL),
        ],
        ..Node::default()
    }
}
