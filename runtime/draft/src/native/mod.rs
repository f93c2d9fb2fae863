//! A drafter's layers without an engine: one row at a time, from weights in 8 bits.
//!
//! An engine's run over one word of a small drafter is mostly overhead. Here it is nothing but its products; and of words
//! that are settled already only keys and values are made. The graph that an engine runs says what is right: a test
//! holds the two together.

mod file;
mod layer;
mod matrix;

use crate::error::DraftError;
use file::Weights;
use layer::{Layer, Scratch, add, normalise};
use multiversion::multiversion;
use std::path::Path;

/// Further rows.
pub(crate) struct Rows<'a> {
    /// Embeddings, [n, width].
    pub(crate) embeds: &'a [f32],
    /// Beside a target: a hidden state of the place before each, [n, width].
    pub(crate) states: Option<&'a [f32]>,
    /// Whether they are words, and not what is left of the picture.
    pub(crate) are_words: bool,
}

/// A drafter's layers, loaded.
pub(crate) struct Native {
    weights: Weights,
    layers: Vec<Layer>,
    /// The picture's vector.
    whole: Vec<f32>,
    /// Places in the caches.
    held: usize,
    hidden: Vec<f32>,
    logits: Vec<f32>,
    x: Vec<f32>,
    /// Two rows, one behind the other.
    pair: Vec<f32>,
    scratch: Scratch,
}

impl Native {
    /// Reads a drafter's graph; none where it is another one, or its matrices are not stored in 8 bits.
    pub(crate) fn read(path: &Path, heads: usize) -> Option<Self> {
        let mut weights = file::read(path, heads)?;
        let layers = std::mem::take(&mut weights.layers);
        let layers = layers.into_iter().map(|of| Layer::new(of, &weights.shape));
        Some(Self {
            layers: layers.collect(),
            whole: vec![0.0; weights.shape.width],
            held: 0,
            hidden: Vec::new(),
            logits: vec![0.0; weights.words.len() / weights.shape.width],
            x: Vec::new(),
            pair: Vec::new(),
            scratch: Scratch::default(),
            weights,
        })
    }

    /// Values of a row, and words.
    pub(crate) fn shape(&self) -> [usize; 2] {
        [self.weights.shape.width, self.logits.len()]
    }

    /// Whether it works beside a target.
    pub(crate) fn is_joined(&self) -> bool {
        self.weights.join.is_some()
    }

    /// Forgets what came before; the next rows are about a picture with this vector.
    pub(crate) fn begin(&mut self, whole: &[f32]) {
        self.held = 0;
        self.whole.fill(0.0);
        if self.weights.uses_whole {
            self.whole.copy_from_slice(whole);
        }
    }

    /// Goes back to the first places.
    pub(crate) fn keep(&mut self, places: usize) {
        self.held = self.held.min(places);
    }

    /// Takes further rows in, at these positions. Hidden state and logits are of the last of them.
    ///
    /// # Errors
    /// [`DraftError::Long`] where there is no such position, or no room for so many.
    pub(crate) fn feed(
        &mut self,
        rows: &Rows<'_>,
        positions: impl Iterator<Item = i64>,
    ) -> Result<(), DraftError> {
        let width = self.weights.shape.width;
        let most = self.weights.shape.places;
        let last = (rows.embeds.len() / width).saturating_sub(1);
        let deepest = self.layers.len() - 1;
        for (row, (embed, position)) in rows.embeds.chunks_exact(width).zip(positions).enumerate() {
            let long = DraftError::Long { position, most };
            let Some(at) = usize::try_from(position)
                .ok()
                .filter(|&at| at < most && self.held < most)
            else {
                return Err(long);
            };
            let state = rows.states.map(|states| &states[row * width..][..width]);
            self.enter(embed, state, rows.are_words);
            let head = width / self.weights.shape.heads;
            let turn =
                [&self.weights.cos, &self.weights.sin].map(|table| &table[at * head..][..head]);
            let (shape, scratch) = (&self.weights.shape, &mut self.scratch);
            for (depth, layer) in self.layers.iter_mut().enumerate() {
                if depth == deepest && row != last {
                    layer.remember(&self.x, self.held, turn, shape, scratch);
                } else {
                    layer.step(&mut self.x, self.held, turn, shape, scratch);
                }
            }
            self.held += 1;
        }
        let epsilon = self.weights.shape.epsilon;
        normalise(&self.x, &self.weights.norm, epsilon, &mut self.hidden);
        logits(&self.hidden, &self.weights.words, &mut self.logits);
        Ok(())
    }

    /// What the first layer gets.
    fn enter(&mut self, embed: &[f32], state: Option<&[f32]>, is_word: bool) {
        let weights = &self.weights;
        let (pair, scratch, x) = (&mut self.pair, &mut self.scratch, &mut self.x);
        let is_seen = is_word || weights.sees;
        let width = embed.len();
        let mut put = |at: usize, part: Option<&[f32]>| {
            pair.resize(2 * width, 0.0);
            let to = &mut pair[at * width..][..width];
            match part {
                Some(part) => to.copy_from_slice(part),
                None => to.fill(0.0),
            }
        };
        let embed = is_seen.then_some(embed);
        put(0, if weights.join.is_some() { state } else { embed });
        put(1, is_word.then_some(self.whole.as_slice()));
        let (fuse, bias) = &weights.fuse;
        scratch.row.set(pair, fuse);
        fuse.apply(&scratch.row, x);
        add(x, bias);
        let Some((join, bias)) = &weights.join else {
            return;
        };
        pair[width..].copy_from_slice(x);
        match embed {
            Some(embed) => pair[..width].copy_from_slice(embed),
            None => pair[..width].fill(0.0),
        }
        scratch.row.set(pair, join);
        join.apply(&scratch.row, x);
        add(x, bias);
    }

    /// Logits after the last row.
    pub(crate) fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// The hidden state at the last row.
    pub(crate) fn hidden_state(&self) -> &[f32] {
        &self.hidden
    }
}

/// `words` are `[width, vocabulary]`.
#[multiversion(targets(
    "x86_64+avx+avx2+avx512f+avx512bw+avx512dq+avx512vl",
    "x86_64+avx+avx2",
    "aarch64+neon"
))]
fn logits(hidden: &[f32], words: &[f32], to: &mut [f32]) {
    to.fill(0.0);
    for (x, words) in hidden.iter().zip(words.chunks_exact(to.len())) {
        for (to, word) in to.iter_mut().zip(words) {
            *to += x * word;
        }
    }
}
