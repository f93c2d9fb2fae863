//! A vision-language model, loaded: pictures and a question in, words out.

use crate::choice::{likeliest, repeated};
use crate::config::Settings;
use crate::decoder::Decoder;
use crate::embedding::Embedding;
use crate::encoder::PictureTokens;
use crate::error::VisionError;
use crate::folder::ModelFolder;
use crate::head::Head;
use crate::looker::Looker;
use crate::pixels::Pixels;
use crate::positions::Positions;
use crate::prompt::Prompt;
use drafthorse_core::Image;
use drafthorse_engine::{Backend, Kept, LoadOptions};
use std::path::Path;

/// Tokens of the longest answer where neither options nor model say.
const LONGEST_ANSWER: usize = 256;

/// How a model is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VlmOptions {
    /// Precision of the graphs by their names' suffix, `q4` for example; none for the plain ones.
    pub precision: Option<String>,
    /// Threads that work on one run.
    pub threads: usize,
    /// Tokens of the longest answer; none for what the model says.
    pub longest_answer: Option<usize>,
}

impl Default for VlmOptions {
    fn default() -> Self {
        Self {
            precision: None,
            threads: 1,
            longest_answer: None,
        }
    }
}

/// What a model said.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The words.
    pub text: String,
    /// Token ids, without the one that ends.
    pub ids: Vec<u32>,
    /// Natural logarithm of the probability that the model gave to each token, and to the one that ends.
    pub log_probabilities: Vec<f32>,
    /// Whether the model ended by itself.
    pub ended: bool,
}

/// What the words behind pictures look at.
#[derive(Clone, Debug, PartialEq)]
pub struct QuestionAttention {
    /// The words, or their pieces, one a token; marks such as `<answer>` among them.
    pub words: Vec<String>,
    /// The attention of each to each of the pictures' tokens, [words, tokens].
    pub weights: Vec<f32>,
}

/// A vision-language model on an engine.
pub struct Vlm {
    looker: Looker,
    longest_answer: usize,
    /// Share of that which an answer may have.
    shortened: f64,
    embedding: Embedding,
    decoder: Decoder,
    head: Option<Head>,
    /// Tokens of the prompt, and the position of the first word behind it.
    prompt: (usize, i64),
    /// Position of the next token.
    next: i64,
}

impl Vlm {
    /// Loads a model.
    ///
    /// # Errors
    /// [`VisionError`]: a file that is missing or unreadable, a model of an unknown kind, a graph that
    /// is not as the layout has it, or that the engine refuses.
    pub fn open(
        folder: &Path,
        backend: &dyn Backend,
        options: &VlmOptions,
    ) -> Result<Self, VisionError> {
        let files = ModelFolder::find(folder, options.precision.as_deref())?;
        let looker = Looker::open(&files, backend, options.threads)?;
        let load = LoadOptions {
            threads: options.threads,
            state: Vec::new(),
        };
        let longest = options.longest_answer.or(looker.settings().longest_answer);
        Ok(Self {
            looker,
            longest_answer: longest.unwrap_or(LONGEST_ANSWER),
            shortened: 1.0,
            embedding: Embedding::open(&files.embed_tokens, backend, &load)?,
            decoder: Decoder::open(&files.decoder, backend, options.threads, &[])?,
            head: match &files.decoder_head {
                Some(path) => Some(Head::load(path, backend, &load)?),
                None => None,
            },
            prompt: (0, 0),
            next: 0,
        })
    }

    /// What the model's files say of it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.looker.settings()
    }

    /// Lets answers have that share of the longest, 0 to 1; at least a token.
    pub fn shorten(&mut self, share: f64) {
        self.shortened = share;
    }

    /// The tokens of a picture.
    ///
    /// # Errors
    /// [`VisionError::Picture`], [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn look(&mut self, picture: &Image) -> Result<PictureTokens, VisionError> {
        self.looker.look(picture)
    }

    /// The tokens of a picture that is prepared already.
    ///
    /// # Errors
    /// [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn encode(&mut self, pixels: &Pixels) -> Result<PictureTokens, VisionError> {
        self.looker.encode(pixels)
    }

    /// As [`Looker::check_words`].
    ///
    /// # Errors
    /// As there.
    pub fn check_words(&self, question: &str) -> Result<(), VisionError> {
        self.looker.check_words(question)
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
        self.looker.prompt(pictures, question)
    }

    /// Forgets what came before, and runs over a prompt with the pictures that it was made for.
    /// [`Self::logits`] has what follows each of its tokens.
    ///
    /// # Errors
    /// [`VisionError::Features`] where the pictures are not the prompt's, [`VisionError::Graph`],
    /// [`VisionError::Engine`].
    pub fn begin(
        &mut self,
        prompt: &Prompt,
        pictures: &[&PictureTokens],
    ) -> Result<(), VisionError> {
        let embeds = self.embeds(prompt, pictures)?;
        self.decoder.reset()?;
        self.decoder.feed(&embeds, &prompt.positions)?;
        self.prompt = (prompt.ids.len(), prompt.next);
        self.next = prompt.next;
        Ok(())
    }

    /// Embeddings of a prompt's words, with the pictures' tokens in their slots.
    fn embeds(
        &mut self,
        prompt: &Prompt,
        pictures: &[&PictureTokens],
    ) -> Result<Vec<f32>, VisionError> {
        let (rows, width) = self.embedding.rows(&prompt.ids)?;
        let features: usize = pictures.iter().map(|picture| picture.len()).sum();
        let narrow = pictures.iter().find(|picture| picture.width != width);
        if features != prompt.slots.len() || narrow.is_some() {
            return Err(VisionError::Features {
                features,
                width: narrow.map_or(width, |picture| picture.width),
                places: prompt.slots.len(),
                wanted: width,
            });
        }
        let mut embeds = rows.to_vec();
        let features = pictures
            .iter()
            .flat_map(|picture| picture.features.chunks_exact(width));
        for (&slot, feature) in prompt.slots.iter().zip(features) {
            embeds[slot * width..][..width].copy_from_slice(feature);
        }
        Ok(embeds)
    }

    /// Whether the model has its decoder's first layers apart (`decoder_head.onnx`), for [`Self::question_attention`].
    #[must_use]
    pub fn attends(&self) -> bool {
        self.head.is_some()
    }

    /// How much each word behind the pictures looks at each of the pictures' tokens in the decoder's first layers, mean
    /// over heads. None where the model has no `decoder_head.onnx`.
    ///
    /// # Errors
    /// As [`Self::begin`].
    pub fn question_attention(
        &mut self,
        prompt: &Prompt,
        pictures: &[&PictureTokens],
    ) -> Result<Option<QuestionAttention>, VisionError> {
        let embeds = self.embeds(prompt, pictures)?;
        let Some(head) = &mut self.head else {
            return Ok(None);
        };
        let last = prompt.slots.last().map_or(0, |&slot| slot + 1);
        let attention = head.attention(&embeds, &prompt.positions)?;
        let rows = attention.chunks_exact(prompt.ids.len()).skip(last);
        let weights = rows.flat_map(|row| prompt.slots.iter().map(|&slot| row[slot]));
        Ok(Some(QuestionAttention {
            weights: weights.collect(),
            words: self.looker.each_word(&prompt.ids[last..])?,
        }))
    }

    /// Goes on with further words.
    ///
    /// # Errors
    /// [`VisionError::Graph`], [`VisionError::Engine`].
    pub fn go_on(&mut self, ids: &[u32]) -> Result<(), VisionError> {
        let positions =
            Positions::of_text(self.settings().architecture.axes(), self.next, ids.len());
        let (rows, _) = self.embedding.rows(ids)?;
        self.decoder.feed(rows, &positions)?;
        self.next += ids.len() as i64;
        Ok(())
    }

    /// Goes back to the prompt and the first `words` tokens behind it, as if nothing had followed them:
    /// positions and cache are what they were there. [`Self::logits`] still has what the last run gave.
    ///
    /// # Errors
    /// [`VisionError::Engine`] where there are not so many; nothing is lost then.
    pub fn keep(&mut self, words: usize) -> Result<(), VisionError> {
        let (tokens, next) = self.prompt;
        self.decoder.keep(Kept::first(tokens + words))?;
        self.next = next + words as i64;
        Ok(())
    }

    /// Logits after a token of the last run, one a word of the vocabulary.
    ///
    /// # Errors
    /// [`VisionError::Graph`] where there was no such token.
    pub fn logits(&self, token: usize) -> Result<&[f32], VisionError> {
        self.decoder.logits(token)
    }

    /// The text of token ids, special ones left out.
    ///
    /// # Errors
    /// [`VisionError::Tokenizer`].
    pub fn text(&self, ids: &[u32]) -> Result<String, VisionError> {
        self.looker.text(ids)
    }

    /// Answers a question about pictures, or describes them: the likeliest token each time.
    ///
    /// # Errors
    /// As [`Self::prompt`] and [`Self::begin`].
    pub fn answer(
        &mut self,
        pictures: &[&PictureTokens],
        question: Option<&str>,
    ) -> Result<Answer, VisionError> {
        let prompt = self.prompt(pictures, question)?;
        self.begin(&prompt, pictures)?;
        let mut last = prompt.ids.len() - 1;
        let (mut ids, mut log_probabilities) = (Vec::new(), Vec::new());
        let mut ended = false;
        let longest = (self.longest_answer as f64 * self.shortened).round() as usize;
        let longest = longest.max(1);
        while ids.len() < longest {
            let barred = repeated(&ids, self.settings().no_repeat);
            let (id, log_probability) = likeliest(self.logits(last)?, &barred);
            log_probabilities.push(log_probability);
            ended = self.settings().end_tokens.contains(&id);
            if ended {
                break;
            }
            ids.push(id);
            if ids.len() < longest {
                self.go_on(&[id])?;
                last = 0;
            }
        }
        Ok(Answer {
            text: self.text(&ids)?,
            ids,
            log_probabilities,
            ended,
        })
    }
}
