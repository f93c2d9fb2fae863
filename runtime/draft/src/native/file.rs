//! A drafter's weights, out of the graph that training exports.

use super::layer::{LayerWeights, Shape};
use super::matrix::Matrix;
use drafthorse_onnx::Graph;
use drafthorse_onnx::proto::{Node, Tensor};
use std::path::Path;

/// What a graph says.
pub(super) struct Weights {
    pub(super) shape: Shape,
    /// Embeddings, or states, and the picture's vector to a row.
    pub(super) fuse: (Matrix, Vec<f32>),
    /// Beside a target: embeddings and what is fused to a row.
    pub(super) join: Option<(Matrix, Vec<f32>)>,
    pub(super) layers: Vec<LayerWeights>,
    pub(super) norm: Vec<f32>,
    /// [width, vocabulary].
    pub(super) words: Vec<f32>,
    /// [places, head width].
    pub(super) cos: Vec<f32>,
    pub(super) sin: Vec<f32>,
    /// Whether it looks at the slots, and at the picture's vector.
    pub(super) sees: bool,
    pub(super) uses_whole: bool,
}

/// Reads a drafter whose matrices are stored in 8 bits; none where the graph is another one.
pub(super) fn read(path: &Path, heads: usize) -> Option<Weights> {
    let bytes = std::fs::read(path).ok()?;
    let model = drafthorse_onnx::parse(&bytes).ok()?;
    let graph = Graph::new(model.graph.as_ref()?);
    let inputs = drafthorse_onnx::inputs(&model);
    let inputs = inputs.into_iter().map(|input| input.name).collect();
    Reader { graph, inputs }.weights(heads)
}

struct Reader<'a> {
    graph: Graph<'a>,
    inputs: Vec<String>,
}

impl<'a> Reader<'a> {
    fn weights(&self, heads: usize) -> Option<Weights> {
        let fuse = (self.matrix("/fuse/")?, self.floats("drafter.fuse.bias")?);
        let join = match self.floats("drafter.join.bias") {
            Some(bias) => Some((self.matrix("/join/")?, bias)),
            None => None,
        };
        // As many as have a cache: one that is stored otherwise makes it another graph.
        let keys = |name: &&str| name.starts_with("past_key_values.") && name.ends_with(".key");
        let count = self
            .inputs
            .iter()
            .filter(|input| keys(&input.as_str()))
            .count();
        let layers = (0..count).map(|number| self.layer(number));
        let layers = layers.collect::<Option<Vec<_>>>()?;
        let norm = self.floats("drafter.norm.weight")?;
        let width = norm.len();
        let words = self.made_by("MatMul", "logits")?.input.get(1)?;
        let [cos, sin] = self.angles()?;
        let head = width.checked_div(heads)?;
        let weights = Weights {
            shape: Shape {
                width,
                heads,
                epsilon: *self
                    .floats(self.made_by("Add", "/norm/Add_output_0")?.input.get(1)?)?
                    .first()?,
                places: cos.len().checked_div(head)?,
            },
            words: self.floats(words)?,
            sees: self.entry(join.is_some())? == "inputs_embeds",
            uses_whole: self.uses_whole()?,
            fuse,
            join,
            layers,
            norm,
            cos,
            sin,
        };
        weights.fit().then_some(weights)
    }

    fn layer(&self, number: usize) -> Option<LayerWeights> {
        let matrix = |name: &str| self.matrix(&format!("/layers.{number}/{name}/"));
        let norm = |name: &str| self.floats(&format!("drafter.layers.{number}.{name}.weight"));
        // SwiGLU, and no other gate.
        self.made_by("Sigmoid", &format!("/layers.{number}/Sigmoid_output_0"))?;
        Some(LayerWeights {
            norm_attention: norm("norm_attention")?,
            query: matrix("query")?,
            key: matrix("key")?,
            value: matrix("value")?,
            project: matrix("project")?,
            norm_feed: norm("norm_feed")?,
            gate: matrix("gate")?,
            up: matrix("up")?,
            down: matrix("down")?,
        })
    }

    /// The matrix of a layer's product, stored in 8 bits with a scale a column.
    fn matrix(&self, scope: &str) -> Option<Matrix> {
        let product = self.made_by("MatMul", &format!("{scope}MatMul_output_0"))?;
        let scaled = self.made_by("Mul", product.input.get(1)?)?;
        let wide = self.made_by("Cast", scaled.input.first()?)?;
        let weights = self.graph.weight(wide.input.first()?)?.data::<i8>()?;
        Matrix::new(&weights, self.floats(scaled.input.get(1)?)?)
    }

    /// The tables of cosines and sines, which are looked up by position: the first position is not turned.
    fn angles(&self) -> Option<[Vec<f32>; 2]> {
        let users = self.graph.users("position_ids").iter();
        let tables = users.filter(|node| node.op_type == "Gather");
        let mut tables = tables.filter_map(|node| self.floats(node.input.first()?));
        let pair = [tables.next()?, tables.next()?];
        let [a, b] = pair;
        match (a.first()?, b.first()?) {
            (1.0, 0.0) => Some([a, b]),
            (0.0, 1.0) => Some([b, a]),
            _ => None,
        }
    }

    /// What the first layer gets of embeddings: them, or a product of them and a mask.
    fn entry(&self, is_joined: bool) -> Option<&'a str> {
        let scope = if is_joined { "/join/" } else { "/fuse/" };
        self.joined(scope)?.input.first().map(String::as_str)
    }

    /// Whether the picture's vector goes in as it is, and not times nothing.
    fn uses_whole(&self) -> Option<bool> {
        let masked = self.made_by("Mul", self.joined("/fuse/")?.input.get(1)?)?;
        let row = self.made_by("Unsqueeze", masked.input.first()?)?;
        Some(row.input.first()? == "global")
    }

    fn joined(&self, scope: &str) -> Option<&'a Node> {
        let product = self.made_by("MatMul", &format!("{scope}MatMul_output_0"))?;
        self.made_by("Concat", product.input.first()?)
    }

    fn made_by(&self, operator: &str, value: &str) -> Option<&'a Node> {
        self.graph
            .maker(value)
            .filter(|node| node.op_type == operator)
    }

    /// Numbers that are a weight or a constant.
    fn floats(&self, name: &str) -> Option<Vec<f32>> {
        let constant = || -> Option<&'a Tensor> {
            let node = self.made_by("Constant", name)?;
            node.attribute.first()?.t.as_ref()
        };
        self.graph.weight(name).or_else(constant)?.data::<f32>()
    }
}

impl Weights {
    /// Whether all of it fits together.
    fn fit(&self) -> bool {
        let Shape {
            width,
            heads,
            places,
            ..
        } = self.shape;
        let square = |matrix: &Matrix| matrix.shape() == [width, width];
        let two = |(matrix, bias): &(Matrix, Vec<f32>)| {
            matrix.shape() == [2 * width, width] && bias.len() == width
        };
        let layer = |layer: &LayerWeights| {
            let inner = layer.gate.shape()[1];
            [&layer.query, &layer.key, &layer.value, &layer.project]
                .into_iter()
                .all(square)
                && [&layer.gate, &layer.up]
                    .iter()
                    .all(|m| m.shape() == [width, inner])
                && layer.down.shape() == [inner, width]
                && [&layer.norm_attention, &layer.norm_feed]
                    .iter()
                    .all(|norm| norm.len() == width)
        };
        let table = places * (width / heads.max(1));
        two(&self.fuse)
            && self.join.as_ref().is_none_or(two)
            && !self.layers.is_empty()
            && self.layers.iter().all(layer)
            && width.is_multiple_of(2 * heads)
            && [self.cos.len(), self.sin.len()] == [table; 2]
            && !self.words.is_empty()
            && self.words.len().is_multiple_of(width)
    }
}
