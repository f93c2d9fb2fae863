//! Which picture, or which part of it, a text fits: the scene model's matching graphs.

use crate::config::{PatchMatch, Settings};
use crate::error::VisionError;
use crate::folder::ModelFolder;
use crate::graph::{self, Graph};
use crate::layout::Layout;
use crate::pixels::Preparation;
use crate::prompt::scene_words;
use crate::words::Words;
use drafthorse_core::Image;
use drafthorse_engine::{Backend, LoadOptions};
use std::path::Path;

/// Pictures, their patches and texts on one unit sphere: the greater the product of two vectors, the
/// better they fit.
pub struct Matcher {
    preparation: Preparation,
    patch_match: Option<PatchMatch>,
    words: Words,
    image: Graph,
    text: Graph,
    ports: Ports,
}

struct Ports {
    pixels: usize,
    picture: usize,
    patches: usize,
    ids: usize,
    text: usize,
}

/// A picture on the sphere.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchedPicture {
    /// The picture's vector.
    pub picture: Vec<f32>,
    /// A vector as long for each token of the layout.
    pub patches: Vec<f32>,
    /// Where the tokens lie.
    pub layout: Layout,
}

impl MatchedPicture {
    /// Product of a text's vector with the whole picture's.
    #[must_use]
    pub fn whole(&self, text: &[f32]) -> f32 {
        product(&self.picture, text)
    }

    /// Product of a text's vector with each token's.
    #[must_use]
    pub fn fit(&self, text: &[f32]) -> Vec<f32> {
        let patches = self.patches.chunks_exact(self.picture.len().max(1));
        patches.map(|patch| product(patch, text)).collect()
    }
}

/// Product of two vectors.
fn product(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Matcher {
    /// Loads a model's matching graphs.
    ///
    /// # Errors
    /// [`VisionError::Missing`] where the model has none, and as [`crate::Vlm::open`].
    pub fn open(
        folder: &Path,
        backend: &dyn Backend,
        options: &LoadOptions,
    ) -> Result<Self, VisionError> {
        let files = ModelFolder::find(folder, None)?;
        let (Some(image), Some(text)) = (&files.image_match, &files.text_match) else {
            return Err(VisionError::Missing {
                folder: folder.to_owned(),
                wanted: ["image_match.onnx", "text_match.onnx"]
                    .map(str::to_owned)
                    .to_vec(),
            });
        };
        let load = |path: &Path| Graph::load(path, &graph::read(path)?, backend, options);
        let (image, text) = (load(image)?, load(text)?);
        let settings = Settings::read(&files)?;
        Ok(Self {
            preparation: settings.preparation,
            patch_match: settings.patch_match,
            words: Words::open(&files.tokenizer)?,
            ports: Ports {
                pixels: image.input("pixel_values")?,
                picture: image.output("image_embeds")?,
                patches: image.output("patch_embeds")?,
                ids: text.input("input_ids")?,
                text: text.output("text_embeds")?,
            },
            image,
            text,
        })
    }

    /// A picture's vectors.
    ///
    /// # Errors
    /// [`VisionError::Picture`], [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn picture(&mut self, picture: &Image) -> Result<MatchedPicture, VisionError> {
        let pixels = self.preparation.prepare(picture)?;
        let (image, ports) = (&mut self.image, &self.ports);
        image
            .fill::<f32>(ports.pixels, &pixels.shape)?
            .copy_from_slice(&pixels.values);
        image.run()?;
        let (_, picture) = image.floats(ports.picture)?;
        let (shape, patches) = image.floats(ports.patches)?;
        if picture.is_empty() || patches.len() != picture.len() * pixels.layout.tokens() {
            return Err(image.wrong(format!(
                "gives vectors of the shape {shape:?} for {} tokens and one of {} values for the picture",
                pixels.layout.tokens(),
                picture.len()
            )));
        }
        Ok(MatchedPicture {
            picture: picture.to_vec(),
            patches: patches.to_vec(),
            layout: pixels.layout,
        })
    }

    /// Whether a word of a text has a token of its own: others mean nothing to a model of few words.
    #[must_use]
    pub fn knows(&self, word: &str) -> bool {
        self.words.has(word)
    }

    /// How the fit of a text and a patch becomes a probability, where the model says.
    #[must_use]
    pub fn patch_match(&self) -> Option<PatchMatch> {
        self.patch_match
    }

    /// A text's vector.
    ///
    /// # Errors
    /// [`VisionError::Tokenizer`], [`VisionError::Engine`].
    pub fn text(&mut self, text: &str) -> Result<Vec<f32>, VisionError> {
        let ids = self.words.ids(&scene_words(text))?;
        self.text.fill_ids(self.ports.ids, &ids)?;
        self.text.run()?;
        Ok(self.text.floats(self.ports.text)?.1.to_vec())
    }
}
