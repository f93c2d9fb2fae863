//! A decoder of a language model with its keys and values kept between runs, of LLaMA's kind
//! (Touvron et al.): RMS norms, rotary positions (Su et al.), a gated MLP (Shazeer), no biases. All
//! products have their weight `[K, N]` as second input, so that they can be rewritten to 4 bits.

use crate::layers::{Layers, fixed};
use crate::random::Random;
use crate::{Network, Sample, Size};
use drafthorse_engine::{StatePair, Tensor};
use drafthorse_onnx::proto::Model;
use drafthorse_onnx::{DataType, Dim, TensorRef, attr};

const NAME: &str = "decoder";

/// Added to the scores of keys that lie ahead. Finite also as a 16-bit float, and far below any
/// score.
const HIDDEN: f32 = -1e4;

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoder {
    /// Tokens that exist.
    pub vocabulary: usize,
    /// Layers.
    pub layers: usize,
    /// Length of a token's vector; a multiple of `heads`.
    pub dim: usize,
    /// Heads of the attention; `dim / heads` is a power of two from 2 on.
    pub heads: usize,
    /// Length of the hidden layer between.
    pub hidden: usize,
    /// Tokens of a sample input.
    pub prompt: usize,
}

/// What all layers share: the angles of the positions and what may be looked at.
struct Positions {
    cos: TensorRef,
    sin: TensorRef,
    mask: TensorRef,
}

impl Decoder {
    /// That size of it.
    #[must_use]
    pub fn of(size: Size) -> Self {
        match size {
            Size::Tiny => Self {
                vocabulary: 97,
                layers: 2,
                dim: 64,
                heads: 4,
                hidden: 160,
                prompt: 12,
            },
            Size::Bench => Self {
                vocabulary: 4096,
                layers: 6,
                dim: 384,
                heads: 6,
                hidden: 1024,
                prompt: 64,
            },
        }
    }

    /// Length of a key and of a value.
    #[must_use]
    pub fn head_dim(&self) -> usize {
        self.dim / self.heads
    }

    /// The network with its sample inputs. It takes
    ///
    /// - `ids`: i64 `[1, sequence]`, the tokens that follow what it has seen
    /// - `past_k_I`, `past_v_I` of each layer `I`: f32 `[1, heads, past, head_dim]`; `past` may be 0
    ///
    /// and gives
    ///
    /// - `logits`: f32 `[1, sequence, vocabulary]`, of the token after each
    /// - `present_k_I`, `present_v_I`: f32 `[1, heads, total, head_dim]`, the past and what the tokens
    ///   added; `total` is `past + sequence`.
    #[must_use]
    pub fn sample(self) -> Sample {
        Sample {
            name: NAME,
            model: self.model(),
            state: self.state(),
            network: Network::Decoder(self),
        }
    }

    /// Keys and values of each layer, which become the next run's past; empty at the beginning.
    #[must_use]
    pub fn state(&self) -> Vec<StatePair> {
        let pair = |(index, part): (usize, &str)| StatePair {
            input: format!("past_{part}_{index}"),
            output: format!("present_{part}_{index}"),
            initial: vec![1, self.heads, 0, self.head_dim()],
        };
        let layers = (0..self.layers).flat_map(|index| [(index, "k"), (index, "v")]);
        layers.map(pair).collect()
    }

    /// So many tokens, i64 `[1, length]`: like words, a few are frequent and most are rare.
    #[must_use]
    pub fn ids(&self, index: u64, length: usize) -> Tensor {
        let mut random = Random::new("decoder/input", index);
        let mut token = || {
            let unit = f64::from(random.unit());
            let id = (unit * unit * unit * self.vocabulary as f64) as usize;
            id.min(self.vocabulary.saturating_sub(1)) as i64
        };
        let ids: Vec<i64> = (0..length).map(|_| token()).collect();
        Tensor::new(&[1, length], ids)
    }

    fn cache(&self, length: &str) -> [Dim; 4] {
        let mut dims = fixed([1, self.heads, 0, self.head_dim()]);
        dims[2] = Dim::Dynamic(length.to_owned());
        dims
    }

    fn model(&self) -> Model {
        let mut layers = Layers::new(NAME);
        let sequence = || Dim::Dynamic("sequence".to_owned());
        let ids = layers.input("ids", DataType::I64, &[Dim::Fixed(1), sequence()]);
        let past = self.cache("past");
        let past: Vec<TensorRef> = self
            .state()
            .iter()
            .map(|pair| layers.input(&pair.input, DataType::F32, &past))
            .collect();

        let positions = self.positions(&mut layers, &ids, past.first());
        let words = layers.drawn("embedding.weight", &[self.vocabulary, self.dim], 1.0);
        let axis = vec![attr::int("axis", 0)];
        let mut x = layers.node("embedding", "Gather", &[&words, &ids], axis);
        let mut present = Vec::new();
        for (index, past) in past.chunks_exact(2).enumerate() {
            let name = |part: &str| format!("layers.{index}.{part}");
            let normed = layers.rms_norm(&name("norm_1"), &x, self.dim);
            let attention = name("attention");
            let (mixed, kept) = self.attention(&mut layers, &attention, &normed, past, &positions);
            present.extend(kept);
            x = layers.node(&name("sum_1"), "Add", &[&x, &mixed], vec![]);
            let normed = layers.rms_norm(&name("norm_2"), &x, self.dim);
            let down = self.mlp(&mut layers, &name("mlp"), &normed);
            x = layers.node(&name("sum_2"), "Add", &[&x, &down], vec![]);
        }
        let normed = layers.rms_norm("norm", &x, self.dim);
        let logits = layers.matmul("head", &normed, self.dim, self.vocabulary, 1.0);

        let dims = [Dim::Fixed(1), sequence(), Dim::Fixed(self.vocabulary)];
        layers.output("logits", &logits, &dims);
        let total = self.cache("total");
        for (pair, value) in self.state().iter().zip(&present) {
            layers.output(&pair.output, value, &total);
        }
        layers.finish()
    }

    /// Variance of what a layer adds to the tokens, twice: the sum shall not grow with the depth.
    fn share(&self) -> f32 {
        0.5 / self.layers as f32
    }

    /// Where the tokens stand follows from how long the past is.
    fn positions(
        &self,
        layers: &mut Layers,
        ids: &TensorRef,
        past: Option<&TensorRef>,
    ) -> Positions {
        let zero = layers.int("positions.zero", 0);
        let one = layers.int("positions.one", 1);
        let first_axis = layers.ints("positions.first_axis", &[0]);
        let last_axis = layers.ints("positions.last_axis", &[1]);
        let mut length = |name: &str, x: &TensorRef, axis: i64| {
            let axis = vec![attr::int("start", axis), attr::int("end", axis + 1)];
            let list = layers.node(&format!("{name}.list"), "Shape", &[x], axis);
            layers.node(name, "Squeeze", &[&list, &first_axis], vec![])
        };
        let sequence = length("positions.sequence", ids, 1);
        let past = match past {
            Some(past) => length("positions.past", past, 2),
            None => zero.clone(),
        };
        let total = layers.node("positions.total", "Add", &[&past, &sequence], vec![]);

        let queries = layers.node("positions.queries", "Range", &[&past, &total, &one], vec![]);
        let keys = layers.node("positions.keys", "Range", &[&zero, &total, &one], vec![]);
        let to_float = || vec![attr::int("to", DataType::F32 as i64)];
        let queries = layers.node("positions.queries_f32", "Cast", &[&queries], to_float());
        let keys = layers.node("positions.keys_f32", "Cast", &[&keys], to_float());
        let rows = [&queries, &last_axis];
        let rows = layers.node("positions.rows", "Unsqueeze", &rows, vec![]);
        let columns = [&keys, &first_axis];
        let columns = layers.node("positions.columns", "Unsqueeze", &columns, vec![]);

        let seen = layers.node("mask.seen", "LessOrEqual", &[&columns, &rows], vec![]);
        let nothing = layers.float("mask.nothing", 0.0);
        let hidden = layers.float("mask.hidden", HIDDEN);
        let mask = layers.node("mask", "Where", &[&seen, &nothing, &hidden], vec![]);

        let frequencies = frequencies(self.head_dim() / 2);
        let dims = [1, frequencies.len()];
        let frequencies = layers.floats("rotary.frequencies", &dims, &frequencies);
        let angles = layers.node("rotary.angles", "Mul", &[&rows, &frequencies], vec![]);
        Positions {
            cos: layers.node("rotary.cos", "Cos", &[&angles], vec![]),
            sin: layers.node("rotary.sin", "Sin", &[&angles], vec![]),
            mask,
        }
    }

    /// Attention over the past and the tokens, and the keys and values to keep.
    fn attention(
        &self,
        layers: &mut Layers,
        name: &str,
        x: &TensorRef,
        past: &[TensorRef],
        positions: &Positions,
    ) -> (TensorRef, [TensorRef; 2]) {
        let (dim, heads) = (self.dim, self.heads);
        let [q, k, v] = ["q", "k", "v"].map(|part| {
            let name = format!("{name}.{part}");
            let part = layers.matmul(&name, x, dim, dim, 1.0);
            layers.split_heads(&name, &part, dim, heads)
        });
        let q = rotate(layers, &format!("{name}.q_rotated"), &q, positions);
        let k = rotate(layers, &format!("{name}.k_rotated"), &k, positions);
        let mut append = |part: &str, past: &TensorRef, new: &TensorRef| {
            let axis = vec![attr::int("axis", 2)];
            layers.node(&format!("{name}.{part}_all"), "Concat", &[past, new], axis)
        };
        let k = append("k", &past[0], &k);
        let v = append("v", &past[1], &v);
        let mask = Some(&positions.mask);
        let mixed = layers.attend(name, [&q, &k, &v], mask, (dim, heads));
        let out = format!("{name}.out");
        let out = layers.matmul(&out, &mixed, dim, dim, self.share());
        (out, [k, v])
    }

    /// SwiGLU: down(silu(gate(x)) * up(x)).
    fn mlp(&self, layers: &mut Layers, name: &str, x: &TensorRef) -> TensorRef {
        let (dim, hidden) = (self.dim, self.hidden);
        let part = |part: &str| format!("{name}.{part}");
        let gate = layers.matmul(&part("gate"), x, dim, hidden, 1.0);
        let up = layers.matmul(&part("up"), x, dim, hidden, 1.0);
        let sigmoid = layers.node(&part("sigmoid"), "Sigmoid", &[&gate], vec![]);
        let silu = layers.node(&part("silu"), "Mul", &[&gate, &sigmoid], vec![]);
        let gated = layers.node(&part("gated"), "Mul", &[&silu, &up], vec![]);
        // The gate leaves about a third of the power.
        let gain = 3.0 * self.share();
        layers.matmul(&part("down"), &gated, hidden, dim, gain)
    }
}

/// Turns each pair of a vector's halves by its position's angle.
fn rotate(layers: &mut Layers, name: &str, x: &TensorRef, positions: &Positions) -> TensorRef {
    let part = |part: &str| format!("{name}.{part}");
    let [a, b] = layers.halves(&part("halves"), x);
    let mut mul = |name: &str, x: &TensorRef, by: &TensorRef| {
        layers.node(&part(name), "Mul", &[x, by], vec![])
    };
    let a_cos = mul("a_cos", &a, &positions.cos);
    let b_sin = mul("b_sin", &b, &positions.sin);
    let b_cos = mul("b_cos", &b, &positions.cos);
    let a_sin = mul("a_sin", &a, &positions.sin);
    let first = layers.node(&part("first"), "Sub", &[&a_cos, &b_sin], vec![]);
    let second = layers.node(&part("second"), "Add", &[&b_cos, &a_sin], vec![]);
    let axis = vec![attr::int("axis", -1)];
    layers.node(name, "Concat", &[&first, &second], axis)
}

/// Angles that a pair turns by from one position to the next: 10000^(-i / count) of pair i. Where the
/// count is a power of two, square roots give them, and those are the same on every machine.
fn frequencies(count: usize) -> Vec<f32> {
    let root = (0..count.ilog2()).fold(10_000f64, |root, _| root.sqrt());
    let powers = std::iter::successors(Some(1.0), |power| Some(power / root));
    powers.take(count).map(|power: f64| power as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_those_of_the_paper() {
        for count in [1, 8, 32] {
            for (i, &given) in frequencies(count).iter().enumerate() {
                let wanted = 10_000f32.powf(-(i as f32) / count as f32);
                assert!(
                    (given / wanted - 1.0).abs() < 1e-5,
                    "{i} of {count}: {given}"
                );
            }
        }
    }

    #[test]
    fn state_names_each_layer_and_starts_empty() {
        let decoder = Decoder::of(Size::Tiny);
        let state = decoder.state();
        assert_eq!(state.len(), 2 * decoder.layers);
        assert_eq!(state[3].input, "past_v_1");
        assert_eq!(state[3].output, "present_v_1");
        assert_eq!(state[3].initial, [1, 4, 0, 16]);
    }

    #[test]
    fn ids_are_tokens_and_begin_alike_at_every_length() {
        let decoder = Decoder::of(Size::Tiny);
        let long = decoder.ids(3, 200);
        let long = long.data::<i64>().unwrap();
        assert!(long.iter().all(|id| (0..97).contains(id)));
        assert_eq!(decoder.ids(3, 7).data::<i64>().unwrap(), &long[..7]);
        assert_ne!(decoder.ids(4, 7).data::<i64>().unwrap(), &long[..7]);
    }
}
