//! Embeddings to logits, with a cache of what came before.

use crate::error::VisionError;
use crate::graph::{self, Graph};
use crate::positions::Positions;
use drafthorse_engine::{Backend, Dim, LoadOptions, StatePair};
use std::path::Path;

/// Inputs and outputs that are the cache.
const PAST: &str = "past_key_values.";
const PRESENT: &str = "present.";

/// A decoder whose keys and values stay in the engine from run to run.
pub struct Decoder {
    graph: Graph,
    embeds: usize,
    mask: usize,
    positions: Option<usize>,
    logits: usize,
    /// Tokens in the cache.
    cached: usize,
    /// Tokens of the last run.
    fed: usize,
}

impl Decoder {
    pub(crate) fn load(
        path: &Path,
        backend: &dyn Backend,
        threads: usize,
    ) -> Result<Self, VisionError> {
        let bytes = graph::read(path)?;
        let state = cache(path, &bytes)?;
        let graph = Graph::load(path, &bytes, backend, &LoadOptions { threads, state })?;
        graph.takes_only(&["inputs_embeds", "attention_mask", "position_ids"])?;
        Ok(Self {
            embeds: graph.input("inputs_embeds")?,
            mask: graph.input("attention_mask")?,
            positions: graph.find_input("position_ids"),
            logits: graph.output("logits")?,
            cached: 0,
            fed: 0,
            graph,
        })
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// [`VisionError::Engine`].
    pub fn reset(&mut self) -> Result<(), VisionError> {
        (self.cached, self.fed) = (0, 0);
        self.graph.reset()
    }

    /// Tokens in the cache.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cached
    }

    /// Runs over further tokens: a row of `embeds` and a position each. They join the cache, and
    /// [`Self::logits`] has what follows each of them.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where the graph takes no positions and these have gaps or are on several
    /// axes, [`VisionError::Engine`].
    pub fn feed(&mut self, embeds: &[f32], positions: &Positions) -> Result<(), VisionError> {
        let (count, graph) = (positions.len(), &mut self.graph);
        graph.fill_embeds(self.embeds, embeds, count)?;
        let total = self.cached + count;
        graph.fill::<i64>(self.mask, &[1, total])?.fill(1);
        match self.positions {
            Some(input) => graph.fill_positions(input, positions)?,
            // The graph counts by itself.
            None => {
                let mut counted = (self.cached as i64..).zip(positions.axis(0));
                if positions.axes() != 1 || counted.any(|(counted, position)| counted != position) {
                    return Err(graph.wrong(
                        "takes no position_ids: it can neither leave gaps, as pruned tokens do, nor count on several axes"
                            .to_owned(),
                    ));
                }
            }
        }
        graph.run()?;
        let (given, _) = graph.floats(self.logits)?;
        if given.len() != 3 || given[..2] != [1, count] || given[2] == 0 {
            let what = format!("gives logits of the shape {given:?} for {count} tokens");
            return Err(graph.wrong(what));
        }
        (self.cached, self.fed) = (total, count);
        Ok(())
    }

    /// Logits after a token of the last run: one a word of the vocabulary.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where there was no such token.
    pub fn logits(&self, token: usize) -> Result<&[f32], VisionError> {
        if token >= self.fed {
            let what = format!("has run over {} tokens, not {token} and more", self.fed);
            return Err(self.graph.wrong(what));
        }
        let (shape, values) = self.graph.floats(self.logits)?;
        Ok(&values[token * shape[2]..][..shape[2]])
    }
}

/// The cache by the graph's own names and shapes, empty.
fn cache(path: &Path, bytes: &[u8]) -> Result<Vec<StatePair>, VisionError> {
    let name = graph::name_of(path);
    let wrong = |what: String| VisionError::Graph {
        graph: name.clone(),
        what,
    };
    let file =
        drafthorse_onnx::parse(bytes).map_err(|error| wrong(format!("is no graph: {error}")))?;
    let mut state = Vec::new();
    for input in drafthorse_onnx::inputs(&file) {
        let Some(which) = input.name.strip_prefix(PAST) else {
            continue;
        };
        let length = |(axis, dim): (usize, &Dim)| match (axis, dim) {
            (_, Dim::Fixed(length)) => Some(*length),
            // Batch and length of the past.
            (0, Dim::Dynamic(_)) => Some(1),
            (2, Dim::Dynamic(_)) => Some(0),
            _ => None,
        };
        let dims = input.dims.unwrap_or_default();
        let initial: Option<Vec<usize>> = dims.iter().enumerate().map(length).collect();
        let initial = initial.filter(|lengths| lengths.len() == 4);
        let initial = initial.ok_or_else(|| {
            wrong(format!(
                "has the input {} of another shape than [batch, heads, length, width]",
                input.name
            ))
        })?;
        state.push(StatePair {
            input: input.name.clone(),
            output: format!("{PRESENT}{which}"),
            initial,
        });
    }
    match state.is_empty() {
        true => Err(wrong(format!(
            "has no inputs {PAST}N.key and {PAST}N.value"
        ))),
        false => Ok(state),
    }
}
