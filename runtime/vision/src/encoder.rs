//! Pixel values to the tokens of a picture.

use crate::error::VisionError;
use crate::graph::{self, Graph};
use crate::layout::{Layout, Place};
use crate::pixels::Pixels;
use drafthorse_engine::{Backend, DType, LoadOptions};
use std::path::Path;

/// A picture's tokens: what the vision encoder and its connector make of it, ready to stand between the
/// embeddings of words.
#[derive(Clone, Debug, PartialEq)]
pub struct PictureTokens {
    /// Values a token.
    pub width: usize,
    /// A row of `width` values for each token that is there, in the order of the layout.
    pub features: Vec<f32>,
    /// Where the tokens of the whole picture lie.
    pub layout: Layout,
    /// Which of the layout's tokens are there, ascending.
    pub kept: Vec<usize>,
}

impl PictureTokens {
    /// Tokens that are there.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether no token is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// A token's features.
    #[must_use]
    pub fn feature(&self, token: usize) -> &[f32] {
        &self.features[token * self.width..][..self.width]
    }

    /// The places of the tokens that are there.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let all: Vec<Place> = self.layout.places().collect();
        self.kept.iter().map(|&token| all[token]).collect()
    }

    /// Some of the tokens that are there, by their indices among these, ascending. They stay where they
    /// were: layout, and positions in a prompt, are those of the whole picture.
    ///
    /// # Errors
    /// [`VisionError::Kept`].
    pub fn keep(&self, kept: &[usize]) -> Result<Self, VisionError> {
        let tokens = self.len();
        let wrong = |why: String| VisionError::Kept { tokens, why };
        if let Some(pair) = kept.windows(2).find(|pair| pair[0] >= pair[1]) {
            return Err(wrong(format!("{} comes before {}", pair[0], pair[1])));
        }
        if let Some(last) = kept.last().filter(|&&last| last >= tokens) {
            return Err(wrong(format!("{last} is there")));
        }
        Ok(Self {
            width: self.width,
            features: kept
                .iter()
                .flat_map(|&token| self.feature(token))
                .copied()
                .collect(),
            layout: self.layout.clone(),
            kept: kept.iter().map(|&token| self.kept[token]).collect(),
        })
    }
}

/// The vision encoder.
pub(crate) struct Encoder {
    graph: Graph,
    pixels: usize,
    mask: Option<usize>,
    grid: Option<usize>,
    features: usize,
}

impl Encoder {
    pub(crate) fn load(
        path: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, VisionError> {
        let graph = Graph::load(path, &graph::read(path)?, backend, options)?;
        graph.takes_only(&["pixel_values", "pixel_attention_mask", "image_grid_thw"])?;
        Ok(Self {
            pixels: graph.input("pixel_values")?,
            mask: graph.find_input("pixel_attention_mask"),
            grid: graph.find_input("image_grid_thw"),
            features: graph.output("image_features")?,
            graph,
        })
    }

    pub(crate) fn tokens(&mut self, pixels: &Pixels) -> Result<PictureTokens, VisionError> {
        let graph = &mut self.graph;
        graph
            .fill::<f32>(self.pixels, &pixels.shape)?
            .copy_from_slice(&pixels.values);
        if let Some(mask) = self.mask {
            // Tiles are never padded: every pixel is there.
            let [batch, tiles, _, height, width] = pixels.shape[..] else {
                return Err(graph.wrong("asks for a mask of pictures that are no tiles".to_owned()));
            };
            let shape = [batch, tiles, height, width];
            match graph.dtype(mask) {
                DType::I64 => graph.fill::<i64>(mask, &shape)?.fill(1),
                _ => graph.fill::<bool>(mask, &shape)?.fill(true),
            }
        }
        if let Some(grid) = self.grid {
            let Some(given) = pixels.grid else {
                return Err(graph.wrong("asks for a grid of pictures that have none".to_owned()));
            };
            let to = graph.fill::<i64>(grid, &[1, 3])?;
            to.iter_mut().zip(given).for_each(|(to, n)| *to = n as i64);
        }
        graph.run()?;
        let (shape, features) = graph.floats(self.features)?;
        let (tokens, width) = (pixels.layout.tokens(), *shape.last().unwrap_or(&0));
        if features.len() != tokens * width || width == 0 {
            return Err(graph.wrong(format!(
                "gives features of the shape {shape:?} for {tokens} tokens"
            )));
        }
        Ok(PictureTokens {
            width,
            features: features.to_vec(),
            kept: (0..tokens).collect(),
            layout: pixels.layout.clone(),
        })
    }
}
