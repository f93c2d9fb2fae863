//! Token ids to embeddings.

use crate::error::VisionError;
use crate::graph::{self, Graph};
use drafthorse_engine::{Backend, LoadOptions};
use std::path::Path;

pub(crate) struct Embedding {
    graph: Graph,
    ids: usize,
    embeds: usize,
}

impl Embedding {
    pub(crate) fn load(
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
    pub(crate) fn rows(&mut self, ids: &[u32]) -> Result<(&[f32], usize), VisionError> {
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
