//! The three streams of a query over a drive: one raw value a moment, above 0 where the stream sees something.

use super::drive::{Drive, Moment, SeenUser, Text, Watch};
use drafthorse_keyframes::query::{Light, Query, STREAMS, Sense, TextIndex, Traffic};
use std::collections::BTreeMap;

/// A text stands for the moments around it, the less the further away they are, up to this, ns.
const TEXT_REACH_NS: u64 = 3_000_000_000;

/// What the streams of one query see.
pub(crate) struct Streams {
    /// Time of each moment: that of its first picture, else its middle, ns.
    pub(crate) times_ns: Vec<u64>,
    /// Raw values, one a moment, in the order of `drafthorse_keyframes::query::STREAM_NAMES`.
    pub(crate) raw: [Vec<f32>; STREAMS],
    /// Keys of the moments in the drive.
    pub(super) keys: Vec<u64>,
    /// The track that fits best in each moment, where there is one.
    pub(super) users: Vec<Option<SeenUser>>,
    /// The text that fits best in each moment, an index into the drive's.
    pub(super) texts: Vec<Option<usize>>,
}

impl Streams {
    pub(super) fn of(drive: &Drive, watch: &Watch, index: &TextIndex) -> Self {
        let keys: Vec<u64> = drive.moments.keys().copied().collect();
        let time = |(key, moment): (&u64, &Moment)| {
            let shot = moment.shots.first();
            shot.map_or_else(|| drive.middle_ns(*key), |shot| shot.captured_ns)
        };
        let times_ns: Vec<u64> = drive.moments.iter().map(time).collect();
        let has_eyes = watch.wanted.is_some();
        let (mut grounding, mut global, mut users) = (Vec::new(), Vec::new(), Vec::new());
        for (key, moment) in &drive.moments {
            let seen = watch.seen.get(key);
            let user = seen.and_then(|seen| seen.user);
            let fit = user.map_or(0.0, |(fit, _)| fit);
            let spotted = seen.and_then(|seen| seen.spotted);
            let spotted = spotted.map_or(0.0, |(score, _)| score);
            grounding.push(fit + seen.map_or(0.0, |seen| seen.patches) + spotted);
            users.push(user.map(|(_, user)| user));
            global.push(match has_eyes {
                true => seen.map_or(0.0, |seen| seen.whole),
                false => watch
                    .scene
                    .as_ref()
                    .map_or(0.0, |scene| plain_scene(scene, moment)),
            });
        }
        let (context, texts) = context(&index.alike(&watch.told), &drive.texts, &times_ns);
        Self {
            times_ns,
            raw: [grounding, global, context],
            keys,
            users,
            texts,
        }
    }

    /// Which streams see anything.
    pub(crate) fn sees(&self) -> [bool; STREAMS] {
        std::array::from_fn(|i| self.raw[i].iter().any(|value| *value > 0.0))
    }
}

/// The scene without a model, as a product: how dark or bright the picture is for words of night and day,
/// and how many road users are tracked for words of traffic; 0 where a query has no such words.
fn plain_scene(query: &Query, moment: &Moment) -> f32 {
    let luma = |of: fn(f32) -> f32| moment.luma.map(of);
    let told = query.senses().filter_map(|sense| match sense {
        Sense::Light(Light::Night) => luma(|luma| 1.0 - luma),
        Sense::Light(Light::Day) => luma(|luma| luma),
        Sense::Traffic(Traffic::Busy) => Some((moment.users as f32 / 12.0).min(1.0)),
        Sense::Traffic(Traffic::Empty) => Some(1.0 / (1.0 + moment.users as f32)),
        _ => None,
    });
    told.reduce(|product, value| product * value).unwrap_or(0.0)
}

/// How well what the log says around each moment fits, and which text fits best there.
fn context(alike: &[f32], texts: &[Text], times_ns: &[u64]) -> (Vec<f32>, Vec<Option<usize>>) {
    let by_time: BTreeMap<(u64, usize), f32> = texts
        .iter()
        .zip(alike.iter().copied())
        .enumerate()
        .filter(|(_, (_, alike))| *alike > 0.0)
        .map(|(index, (text, alike))| ((text.at_ns, index), alike))
        .collect();
    let best = |time_ns: &u64| {
        let from = time_ns.saturating_sub(TEXT_REACH_NS);
        let to = time_ns.saturating_add(TEXT_REACH_NS);
        let near = by_time.range((from, 0)..=(to, usize::MAX));
        let fades = near.map(|((at_ns, index), alike)| {
            let away = at_ns.abs_diff(*time_ns) as f32 / TEXT_REACH_NS as f32;
            (alike * (1.0 - away), *index)
        });
        fades
            .filter(|(value, _)| *value > 0.0)
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
    };
    let best: Vec<_> = times_ns.iter().map(best).collect();
    let values = best.iter().map(|best| best.map_or(0.0, |(value, _)| value));
    (
        values.collect(),
        best.iter()
            .map(|best| best.map(|(_, index)| index))
            .collect(),
    )
}
