//! The target's embeddings of words, in memory: to look one up is to copy a row.

use crate::error::DraftError;
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_vision::{Embedding, ModelFolder};
use serde::Deserialize;

/// A row of values for each token of the vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct Words {
    rows: Vec<f32>,
    width: usize,
}

#[derive(Deserialize)]
struct Config {
    text_config: TextConfig,
}

#[derive(Deserialize)]
struct TextConfig {
    vocab_size: u32,
}

impl Words {
    /// Asks a model's embedding graph for every row once.
    ///
    /// # Errors
    /// [`DraftError::Read`] and [`DraftError::Config`] of its config.json, [`DraftError::Vision`] of the graph.
    pub fn open(files: &ModelFolder, backend: &dyn Backend) -> Result<Self, DraftError> {
        let config: Config = crate::folder::json(&files.config)?;
        let mut graph = Embedding::open(&files.embed_tokens, backend, &LoadOptions::default())?;
        let ids: Vec<u32> = (0..config.text_config.vocab_size).collect();
        let (rows, width) = graph.rows(&ids)?;
        Ok(Self {
            rows: rows.to_vec(),
            width,
        })
    }

    /// Values a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn vocabulary(&self) -> usize {
        self.rows.len() / self.width
    }

    /// Appends a token's row.
    ///
    /// # Errors
    /// [`DraftError::Token`].
    pub fn append(&self, token: u32, to: &mut Vec<f32>) -> Result<(), DraftError> {
        let row = self.rows.chunks_exact(self.width).nth(token as usize);
        let row = row.ok_or(DraftError::Token {
            token,
            words: self.vocabulary(),
        })?;
        to.extend_from_slice(row);
        Ok(())
    }
}
