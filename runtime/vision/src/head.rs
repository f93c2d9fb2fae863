//! The decoder's first layers by themselves, for the attention in them.

use crate::error::VisionError;
use crate::graph::{self, Graph};
use crate::positions::Positions;
use drafthorse_engine::{Backend, LoadOptions};
use std::path::Path;

pub(crate) struct Head {
    graph: Graph,
    embeds: usize,
    mask: usize,
    positions: usize,
    attention: usize,
}

impl Head {
    pub(crate) fn load(
        path: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, VisionError> {
        let graph = Graph::load(path, &graph::read(path)?, backend, options)?;
        graph.takes_only(&["inputs_embeds", "attention_mask", "position_ids"])?;
        Ok(Self {
            embeds: graph.input("inputs_embeds")?,
            mask: graph.input("attention_mask")?,
            positions: graph.input("position_ids")?,
            attention: graph.output("attention")?,
            graph,
        })
    }

    /// A row of weights for each token, over all tokens.
    pub(crate) fn attention(
        &mut self,
        embeds: &[f32],
        positions: &Positions,
    ) -> Result<&[f32], VisionError> {
        let (count, graph) = (positions.len(), &mut self.graph);
        graph.fill_embeds(self.embeds, embeds, count)?;
        graph.fill::<i64>(self.mask, &[1, count])?.fill(1);
        graph.fill_positions(self.positions, positions)?;
        graph.run()?;
        let (shape, weights) = graph.floats(self.attention)?;
        match shape == [1, count, count] {
            true => Ok(weights),
            false => Err(graph.wrong(format!(
                "gives attention of the shape {shape:?} for {count} tokens"
            ))),
        }
    }
}
