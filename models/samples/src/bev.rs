//! A bird's-eye-view network: a radar or lidar detector behind its pillars, with SECOND's backbone
//! (Yan et al.) and neck and a centre head (Yin et al.), norms folded into the convolutions.

use crate::layers::{Conv, Layers, fixed};
use crate::random::Random;
use crate::{Network, Sample, Size};
use drafthorse_engine::Tensor;
use drafthorse_onnx::proto::Model;
use drafthorse_onnx::{DataType, TensorRef, attr};

const NAME: &str = "bev_cnn";

/// Numbers that a box has in the centre head: offset in the cell (2), height, logarithms of the
/// three sides, sine and cosine of the heading.
const BOX: usize = 8;

/// Logit of a class's prior of one in ten, as centre heads start with.
const PRIOR: f32 = -2.19;

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BevCnn {
    /// Features of a cell.
    pub features: usize,
    /// Cells along each side of the square grid; a multiple of 2 to the power of the number of stages.
    pub cells: usize,
    /// Stages of the backbone, each at half the resolution of the one before.
    pub stages: Vec<Stage>,
    /// Channels that each stage gives the neck.
    pub neck: usize,
    /// Channels in the head.
    pub head: usize,
    /// Classes of the heat map.
    pub classes: usize,
}

/// A stage of the backbone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Channels.
    pub channels: usize,
    /// Convolutions after the one that halves the resolution.
    pub depth: usize,
}

impl BevCnn {
    /// That size of it.
    #[must_use]
    pub fn of(size: Size) -> Self {
        let stages = |stages: &[(usize, usize)]| {
            let stage = |&(channels, depth)| Stage { channels, depth };
            stages.iter().map(stage).collect()
        };
        match size {
            Size::Tiny => Self {
                features: 8,
                cells: 32,
                stages: stages(&[(8, 1), (12, 1), (16, 1)]),
                neck: 8,
                head: 8,
                classes: 3,
            },
            Size::Bench => Self {
                features: 32,
                cells: 160,
                stages: stages(&[(64, 1), (128, 2), (256, 2)]),
                neck: 32,
                head: 64,
                classes: 3,
            },
        }
    }

    /// The network with its sample inputs. With `out` half of the cells it takes
    ///
    /// - `bev`: f32 `[1, features, cells, cells]`
    ///
    /// and gives
    ///
    /// - `heatmap`: f32 `[1, classes, out, out]`, in 0..1
    /// - `boxes`: f32 `[1, 8, out, out]`.
    #[must_use]
    pub fn sample(self) -> Sample {
        Sample {
            name: NAME,
            model: self.model(),
            state: Vec::new(),
            network: Network::BevCnn(self),
        }
    }

    fn model(&self) -> Model {
        let mut layers = Layers::new(NAME);
        let dims = fixed([1, self.features, self.cells, self.cells]);
        let mut x = layers.input("bev", DataType::F32, &dims);
        let mut from = self.features;
        let mut raised = Vec::new();
        for (index, stage) in self.stages.iter().enumerate() {
            for layer in 0..=stage.depth {
                let name = format!("backbone.{index}.{layer}");
                let stride = if layer == 0 { 2 } else { 1 };
                x = conv_relu(&mut layers, &name, &x, (from, stage.channels), stride);
                from = stage.channels;
            }
            let name = format!("neck.{index}");
            let up = layers.upsample(&name, &x, from, self.neck, 1 << index);
            raised.push(layers.relu(&format!("{name}.relu"), &up));
        }
        let raised: Vec<&TensorRef> = raised.iter().collect();
        let neck = layers.node("neck", "Concat", &raised, vec![attr::int("axis", 1)]);
        let channels = (self.neck * self.stages.len(), self.head);
        let shared = conv_relu(&mut layers, "head.shared", &neck, channels, 1);

        // Few cells of a trained heat map stand out far; small weights would leave it flat.
        let last = Last {
            channels: self.classes,
            gain: 30.0,
            bias: PRIOR,
        };
        let logits = self.branch(&mut layers, "head.heatmap", &shared, last);
        let heatmap = layers.node("head.heatmap.sigmoid", "Sigmoid", &[&logits], vec![]);
        let last = Last {
            channels: BOX,
            gain: 1.0,
            bias: 0.0,
        };
        let boxes = self.branch(&mut layers, "head.boxes", &shared, last);
        let out = self.cells / 2;
        layers.output("heatmap", &heatmap, &fixed([1, self.classes, out, out]));
        layers.output("boxes", &boxes, &fixed([1, BOX, out, out]));
        layers.finish()
    }

    /// What the head gives of one kind: `[1, last.channels, out, out]`.
    fn branch(&self, layers: &mut Layers, name: &str, x: &TensorRef, last: Last) -> TensorRef {
        let hidden = format!("{name}.hidden");
        let x = conv_relu(layers, &hidden, x, (self.head, self.head), 1);
        let last = Conv {
            from: self.head,
            to: last.channels,
            kernel: 1,
            stride: 1,
            pad: 0,
            gain: last.gain,
            bias: last.bias,
        };
        layers.conv(&format!("{name}.out"), &x, last)
    }

    /// A grid that is empty but for some blobs, of features that are never negative: what pillars
    /// after a ReLU look like.
    pub(crate) fn input(&self, index: u64) -> Tensor {
        let mut random = Random::new("bev_cnn/input", index);
        let (features, cells) = (self.features, self.cells);
        let mut grid = vec![0.0; features * cells * cells];
        let blobs = 6 + random.index(cells * cells / 200 + 1);
        for _ in 0..blobs {
            let (row, column) = (random.index(cells), random.index(cells));
            let radius = random.range(1.0, 4.0);
            let strengths = (0..features).map(|_| random.normal().max(0.0));
            let strengths: Vec<f32> = strengths.collect();
            let reach = radius as usize;
            for r in row.saturating_sub(reach)..(row + reach + 1).min(cells) {
                for c in column.saturating_sub(reach)..(column + reach + 1).min(cells) {
                    let (down, across) = (r.abs_diff(row) as f32, c.abs_diff(column) as f32);
                    let near = 1.0 - (down * down + across * across) / (radius * radius);
                    let near = near.max(0.0) * random.range(0.6, 1.4);
                    for (channel, strength) in strengths.iter().enumerate() {
                        grid[(channel * cells + r) * cells + c] += 2.0 * near * strength;
                    }
                }
            }
        }
        Tensor::new(&[1, features, cells, cells], grid)
    }
}

/// The last convolution of a branch.
#[derive(Clone, Copy)]
struct Last {
    channels: usize,
    gain: f32,
    bias: f32,
}

/// A 3x3 convolution with the norm folded in, and ReLU.
fn conv_relu(
    layers: &mut Layers,
    name: &str,
    x: &TensorRef,
    (from, to): (usize, usize),
    stride: usize,
) -> TensorRef {
    let conv = Conv {
        from,
        to,
        kernel: 3,
        stride,
        pad: 1,
        gain: 2.0,
        bias: 0.0,
    };
    let x = layers.conv(name, x, conv);
    layers.relu(&format!("{name}.relu"), &x)
}
