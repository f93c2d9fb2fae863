//! Words to token ids and back.

use crate::error::VisionError;
use std::path::{Path, PathBuf};
use tokenizers::Tokenizer;

/// The token of what has none, in word-level tokenizers.
const UNKNOWN: &str = "<unk>";

pub(crate) struct Words {
    path: PathBuf,
    tokenizer: Tokenizer,
}

impl Words {
    pub(crate) fn open(path: &Path) -> Result<Self, VisionError> {
        match Tokenizer::from_file(path) {
            Ok(tokenizer) => Ok(Self {
                path: path.to_owned(),
                tokenizer,
            }),
            Err(error) => Err(VisionError::Tokenizer {
                path: path.to_owned(),
                what: format!("cannot be read: {error}"),
            }),
        }
    }

    /// Refuses a tokenizer without one of those tokens, or whose first one has another id than `placeholder`.
    pub(crate) fn require(&self, marks: &[&str], placeholder: u32) -> Result<(), VisionError> {
        for (index, mark) in marks.iter().enumerate() {
            match self.tokenizer.token_to_id(mark) {
                None => return Err(self.wrong(format!("has no token {mark}"))),
                Some(id) if index == 0 && id != placeholder => {
                    let what = format!("has {mark} as {id}, config.json as {placeholder}");
                    return Err(self.wrong(what));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// An error over the tokenizer.
    pub(crate) fn wrong(&self, what: String) -> VisionError {
        VisionError::Tokenizer {
            path: self.path.clone(),
            what,
        }
    }

    pub(crate) fn ids(&self, text: &str) -> Result<Vec<u32>, VisionError> {
        match self.tokenizer.encode_fast(text, true) {
            Ok(encoding) => Ok(encoding.get_ids().to_vec()),
            Err(error) => Err(self.wrong(format!("fails: {error}"))),
        }
    }

    /// Parts of a text that the tokenizer has no token for, in their order; none where it can spell anything.
    pub(crate) fn unknown(&self, text: &str) -> Result<Vec<String>, VisionError> {
        let Some(unknown) = self.tokenizer.token_to_id(UNKNOWN) else {
            return Ok(Vec::new());
        };
        let encoding = self.tokenizer.encode(text, false);
        let encoding = encoding.map_err(|error| self.wrong(format!("fails: {error}")))?;
        let parts = encoding.get_ids().iter().zip(encoding.get_offsets());
        Ok(parts
            .filter(|(id, _)| **id == unknown)
            .map(|(_, &(from, to))| text.get(from..to).unwrap_or_default().to_owned())
            .collect())
    }

    /// Whether a word has a token of its own.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.tokenizer.token_to_id(word).is_some()
    }

    /// The text of token ids, special ones left out.
    pub(crate) fn text(&self, ids: &[u32]) -> Result<String, VisionError> {
        let text = self.tokenizer.decode(ids, true);
        text.map_err(|error| self.wrong(format!("fails: {error}")))
    }

    /// The text of one token, a special one too, without blanks around it.
    pub(crate) fn word(&self, id: u32) -> Result<String, VisionError> {
        let text = self.tokenizer.decode(&[id], false);
        let text = text.map_err(|error| self.wrong(format!("fails: {error}")))?;
        Ok(text.trim().to_owned())
    }
}
