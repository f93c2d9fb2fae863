//! A vision transformer (Dosovitskiy et al.) with the norms in front, of the sizes of DeiT's smallest
//! (Touvron et al.) at half the depth; attention and GELU written out as exporters write them.

use crate::layers::{Conv, Layers, fixed};
use crate::random::Random;
use crate::{Network, Sample, Size};
use drafthorse_engine::Tensor;
use drafthorse_onnx::proto::Model;
use drafthorse_onnx::{DataType, TensorRef, attr};

const NAME: &str = "vit";

/// Colours of a picture.
const COLOURS: usize = 3;

/// Sizes of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vit {
    /// Pixels along each side of the square picture; a multiple of `patch`.
    pub pixels: usize,
    /// Pixels along each side of a patch.
    pub patch: usize,
    /// Layers.
    pub layers: usize,
    /// Length of a token; a multiple of `heads`.
    pub dim: usize,
    /// Heads of the attention.
    pub heads: usize,
    /// Length of the hidden layer between.
    pub hidden: usize,
}

impl Vit {
    /// That size of it.
    #[must_use]
    pub fn of(size: Size) -> Self {
        match size {
            Size::Tiny => Self {
                pixels: 32,
                patch: 8,
                layers: 2,
                dim: 32,
                heads: 2,
                hidden: 128,
            },
            Size::Bench => Self {
                pixels: 224,
                patch: 16,
                layers: 6,
                dim: 192,
                heads: 3,
                hidden: 768,
            },
        }
    }

    /// Tokens that it gives: one a patch after the class token.
    #[must_use]
    pub fn tokens(&self) -> usize {
        1 + (self.pixels / self.patch).pow(2)
    }

    /// The network with its sample inputs. It takes
    ///
    /// - `image`: f32 `[1, 3, pixels, pixels]`, normalised
    ///
    /// and gives
    ///
    /// - `tokens`: f32 `[1, tokens, dim]`, the class token first.
    #[must_use]
    pub fn sample(self) -> Sample {
        Sample {
            name: NAME,
            model: self.model(),
            state: Vec::new(),
            network: Network::Vit(self),
        }
    }

    fn model(&self) -> Model {
        let mut layers = Layers::new(NAME);
        let dims = fixed([1, COLOURS, self.pixels, self.pixels]);
        let image = layers.input("image", DataType::F32, &dims);
        let mut x = self.embed(&mut layers, &image);
        // Each layer adds twice to the tokens; the sum shall not grow with the depth.
        let share = 0.5 / self.layers as f32;
        for index in 0..self.layers {
            let name = |part: &str| format!("layers.{index}.{part}");
            let normed = layers.layer_norm(&name("norm_1"), &x, self.dim);
            let mixed = self.attention(&mut layers, &name("attention"), &normed, share);
            x = layers.node(&name("sum_1"), "Add", &[&x, &mixed], vec![]);
            let normed = layers.layer_norm(&name("norm_2"), &x, self.dim);
            let up = layers.linear(&name("mlp.up"), &normed, self.dim, self.hidden, 1.0);
            let active = layers.gelu(&name("mlp.gelu"), &up);
            // GELU leaves about half of the power.
            let gain = 2.0 * share;
            let down = layers.linear(&name("mlp.down"), &active, self.hidden, self.dim, gain);
            x = layers.node(&name("sum_2"), "Add", &[&x, &down], vec![]);
        }
        let tokens = layers.layer_norm("norm", &x, self.dim);
        layers.output("tokens", &tokens, &fixed([1, self.tokens(), self.dim]));
        layers.finish()
    }

    fn embed(&self, layers: &mut Layers, image: &TensorRef) -> TensorRef {
        let patches = Conv {
            from: COLOURS,
            to: self.dim,
            kernel: self.patch,
            stride: self.patch,
            pad: 0,
            gain: 1.0,
            bias: 0.0,
        };
        let patches = layers.conv("patches", image, patches);
        let shape = layers.ints("patches.shape", &[1, self.dim as i64, -1]);
        let flat = layers.node("patches.flat", "Reshape", &[&patches, &shape], vec![]);
        let order = vec![attr::ints("perm", &[0, 2, 1])];
        let patches = layers.node("patches.tokens", "Transpose", &[&flat], order);
        let class = layers.drawn("class", &[1, 1, self.dim], 1.0);
        let axis = vec![attr::int("axis", 1)];
        let tokens = layers.node("embedded", "Concat", &[&class, &patches], axis);
        let positions = layers.drawn("positions", &[1, self.tokens(), self.dim], 0.5);
        layers.node("positioned", "Add", &[&tokens, &positions], vec![])
    }

    fn attention(&self, layers: &mut Layers, name: &str, x: &TensorRef, gain: f32) -> TensorRef {
        let (dim, heads) = (self.dim, self.heads);
        let [q, k, v] = ["q", "k", "v"].map(|part| {
            let name = format!("{name}.{part}");
            let part = layers.linear(&name, x, dim, dim, 1.0);
            layers.split_heads(&name, &part, dim, heads)
        });
        let mixed = layers.attend(name, [&q, &k, &v], None, (dim, heads));
        layers.linear(&format!("{name}.out"), &mixed, dim, dim, gain)
    }

    /// A picture without edges finer than its grain: random colours on grids of growing fineness,
    /// interpolated and summed, the finer the weaker.
    pub(crate) fn input(&self, index: u64) -> Tensor {
        let mut random = Random::new("vit/input", index);
        let pixels = self.pixels;
        let mut picture = vec![0.0; COLOURS * pixels * pixels];
        for (squares, strength) in [(2, 0.8), (5, 0.5), (16, 0.25)] {
            for colour in picture.chunks_exact_mut(pixels * pixels) {
                let knots = random.normals((squares + 1) * (squares + 1), strength);
                let knot = |row: usize, column: usize| knots[row * (squares + 1) + column];
                for (at, value) in colour.iter_mut().enumerate() {
                    let (row, down) = place(at / pixels, squares, pixels);
                    let (column, across) = place(at % pixels, squares, pixels);
                    let above = mix(knot(row, column), knot(row, column + 1), across);
                    let below = mix(knot(row + 1, column), knot(row + 1, column + 1), across);
                    *value += mix(above, below, down);
                }
            }
        }
        picture
            .iter_mut()
            .for_each(|value| *value += 0.05 * random.normal());
        Tensor::new(&[1, COLOURS, pixels, pixels], picture)
    }
}

/// The square of a pixel and how far into the square it is.
fn place(pixel: usize, squares: usize, pixels: usize) -> (usize, f32) {
    let scaled = pixel * squares;
    (scaled / pixels, (scaled % pixels) as f32 / pixels as f32)
}

fn mix(a: f32, b: f32, share: f32) -> f32 {
    a + (b - a) * share
}
