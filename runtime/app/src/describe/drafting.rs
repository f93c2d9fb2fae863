//! Drafts in the place of the model's own words: the target's eyes, a drafter that stands alone, and how sure it is.

use super::VisionSettings;
use anyhow::{Context, Result, anyhow, bail};
use drafthorse_core::Image;
use drafthorse_draft::{
    Coder, Drafter, DrafterFolder, DrafterOptions, Form, FrameScorer, Levels, Rules, Seen, Words,
    Written,
};
use drafthorse_engine::Backend;
use drafthorse_protocol::{
    Code, Draft, Frame, FsqCode, Kept, TargetShape, confidence_of, encode_f16, encode_int8,
};
use drafthorse_vision::{Looker, ModelFolder, PictureTokens};
use std::path::Path;
use std::sync::Arc;

/// Tokens of the longest draft where neither options nor model say.
const LONGEST: usize = 128;

/// A draft, and what a router and the target want to know of it.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// Token ids behind the picture.
    pub prompt: Vec<u32>,
    /// The picture's tokens that the drafter saw.
    pub seen: PictureTokens,
    /// The words.
    pub written: Written,
    /// Probability, 0 to 1, that the target agrees on what carries facts.
    pub score: f64,
}

/// A drafter, loaded.
pub(crate) struct Drafting {
    looker: Looker,
    drafter: Drafter,
    scorer: FrameScorer,
    coder: Option<Coder>,
    width: usize,
    vocabulary: usize,
    fact_tokens: Vec<u32>,
    longest: usize,
    /// Share of that which a draft may have.
    shortened: f64,
    /// Tokens of every whole picture.
    image_tokens: usize,
}

impl Drafting {
    /// Loads the target's encoder and the drafter.
    pub(crate) fn open(
        settings: &VisionSettings,
        drafter: &Path,
        backend: &dyn Backend,
        threads: usize,
    ) -> Result<Self> {
        let files = ModelFolder::find(&settings.model, settings.precision.as_deref())?;
        let mut looker = Looker::open(&files, backend, threads)?;
        let image_tokens = looker.look(&blank())?.layout.tokens();
        let folder = DrafterFolder::open(drafter)?;
        let words = Arc::new(Words::open(&files, backend)?);
        let of_model = looker.settings();
        let rules = Rules {
            end_tokens: of_model.end_tokens.clone(),
            no_repeat: of_model.no_repeat,
            longest: of_model.longest_answer,
        };
        let options = DrafterOptions {
            precision: settings.drafter_precision.clone(),
            threads,
            ..DrafterOptions::of(Form::Standalone)
        };
        Ok(Self {
            drafter: Drafter::open(&folder, &words, &rules, backend, &options)?,
            scorer: FrameScorer::open(&folder, backend, threads)?,
            coder: Coder::open(&folder, backend, threads)?,
            width: words.width(),
            vocabulary: words.vocabulary(),
            fact_tokens: folder.config.fact_tokens,
            longest: settings.longest.or(rules.longest).unwrap_or(LONGEST),
            shortened: 1.0,
            looker,
            image_tokens,
        })
    }

    /// The tokens of a picture.
    pub(crate) fn look(&mut self, picture: &Image) -> Result<PictureTokens> {
        Ok(self.looker.look(picture)?)
    }

    /// Lets drafts have that share of the longest.
    pub(crate) fn shorten(&mut self, share: f64) {
        self.shortened = share;
    }

    /// Drafts a description of what is seen, and scores it.
    pub(crate) fn draft(&mut self, seen: PictureTokens) -> Result<(String, Drafted)> {
        let prompt = self.looker.prompt(&[&seen], None)?;
        let behind = prompt.slots.last().map_or(0, |&slot| slot + 1);
        let prompt = prompt.ids[behind..].to_vec();
        let of = Seen::of(&seen)?;
        if of.whole() != self.image_tokens {
            bail!(
                "this picture has {} tokens and others have {}: pictures of one size are drafted",
                of.whole(),
                self.image_tokens
            );
        }
        let longest = (self.longest as f64 * self.shortened).round() as usize;
        let written = self.drafter.write(&of, &prompt, longest.max(1))?;
        let score = self.scorer.score(&written)?;
        let text = self.text(&written.ids)?;
        let drafted = Drafted {
            prompt,
            seen,
            written,
            score,
        };
        Ok((text, drafted))
    }

    /// The text of token ids.
    pub(crate) fn text(&self, ids: &[u32]) -> Result<String> {
        Ok(self.looker.text(ids)?)
    }

    /// Whether two texts tell the same facts: the words that carry them are the same, in the same order.
    pub(crate) fn agree(&self, a: &[u32], b: &[u32]) -> bool {
        let facts = |ids: &[u32]| -> Vec<u32> {
            let told = ids.iter().copied();
            told.filter(|id| self.fact_tokens.contains(id)).collect()
        };
        facts(a) == facts(b)
    }

    /// What both sides know of the target.
    pub(crate) fn target_shape(&self) -> Result<TargetShape> {
        let fsq = match self.coder.as_ref().map(Coder::code) {
            None => None,
            Some(code) => {
                let levels = match &code.levels {
                    Levels::All(levels) => *levels,
                    Levels::Each(each) => {
                        let first = each.first().context("the drafter's code has no levels")?;
                        let same = each.iter().all(|levels| levels == first);
                        same.then_some(*first).context(
                            "the drafter's code has unequal levels, which the target does not take",
                        )?
                    }
                };
                Some(FsqCode::new(code.dims, levels as usize)?)
            }
        };
        Ok(TargetShape::new(
            self.image_tokens,
            self.width,
            self.vocabulary,
            fsq,
        )?)
    }

    /// A draft as it travels.
    pub(crate) fn coded(&mut self, drafted: &Drafted, code: Code) -> Result<(Frame, Draft)> {
        let seen = Seen::of(&drafted.seen)?;
        let tokens = match code {
            Code::F16 => encode_f16(seen.features())?,
            Code::Int8 => encode_int8(seen.features(), self.width)?,
            Code::Fsq => {
                let shape = self.target_shape()?;
                let coder = self.coder.as_mut();
                let (coder, fsq) = coder.zip(shape.fsq()).ok_or_else(|| {
                    anyhow!("the drafter has no narrow code; choose int8 or f16 as offload.code")
                })?;
                fsq.pack(&coder.levels(&seen)?)?
            }
        };
        let frame = Frame {
            kept: Kept::at(seen.whole(), seen.places())?,
            tokens: tokens.into(),
        };
        let ids = drafted.written.ids.iter();
        let tokens = ids.map(|&id| u16::try_from(id)).collect::<Result<_, _>>();
        let sure = drafted.written.confidence.iter();
        let draft = Draft {
            tokens: tokens.context("the model has more words than the protocol has ids")?,
            confidence: sure.map(|[ln_p, ..]| confidence_of(*ln_p)).collect(),
        };
        Ok((frame, draft))
    }
}

/// A picture to count tokens with.
fn blank() -> Image {
    let (width, height) = (640, 360);
    Image {
        width,
        height,
        rgb: vec![0; (width * height * 3) as usize],
        ..Image::default()
    }
}
