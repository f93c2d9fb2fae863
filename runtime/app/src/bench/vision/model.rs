//! The scene model's graphs, run for many questions about one picture.

use super::graph::Graph;
use super::scenes::Scene;
use anyhow::{Context, Result};
use drafthorse_engine::Backend;
use drafthorse_synth::scenes::{HEIGHT_PX, Question, WIDTH_PX};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// A model's graphs and words.
pub(super) struct SceneModel {
    words: HashMap<String, i64>,
    config: Config,
    encoder: Graph,
    image_match: Graph,
    text_match: Graph,
    embedding: Graph,
    decoder: Graph,
    head: Graph,
}

#[derive(Deserialize)]
struct Config {
    text_config: Text,
    vision_config: Vision,
    answer_token_id: i64,
}

#[derive(Deserialize)]
struct Text {
    num_hidden_layers: usize,
    num_attention_heads: usize,
    head_dim: usize,
    hidden_size: usize,
    vocab_size: usize,
    eos_token_id: i64,
}

#[derive(Deserialize)]
struct Vision {
    /// Rows and columns.
    patches: [usize; 2],
}

/// What the encoder makes of a picture.
pub(super) struct Seen {
    /// [N, width]
    pub(super) features: Vec<f32>,
    /// [N, match width], and the whole picture's [match width]; of length 1.
    pub(super) patches: Vec<f32>,
    pub(super) whole: Vec<f32>,
}

/// Questions of one picture with their answers, all of one length.
pub(super) struct Texts {
    /// Tokens of each: question, the mark of an answer, the answer; padded.
    tokens: Vec<Vec<i64>>,
    /// How many of them there are.
    lengths: Vec<usize>,
    /// How many of these are the question's and the mark.
    pub(super) asked: Vec<usize>,
    /// Embeddings [questions, longest, width].
    embeds: Vec<f32>,
    longest: usize,
}

/// Image tokens that a run sees.
pub(super) enum Sees<'a> {
    /// All questions the same.
    Same(&'a [usize]),
    /// Each its own, as many each.
    Own(&'a [Vec<usize>]),
}

impl SceneModel {
    pub(super) fn open(folder: &Path, backend: &dyn Backend) -> Result<Self> {
        let graph = |name: &str| Graph::open(&folder.join("onnx").join(name), backend);
        let config = std::fs::read_to_string(folder.join("config.json"))?;
        Ok(Self {
            words: vocabulary(&folder.join("tokenizer.json"))?,
            config: serde_json::from_str(&config)?,
            encoder: graph("vision_encoder.onnx")?,
            image_match: graph("image_match.onnx")?,
            text_match: graph("text_match.onnx")?,
            embedding: graph("embed_tokens.onnx")?,
            decoder: graph("decoder_model_merged.onnx")?,
            head: graph("decoder_head.onnx")?,
        })
    }

    /// Rows and columns of image tokens.
    pub(super) fn grid(&self) -> [usize; 2] {
        self.config.vision_config.patches
    }

    pub(super) fn width(&self) -> usize {
        self.config.text_config.hidden_size
    }

    pub(super) fn see(&mut self, scene: &Scene) -> Result<Seen> {
        let (width, height) = (WIDTH_PX, HEIGHT_PX);
        let channel = |c: usize| {
            scene
                .rgb
                .chunks_exact(3)
                .map(move |pixel| f32::from(pixel[c]) / 127.5 - 1.0)
        };
        let pixels: Vec<f32> = (0..3).flat_map(channel).collect();
        let shape = [1, 1, 3, height, width];
        self.encoder.set("pixel_values", &shape, &pixels)?;
        self.encoder.run()?;
        self.image_match.set("pixel_values", &shape, &pixels)?;
        self.image_match.run()?;
        Ok(Seen {
            features: self.encoder.get("image_features")?.to_vec(),
            patches: self.image_match.get("patch_embeds")?.to_vec(),
            whole: self.image_match.get("image_embeds")?.to_vec(),
        })
    }

    /// Unit vectors of texts, [texts, match width].
    pub(super) fn place(&mut self, texts: &[&str]) -> Result<Vec<f32>> {
        let rows: Vec<Vec<i64>> = texts
            .iter()
            .map(|text| self.encode(text))
            .collect::<Result<_, _>>()?;
        let longest = rows.iter().map(Vec::len).max().unwrap_or(0);
        let tokens: Vec<i64> = rows.iter().flat_map(|row| padded(row, longest)).collect();
        self.text_match
            .set("input_ids", &[texts.len(), longest], &tokens)?;
        self.text_match.run()?;
        Ok(self.text_match.get("text_embeds")?.to_vec())
    }

    fn encode(&self, text: &str) -> Result<Vec<i64>> {
        let words = text.split_whitespace();
        words
            .map(|word| {
                let id = self.words.get(word).copied();
                id.with_context(|| format!("the model does not know {word:?}"))
            })
            .collect()
    }

    pub(super) fn texts(&mut self, questions: &[Question]) -> Result<Texts> {
        let (mut tokens, mut asked) = (Vec::new(), Vec::new());
        for question in questions {
            let mut row = self.encode(&question.text)?;
            row.push(self.config.answer_token_id);
            asked.push(row.len());
            row.extend(self.encode(&question.answer)?);
            tokens.push(row);
        }
        let lengths: Vec<usize> = tokens.iter().map(Vec::len).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let ids: Vec<i64> = tokens.iter().flat_map(|row| padded(row, longest)).collect();
        self.embedding
            .set("input_ids", &[questions.len(), longest], &ids)?;
        self.embedding.run()?;
        let embeds = self.embedding.get("inputs_embeds")?.to_vec();
        Ok(Texts {
            tokens,
            lengths,
            asked,
            embeds,
            longest,
        })
    }

    /// Attention of each question's words, the mark of the answer last, to all image tokens: [words, N] each.
    pub(super) fn attention(&mut self, features: &[f32], texts: &Texts) -> Result<Vec<Vec<f32>>> {
        let tokens = features.len() / self.width();
        let all: Vec<usize> = (0..tokens).collect();
        let own = vec![all; texts.tokens.len()];
        let (shape, embeds, mask, positions) = self.rows(features, texts, &own);
        let rows = &shape[..2];
        self.head.set("inputs_embeds", &shape, &embeds)?;
        self.head.set("attention_mask", rows, &mask)?;
        self.head.set("position_ids", rows, &positions)?;
        self.head.run()?;
        let attention = self.head.get("attention")?;
        let length = shape[1];
        let of = |(question, &asked): (usize, &usize)| {
            let words = tokens..tokens + asked;
            let row = |word| &attention[(question * length + word) * length..][..tokens];
            words.flat_map(row).copied().collect()
        };
        Ok(texts.asked.iter().enumerate().map(of).collect())
    }

    /// What the model says to each question: the likeliest token after the question and after each word of the
    /// right answer.
    pub(super) fn said(
        &mut self,
        features: &[f32],
        texts: &Texts,
        sees: &Sees<'_>,
    ) -> Result<Vec<Vec<i64>>> {
        let before = match sees {
            Sees::Same(kept) => {
                self.look(features, texts, kept)?;
                0
            }
            Sees::Own(own) => {
                let (shape, embeds, mask, positions) = self.rows(features, texts, own);
                self.decoder.set("inputs_embeds", &shape, &embeds)?;
                self.decoder.set("attention_mask", &shape[..2], &mask)?;
                self.decoder.set("position_ids", &shape[..2], &positions)?;
                for name in self.past() {
                    let empty = self.past_shape(shape[0], 0);
                    self.decoder.set::<f32>(&name[0], &empty, &[])?;
                }
                self.decoder.run()?;
                own.first().map_or(0, Vec::len)
            }
        };
        let logits = self.decoder.get("logits")?;
        let vocabulary = self.config.text_config.vocab_size;
        let per_question = logits.len() / texts.tokens.len().max(1);
        let said = |question: usize| {
            let words = texts.asked[question] - 1..texts.tokens[question].len();
            let after = |word| {
                let from = question * per_question + (before + word) * vocabulary;
                likeliest(&logits[from..from + vocabulary])
            };
            words.map(after).collect()
        };
        Ok((0..texts.tokens.len()).map(said).collect())
    }

    /// Which questions are answered as they should be: in the same words, and then the end.
    pub(super) fn right(&self, texts: &Texts, said: &[Vec<i64>]) -> Vec<bool> {
        let end = self.config.text_config.eos_token_id;
        let right = |(question, said): (usize, &Vec<i64>)| {
            let answer = texts.tokens[question][texts.asked[question]..].iter();
            answer.chain([&end]).eq(said)
        };
        said.iter().enumerate().map(right).collect()
    }

    /// Runs over image tokens once and over all texts after them.
    fn look(&mut self, features: &[f32], texts: &Texts, kept: &[usize]) -> Result<()> {
        let width = self.width();
        let (count, questions, longest) = (kept.len(), texts.tokens.len(), texts.longest);
        let image: Vec<f32> = kept
            .iter()
            .flat_map(|&i| &features[i * width..][..width])
            .copied()
            .collect();
        let positions: Vec<i64> = kept.iter().map(|&i| i as i64).collect();
        self.decoder
            .set("inputs_embeds", &[1, count, width], &image)?;
        self.decoder
            .set("attention_mask", &[1, count], &vec![1_i64; count])?;
        self.decoder.set("position_ids", &[1, count], &positions)?;
        for [past, _] in self.past() {
            let empty = self.past_shape(1, 0);
            self.decoder.set::<f32>(&past, &empty, &[])?;
        }
        self.decoder.run()?;
        for [past, present] in self.past() {
            let repeated = self.decoder.get(&present)?.repeat(questions);
            let shape = self.past_shape(questions, count);
            self.decoder.set(&past, &shape, &repeated)?;
        }
        let first = (features.len() / width) as i64;
        let mut mask = Vec::with_capacity(questions * (count + longest));
        for &length in &texts.lengths {
            mask.extend((0..count + longest).map(|i| i64::from(i < count + length)));
        }
        let positions: Vec<i64> = (0..questions)
            .flat_map(|_| first..first + longest as i64)
            .collect();
        self.decoder
            .set("inputs_embeds", &[questions, longest, width], &texts.embeds)?;
        self.decoder
            .set("attention_mask", &[questions, count + longest], &mask)?;
        self.decoder
            .set("position_ids", &[questions, longest], &positions)?;
        self.decoder.run()
    }

    /// Rows of image tokens and text: shape, embeddings, mask, positions.
    fn rows(
        &self,
        features: &[f32],
        texts: &Texts,
        own: &[Vec<usize>],
    ) -> ([usize; 3], Vec<f32>, Vec<i64>, Vec<i64>) {
        let width = self.width();
        let count = own.first().map_or(0, Vec::len);
        let length = count + texts.longest;
        let first = (features.len() / width) as i64;
        let (mut embeds, mut mask, mut positions) = (Vec::new(), Vec::new(), Vec::new());
        for (question, kept) in own.iter().enumerate() {
            for &i in kept {
                embeds.extend_from_slice(&features[i * width..][..width]);
                positions.push(i as i64);
            }
            let text = texts.longest * width;
            embeds.extend_from_slice(&texts.embeds[question * text..][..text]);
            positions.extend(first..first + texts.longest as i64);
            let there = count + texts.lengths[question];
            mask.extend((0..length).map(|i| i64::from(i < there)));
        }
        ([own.len(), length, width], embeds, mask, positions)
    }

    /// Names of each cache's input and output.
    fn past(&self) -> Vec<[String; 2]> {
        let layers = 0..self.config.text_config.num_hidden_layers;
        let of = |layer| {
            ["key", "value"].map(|part| {
                [
                    format!("past_key_values.{layer}.{part}"),
                    format!("present.{layer}.{part}"),
                ]
            })
        };
        layers.flat_map(of).collect()
    }

    fn past_shape(&self, batch: usize, length: usize) -> [usize; 4] {
        let text = &self.config.text_config;
        [batch, text.num_attention_heads, length, text.head_dim]
    }
}

fn padded(row: &[i64], length: usize) -> impl Iterator<Item = i64> + '_ {
    row.iter().copied().chain(std::iter::repeat(0)).take(length)
}

fn likeliest(logits: &[f32]) -> i64 {
    let all = logits.iter().enumerate();
    all.max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)))
        .map_or(-1, |(i, _)| i as i64)
}

/// The words that a tokenizer of whole words knows.
fn vocabulary(path: &Path) -> Result<HashMap<String, i64>> {
    let why = || format!("cannot read {}", path.display());
    let text = std::fs::read_to_string(path).with_context(why)?;
    let tokenizer: serde_json::Value = serde_json::from_str(&text).with_context(why)?;
    serde_json::from_value(tokenizer["model"]["vocab"].clone())
        .with_context(|| format!("{} is no tokenizer of whole words", path.display()))
}
