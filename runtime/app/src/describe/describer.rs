//! A view to a description: the picture's tokens, those that stay, and the words that the model finds for them.

use super::chooser::Chooser;
use super::drafting::{Drafted, Drafting};
use super::{View, VisionSettings};
use anyhow::{Context, Result, anyhow, bail};
use drafthorse_core::{Image, RawFormat, RawMessage, SensorId};
use drafthorse_engine::Backend;
use drafthorse_engine_auto::Engines;
use drafthorse_protocol::{Code, Draft, Frame, TargetShape};
use drafthorse_record::messages::drafthorse as message;
use drafthorse_sensors::camera::CameraDecoder;
use drafthorse_vision::{Answer, PictureTokens, QuestionAttention, Vlm, VlmOptions};
use std::time::Instant;

/// What is said of a view.
#[derive(Clone, Debug)]
pub struct Described {
    /// The description as it is logged.
    pub description: message::Description,
    /// Where a drafter wrote it: what a router and the target want to know.
    pub draft: Option<Drafted>,
}

/// Who finds the words.
enum Mind {
    /// The whole model.
    Whole(Box<Vlm>),
    /// The model's eyes and a drafter.
    Drafter(Box<Drafting>),
}

/// A model, loaded, with its settings.
pub struct Describer {
    mind: Mind,
    /// None where every token stays.
    chooser: Option<Chooser>,
    settings: VisionSettings,
    /// Share of the tokens that the settings keep.
    keeps: f64,
    model: String,
    engine: String,
}

impl Describer {
    /// Loads the model on the first engine here that runs it.
    ///
    /// # Errors
    /// A folder that is no such model, a pruning that it can never serve; what each engine says where none runs it.
    pub fn open(settings: &VisionSettings, engines: &Engines, threads: usize) -> Result<Self> {
        let open = |backend: &dyn Backend| Mind::open(settings, backend, threads);
        let (mind, engine) = engines.first(open).map_err(|why| {
            let folder = settings.model.display();
            anyhow!("the vision-language model {folder} cannot be used: {why}")
        })?;
        let chooser = match settings.keep < 1.0 {
            true => Some(Chooser::open(settings, mind.attends(), engines, threads)?),
            false => None,
        };
        let folder = settings.drafter.as_ref().unwrap_or(&settings.model);
        let folder = folder.file_name().unwrap_or_default();
        Ok(Self {
            mind,
            chooser,
            settings: settings.clone(),
            keeps: 1.0,
            model: folder.to_string_lossy().into_owned(),
            engine,
        })
    }

    /// How it was told to look.
    pub fn settings(&self) -> &VisionSettings {
        &self.settings
    }

    /// The engine that runs the model.
    pub fn engine(&self) -> &str {
        &self.engine
    }

    /// From now on with that share of the tokens that the settings keep, where they prune at all, and with descriptions of
    /// that share of the longest.
    pub fn shorten(&mut self, tokens: f64, longest: f64) {
        self.keeps = tokens;
        match &mut self.mind {
            Mind::Whole(vlm) => vlm.shorten(longest),
            Mind::Drafter(drafting) => drafting.shorten(longest),
        }
    }

    /// Says what a view shows, with the tokens that the settings leave.
    ///
    /// # Errors
    /// A picture that cannot be read or is not one for the model, a pruning that needs what is not known, an engine
    /// that fails.
    pub fn describe(&mut self, view: &View) -> Result<Described> {
        self.answer(view, None)
    }

    /// The drafter and the model's eyes; none where the whole model describes.
    fn drafting(&mut self) -> Option<&mut Drafting> {
        match &mut self.mind {
            Mind::Drafter(drafting) => Some(drafting),
            Mind::Whole(_) => None,
        }
    }

    /// Whether descriptions are drafts.
    pub fn drafts(&self) -> bool {
        matches!(self.mind, Mind::Drafter(_))
    }

    /// The text of token ids.
    ///
    /// # Errors
    /// Where the tokenizer fails.
    pub fn text(&mut self, ids: &[u32]) -> Result<String> {
        match &mut self.mind {
            Mind::Drafter(drafting) => drafting.text(ids),
            Mind::Whole(vlm) => Ok(vlm.text(ids)?),
        }
    }

    /// Whether two texts of a drafted block tell the same facts.
    pub fn agree(&mut self, a: &[u32], b: &[u32]) -> bool {
        self.drafting().is_some_and(|drafting| drafting.agree(a, b))
    }

    /// What both sides know of the target.
    ///
    /// # Errors
    /// Where the whole model describes, or the model is larger than the protocol takes.
    pub fn target_shape(&mut self) -> Result<TargetShape> {
        let drafting = self.drafting().context("nothing is drafted")?;
        drafting.target_shape()
    }

    /// A draft as it travels.
    ///
    /// # Errors
    /// Where the whole model describes, the drafter lacks that code, or a token cannot be coded.
    pub fn coded(&mut self, drafted: &Drafted, code: Code) -> Result<(Frame, Draft)> {
        let drafting = self.drafting().context("nothing is drafted")?;
        drafting.coded(drafted, code)
    }

    /// Answers a question about a view's picture; describes it without one.
    ///
    /// # Errors
    /// As [`Self::describe`].
    pub fn answer(&mut self, view: &View, question: Option<&str>) -> Result<Described> {
        let image = picture_of(&view.jpeg)?;
        let began = Instant::now();
        let all = self.mind.look(&image)?;
        let look_ns = nanoseconds(began);
        let began = Instant::now();
        let seen = self.prune(&image, &all, view, question)?;
        let choose_ns = nanoseconds(began);
        let began = Instant::now();
        let kept = kept_places(&seen);
        let (answer, draft) = self.mind.answer(seen, question)?;
        let description = message::Description {
            camera: view.camera.clone(),
            keyframe_ns: view.keyframe_ns,
            captured_ns: view.captured_ns,
            text: answer.text,
            log_probabilities: answer.log_probabilities,
            ended: answer.ended,
            model: self.model.clone(),
            engine: self.engine.clone(),
            tokens: all.len() as u32,
            kept,
            width_px: image.width,
            height_px: image.height,
            look_ns,
            choose_ns,
            answer_ns: nanoseconds(began),
            block: String::new(),
            frame: 0,
            score: draft.as_ref().map_or(0.0, |draft| draft.score as f32),
        };
        Ok(Described { description, draft })
    }

    fn prune(
        &mut self,
        image: &Image,
        all: &PictureTokens,
        view: &View,
        question: Option<&str>,
    ) -> Result<PictureTokens> {
        let keep = self.settings.kept_of(all.len()) as f64 * self.keeps;
        let keep = (keep.round() as usize).max(1);
        let Some(chooser) = &mut self.chooser else {
            return Ok(all.clone());
        };
        let attention = match chooser.asks() {
            true => self.mind.question_attention(all, question)?,
            false => None,
        };
        let kept = chooser.choose(image, all, view, question, attention.as_ref(), keep)?;
        Ok(all.keep(&kept)?)
    }
}

impl Mind {
    fn open(settings: &VisionSettings, backend: &dyn Backend, threads: usize) -> Result<Self> {
        if let Some(drafter) = &settings.drafter {
            let drafting = Drafting::open(settings, drafter, backend, threads)?;
            return Ok(Self::Drafter(Box::new(drafting)));
        }
        let options = VlmOptions {
            precision: settings.precision.clone(),
            threads,
            longest_answer: settings.longest,
        };
        let vlm = Vlm::open(&settings.model, backend, &options)?;
        Ok(Self::Whole(Box::new(vlm)))
    }

    /// Whether it tells what a question's words look at.
    fn attends(&self) -> bool {
        match self {
            Self::Whole(vlm) => vlm.attends(),
            Self::Drafter(_) => false,
        }
    }

    fn look(&mut self, image: &Image) -> Result<PictureTokens> {
        match self {
            Self::Whole(vlm) => Ok(vlm.look(image)?),
            Self::Drafter(drafting) => drafting.look(image),
        }
    }

    fn question_attention(
        &mut self,
        all: &PictureTokens,
        question: Option<&str>,
    ) -> Result<Option<QuestionAttention>> {
        match self {
            Self::Whole(vlm) => {
                let prompt = vlm.prompt(&[all], question)?;
                Ok(vlm.question_attention(&prompt, &[all])?)
            }
            Self::Drafter(_) => Ok(None),
        }
    }

    fn answer(
        &mut self,
        seen: PictureTokens,
        question: Option<&str>,
    ) -> Result<(Answer, Option<Drafted>)> {
        match self {
            Self::Whole(vlm) => {
                question.map_or(Ok(()), |question| vlm.check_words(question))?;
                Ok((vlm.answer(&[&seen], question)?, None))
            }
            Self::Drafter(_) if question.is_some() => {
                bail!("a drafter describes and answers no questions; ask the whole model")
            }
            Self::Drafter(drafting) => {
                let (text, drafted) = drafting.draft(seen)?;
                let sure = drafted.written.confidence.iter();
                let answer = Answer {
                    text,
                    ids: drafted.written.ids.clone(),
                    log_probabilities: sure.map(|[ln_p, ..]| *ln_p).collect(),
                    ended: drafted.written.ended,
                };
                Ok((answer, Some(drafted)))
            }
        }
    }
}

/// Reads a JPEG.
pub(crate) fn picture_of(jpeg: &[u8]) -> Result<Image> {
    let mut raw = RawMessage::empty(SensorId(0), RawFormat::Jpeg);
    raw.data.extend_from_slice(jpeg);
    let mut image = Image::default();
    CameraDecoder::new(SensorId(0), RawFormat::Jpeg)?.decode(&raw, &mut image)?;
    Ok(image)
}

/// Where the tokens lie that the model saw; those of a thumbnail, which shows everything again, left out.
fn kept_places(seen: &PictureTokens) -> Vec<message::TokenPlace> {
    let tiles = &seen.layout.tiles;
    let several = tiles.iter().any(|tile| !tile.thumbnail);
    let places = seen.places().into_iter();
    places
        .filter(|place| !(several && tiles[place.tile].thumbnail))
        .map(|place| message::TokenPlace {
            left: place.centre[0] - 0.5 * place.extent[0],
            top: place.centre[1] - 0.5 * place.extent[1],
            width: place.extent[0],
            height: place.extent[1],
        })
        .collect()
}

fn nanoseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
