//! Which of a view's tokens stay: everything that a pruning wants to know of them, from the view, the model's matching
//! graphs and the pictures before.

use super::{View, VisionSettings};
use anyhow::{Context, Result, anyhow, bail};
use drafthorse_core::Image;
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_engine_auto::Engines;
use drafthorse_vision::prune::{
    Attention, Corridor, Features, Method, Pruning, RadarPrior, Tokens, by_norm, by_similarity,
    is_content,
};
use drafthorse_vision::{MatchedPicture, Matcher, ModelFolder, PictureTokens, QuestionAttention};
use std::collections::{HashMap, VecDeque};

/// Pictures of a camera that what is seen again is compared with: some minutes at a keyframe each ten seconds.
const BEFORE: usize = 8;

/// What a token is salient for, where the model matches texts with parts of pictures: every name of every class.
pub(crate) fn class_names() -> Vec<String> {
    let names = drafthorse_synth::scenes::names().into_iter();
    names.map(|(_, name)| name).collect()
}

/// A pruning with what it needs.
pub(crate) struct Chooser {
    pruning: Pruning,
    matched: Option<Matched>,
    /// Features of each camera's latest pictures, the latest first; none are held where they do not count.
    before: HashMap<String, VecDeque<Vec<f32>>>,
}

impl Chooser {
    /// For settings that let tokens go. `attends`: the model gives the attention of its words.
    ///
    /// # Errors
    /// A pruning that needs what this model or any view never gives; matching graphs that no engine runs.
    pub(crate) fn open(
        settings: &VisionSettings,
        attends: bool,
        engines: &Engines,
        threads: usize,
    ) -> Result<Self> {
        let (pruning, model) = (&settings.pruning, settings.model.display());
        if pruning.weighs(|importance| importance.expected) {
            bail!(
                "vision.pruning weighs `expected`, a map of where things are that only `drafthorse bench vision` learns; leave it out"
            );
        }
        if !attends && pruning.has(|method| matches!(method, Method::FastV(_))) {
            bail!(
                "vision.pruning has the method fastv, which needs decoder_head.onnx, and {model} has none; take another method"
            );
        }
        let asks = pruning.weighs(|importance| importance.instruction);
        let matched = match pruning.weighs(|importance| importance.saliency) || (asks && !attends) {
            true => Matched::open(settings, engines, threads)?,
            false => None,
        };
        if asks && !attends && matched.is_none() {
            bail!(
                "vision.pruning weighs `instruction`, which needs decoder_head.onnx, or image_match.onnx and text_match.onnx, and {model} has neither; leave it out"
            );
        }
        Ok(Self {
            pruning: pruning.clone(),
            matched,
            before: HashMap::new(),
        })
    }

    /// Whether it wants to know what the question's words look at.
    pub(crate) fn asks(&self) -> bool {
        self.pruning.asks()
    }

    /// The `keep` tokens of a picture that stay, ascending.
    ///
    /// # Errors
    /// Matching graphs that fail, a pruning that needs what is not known of this view.
    pub(crate) fn choose(
        &mut self,
        image: &Image,
        all: &PictureTokens,
        view: &View,
        question: Option<&str>,
        attention: Option<&QuestionAttention>,
        keep: usize,
    ) -> Result<Vec<usize>> {
        let places = all.places();
        let features = features(&all.features, all.width)?;
        let (mut saliency, mut cosine) = (None, None);
        if let Some(matched) = &mut self.matched {
            let picture = matched.matcher.picture(image)?;
            saliency = matched.saliency(&picture)?;
            if let (Some(question), None) = (question, attention) {
                cosine = Some(picture.fit(&matched.matcher.text(question)?));
            }
        }
        let saliency = saliency.unwrap_or_else(|| by_norm(features));
        let camera = view.calibration.as_ref();
        let way = camera.map(|camera| {
            let corridor = Corridor::default();
            corridor.way(camera, view.curvature_per_m, &places)
        });
        let radar = camera.map(|camera| {
            let prior = RadarPrior::default();
            prior.prior(camera, &view.returns, &view.tracks, &places)
        });
        let content: Vec<bool> = attention
            .iter()
            .flat_map(|attention| attention.words.iter().map(|word| is_content(word)))
            .collect();
        // A picture of another size has other tokens.
        let held = self.before.entry(view.camera.clone()).or_default();
        held.retain(|before| before.len() == all.features.len());
        let before: Vec<Features<'_>> = held
            .iter()
            .map(|before| self::features(before, all.width))
            .collect::<Result<_>>()?;
        let tokens = Tokens {
            saliency: Some(&saliency),
            way: way.as_deref(),
            radar: radar.as_deref(),
            attention: attention.and_then(|a| Attention::new(&a.weights, &content)),
            question: cosine.as_deref(),
            before: &before,
            seed: view.captured_ns,
            ..Tokens::new(&places, features)
        };
        let kept = self.pruning.keep(&tokens, keep)?;
        if self
            .pruning
            .weighs(|importance| importance.change + importance.revisit)
        {
            let mut latest = match held.len() < BEFORE {
                true => Vec::new(),
                false => held.pop_back().unwrap_or_default(),
            };
            latest.clone_from(&all.features);
            held.push_front(latest);
        }
        Ok(kept)
    }
}

fn features(values: &[f32], width: usize) -> Result<Features<'_>> {
    Features::new(values, width).context("the model's features are no whole number of tokens")
}

/// The model's matching graphs with what they make of the classes' names.
struct Matched {
    matcher: Matcher,
    /// [names, width]; those that the model knows.
    names: Vec<f32>,
}

impl Matched {
    /// None where the model matches no texts.
    fn open(settings: &VisionSettings, engines: &Engines, threads: usize) -> Result<Option<Self>> {
        let files = ModelFolder::find(&settings.model, settings.precision.as_deref())?;
        if files.image_match.is_none() || files.text_match.is_none() {
            return Ok(None);
        }
        let load = LoadOptions {
            threads,
            ..LoadOptions::default()
        };
        let open = |backend: &dyn Backend| Matcher::open(&settings.model, backend, &load);
        let (mut matcher, _) = engines.first(open).map_err(|why| anyhow!("{why}"))?;
        let mut names = Vec::new();
        for name in class_names() {
            if name.split_whitespace().all(|word| matcher.knows(word)) {
                names.extend(matcher.text(&name)?);
            }
        }
        Ok(Some(Self { matcher, names }))
    }

    /// How well the best of the names fits each token; none where the model knows none of them.
    fn saliency(&self, picture: &MatchedPicture) -> Result<Option<Vec<f32>>> {
        let width = picture.picture.len();
        let patches = features(&picture.patches, width)?;
        match self.names.is_empty() {
            true => Ok(None),
            false => by_similarity(patches, features(&self.names, width)?)
                .context("texts and patches are of different width")
                .map(Some),
        }
    }
}
