//! Scenes: instants of drives as pictures with their facts, questions and captions, to train and
//! judge a model that looks at pictures and speaks.
//!
//! A [`Plan`](plan::Plan) says which scenes are wanted, drives are played until they turn up, and a
//! checker that looks only at pictures decides what each of them shows. What the picture does not
//! settle is neither asked nor said. The same [`ScenesConfig`] gives the same bytes.

mod air;
mod caption;
mod check;
mod claim;
mod eye;
mod fact_words;
mod facts;
mod file;
mod generate;
mod grammar;
mod object;
mod patches;
mod plan;
mod question;
mod range;
mod tally;

pub use caption::CAPTION_WORDS;
pub use eye::{HEIGHT_PX, WIDTH_PX, camera};
pub use fact_words::fact_words;
pub use facts::{Facts, PAINT_COLOURS, keys, values};
pub use file::{SceneFileError, save};
pub use generate::{Frame, Scenes, ScenesConfig};
pub use grammar::{Statement, parse};
pub use object::{Object, Verdict};
pub use patches::{BETWEEN_BIT, BITS, GREEN_BIT, RED_BIT, ZEBRA_BIT};
pub use plan::{Content, Split};
pub use question::Question;
pub use tally::Tally;

use crate::atmosphere::Light;
use crate::town::Town;
use crate::weather::Weather;

/// Side of a patch, px: what one token of the model sees.
pub const PATCH_PX: usize = 16;
/// Patches of a picture, row by row.
pub const PATCHES: usize = (WIDTH_PX / PATCH_PX) * (HEIGHT_PX / PATCH_PX);

/// One instant of a drive.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Seed of the drive.
    pub seed: u64,
    /// Time in the drive, s.
    pub time_s: f64,
    /// Where it is.
    pub town: Town,
    /// Its weather.
    pub weather: Weather,
    /// Its light.
    pub light: Light,
    /// What it was looked for.
    pub content: Content,
    /// The picture, `HEIGHT_PX * WIDTH_PX * 3` bytes of RGB.
    pub rgb: Vec<u8>,
    /// Road users in front of the camera, nearest first.
    pub objects: Vec<Object>,
    /// What each patch shows, see [`RED_BIT`].
    pub patches: Vec<u8>,
    /// What the picture settles.
    pub facts: Facts,
    /// Questions about it.
    pub questions: Vec<Question>,
    /// Facts told, and the caption that tells them.
    pub captions: Vec<(Facts, String)>,
    /// Radar returns in the vehicle's frame: x, y, z (m), cross-section (dBsm), range rate as
    /// measured, range rate less the vehicle's share (m/s).
    pub radar: Vec<[f32; 6]>,
    /// The road user that each return came off, or [`crate::shard::CLUTTER`], [`crate::shard::GHOST`].
    pub radar_object: Vec<i64>,
    /// Speed of the vehicle, m/s, and its yaw rate, rad/s.
    pub ego: [f64; 2],
}

/// All words of captions, questions and answers, in order of the alphabet.
#[must_use]
pub fn vocabulary() -> Vec<String> {
    let mut words = caption::glue();
    words.extend(question::words());
    for template in grammar::TEMPLATES.iter() {
        for part in &template.parts {
            match part {
                grammar::Part::Word(word) => words.push(word.clone()),
                grammar::Part::Slot(phrases) => {
                    words.extend(phrases.iter().flat_map(|p| p.words.clone()));
                }
            }
        }
    }
    for slot in ["one", "many"] {
        words.extend(grammar::phrases(slot).into_iter().flat_map(|p| p.words));
    }
    words.sort();
    words.dedup();
    words
}

/// Every name of each class, one and many: words for the model's patch-wise matching.
#[must_use]
pub fn names() -> Vec<(String, String)> {
    let of = |slot: &str| {
        let phrases = grammar::phrases(slot).into_iter();
        phrases
            .map(|p| (p.value, p.words.join(" ")))
            .collect::<Vec<_>>()
    };
    [of("one"), of("many")].concat()
}
