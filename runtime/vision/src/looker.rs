//! What a model needs to see and to read, without what it needs to speak: a vehicle that only drafts has no
//! more of the target than this.

use crate::config::Settings;
use crate::encoder::{Encoder, PictureTokens};
use crate::error::VisionError;
use crate::folder::ModelFolder;
use crate::pixels::Pixels;
use crate::prompt::{self, Prompt};
use crate::words::Words;
use drafthorse_core::Image;
use drafthorse_engine::{Backend, LoadOptions};

/// Pictures to tokens, questions to prompts, token ids to text.
pub struct Looker {
    settings: Settings,
    words: Words,
    encoder: Encoder,
}

impl Looker {
    /// Loads a model's vision encoder and tokenizer.
    ///
    /// # Errors
    /// [`VisionError`]: a file that is missing or unreadable, a model of an unknown kind, a graph that is not as the
    /// layout has it, or that the engine refuses.
    pub fn open(
        files: &ModelFolder,
        backend: &dyn Backend,
        threads: usize,
    ) -> Result<Self, VisionError> {
        let settings = Settings::read(files)?;
        let load = LoadOptions {
            threads,
            state: Vec::new(),
        };
        let words = Words::open(&files.tokenizer)?;
        words.require(prompt::marks(settings.architecture), settings.image_token)?;
        Ok(Self {
            settings,
            words,
            encoder: Encoder::load(&files.vision_encoder, backend, &load)?,
        })
    }

    /// What the model's files say of it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The tokens of a picture.
    ///
    /// # Errors
    /// [`VisionError::Picture`], [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn look(&mut self, picture: &Image) -> Result<PictureTokens, VisionError> {
        let pixels = self.settings.preparation.prepare(picture)?;
        self.encode(&pixels)
    }

    /// The tokens of a picture that is prepared already.
    ///
    /// # Errors
    /// [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn encode(&mut self, pixels: &Pixels) -> Result<PictureTokens, VisionError> {
        self.encoder.tokens(pixels)
    }

    /// A question about pictures, or to describe them, in the words that the model was taught with.
    ///
    /// # Errors
    /// [`VisionError::Tokenizer`], also where the question has a picture's placeholder in it.
    pub fn prompt(
        &self,
        pictures: &[&PictureTokens],
        question: Option<&str>,
    ) -> Result<Prompt, VisionError> {
        let layouts: Vec<_> = pictures.iter().map(|picture| &picture.layout).collect();
        let architecture = self.settings.architecture;
        let words = prompt::words(architecture, &layouts, question);
        let ids = self.words.ids(&words)?;
        let placeholder = self.settings.image_token;
        Prompt::new(&ids, placeholder, architecture.axes(), pictures).map_err(|[found, wanted]| {
            self.words.wrong(format!(
                "gives {found} tokens {placeholder} for the prompt where its pictures have {wanted}"
            ))
        })
    }

    /// Refuses a question in words that the model has no token for.
    ///
    /// # Errors
    /// [`VisionError::Words`] names them; [`VisionError::Tokenizer`].
    pub fn check_words(&self, question: &str) -> Result<(), VisionError> {
        match self.words.unknown(question)? {
            unknown if unknown.is_empty() => Ok(()),
            unknown => Err(VisionError::Words { unknown }),
        }
    }

    /// The text of each token id by itself, special ones too.
    ///
    /// # Errors
    /// [`VisionError::Tokenizer`].
    pub fn each_word(&self, ids: &[u32]) -> Result<Vec<String>, VisionError> {
        ids.iter().map(|&id| self.words.word(id)).collect()
    }

    /// The text of token ids, special ones left out.
    ///
    /// # Errors
    /// [`VisionError::Tokenizer`].
    pub fn text(&self, ids: &[u32]) -> Result<String, VisionError> {
        self.words.text(ids)
    }
}
