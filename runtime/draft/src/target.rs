//! The target: the model whose words count.

use crate::error::DraftError;
use crate::seen::Seen;
use crate::words::Words;
use drafthorse_engine::{Backend, Kept};
use drafthorse_vision::{Decoder, ModelFolder, Positions, Settings};
use std::path::Path;
use std::sync::Arc;

/// How texts of a target end and what they may not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Tokens that end a text.
    pub end_tokens: Vec<u32>,
    /// No run of so many tokens is said twice; 0 where runs may come again.
    pub no_repeat: usize,
    /// Tokens of the longest text, where the model says so.
    pub longest: Option<usize>,
}

/// How a target is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetOptions {
    /// Whether trees are verified too, with `decoder_tree.onnx`; chains are either way.
    pub trees: bool,
    /// Precision of its graphs by their names' suffix; none for the plain ones.
    pub precision: Option<String>,
    /// Threads that work on one run.
    pub threads: usize,
}

impl Default for TargetOptions {
    fn default() -> Self {
        Self {
            trees: false,
            precision: None,
            threads: 1,
        }
    }
}

/// A target, loaded: its decoder with the cache of what came before, and its embeddings.
pub struct Target {
    decoder: Decoder,
    words: Arc<Words>,
    rules: Rules,
    trees: bool,
    /// Position of the next word.
    next: i64,
    /// Memory of a run's embeddings.
    embeds: Vec<f32>,
}

impl Target {
    /// Loads the decoder and the embeddings of a vision-language model; its vision encoder is not needed here.
    ///
    /// # Errors
    /// [`DraftError::Missing`] where there is no graph for trees, [`DraftError::Vision`], [`DraftError::Config`].
    pub fn open(
        folder: &Path,
        backend: &dyn Backend,
        options: &TargetOptions,
    ) -> Result<Self, DraftError> {
        let files = ModelFolder::find(folder, options.precision.as_deref())?;
        let settings = Settings::read(&files)?;
        let path = match (options.trees, &files.decoder_tree) {
            (false, _) => &files.decoder,
            (true, Some(tree)) => tree,
            (true, None) => {
                return Err(DraftError::Missing {
                    folder: folder.to_owned(),
                    wanted: "decoder_tree.onnx".to_owned(),
                    why: "drafts that branch are verified with it; export the model again, or draft chains",
                });
            }
        };
        Ok(Self {
            decoder: Decoder::open(path, backend, options.threads, &[])?,
            words: Arc::new(Words::open(&files, backend)?),
            rules: Rules {
                end_tokens: settings.end_tokens,
                no_repeat: settings.no_repeat,
                longest: settings.longest_answer,
            },
            trees: options.trees,
            next: 0,
            embeds: Vec::new(),
        })
    }

    /// Its embeddings.
    #[must_use]
    pub fn words(&self) -> &Arc<Words> {
        &self.words
    }

    /// How its texts end and what they may not say.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Whether it verifies trees.
    #[must_use]
    pub fn trees(&self) -> bool {
        self.trees
    }

    /// Forgets what came before, and runs over a picture and the prompt behind it. Rows of this run are the
    /// picture's tokens, then the prompt's.
    ///
    /// # Errors
    /// [`DraftError::Seen`], [`DraftError::Token`], [`DraftError::Vision`].
    pub fn begin(&mut self, seen: &Seen<'_>, prompt: &[u32]) -> Result<(), DraftError> {
        seen.require(self.words.width())?;
        self.decoder.reset()?;
        self.embeds.clear();
        self.embeds.extend_from_slice(seen.features());
        let mut positions = Positions::new(1);
        for &place in seen.places() {
            positions.push(&[place as i64]);
        }
        self.next = seen.whole() as i64;
        for &word in prompt {
            self.words.append(word, &mut self.embeds)?;
            positions.push(&[self.next]);
            self.next += 1;
        }
        Ok(self.decoder.feed(&self.embeds, &positions)?)
    }

    /// Goes on with a word and a draft behind it: rows are the word, then the draft's tokens that are fed, a
    /// row each. `parents` has the row that each of `tokens` follows; none for the first.
    ///
    /// # Errors
    /// [`DraftError::Token`], [`DraftError::Vision`], also where the draft branches and this target verifies
    /// chains.
    pub fn feed(&mut self, tokens: &[u32], parents: &[Option<usize>]) -> Result<(), DraftError> {
        self.embeds.clear();
        let mut positions = Positions::new(1);
        for (&token, &parent) in tokens.iter().zip(parents) {
            self.words.append(token, &mut self.embeds)?;
            let position = parent.map_or(self.next, |above| positions.at(above)[0] + 1);
            positions.push(&[position]);
        }
        let mut rows = parents.iter().enumerate();
        match rows.all(|(row, parent)| *parent == row.checked_sub(1)) {
            true => self.decoder.feed(&self.embeds, &positions)?,
            false => self.decoder.feed_tree(&self.embeds, &positions, parents)?,
        }
        Ok(())
    }

    /// Of the tokens of the last [`Self::feed`] these rows stay, ascending: a path from the first one on.
    ///
    /// # Errors
    /// [`DraftError::Vision`] where there are none such.
    pub fn keep(&mut self, fed: usize, rows: &[usize]) -> Result<(), DraftError> {
        let before = self.decoder.cached().saturating_sub(fed);
        let straight = rows
            .iter()
            .zip(0..)
            .take_while(|(row, at)| **row == *at)
            .count();
        let then: Vec<usize> = rows[straight..].iter().map(|row| before + row).collect();
        let kept = Kept {
            first: before + straight,
            then: &then,
        };
        self.decoder.keep(kept)?;
        self.next += rows.len() as i64;
        Ok(())
    }

    /// Goes back by so many tokens that were kept.
    ///
    /// # Errors
    /// [`DraftError::Vision`] where there are not so many.
    pub fn back(&mut self, tokens: usize) -> Result<(), DraftError> {
        let left = self.decoder.cached().saturating_sub(tokens);
        self.decoder.keep(Kept::first(left))?;
        self.next -= tokens as i64;
        Ok(())
    }

    /// Logits after a row of the last run.
    ///
    /// # Errors
    /// [`DraftError::Vision`] where there was no such row.
    pub fn logits(&self, row: usize) -> Result<&[f32], DraftError> {
        Ok(self.decoder.logits(row)?)
    }

    /// The hidden state at a row of the last run, where the graph gives them.
    ///
    /// # Errors
    /// [`DraftError::Vision`] where there was no such row, or none are given.
    pub fn hidden_state(&self, row: usize) -> Result<&[f32], DraftError> {
        Ok(self.decoder.hidden_state(row)?)
    }
}
