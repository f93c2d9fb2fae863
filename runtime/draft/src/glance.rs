//! The vision adaptor: all image tokens become a few, and one vector of the whole (after ViSpec, Kang et al. 2025).

use crate::error::DraftError;
use crate::folder::DrafterFolder;
use crate::seen::Seen;
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_vision::Graph;

/// What a drafter sees of a picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    /// Compressed image tokens, a row each.
    pub slots: Vec<f32>,
    /// The whole picture as one row, which is added to every word.
    pub whole: Vec<f32>,
}

/// `compress.onnx`: image tokens, pruned ones left out, to a glance.
pub struct Glancer {
    graph: Graph,
    features: usize,
    places: usize,
    slots: usize,
    whole: usize,
    /// Values of the slots, and of a row.
    shape: [usize; 2],
}

impl Glancer {
    /// Loads it.
    ///
    /// # Errors
    /// [`DraftError::Missing`], [`DraftError::Vision`].
    pub fn open(
        folder: &DrafterFolder,
        backend: &dyn Backend,
        threads: usize,
    ) -> Result<Self, DraftError> {
        let options = LoadOptions {
            threads,
            state: Vec::new(),
        };
        let graph = Graph::open(&folder.graph("compress", None)?, backend, &options)?;
        let width = folder.config.hidden_size;
        Ok(Self {
            features: graph.input("image_features")?,
            places: graph.input("position_ids")?,
            slots: graph.output("slots")?,
            whole: graph.output("global")?,
            shape: [folder.config.slots * width, width],
            graph,
        })
    }

    /// Looks at a picture.
    ///
    /// # Errors
    /// [`DraftError::Seen`] where its tokens have another width, [`DraftError::Vision`].
    pub fn look(&mut self, seen: &Seen<'_>) -> Result<Glance, DraftError> {
        let [slots, width] = self.shape;
        seen.require(width)?;
        let (count, graph) = (seen.places().len(), &mut self.graph);
        graph
            .fill::<f32>(self.features, &[1, count, width])?
            .copy_from_slice(seen.features());
        let places = graph.fill::<i64>(self.places, &[1, count])?;
        for (to, &place) in places.iter_mut().zip(seen.places()) {
            *to = place as i64;
        }
        graph.run()?;
        let glance = Glance {
            slots: graph.floats(self.slots)?.1.to_vec(),
            whole: graph.floats(self.whole)?.1.to_vec(),
        };
        if [glance.slots.len(), glance.whole.len()] != [slots, width] {
            let [found, whole] = [glance.slots.len(), glance.whole.len()];
            let what = format!("gives {found} and {whole} values, not {slots} and {width}");
            return Err(graph.wrong(what).into());
        }
        Ok(glance)
    }
}
