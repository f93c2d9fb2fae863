//! Token ids to embeddings.

use crate::error::VisionError;
use crate::graph::{self, Graph};
use drafthorse_engine::{Backend, LoadOptions};
use std::path::Path;

/// The graph that has a row of numbers for each token.
pub struct Embedding {
    graph: Graph,
    ids: usize,
    embeds: usize,
}

impl Embedding {
    /// Loads it.
    ///
    /// # Errors
    /// [`VisionError::Read`], [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn open(
        path: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, VisionError> {
        let graph = Graph::load(path, &graph::read(path)?, backend, options)?;
        graph.takes_only(&["input_ids"])?;
        Ok(Self {
            ids: graph.input("input_ids")?,
            embeds: graph.output("inputs_embeds")?,
            graph,
        })
    }

    /// A row for each token, and the values of a row.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where it gives something else, [`VisionError::Engine`].
    pub fn rows(&mut self, ids: &[u32]) -> Result<(&[f32], usize), VisionError> {
        self.graph.fill_ids(self.ids, ids)?;
        self.graph.run()?;
        let (shape, rows) = self.graph.floats(self.embeds)?;
        match *shape {
            [1, count, width] if count == ids.len() && width > 0 => Ok((rows, width)),
            _ => Err(self.graph.wrong(format!(
                "gives embeddings of the shape {shape:?} for {} tokens",
                ids.len()
            ))),
        }
    }
}
