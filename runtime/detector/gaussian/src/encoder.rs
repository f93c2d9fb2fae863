//! The point Gaussian encoder: local and global aggregation, and the Gaussian head.

use crate::accumulate::POINT;
use crate::gelu::{gelu, layer_norm};
use crate::matrix::{Panels, Rows, multiply, padded};
use crate::neighbours::Neighbours;
use crate::softmax::{sigmoid, softmax};
use crate::weights::{self, Settings, Weights, WeightsError};

/// Rows of scores that are held at once.
const BLOCK: usize = 16;
/// Points that take part, at most: several scans of the densest radars.
pub const MOST_POINTS: usize = 8192;
/// Rows of the head's output before the features: offset, scale, quaternion, opacity.
const SHAPE: usize = 11;

/// Gaussians, one a point of the scan that lies in the grid's volume, in the scan's order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaussians {
    /// Which point each came from.
    pub point: Vec<u32>,
    /// Centres in the radar's frame, m.
    pub mean_m: Vec<[f32; 3]>,
    /// Standard deviations along the own axes, m.
    pub scale_m: Vec<[f32; 3]>,
    /// Rotations, `w x y z` of length 1.
    pub quaternion: Vec<[f32; 4]>,
    /// Opacities, 0 to 1.
    pub opacity: Vec<f32>,
    /// Features, `channels` each.
    pub features: Vec<f32>,
}

/// The encoder with its weights and buffers.
#[derive(Debug)]
pub struct Encoder {
    settings: Settings,
    weights: Weights,
    gaussians: Gaussians,
    neighbours: Neighbours,
    positions: Vec<[f32; 3]>,
    features: Vec<f32>,
    near: Vec<f32>,
    local: Vec<f32>,
    whole: Whole,
    joined: Vec<f32>,
    out: Vec<f32>,
}

/// Buffers of the global aggregation.
#[derive(Debug, Default)]
struct Whole {
    x: Vec<f32>,
    normed: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    keys: Panels,
    values: Panels,
    scores: Vec<f32>,
    mixed: Vec<f32>,
    projected: Vec<f32>,
    hidden: Vec<f32>,
}

impl Encoder {
    /// Reads the weights that training exports (`encoder.safetensors`).
    ///
    /// # Errors
    /// [`WeightsError`].
    pub fn read(bytes: &[u8]) -> Result<Self, WeightsError> {
        let (settings, weights) = weights::read(bytes)?;
        Ok(Self {
            settings,
            weights,
            gaussians: Gaussians::default(),
            neighbours: Neighbours::default(),
            positions: Vec::new(),
            features: Vec::new(),
            near: Vec::new(),
            local: Vec::new(),
            whole: Whole::default(),
            joined: Vec::new(),
            out: Vec::new(),
        })
    }

    /// Numbers beside the weights.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    /// Makes a Gaussian of each point, as measured, in the radar's frame. Points outside the grid's volume
    /// or of which the model reads what is no number take no part; nor do those past [`MOST_POINTS`], since each
    /// looks at all others.
    pub fn encode(&mut self, points: &[[f32; POINT]]) -> &Gaussians {
        let width = self.settings.features.len();
        self.take(points);
        let count = self.positions.len();
        let (features, radius_m) = (&self.features, self.settings.neighbour_radius_m);
        self.neighbours
            .means(&self.positions, features, width, radius_m, &mut self.near);
        let near = Rows::new(&self.near, width + 3);
        self.weights.local.apply(near, count, &mut self.local);
        let features = Rows::new(features, width);
        self.whole.aggregate(features, count, &self.weights);
        self.join(width);
        let joined = Rows::new(&self.joined, self.weights.head.inputs);
        self.weights.head.apply(joined, count, &mut self.out);
        self.shape();
        &self.gaussians
    }

    /// Takes the points that lie in the grid, normalised.
    fn take(&mut self, points: &[[f32; POINT]]) {
        self.gaussians.point.clear();
        self.positions.clear();
        self.features.clear();
        for (index, point) in (0u32..).zip(points) {
            let position = [point[0], point[1], point[2]];
            if !self.settings.is_in_grid(point) || !self.settings.is_whole(point) {
                continue;
            }
            if self.positions.len() == MOST_POINTS {
                break;
            }
            self.gaussians.point.push(index);
            self.positions.push(position);
            let moments = self.weights.mean.iter().zip(&self.weights.std);
            let features = self.settings.features.iter().zip(moments);
            let normal = features.map(|(&place, (mean, std))| (point[place] - mean) / std);
            self.features.extend(normal);
        }
    }

    /// The head's inputs: direction, own features, local, global.
    fn join(&mut self, width: usize) {
        let channels = self.settings.channels;
        let stride = padded(channels);
        self.joined.clear();
        let parts = self.features.chunks_exact(width);
        let parts = parts.zip(self.local.chunks_exact(stride));
        let parts = parts.zip(self.whole.x.chunks_exact(stride));
        for (&[x, y, z], ((own, local), whole)) in self.positions.iter().zip(parts) {
            let range_m = (x * x + y * y + z * z).sqrt();
            let range_m = if range_m < 1e-6 { 1e-6 } else { range_m };
            // The same on every system, which the platform's own would not be.
            let direction = [
                range_m / self.settings.range_scale_m,
                libm::atan2f(y, x),
                libm::acosf(z / range_m),
            ];
            self.joined.extend_from_slice(&direction);
            self.joined.extend_from_slice(own);
            self.joined.extend_from_slice(&local[..channels]);
            self.joined.extend_from_slice(&whole[..channels]);
        }
    }

    /// Gaussians from the head's output.
    fn shape(&mut self) {
        let (settings, to) = (&self.settings, &mut self.gaussians);
        to.mean_m.clear();
        to.scale_m.clear();
        to.quaternion.clear();
        to.opacity.clear();
        to.features.clear();
        let rows = self.out.chunks_exact(self.weights.head.stride);
        for (position, row) in self.positions.iter().zip(rows) {
            to.mean_m
                .push(std::array::from_fn(|k| match settings.max_offset_m {
                    0.0 => position[k],
                    most => position[k] + most * tanh(row[k]),
                }));
            to.scale_m.push(std::array::from_fn(|k| {
                settings.max_scale_m * sigmoid(row[3 + k])
            }));
            let q: [f32; 4] = std::array::from_fn(|k| row[6 + k]);
            let length = q.iter().map(|part| part * part).sum::<f32>().sqrt();
            let length = if length < 1e-12 { 1e-12 } else { length };
            to.quaternion.push(q.map(|part| part / length));
            to.opacity.push(match settings.learned_opacity {
                true => sigmoid(row[10]),
                false => 1.0,
            });
            to.features
                .extend_from_slice(&row[SHAPE..SHAPE + settings.channels]);
        }
    }
}

fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

impl Whole {
    /// One transformer layer over all points; the result is in `x`, rows a whole number of lanes apart.
    fn aggregate(&mut self, features: Rows<'_>, count: usize, weights: &Weights) {
        let channels = weights.embed.outputs;
        let stride = weights.embed.stride;
        weights.embed.apply(features, count, &mut self.x);
        layer_norm(
            &self.x,
            stride,
            channels,
            &weights.norm_attention,
            &mut self.normed,
        );
        let normed = Rows::new(&self.normed, stride);
        weights.query.apply(normed, count, &mut self.query);
        weights.key.apply(normed, count, &mut self.key);
        weights.value.apply(normed, count, &mut self.value);
        self.attend(channels, stride, count);
        let mixed = Rows::new(&self.mixed, stride);
        weights.project.apply(mixed, count, &mut self.projected);
        add(&mut self.x, &self.projected);
        layer_norm(
            &self.x,
            stride,
            channels,
            &weights.norm_feed,
            &mut self.normed,
        );
        let normed = Rows::new(&self.normed, stride);
        weights.feed_in.apply(normed, count, &mut self.hidden);
        gelu(&mut self.hidden);
        let hidden = Rows::new(&self.hidden, weights.feed_in.stride);
        weights.feed_out.apply(hidden, count, &mut self.projected);
        add(&mut self.x, &self.projected);
    }

    /// `mixed = softmax(query key^T / sqrt(channels)) value`, some rows at a time.
    fn attend(&mut self, channels: usize, stride: usize, count: usize) {
        let length = padded(count);
        self.keys.clear(channels, count);
        for (point, key) in self.key.chunks_exact(stride).enumerate() {
            for (channel, &value) in key[..channels].iter().enumerate() {
                self.keys.set(channel, point, value);
            }
        }
        self.values.clear(count, channels);
        for (point, value) in self.value.chunks_exact(stride).enumerate() {
            for (channel, &value) in value[..channels].iter().enumerate() {
                self.values.set(point, channel, value);
            }
        }
        let scale = 1.0 / (channels as f32).sqrt();
        self.scores.resize(BLOCK * length, 0.0);
        self.mixed.resize(count * stride, 0.0);
        for first in (0..count).step_by(BLOCK) {
            let rows = BLOCK.min(count - first);
            let query = Rows::new(&self.query[first * stride..], stride);
            let scores = &mut self.scores[..rows * length];
            multiply(query, rows, &self.keys, None, scores);
            softmax(scores, length, count, scale);
            let mixed = &mut self.mixed[first * stride..(first + rows) * stride];
            multiply(Rows::new(scores, length), rows, &self.values, None, mixed);
        }
    }
}

fn add(to: &mut [f32], what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += what);
}
