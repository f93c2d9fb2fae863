//! What is known of the moments of a drive, and what each query's streams see in them: a fold over
//! pictures, tracks and texts in whatever order they come.

use super::eyes::{Eyes, Looked, Wanted, is_on};
use super::spotter::Spotter;
use super::streams::Streams;
use super::ways::{Reading, Readings};
use crate::pipeline::camera::luma_statistics;
use anyhow::Result;
use drafthorse_core::{Class, EgoMotion, Image, Track};
use drafthorse_keyframes::Sketch;
use drafthorse_keyframes::query::{Gating, Query, TextIndex};
use drafthorse_vision::FoundBox;
use serde::Serialize;
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// Something that the log says of an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Text {
    /// When, ns.
    pub at_ns: u64,
    /// Its topic, or `events` for what is told by the radar's cues.
    pub topic: String,
    /// What.
    pub text: String,
}

/// A picture by its camera and time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Shot {
    /// The camera.
    pub camera: String,
    /// Time of exposure, ns.
    pub captured_ns: u64,
}

/// What is known of one stretch of time, whatever is asked.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    /// One picture of each camera.
    pub(super) shots: Vec<Shot>,
    /// Of the first of them.
    pub(super) sketch: Option<Sketch>,
    /// Mean brightness of the darkest, 0 to 1.
    pub(super) luma: Option<f32>,
    /// Most road users that were tracked at once.
    pub(super) users: usize,
}

/// What a query's streams see in one moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// How well the best track fits, 0 to 1, and which that is.
    pub(super) user: Option<(f32, SeenUser)>,
    /// How likely patches of a picture show the classes that are asked for, 0 to 1.
    pub(super) patches: f32,
    /// The best score of a box of what is asked for, and its class.
    pub(super) spotted: Option<(f32, usize)>,
    /// How well a picture as a whole fits the caption.
    pub(super) whole: f32,
}

/// A track that fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct SeenUser {
    pub(super) class: Class,
    pub(super) x_m: f64,
    pub(super) y_m: f64,
}

/// What streams are asked, and what they have seen of it so far.
pub(super) struct Watch {
    pub(super) gating: Gating,
    /// Whom the tracks and patches are searched for; nobody where there is none.
    pub(super) users: Option<Query>,
    /// How a picture as a whole is to look.
    pub(super) scene: Option<Query>,
    /// What the log is to tell of.
    pub(super) told: String,
    /// Users and scene in a model's words.
    pub(super) wanted: Option<Wanted>,
    pub(super) seen: BTreeMap<u64, Seen>,
}

impl Watch {
    /// Takes what a detector found in a picture.
    fn spot(&mut self, key: u64, found: &[FoundBox]) {
        let Some(users) = &self.users else {
            return;
        };
        let (side, asked) = (users.side(), users.things().collect::<Vec<_>>());
        let fits = |one: &&FoundBox| asked.contains(&one.class) && is_on(side, one.middle()[0]);
        // The best come first.
        let Some(best) = found.iter().find(fits) else {
            return;
        };
        let seen = self.seen.entry(key).or_default();
        if seen.spotted.is_none_or(|(known, _)| known < best.score) {
            seen.spotted = Some((best.score, best.class));
        }
    }
}

/// What looks at pictures.
#[derive(Default)]
pub(crate) struct Sight {
    /// The scene model.
    pub(crate) eyes: Option<Eyes>,
    /// A detector that the user adds.
    pub(crate) spotter: Option<Spotter>,
}

/// A drive with its watched queries.
pub(crate) struct Drive {
    every_ns: NonZeroU64,
    sight: Sight,
    pub(super) moments: BTreeMap<u64, Moment>,
    pub(super) texts: Vec<Text>,
    pub(super) watches: Vec<Watch>,
}

impl Drive {
    /// An empty drive of moments of `every_ns`, watched for these queries as their gates share them out, and
    /// whole. Words that ask nothing of a stream are none for it.
    ///
    /// # Errors
    /// Where the model fails on the words.
    pub(crate) fn new(
        every_ns: NonZeroU64,
        queries: &[(Query, Gating)],
        mut sight: Sight,
    ) -> Result<Self> {
        let things = sight.spotter.as_ref().map(Spotter::things);
        let things = things.unwrap_or_default();
        let gatings = queries
            .iter()
            .flat_map(|(query, gating)| [gating.clone(), Gating::none(query)]);
        let mut watches = Vec::with_capacity(2 * queries.len());
        for gating in gatings {
            let [users, scene, told] = gating.words.clone();
            let users = Query::parse_with(&users, &things).ok();
            let users = users.filter(Query::asks_for_somebody);
            let scene = Query::parse(&scene).ok();
            let of = |eyes: &mut Eyes| eyes.wanted(users.as_ref(), scene.as_ref());
            watches.push(Watch {
                gating,
                wanted: sight.eyes.as_mut().map(of).transpose()?,
                users,
                scene,
                told,
                seen: BTreeMap::new(),
            });
        }
        Ok(Self {
            every_ns,
            sight,
            moments: BTreeMap::new(),
            texts: Vec::new(),
            watches,
        })
    }

    /// Whether a picture of a camera at an instant would be looked at: the first of its moment is.
    pub(crate) fn wants_picture(&self, camera: &str, at_ns: u64) -> bool {
        let moment = self.moments.get(&self.key(at_ns));
        moment.is_none_or(|moment| moment.shots.iter().all(|shot| shot.camera != camera))
    }

    /// Takes a picture.
    ///
    /// # Errors
    /// Where the model fails on it.
    pub(crate) fn picture(&mut self, camera: &str, at_ns: u64, image: &Image) -> Result<()> {
        let key = self.key(at_ns);
        let moment = self.moments.entry(key).or_default();
        moment.shots.push(Shot {
            camera: camera.to_owned(),
            captured_ns: at_ns,
        });
        moment.sketch.get_or_insert_with(|| Sketch::of_image(image));
        let (luma, _) = luma_statistics(image);
        moment.luma = Some(moment.luma.map_or(luma, |known| known.min(luma)));
        if let Some(spotter) = &mut self.sight.spotter {
            let found = spotter.look(image)?;
            for watch in &mut self.watches {
                watch.spot(key, &found);
            }
        }
        let Some(eyes) = &mut self.sight.eyes else {
            return Ok(());
        };
        let looked: Looked = eyes.look(image)?;
        for watch in &mut self.watches {
            let Some(wanted) = &watch.wanted else {
                continue;
            };
            let seen = watch.seen.entry(key).or_default();
            seen.patches = seen.patches.max(looked.patches(wanted));
            seen.whole = seen.whole.max(looked.whole(wanted));
        }
        Ok(())
    }

    /// Takes the tracks of a scan, in the vehicle's frame, and the vehicle's motion.
    pub(crate) fn tracks(&mut self, at_ns: u64, ego: &EgoMotion, tracks: &[Track]) {
        let key = self.key(at_ns);
        let moment = self.moments.entry(key).or_default();
        moment.users = moment
            .users
            .max(tracks.iter().filter(|track| track.moving).count());
        for watch in &mut self.watches {
            let Some(users) = &watch.users else {
                continue;
            };
            let fits = tracks
                .iter()
                .map(|track| (users.fit_of_track(track, ego) as f32, track));
            let Some((fit, track)) = fits.max_by(|a, b| a.0.total_cmp(&b.0)) else {
                continue;
            };
            if fit <= 0.0 {
                continue;
            }
            let seen = watch.seen.entry(key).or_default();
            if seen.user.is_none_or(|(known, _)| known < fit) {
                let user = SeenUser {
                    class: track.class,
                    x_m: track.x_m,
                    y_m: track.y_m,
                };
                seen.user = Some((fit, user));
            }
        }
    }

    /// Takes something that the log says.
    pub(crate) fn text(&mut self, text: Text) {
        let key = self.key(text.at_ns);
        self.moments.entry(key).or_default();
        self.texts.push(text);
    }

    /// What the streams of a query see, moment by moment.
    pub(crate) fn readings(&self, query: usize) -> Readings {
        let index = TextIndex::new(self.texts.iter().map(|text| text.text.as_str()));
        let reading = |watch: usize| Reading {
            watch,
            gating: self.watches[watch].gating.clone(),
            streams: Streams::of(self, &self.watches[watch], &index),
        };
        Readings {
            gated: reading(2 * query),
            whole: reading(2 * query + 1),
        }
    }

    /// The engine that runs the model, where there is one.
    pub(super) fn engine(&self) -> Option<&str> {
        self.sight.eyes.as_ref().map(Eyes::engine)
    }

    /// The detector, where there is one.
    pub(super) fn spotter(&self) -> Option<&Spotter> {
        self.sight.spotter.as_ref()
    }

    /// The middle of a moment, ns.
    pub(super) fn middle_ns(&self, key: u64) -> u64 {
        key.saturating_mul(self.every_ns.get())
            .saturating_add(self.every_ns.get() / 2)
    }

    fn key(&self, at_ns: u64) -> u64 {
        at_ns / self.every_ns
    }
}
