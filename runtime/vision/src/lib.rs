//! Vision tokens: pictures to tokens, the tokens that carry nothing taken away, and words from the rest.
//!
//! A vision-language model is a folder of ONNX graphs as Hugging Face's ONNX community lays them out
//! ([`ModelFolder`]). [`Vlm`] holds one, loaded: a picture becomes [`PictureTokens`] (features with a
//! [`Layout`] that says where each token lies), a question a [`Prompt`] with a place for each of them,
//! and both together words. Tokens that are pruned leave features and prompt ([`PictureTokens::keep`],
//! [`Prompt::keep`]); those that stay keep their positions. [`prune`] chooses them.

mod boxes;
mod choice;
mod config;
mod decoder;
mod embedding;
mod encoder;
mod error;
mod folder;
mod graph;
mod head;
mod layout;
mod looker;
mod matcher;
mod pixels;
mod positions;
mod prompt;
pub mod prune;
mod vlm;
mod words;

pub use boxes::{BoxAxes, BoxError, BoxPlace, BoxReader, BoxUnit, FoundBox};
pub use choice::{likeliest, repeated};
pub use config::{Architecture, PatchMatch, Settings};
pub use decoder::Decoder;
pub use embedding::Embedding;
pub use encoder::PictureTokens;
pub use error::VisionError;
pub use folder::ModelFolder;
pub use graph::Graph;
pub use layout::{Layout, Place, Tile, Window};
pub use looker::Looker;
pub use matcher::{MatchedPicture, Matcher};
pub use pixels::{Crop, Filter, Normalisation, PatchRows, Pixels, Preparation, Split};
pub use positions::Positions;
pub use prompt::Prompt;
pub use vlm::{Answer, QuestionAttention, Vlm, VlmOptions};
