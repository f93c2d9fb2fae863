//! The scene model's eyes: pictures and a query's words on one sphere.

use anyhow::{Context as _, Result, anyhow};
use drafthorse_core::Image;
use drafthorse_engine::{Backend, LoadOptions};
use drafthorse_engine_auto::{EngineConfig, Engines};
use drafthorse_keyframes::query::{Query, Side};
use drafthorse_vision::{MatchedPicture, Matcher, PatchMatch};
use std::path::Path;

/// Where a patch counts as left, ahead or right: its middle, as a share of the picture's width.
const LEFT_BELOW: f32 = 0.42;
const RIGHT_ABOVE: f32 = 0.58;

/// A model, loaded.
pub(crate) struct Eyes {
    matcher: Matcher,
    engine: String,
}

/// A query in the model's words.
pub(crate) struct Wanted {
    /// The caption that pictures are compared with, and its vector; none where a query says nothing of
    /// what a picture shows.
    caption: Option<(String, Vec<f32>)>,
    /// Vectors of the classes' names that patches are compared with.
    names: Vec<Vec<f32>>,
    side: Option<Side>,
    /// Words that the model does not know.
    pub(super) unknown: Vec<String>,
}

impl Wanted {
    /// The caption that pictures are compared with.
    pub(super) fn caption(&self) -> Option<&str> {
        self.caption.as_ref().map(|(text, _)| text.as_str())
    }
}

/// A picture as the model sees it.
pub(crate) struct Looked {
    matched: MatchedPicture,
    patch_match: Option<PatchMatch>,
}

impl Eyes {
    /// Loads the model of a folder on the first engine here that runs it.
    ///
    /// # Errors
    /// A folder without the matching graphs, or what each engine says where none runs them.
    pub(crate) fn open(folder: &Path, config: &EngineConfig) -> Result<Self> {
        let engines = Engines::open(config)?;
        let options = LoadOptions {
            threads: config.threads,
            ..LoadOptions::default()
        };
        let open = |backend: &dyn Backend| Matcher::open(folder, backend, &options);
        let (matcher, engine) = engines.first(open).map_err(|why| {
            anyhow!(
                "the scene model {} cannot be used: {why}; leave --model out to go by tracks and texts alone",
                folder.display()
            )
        })?;
        Ok(Self { matcher, engine })
    }

    /// The engine that runs it.
    pub(crate) fn engine(&self) -> &str {
        &self.engine
    }

    /// Whom to look for and the scene, in the model's words; those that it does not know are left out and told.
    pub(crate) fn wanted(
        &mut self,
        users: Option<&Query>,
        scene: Option<&Query>,
    ) -> Result<Wanted> {
        let mut unknown = Vec::new();
        let mut known = |text: &str| -> Option<String> {
            let (knows, lacks): (Vec<&str>, Vec<&str>) = text
                .split_whitespace()
                .partition(|word| self.matcher.knows(word));
            // Where a full stop is no word of the model's, nothing is lost.
            let lacks = lacks
                .into_iter()
                .filter(|word| *word != ".")
                .map(str::to_owned);
            unknown.extend(lacks);
            let says = knows.iter().any(|word| *word != ".");
            says.then(|| knows.join(" "))
        };
        let caption = scene.and_then(|scene| known(&scene.caption()));
        let names = users.into_iter().flat_map(Query::names);
        let names: Vec<String> = names.filter_map(&mut known).collect();
        unknown.sort();
        unknown.dedup();
        let mut vector = |text: &str| {
            let vector = self.matcher.text(text);
            vector.with_context(|| format!("the scene model fails on the words {text:?}"))
        };
        let vectors = names
            .iter()
            .map(|name| vector(name))
            .collect::<Result<_>>()?;
        let caption = match caption {
            Some(text) => Some((text.clone(), vector(&text)?)),
            None => None,
        };
        Ok(Wanted {
            caption,
            names: vectors,
            side: users.and_then(Query::side),
            unknown,
        })
    }

    /// Looks at a picture.
    pub(crate) fn look(&mut self, image: &Image) -> Result<Looked> {
        Ok(Looked {
            matched: self
                .matcher
                .picture(image)
                .context("the scene model fails on a picture")?,
            patch_match: self.matcher.patch_match(),
        })
    }
}

impl Looked {
    /// How well the picture as a whole fits the caption: half of one more than the product of their vectors,
    /// 0 to 1, since what fits badly is seen all the same. 0 where there is no caption.
    pub(crate) fn whole(&self, wanted: &Wanted) -> f32 {
        let caption = wanted.caption.as_ref();
        caption.map_or(0.0, |(_, vector)| 0.5 * (1.0 + self.matched.whole(vector)))
    }

    /// How likely its patches show the classes that are wanted, on the side that is wanted: of each class
    /// that of the likeliest patch, and of several classes the mean. 0 where none is wanted.
    pub(crate) fn patches(&self, wanted: &Wanted) -> f32 {
        let likeliest = |name: &Vec<f32>| {
            let fits = self.matched.fit(name);
            let places = self.matched.layout.places();
            let on_side = places
                .zip(fits)
                .filter(|(place, _)| is_on(wanted.side, place.centre[0]));
            let likely = on_side.map(|(_, fit)| match self.patch_match {
                Some(patch_match) => patch_match.probability(fit),
                None => fit.max(0.0),
            });
            likely.fold(0.0, f32::max)
        };
        let sum: f32 = wanted.names.iter().map(likeliest).sum();
        sum / wanted.names.len().max(1) as f32
    }
}

/// Whether something in the middle of a picture or at its rim, as a share of its width, is on a side.
pub(super) fn is_on(side: Option<Side>, across: f32) -> bool {
    match side {
        None => true,
        Some(Side::Left) => across < LEFT_BELOW,
        Some(Side::Ahead) => (LEFT_BELOW..=RIGHT_ABOVE).contains(&across),
        Some(Side::Right) => across > RIGHT_ABOVE,
    }
}
