//! Embeddings to logits, with a cache of what came before.

use crate::error::VisionError;
use crate::graph::{self, Graph};
use crate::positions::Positions;
use drafthorse_engine::{Backend, Dim, Kept, LoadOptions, StatePair};
use std::path::Path;

/// Inputs and outputs that are the cache.
const PAST: &str = "past_key_values.";
const PRESENT: &str = "present.";
/// What a bias adds to the score of a token that is not to be seen.
const UNSEEN: f32 = -1e4;

/// A decoder whose keys and values stay in the engine from run to run.
pub struct Decoder {
    graph: Graph,
    embeds: usize,
    sees: Sees,
    positions: Option<usize>,
    logits: usize,
    hidden: Option<usize>,
    /// Tokens in the cache.
    cached: usize,
    /// Tokens of the last run.
    fed: usize,
}

/// How a graph is told what each token sees.
enum Sees {
    /// `attention_mask`, i64 `[1, past + tokens]`: what is before it.
    Mask(usize),
    /// `attention_bias`, f32 `[1, 1, tokens, past + tokens]`: added to the scores.
    Bias(usize),
}

impl Decoder {
    /// Loads a graph. Besides `inputs_embeds`, `position_ids`, the cache, and `attention_mask` or
    /// `attention_bias` it may take the inputs `others`, which [`Self::fill`] fills before each run.
    ///
    /// # Errors
    /// [`VisionError::Read`], [`VisionError::Graph`] where it is no such graph, [`VisionError::Engine`].
    pub fn open(
        path: &Path,
        backend: &dyn Backend,
        threads: usize,
        others: &[&str],
    ) -> Result<Self, VisionError> {
        let bytes = graph::read(path)?;
        let state = cache(path, &bytes)?;
        let graph = Graph::load(path, &bytes, backend, &LoadOptions { threads, state })?;
        let own = [
            "inputs_embeds",
            "attention_mask",
            "attention_bias",
            "position_ids",
        ];
        graph.takes_only(&[&own[..], others].concat())?;
        Ok(Self {
            embeds: graph.input("inputs_embeds")?,
            sees: match graph.find_input("attention_bias") {
                Some(bias) => Sees::Bias(bias),
                None => Sees::Mask(graph.input("attention_mask")?),
            },
            positions: graph.find_input("position_ids"),
            logits: graph.output("logits")?,
            hidden: graph.output("hidden_states").ok(),
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

    /// Goes back: only these tokens stay in the cache. What the last run gave can still be read.
    ///
    /// # Errors
    /// [`VisionError::Engine`] where they are not there; nothing is lost then.
    pub fn keep(&mut self, kept: Kept<'_>) -> Result<(), VisionError> {
        self.graph.keep(kept)?;
        self.cached = kept.count();
        Ok(())
    }

    /// Tokens in the cache.
    #[must_use]
    pub fn cached(&self) -> usize {
        self.cached
    }

    /// An input of one's own, by its name.
    ///
    /// # Errors
    /// [`VisionError::Graph`] with the names that there are.
    pub fn input(&self, name: &str) -> Result<usize, VisionError> {
        self.graph.input(name)
    }

    /// Gives an input of one's own its shape, and its elements to fill before the next run. They stay from
    /// run to run while the shape does.
    ///
    /// # Errors
    /// [`VisionError::Engine`] where it has another shape, or is not f32.
    pub fn fill(&mut self, input: usize, shape: &[usize]) -> Result<&mut [f32], VisionError> {
        self.graph.fill(input, shape)
    }

    /// Runs over further tokens: a row of `embeds` and a position each. They join the cache, and
    /// [`Self::logits`] has what follows each of them.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where the graph takes no positions and these have gaps or are on several
    /// axes, [`VisionError::Engine`].
    pub fn feed(&mut self, embeds: &[f32], positions: &Positions) -> Result<(), VisionError> {
        let (past, count) = (self.cached, positions.len());
        match self.sees {
            Sees::Mask(input) => {
                let shape = [1, past + count];
                self.graph.fill::<i64>(input, &shape)?.fill(1);
            }
            Sees::Bias(_) => {
                let seen = self.bias(count)?;
                for (token, seen) in seen.enumerate() {
                    seen[..=past + token].fill(0.0);
                }
            }
        }
        self.run(embeds, positions)
    }

    /// Runs over the tokens of a tree: each sees the cache, itself, and what is above it. `parents` has the
    /// token above each, by its index in this run, which is smaller than its own; none for those that
    /// follow the cache.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where the graph takes no `attention_bias` or there is no such tree,
    /// [`VisionError::Engine`].
    pub fn feed_tree(
        &mut self,
        embeds: &[f32],
        positions: &Positions,
        parents: &[Option<usize>],
    ) -> Result<(), VisionError> {
        let (past, count) = (self.cached, positions.len());
        let ordered = parents.iter().enumerate();
        let mut ordered = ordered.map(|(token, parent)| parent.is_none_or(|above| above < token));
        if parents.len() != count || !ordered.all(|ordered| ordered) {
            let what = format!("is given {count} tokens with the parents {parents:?}, no tree");
            return Err(self.graph.wrong(what));
        }
        for (token, seen) in self.bias(count)?.enumerate() {
            seen[..past].fill(0.0);
            let mut at = Some(token);
            while let Some(above) = at {
                seen[past + above] = 0.0;
                at = parents[above];
            }
        }
        self.run(embeds, positions)
    }

    /// The rows of the bias, in which nothing is seen yet.
    fn bias(&mut self, count: usize) -> Result<impl Iterator<Item = &mut [f32]>, VisionError> {
        let Sees::Bias(input) = self.sees else {
            let what = "takes no attention_bias: it cannot run over a tree".to_owned();
            return Err(self.graph.wrong(what));
        };
        let total = self.cached + count;
        let bias = self.graph.fill::<f32>(input, &[1, 1, count, total])?;
        bias.fill(UNSEEN);
        Ok(bias.chunks_exact_mut(total.max(1)))
    }

    fn run(&mut self, embeds: &[f32], positions: &Positions) -> Result<(), VisionError> {
        let (count, graph) = (positions.len(), &mut self.graph);
        graph.fill_embeds(self.embeds, embeds, count)?;
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
        self.cached += count;
        self.fed = count;
        Ok(())
    }

    /// Logits after a token of the last run: one a word of the vocabulary.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where there was no such token.
    pub fn logits(&self, token: usize) -> Result<&[f32], VisionError> {
        self.row(self.logits, token)
    }

    /// The hidden state that the logits after a token of the last run were made of.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where there was no such token, or where the graph does not give them.
    pub fn hidden_state(&self, token: usize) -> Result<&[f32], VisionError> {
        match self.hidden {
            Some(hidden) => self.row(hidden, token),
            None => Err(self.graph.wrong("gives no hidden_states".to_owned())),
        }
    }

    fn row(&self, output: usize, token: usize) -> Result<&[f32], VisionError> {
        if token >= self.fed {
            let what = format!("has run over {} tokens, not {token} and more", self.fed);
            return Err(self.graph.wrong(what));
        }
        match self.graph.floats(output)? {
            ([1, count, width], values) if *count == self.fed => {
                Ok(&values[token * width..][..*width])
            }
            (shape, _) => {
                let what = format!("gives the shape {shape:?} for {} tokens", self.fed);
                Err(self.graph.wrong(what))
            }
        }
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
