//! What a target's files say of its shape, without loading a graph.

use crate::error::TargetError;
use drafthorse_draft::{Code, DrafterFolder, Levels};
use drafthorse_protocol::{FsqCode, TargetShape, limits};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Tokens of the longest text where generation_config.json does not say.
const LONGEST: usize = 256;

/// A target's folder, and the drafter's that holds its narrow code and what drafts beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetFiles {
    /// The vision-language model's folder.
    pub model: PathBuf,
    /// The graph that makes features of the narrow code's levels, where there is one.
    pub fsq_decode: Option<PathBuf>,
    /// The drafter's folder, where it has a drafter that works beside the target.
    pub drafter: Option<PathBuf>,
    /// What messages are checked against.
    pub shape: TargetShape,
    /// Positions that the decoder has.
    pub positions: usize,
    /// Tokens of the longest text, the one that ends it not counted.
    pub longest: usize,
}

impl TargetFiles {
    /// Reads config.json and generation_config.json of `model`, and of `drafter` what they say of the code. A drafter
    /// without the code's graph is one without a code.
    ///
    /// # Errors
    /// [`TargetError::File`], [`TargetError::NotATarget`], [`TargetError::Contract`] for sizes beyond the contract.
    pub fn read(model: &Path, drafter: Option<&Path>) -> Result<Self, TargetError> {
        let path = model.join("config.json");
        let kind: Kind = json(&path)?;
        if kind.model_type != "drafthorse-scene-vlm" {
            return Err(TargetError::NotATarget(model.to_owned()));
        }
        let config: Config = json(&path)?;
        let generation: Generation = json(&model.join("generation_config.json"))?;
        let described = drafter.map(DrafterFolder::open).transpose()?;
        let fsq_decode = drafter.map(|drafter| drafter.join("onnx/fsq_decode.onnx"));
        let fsq_decode = fsq_decode.filter(|path| path.exists());
        let code = match (drafter.zip(described), &fsq_decode) {
            (Some((drafter, described)), Some(_)) => match described.config.code {
                Some(Code {
                    dims,
                    levels: Levels::All(levels),
                }) => Some(FsqCode::new(dims, levels as usize)?),
                _ => {
                    return Err(TargetError::File {
                        path: drafter.join("config.json"),
                        why: "it names no code of equal levels, and onnx/fsq_decode.onnx is there"
                            .to_owned(),
                    });
                }
            },
            _ => None,
        };
        let [rows, columns] = config.vision_config.patches;
        let text = config.text_config;
        Ok(Self {
            model: model.to_owned(),
            fsq_decode,
            drafter: drafter
                .filter(|folder| folder.join("onnx/colocated.onnx").exists())
                .map(Path::to_owned),
            shape: TargetShape::new(rows * columns, text.hidden_size, text.vocab_size, code)?,
            positions: text.max_position_embeddings,
            longest: generation
                .max_new_tokens
                .unwrap_or(LONGEST)
                .min(limits::MAX_TEXT),
        })
    }

    /// Bytes of the longest message that can be right: what a server allows.
    #[must_use]
    pub fn longest_message(&self) -> usize {
        // The widest code is the half float's; names, shapes and lengths of Protobuf take less than the last term.
        let tokens =
            (2 * self.shape.width()).max(4 + self.shape.width()) * self.shape.image_tokens();
        let frame = tokens + self.shape.kept_bytes() + 3 * limits::MAX_DRAFT + 2;
        let message = limits::MAX_FRAMES * frame + 2 * limits::MAX_PROMPT + 4096;
        message.min(limits::MAX_MESSAGE_BYTES)
    }
}

#[derive(Deserialize)]
struct Kind {
    model_type: String,
}

#[derive(Deserialize)]
struct Config {
    text_config: Text,
    vision_config: Vision,
}

#[derive(Deserialize)]
struct Text {
    vocab_size: usize,
    hidden_size: usize,
    max_position_embeddings: usize,
}

#[derive(Deserialize)]
struct Vision {
    patches: [usize; 2],
}

#[derive(Deserialize)]
struct Generation {
    #[serde(default)]
    max_new_tokens: Option<usize>,
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, TargetError> {
    let wrong = |why: String| TargetError::File {
        path: path.to_owned(),
        why,
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
}
