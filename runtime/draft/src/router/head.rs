//! The learned head: how likely the target agrees with a frame's draft.

use crate::error::DraftError;
use crate::folder::DrafterFolder;
use crate::write::Written;
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_vision::Graph;

/// `router.onnx`: what the drafter knew while it wrote, to a probability.
pub struct FrameScorer {
    graph: Graph,
    states: usize,
    confidence: usize,
    whole: usize,
    score: usize,
    width: usize,
}

impl FrameScorer {
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
        let graph = Graph::open(&folder.graph("router", None)?, backend, &options)?;
        Ok(Self {
            states: graph.input("hidden_states")?,
            confidence: graph.input("confidence")?,
            whole: graph.input("global")?,
            score: graph.output("score")?,
            width: folder.config.hidden_size,
            graph,
        })
    }

    /// The calibrated probability, 0 to 1, that the target agrees with the draft on all that carries facts. Of a
    /// draft without a word it is 0.
    ///
    /// # Errors
    /// [`DraftError::Vision`].
    pub fn score(&mut self, written: &Written) -> Result<f64, DraftError> {
        let (count, width, graph) = (written.confidence.len(), self.width, &mut self.graph);
        if count == 0 {
            return Ok(0.0);
        }
        if written.hidden_states.len() != count * width || written.whole.len() != width {
            let what = format!(
                "is given {} values of {count} hidden states and {} of the whole, each of {width}",
                written.hidden_states.len(),
                written.whole.len()
            );
            return Err(graph.wrong(what).into());
        }
        graph
            .fill::<f32>(self.states, &[1, count, width])?
            .copy_from_slice(&written.hidden_states);
        graph
            .fill::<f32>(self.confidence, &[1, count, 3])?
            .copy_from_slice(written.confidence.as_flattened());
        graph
            .fill::<f32>(self.whole, &[1, width])?
            .copy_from_slice(&written.whole);
        graph.run()?;
        let (_, score) = graph.floats(self.score)?;
        match *score {
            [logit] => Ok(1.0 / (1.0 + (-f64::from(logit)).exp())),
            _ => Err(graph
                .wrong(format!("gives {} scores for a frame", score.len()))
                .into()),
        }
    }
}
