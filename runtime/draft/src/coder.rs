//! The narrow code of image tokens: rows of numbers become rows of levels.

use crate::error::DraftError;
use crate::folder::{Code, DrafterFolder};
use crate::seen::Seen;
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_vision::Graph;

/// `fsq_encode.onnx`: image tokens to the levels that stand for them.
pub struct Coder {
    graph: Graph,
    features: usize,
    codes: usize,
    code: Code,
    width: usize,
}

impl Coder {
    /// Loads it; none where the drafter has no such code.
    ///
    /// # Errors
    /// [`DraftError::Missing`], [`DraftError::Vision`].
    pub fn open(
        folder: &DrafterFolder,
        backend: &dyn Backend,
        threads: usize,
    ) -> Result<Option<Self>, DraftError> {
        let Some(code) = folder.config.code.clone() else {
            return Ok(None);
        };
        let options = LoadOptions {
            threads,
            state: Vec::new(),
        };
        let graph = Graph::open(&folder.graph("fsq_encode", None)?, backend, &options)?;
        Ok(Some(Self {
            features: graph.input("image_features")?,
            codes: graph.output("codes")?,
            graph,
            code,
            width: folder.config.hidden_size,
        }))
    }

    /// Numbers a token, and levels of each.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Levels u8 [tokens, numbers of a token], row-major.
    ///
    /// # Errors
    /// [`DraftError::Seen`] where tokens have another width, [`DraftError::Vision`].
    pub fn levels(&mut self, seen: &Seen<'_>) -> Result<Vec<u8>, DraftError> {
        seen.require(self.width)?;
        let (count, graph) = (seen.places().len(), &mut self.graph);
        graph
            .fill::<f32>(self.features, &[1, count, self.width])?
            .copy_from_slice(seen.features());
        graph.run()?;
        let levels = graph.bytes(self.codes)?.1;
        if levels.len() != count * self.code.dims {
            let what = format!("gives {} levels for {count} tokens", levels.len());
            return Err(graph.wrong(what).into());
        }
        Ok(levels.to_vec())
    }
}
