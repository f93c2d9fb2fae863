//! The files of a model: where they are looked for and what is said where they are not there.

use crate::error::VisionError;
use std::path::{Path, PathBuf};

/// The graphs' names, without precision and ending.
const VISION: &str = "vision_encoder";
const EMBED: &str = "embed_tokens";
const DECODER: &str = "decoder_model_merged";
const TREE: &str = "decoder_tree";
const HEAD: &str = "decoder_head";
const IMAGE_MATCH: &str = "image_match";
const TEXT_MATCH: &str = "text_match";

/// A vision-language model as the ONNX community lays it out on Hugging Face. Graphs lie in `onnx/` or
/// in the folder itself, `NAME.onnx`, or `NAME_q4.onnx` and so on for other precisions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolder {
    /// The folder.
    pub folder: PathBuf,
    /// Pixels to features.
    pub vision_encoder: PathBuf,
    /// Token ids to embeddings.
    pub embed_tokens: PathBuf,
    /// Embeddings to logits, with a cache.
    pub decoder: PathBuf,
    /// Text to token ids and back.
    pub tokenizer: PathBuf,
    /// What kind of model it is.
    pub config: PathBuf,
    /// How pictures are prepared.
    pub preprocessor_config: PathBuf,
    /// How text ends. Models without one end where config.json says.
    pub generation_config: Option<PathBuf>,
    /// The decoder with a bias in the place of a mask, which runs over trees; the scene model has it.
    pub decoder_tree: Option<PathBuf>,
    /// Embeddings to attention in the decoder's first layers; the scene model has it.
    pub decoder_head: Option<PathBuf>,
    /// Pixels to vectors on the sphere that texts are on too; the scene model has it.
    pub image_match: Option<PathBuf>,
    /// Token ids to a vector on that sphere.
    pub text_match: Option<PathBuf>,
}

impl ModelFolder {
    /// Finds the files. `precision` is the suffix of the graphs' names, `q4`, `int8` or `fp16` for
    /// example; a graph without a file of that precision is taken as it is, but for the decoder, which
    /// has to have one.
    ///
    /// # Errors
    /// [`VisionError::Missing`] with every path that was looked for.
    pub fn find(folder: &Path, precision: Option<&str>) -> Result<Self, VisionError> {
        let first = |wanted: Vec<String>| {
            let found = wanted.iter().map(|name| folder.join(name));
            let found = found.into_iter().find(|path| path.is_file());
            found.ok_or_else(|| VisionError::Missing {
                folder: folder.to_owned(),
                wanted,
            })
        };
        let graph = |name: &str, or_plain: bool| {
            let mut names: Vec<String> = precision
                .map(|precision| format!("{name}_{precision}.onnx"))
                .into_iter()
                .collect();
            if or_plain || precision.is_none() {
                names.push(format!("{name}.onnx"));
            }
            let both = |name: &String| [format!("onnx/{name}"), name.clone()];
            first(names.iter().flat_map(both).collect())
        };
        let json = |name: &str| first(vec![name.to_owned()]);
        Ok(Self {
            folder: folder.to_owned(),
            config: json("config.json")?,
            vision_encoder: graph(VISION, true)?,
            embed_tokens: graph(EMBED, true)?,
            decoder: graph(DECODER, false)?,
            tokenizer: json("tokenizer.json")?,
            preprocessor_config: json("preprocessor_config.json")?,
            generation_config: json("generation_config.json").ok(),
            decoder_tree: graph(TREE, false).ok(),
            decoder_head: graph(HEAD, true).ok(),
            image_match: graph(IMAGE_MATCH, true).ok(),
            text_match: graph(TEXT_MATCH, true).ok(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("onnx")).expect("a folder");
        for file in files {
            std::fs::write(folder.path().join(file), b"").expect("a file");
        }
        folder
    }

    const JSON: [&str; 3] = ["config.json", "tokenizer.json", "preprocessor_config.json"];

    #[test]
    fn graphs_are_found_in_both_places_and_by_precision() {
        let graphs = [
            "onnx/vision_encoder.onnx",
            "embed_tokens.onnx",
            "onnx/decoder_model_merged_q4.onnx",
        ];
        let folder = folder(&[&JSON[..], &graphs].concat());
        let found = ModelFolder::find(folder.path(), Some("q4")).expect("all files");
        assert!(found.decoder.ends_with(graphs[2]) && found.embed_tokens.ends_with(graphs[1]));
        assert!(found.vision_encoder.ends_with(graphs[0]) && found.generation_config.is_none());
        let error =
            ModelFolder::find(folder.path(), None).expect_err("no decoder of full precision");
        let text = error.to_string();
        assert!(
            text.contains("no onnx/decoder_model_merged.onnx and no decoder_model_merged.onnx"),
            "{text}"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = folder(&JSON[1..]);
        let error = ModelFolder::find(folder.path(), None).expect_err("no config");
        assert!(
            error.to_string().contains("there is no config.json"),
            "{error}"
        );
    }
}
