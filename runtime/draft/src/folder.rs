//! A drafter's files.

use crate::error::DraftError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Where a drafter lies: `config.json`, and graphs in `onnx/`.
#[derive(Clone, Debug, PartialEq)]
pub struct DrafterFolder {
    /// The folder.
    pub folder: PathBuf,
    /// What its config.json says.
    pub config: DrafterConfig,
}

/// What a drafter's config.json says; keys for training alone are passed over.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct DrafterConfig {
    /// `drafthorse-scene-drafter`.
    pub model_type: String,
    /// Its name.
    pub name: String,
    /// Name of the model that it drafts for.
    pub target: String,
    /// Values of an embedding and of a hidden state.
    pub hidden_size: usize,
    /// Words.
    pub vocab_size: usize,
    /// Heads of its attention; 0 where it does not say.
    #[serde(default)]
    pub num_attention_heads: usize,
    /// Compressed image tokens that stand before the text.
    pub slots: usize,
    /// Their positions.
    pub slot_positions: Vec<usize>,
    /// Words that carry facts, by their ids.
    #[serde(default)]
    pub fact_tokens: Vec<u32>,
    /// The narrow code of image tokens, where it has one.
    pub code: Option<Code>,
}

/// A finite scalar quantisation of image tokens (Mentzer et al. 2023).
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Code {
    /// Numbers a token.
    pub dims: usize,
    /// Levels of each number, or of all of them.
    pub levels: Levels,
}

/// Levels of a code's numbers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Levels {
    /// The same for all.
    All(u32),
    /// One for each.
    Each(Vec<u32>),
}

const MODEL_TYPE: &str = "drafthorse-scene-drafter";

impl DrafterFolder {
    /// Reads the config.json of a folder.
    ///
    /// # Errors
    /// [`DraftError::Read`], [`DraftError::Config`].
    pub fn open(folder: &Path) -> Result<Self, DraftError> {
        let path = folder.join("config.json");
        let config: DrafterConfig = json(&path)?;
        let wrong = |why: String| DraftError::Config {
            path: path.clone(),
            why,
        };
        if config.model_type != MODEL_TYPE {
            let found = &config.model_type;
            return Err(wrong(format!(
                "it says model_type `{found}`, not `{MODEL_TYPE}`"
            )));
        }
        let ascends = config.slot_positions.is_sorted_by(|a, b| a < b);
        if config.slots != config.slot_positions.len() || !ascends || config.slots == 0 {
            return Err(wrong(format!(
                "its {} slots are to have ascending positions, and it names {:?}",
                config.slots, config.slot_positions
            )));
        }
        Ok(Self {
            folder: folder.to_owned(),
            config,
        })
    }

    /// A graph of that name and precision, `q4` for example; none for the plain one.
    ///
    /// # Errors
    /// [`DraftError::Missing`].
    pub fn graph(&self, name: &str, precision: Option<&str>) -> Result<PathBuf, DraftError> {
        let file = match precision {
            Some(precision) => format!("onnx/{name}_{precision}.onnx"),
            None => format!("onnx/{name}.onnx"),
        };
        let path = self.folder.join(&file);
        match path.is_file() {
            true => Ok(path),
            false => Err(DraftError::Missing {
                folder: self.folder.clone(),
                wanted: file,
                why: "fetch the whole model, or name a form and precision that are there",
            }),
        }
    }
}

/// Reads a JSON file.
pub(crate) fn json<T: DeserializeOwned>(path: &Path) -> Result<T, DraftError> {
    let text = std::fs::read(path).map_err(|error| DraftError::Read {
        path: path.to_owned(),
        error,
    })?;
    serde_json::from_slice(&text).map_err(|error| DraftError::Config {
        path: path.to_owned(),
        why: error.to_string(),
    })
}
