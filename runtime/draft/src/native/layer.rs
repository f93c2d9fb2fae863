//! A decoder layer with its cache: RMSNorm, rotary attention, SwiGLU, as in LLaMA.

use super::matrix::{Matrix, Row};
use multiversion::multiversion;

/// Lanes of sums over a row.
const LANES: usize = 16;

/// A layer's weights.
#[derive(Clone, Debug)]
pub(super) struct LayerWeights {
    pub(super) norm_attention: Vec<f32>,
    pub(super) query: Matrix,
    pub(super) key: Matrix,
    pub(super) value: Matrix,
    pub(super) project: Matrix,
    pub(super) norm_feed: Vec<f32>,
    pub(super) gate: Matrix,
    pub(super) up: Matrix,
    pub(super) down: Matrix,
}

/// What all layers share.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) width: usize,
    pub(super) heads: usize,
    /// Added to the mean square of a row before its root.
    pub(super) epsilon: f32,
    /// Places that a cache has.
    pub(super) places: usize,
}

/// A layer, and the keys and values of the places before.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    weights: LayerWeights,
    /// [heads, head width, places]: a number of all places lies together.
    keys: Vec<f32>,
    /// [places, width].
    values: Vec<f32>,
}

/// Memory of a step.
#[derive(Clone, Debug, Default)]
pub(super) struct Scratch {
    pub(super) row: Row,
    normed: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    shares: Vec<f32>,
    mixed: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    pub(super) out: Vec<f32>,
}

impl Layer {
    pub(super) fn new(weights: LayerWeights, shape: &Shape) -> Self {
        let cache = vec![0.0; shape.width * shape.places];
        Self {
            weights,
            keys: cache.clone(),
            values: cache,
        }
    }

    /// Keeps the keys and values of a row at a place; `turn` is the cosines and sines of its position. The row's
    /// own output is not made.
    pub(super) fn remember(
        &mut self,
        x: &[f32],
        place: usize,
        turn: [&[f32]; 2],
        shape: &Shape,
        scratch: &mut Scratch,
    ) {
        let weights = &self.weights;
        normalise(
            x,
            &weights.norm_attention,
            shape.epsilon,
            &mut scratch.normed,
        );
        scratch.row.set(&scratch.normed, &weights.key);
        weights.key.apply(&scratch.row, &mut scratch.key);
        weights.value.apply(&scratch.row, &mut scratch.value);
        rotate(&mut scratch.key, turn);
        let keys = self.keys.chunks_exact_mut(shape.places);
        for (keys, key) in keys.zip(&scratch.key) {
            keys[place] = *key;
        }
        let values = &mut self.values[place * shape.width..][..shape.width];
        values.copy_from_slice(&scratch.value);
    }

    /// Takes a row on to the next layer, at a place behind all those before.
    pub(super) fn step(
        &mut self,
        x: &mut [f32],
        place: usize,
        turn: [&[f32]; 2],
        shape: &Shape,
        scratch: &mut Scratch,
    ) {
        self.remember(x, place, turn, shape, scratch);
        let weights = &self.weights;
        weights.query.apply(&scratch.row, &mut scratch.query);
        rotate(&mut scratch.query, turn);
        let head = shape.width / shape.heads;
        scratch.mixed.resize(shape.width, 0.0);
        scratch.shares.resize(place + 1, 0.0);
        let keys = self.keys.chunks_exact(head * shape.places);
        let queries = scratch.query.chunks_exact(head);
        let mixed = scratch.mixed.chunks_exact_mut(head);
        for (number, ((keys, query), mixed)) in keys.zip(queries).zip(mixed).enumerate() {
            let values = &self.values[number * head..];
            attend(query, keys, values, shape, &mut scratch.shares, mixed);
        }
        scratch.row.set(&scratch.mixed, &weights.project);
        weights.project.apply(&scratch.row, &mut scratch.out);
        add(x, &scratch.out);
        normalise(x, &weights.norm_feed, shape.epsilon, &mut scratch.normed);
        scratch.row.set(&scratch.normed, &weights.gate);
        weights.gate.apply(&scratch.row, &mut scratch.gate);
        weights.up.apply(&scratch.row, &mut scratch.up);
        for (gate, up) in scratch.gate.iter_mut().zip(&scratch.up) {
            *gate = *gate / (1.0 + (-*gate).exp()) * up;
        }
        scratch.row.set(&scratch.gate, &weights.down);
        weights.down.apply(&scratch.row, &mut scratch.out);
        add(x, &scratch.out);
    }
}

pub(super) fn add(x: &mut [f32], more: &[f32]) {
    x.iter_mut().zip(more).for_each(|(x, more)| *x += more);
}

/// `x / sqrt(mean(x^2) + epsilon) * weight`.
pub(super) fn normalise(x: &[f32], weight: &[f32], epsilon: f32, to: &mut Vec<f32>) {
    let mut sums = [0.0f32; LANES];
    for chunk in x.chunks(LANES) {
        sums.iter_mut()
            .zip(chunk)
            .for_each(|(sum, x)| *sum += x * x);
    }
    let mean = sums.iter().sum::<f32>() / x.len() as f32;
    let share = 1.0 / (mean + epsilon).sqrt();
    to.clear();
    to.extend(x.iter().zip(weight).map(|(x, weight)| x * share * weight));
}

/// Turns the halves of each head by its position's angles.
fn rotate(x: &mut [f32], [cos, sin]: [&[f32]; 2]) {
    for head in x.chunks_exact_mut(cos.len()) {
        let (left, right) = head.split_at_mut(cos.len() / 2);
        let (cos_left, cos_right) = cos.split_at(left.len());
        let (sin_left, sin_right) = sin.split_at(left.len());
        for i in 0..left.len() {
            let (a, b) = (left[i], right[i]);
            left[i] = a * cos_left[i] - b * sin_left[i];
            right[i] = b * cos_right[i] + a * sin_right[i];
        }
    }
}

/// A head's attention over as many places as there are `shares`, which is memory. `keys` are `[head width, places]`;
/// rows of `values` lie a width apart.
#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn attend(
    query: &[f32],
    keys: &[f32],
    values: &[f32],
    shape: &Shape,
    shares: &mut [f32],
    mixed: &mut [f32],
) {
    let scale = 1.0 / (query.len() as f32).sqrt();
    shares.fill(0.0);
    for (query, keys) in query.iter().zip(keys.chunks_exact(shape.places)) {
        let query = query * scale;
        for (share, key) in shares.iter_mut().zip(keys) {
            *share += query * key;
        }
    }
    let most = shares.iter().copied().fold(f32::MIN, f32::max);
    let mut sum = 0.0;
    for share in shares.iter_mut() {
        *share = (*share - most).exp();
        sum += *share;
    }
    mixed.fill(0.0);
    for (share, values) in shares.iter().zip(values.chunks(shape.width)) {
        let share = share / sum;
        for (mixed, value) in mixed.iter_mut().zip(values) {
            *mixed += share * value;
        }
    }
}
